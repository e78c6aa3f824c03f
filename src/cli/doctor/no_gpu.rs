//! Stands for `gpu.rs` in a build without a GPU backend: there are no adapters.

use anyhow::Result;
use serde::Serialize;

use super::finding::{Auto, AutoChoice, Parity};
use super::section::Section;
use crate::cli::fault::usage;

const NOT_BUILT: &str = "this program was built without it; build it with the feature `gpu`";

/// Never made in this build.
#[derive(Serialize)]
pub struct Adapter {
    parity: Option<Parity<()>>,
}

pub fn examine(wanted: Option<&str>) -> Result<Vec<Adapter>> {
    match wanted {
        Some(wanted) => usage!("--gpu-adapter {wanted}: no GPU backend: {NOT_BUILT}"),
        None => Ok(Vec::new()),
    }
}

pub fn name(_: &Adapter) -> &str {
    ""
}

pub fn is_software(_: &Adapter) -> bool {
    false
}

pub fn problem(adapter: &Adapter) -> Option<&str> {
    adapter.parity.as_ref()?.problem.as_deref()
}

pub fn has_loader() -> bool {
    true
}

pub fn auto(_wanted: Option<&str>) -> Result<Auto> {
    let taken =
        || AutoChoice { backend: "cpu", reason: "this program was built without a GPU backend".into() };
    Ok(Auto { encode: taken(), decode: taken() })
}

pub fn sections(_: &[Adapter]) -> Vec<Section> {
    vec![Section::new("gpu").row("backend", NOT_BUILT)]
}

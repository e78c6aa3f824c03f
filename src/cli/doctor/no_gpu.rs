//! What `gpu.rs` says in a build without a GPU backend: that there is none.

use anyhow::{Result, bail};
use serde::Serialize;

use super::text::Section;
use super::{Auto, Parity, Taken};

const NOT_BUILT: &str = "this program was built without it; build it with the feature `gpu`";

/// There is none.
#[derive(Serialize)]
pub struct Adapter {
    parity: Option<Parity<()>>,
}

pub fn examine(wanted: Option<&str>) -> Result<Vec<Adapter>> {
    match wanted {
        Some(wanted) => bail!("--gpu-adapter {wanted}: no GPU backend: {NOT_BUILT}"),
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
    let taken = || Taken { backend: "cpu", reason: "this program was built without a GPU backend".into() };
    Ok(Auto { encode: taken(), decode: taken() })
}

pub fn sections(_: &[Adapter]) -> Vec<Section> {
    vec![Section::new("gpu").row("backend", NOT_BUILT)]
}

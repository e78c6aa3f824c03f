//! The whole report, in the order in which it is printed.

use serde::Serialize;

use super::finding::Auto;
use super::gpu::Adapter;
use super::machine::{Cpu, Encoders, Jpeg, OpenSlide};
use super::tours::Tours;

/// What `--json` prints.
#[derive(Serialize)]
pub struct Report {
    pub version: &'static str,
    pub features: Vec<&'static str>,
    pub cpu: Cpu,
    pub jpeg: Jpeg,
    pub encoders: Encoders,
    pub openslide: OpenSlide,
    /// `None` of a build without tours.
    pub tours: Option<Tours>,
    pub adapters: Vec<Adapter>,
    pub auto: Auto,
    pub advice: Vec<String>,
}

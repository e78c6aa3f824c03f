//! The whole report, in the order in which it is printed.

use serde::Serialize;

use super::finding::Auto;
use super::gpu::Adapter;
use super::machine::{Cpu, Encoders, Jpeg, OpenSlide};
use super::serve::Serve;
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
    /// `None` without `--serve`.
    pub serve: Option<Serve>,
    pub advice: Vec<String>,
}

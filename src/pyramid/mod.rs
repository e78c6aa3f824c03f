//! Deep Zoom trees, read, written, and made from slides.
//!
//! | module | what |
//! |---|---|
//! | [`dzi`] | the `.dzi` descriptor |
//! | [`tree`] | a tree on disk, read: families and stored tiles, whatever its tiling and format |
//! | [`write`](mod@write) | a tree on disk, written |
//! | [`levels`] | small levels from a stream of pixel rows |
//! | [`build`] | slide to tree: `origami pyramid` |
//! | [`source`] | what `encode` reads families from: a tree or a slide |

pub mod build;
pub mod dzi;
mod error;
pub mod levels;
pub mod source;
pub mod tree;
pub mod write;

pub use error::{Error, Result};

use serde::{Deserialize, Serialize};

/// What is known of a slide besides its pixels. Written beside a tree as `NAME.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SlideFacts {
    /// The program that wrote the file, by which a sidecar is told from any other JSON of that name.
    #[serde(default)]
    pub generator: String,
    /// File name of the slide, without its directory.
    #[serde(default)]
    pub source: String,
    /// Format of the slide: "aperio", "tiff", "png", ...
    #[serde(default)]
    pub format: String,
    /// Horizontal and vertical size of an L0 pixel in micrometres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microns_per_pixel: Option<(f64, f64)>,
    /// Magnification of the objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective_power: Option<f64>,
    /// File name of the ICC profile beside this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icc_profile: Option<String>,
}

/// What [`SlideFacts::generator`] and the archive's `tool` say.
pub fn generator() -> String {
    format!("origami {}", env!("CARGO_PKG_VERSION"))
}

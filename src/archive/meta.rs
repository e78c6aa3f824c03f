//! What an archive says of its slide, as JSON in the directory.

use serde::{Deserialize, Serialize};

use crate::params::{Coding, EncodeParams};

/// The JSON object of an archive. Sizes and counts are in the binary header, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The program that wrote the file.
    pub tool: String,
    /// Names the contents: a hash over the checksums of all families and small tiles of the encode, the same in its bundle and in
    /// each of its packs. Packs of two encodes are told apart by it.
    pub content: String,
    /// What a decoder must know.
    pub coding: Coding,
    /// What the encoder was told.
    pub encode: EncodeParams,
    /// Where the pixels came from.
    pub source: SourceMeta,
    /// Horizontal and vertical size of an L0 pixel in micrometres.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub microns_per_pixel: Option<(f64, f64)>,
    /// Magnification of the objective.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub objective_power: Option<f64>,
    /// Whether every family of the slide is there; `--max-parents` leaves some out.
    pub complete: bool,
}

/// Where the pixels came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceMeta {
    /// File name without its directory.
    pub name: String,
    /// What kind of thing it was.
    pub kind: SourceKind,
    /// Format: "jpg", "png" for trees; "aperio", "tiff", ... for slides.
    pub format: String,
    /// Overlap of the source's tiles; archives have none.
    pub overlap: u32,
    /// True where the source is known to be lossy already, so that this archive is a further generation. Absent where its format
    /// does not tell: PNG and TIFF may hold pixels that have been through JPEG.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lossy: Option<bool>,
}

/// What kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A Deep Zoom tree.
    Deepzoom,
    /// A slide or a single image.
    Slide,
}

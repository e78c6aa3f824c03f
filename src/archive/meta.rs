//! The JSON object in the directory: coding, source and record of the encode.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::params::{Coding, EncodeParams};

/// The JSON object of an archive. Sizes and counts are in the binary header, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The program that wrote the file.
    pub tool: String,
    /// Identifies the encode: a hash over the checksums of all its families and small tiles, the same in its bundle and in each of its
    /// packs. It differs between packs of two encodes.
    pub content: String,
    /// What a decoder must know.
    pub coding: Coding,
    /// The parameters of the encoder, for the record.
    pub encode: EncodeParams,
    /// The source of the pixels.
    pub source: SourceMeta,
    /// Horizontal and vertical size of an L0 pixel in micrometres.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub microns_per_pixel: Option<(f64, f64)>,
    /// Magnification of the objective.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub objective_power: Option<f64>,
    /// Maker and model of the scanner.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scanner: Option<String>,
    /// Whether the archive has every family of the slide; `--max-parents` leaves some out.
    pub complete: bool,
    /// Images that came with the slide and were asked for. Packs have none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub associated: Vec<AssociatedImage>,
}

/// An image that came with a slide, such as its label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssociatedImage {
    /// Its name in the slide.
    pub name: String,
    /// A PNG file in Base64 (RFC 4648, with padding).
    pub png: String,
}

impl AssociatedImage {
    /// Of a PNG file.
    pub fn new(name: &str, png: &[u8]) -> Self {
        Self { name: name.into(), png: BASE64.encode(png) }
    }

    /// The PNG file; `None` where the text is no Base64.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        BASE64.decode(self.png.as_bytes()).ok()
    }
}

/// The source of the pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceMeta {
    /// File name without its directory.
    pub name: String,
    /// Its kind.
    pub kind: SourceKind,
    /// Its format: "jpg" or "png" for trees; "aperio", "tiff", ... for slides.
    pub format: String,
    /// Overlap of the source's tiles; archives have none.
    pub overlap: u32,
    /// Identifies the source by its bytes, without its name and times: see `pyramid::identity`. Absent in archives that were
    /// written before 0.1.0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity: Option<String>,
    /// What a tree was made of, where the program that made it says so: the identity of a slide, or `content-` and the
    /// [`Meta::content`] of an archive.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<String>,
    /// True where the source is known to be lossy, so that this archive is a further generation. Absent where the format does not tell: PNG
    /// and TIFF may hold pixels that were JPEG before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lossy: Option<bool>,
    /// What became of EXIF, XMP and comments in the original tiles of a lossless encode: `kept` or `stripped`. Absent where the tiles
    /// had none, and where they are not stored.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tile_metadata: Option<String>,
}

/// The kind of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A Deep Zoom tree.
    Deepzoom,
    /// A slide or a single image.
    Slide,
}

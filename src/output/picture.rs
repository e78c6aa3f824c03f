//! A picture of a slide as a file, or as bare pixels: for crops and regions.

use serde::Serialize;

use super::error::Result;
use super::icc::Colour;
use super::tile::{OutputFormat, TileCoder};
use crate::image::family::Pixels;

/// What a picture is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum PictureFormat {
    /// JPEG, 4:4:4.
    Jpeg,
    /// PNG: the pixels without another lossy step.
    Png,
    /// WebP, where this build has it.
    Webp,
    /// Interleaved 8-bit RGB, row by row, without a header.
    Raw,
}

impl PictureFormat {
    /// All formats.
    pub const ALL: [PictureFormat; 4] =
        [PictureFormat::Jpeg, PictureFormat::Png, PictureFormat::Webp, PictureFormat::Raw];

    /// By its name, or by the extension of its files.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "jpeg" | "jpg" => Some(PictureFormat::Jpeg),
            "png" => Some(PictureFormat::Png),
            "webp" => Some(PictureFormat::Webp),
            "raw" => Some(PictureFormat::Raw),
            _ => None,
        }
    }

    /// That of tiles.
    pub fn of(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Jpeg => PictureFormat::Jpeg,
            OutputFormat::Png => PictureFormat::Png,
            OutputFormat::Webp => PictureFormat::Webp,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            PictureFormat::Jpeg => "jpeg",
            PictureFormat::Png => "png",
            PictureFormat::Webp => "webp",
            PictureFormat::Raw => "raw",
        }
    }

    /// File name extension.
    pub fn extension(self) -> &'static str {
        self.coded().map_or("raw", OutputFormat::extension)
    }

    /// Media type.
    pub fn media_type(self) -> &'static str {
        self.coded().map_or("application/octet-stream", OutputFormat::media_type)
    }

    /// Most pixels of a side that a file of this format can have.
    pub fn max_side_px(self) -> u32 {
        match self {
            PictureFormat::Jpeg => 65_500,
            PictureFormat::Webp => 16_383,
            PictureFormat::Png | PictureFormat::Raw => u32::MAX,
        }
    }

    /// The format of its files; `None` for bare pixels, for whose colours [`OutputFormat::Png`] tells.
    pub fn coded(self) -> Option<OutputFormat> {
        match self {
            PictureFormat::Jpeg => Some(OutputFormat::Jpeg),
            PictureFormat::Png => Some(OutputFormat::Png),
            PictureFormat::Webp => Some(OutputFormat::Webp),
            PictureFormat::Raw => None,
        }
    }

    /// A picture with the colours of a slide. `quality` is of JPEG and WebP, 1 to 100.
    ///
    /// # Errors
    /// A quality out of range, WebP in a build without it; a codec error.
    pub fn encode(self, pixels: Pixels, quality: u8, colour: &Colour) -> Result<Vec<u8>> {
        let pixels = colour.apply(pixels.view()).unwrap_or(pixels);
        let Some(format) = self.coded() else { return Ok(bare(pixels)) };
        Ok(colour.tag(format, TileCoder::new(format, quality)?.encode(pixels.view())?))
    }
}

/// Interleaved RGB, rows tightly packed.
fn bare(pixels: Pixels) -> Vec<u8> {
    match pixels {
        Pixels::Rgb(rgb) => rgb.into_packed(),
        Pixels::Ycc(planes) => planes.to_rgb().into_packed(),
    }
}

//! One output tile: planes or RGB to the bytes that a viewer gets.
//!
//! Knows output formats, nothing of families.

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use crate::codec::{ImageEncoder, JpegEncoder, encode_png};
use crate::image::family::{PixelsRef, Want};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc, YccRef};

/// `--output-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum OutputFormat {
    /// JPEG.
    Jpeg,
    /// WebP, where this build has it.
    Webp,
    /// PNG: the planes without another lossy step.
    Png,
}

impl OutputFormat {
    /// File name extension, and `Format` in the descriptor.
    pub fn extension(self) -> &'static str {
        match self {
            OutputFormat::Jpeg => "jpg",
            OutputFormat::Webp => "webp",
            OutputFormat::Png => "png",
        }
    }
}

/// Codes tiles in one format.
pub struct TileCoder {
    format: OutputFormat,
    quality: u8,
    jpeg: JpegEncoder,
    rgb: Plane,
}

impl TileCoder {
    /// `quality` 1 to 100; PNG does not use it.
    ///
    /// # Errors
    /// A quality out of range, WebP in a build without it.
    pub fn new(format: OutputFormat, quality: u8) -> Result<Self> {
        if !(1..=100).contains(&quality) {
            return Err(Error::Quality(quality));
        }
        if format == OutputFormat::Webp && cfg!(not(feature = "webp")) {
            return Err(Error::NoWebp);
        }
        Ok(Self { format, quality, jpeg: JpegEncoder::new()?, rgb: Plane::default() })
    }

    /// What a reconstruction must be to be coded without another conversion: for JPEG planes in its sampling, `jpeg`; for
    /// the others RGB.
    pub fn wanted(format: OutputFormat, jpeg: Sampling) -> Want {
        if format == OutputFormat::Jpeg { Want::Planes(jpeg) } else { Want::Rgb }
    }

    /// Codes a tile. Planes are coded by JPEG in their own sampling; for PNG and WebP they must be gray or 4:4:4.
    ///
    /// # Errors
    /// What the codec says.
    pub fn encode(&mut self, tile: PixelsRef<'_>) -> Result<Vec<u8>> {
        match (self.format, tile) {
            (OutputFormat::Jpeg, PixelsRef::Ycc(planes)) => {
                Ok(self.jpeg.encode(planes, self.quality.into())?)
            }
            (OutputFormat::Jpeg, PixelsRef::Rgb(rgb)) => {
                Ok(self.jpeg.encode(Ycc::from_rgb(rgb).view(), self.quality.into())?)
            }
            (OutputFormat::Png, PixelsRef::Ycc(YccRef { luma, chroma: None, .. })) => {
                Ok(encode_png(luma.to_plane().data(), 1, luma.width, luma.height)?)
            }
            (OutputFormat::Png, tile) => {
                self.take_rgb(tile);
                Ok(encode_png(self.rgb.data(), 3, self.rgb.width() / 3, self.rgb.height())?)
            }
            (OutputFormat::Webp, tile) => {
                self.take_rgb(tile);
                self.webp(self.rgb.width() / 3, self.rgb.height())
            }
        }
    }

    /// Fills `rgb`, rows tightly packed.
    fn take_rgb(&mut self, tile: PixelsRef<'_>) {
        match tile {
            PixelsRef::Ycc(planes) => planes.to_rgb(&mut self.rgb),
            PixelsRef::Rgb(rgb) => {
                self.rgb.reset(rgb.width, rgb.height);
                self.rgb.paste(0, 0, rgb);
            }
        }
    }

    #[cfg(feature = "webp")]
    fn webp(&self, width: usize, height: usize) -> Result<Vec<u8>> {
        Ok(crate::codec::encode_webp(self.rgb.data(), width, height, self.quality)?)
    }

    #[cfg(not(feature = "webp"))]
    fn webp(&self, _: usize, _: usize) -> Result<Vec<u8>> {
        Err(Error::NoWebp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode_png;
    use crate::image::family::Pixels;

    #[test]
    fn a_part_of_rgb_is_coded_as_the_same_part_of_its_planes() {
        let rgb = Plane::from_vec(3 * 20, 10, (0..600u32).map(|i| (i * 41 % 251) as u8).collect());
        let rgb = Pixels::Rgb(rgb);
        let planes = rgb.ycc();
        let as_planes = PixelsRef::Ycc(planes.view()).part(3, 2, 11, 7);
        let as_rgb = rgb.view().part(3, 2, 11, 7);
        let mut jpeg = TileCoder::new(OutputFormat::Jpeg, 90).unwrap();
        assert_eq!(jpeg.encode(as_rgb).unwrap(), jpeg.encode(as_planes).unwrap());
        let mut png = TileCoder::new(OutputFormat::Png, 90).unwrap();
        let PixelsRef::Rgb(want) = as_rgb else { unreachable!("a part of RGB is RGB") };
        assert_eq!(decode_png(&png.encode(as_rgb).unwrap(), 77).unwrap().data, want.to_plane().data());
        let back = Pixels::Rgb(planes.to_rgb());
        let want = png.encode(back.view().part(3, 2, 11, 7)).unwrap();
        assert_eq!(png.encode(as_planes).unwrap(), want);
    }
}

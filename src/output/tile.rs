//! Encodes one output tile: planes or RGB to JPEG, WebP or PNG.
//!
//! Knows no families and no slides.

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use crate::codec::{ImageEncoder, JpegEncoder, encode_png};
use crate::image::family::{PixelsRef, Want};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc, YccRef};

/// File format of output tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum OutputFormat {
    /// JPEG.
    Jpeg,
    /// WebP, where this build has it.
    Webp,
    /// PNG: the pixels without another lossy step.
    Png,
}

impl OutputFormat {
    /// File name extension, and `Format` in a Deep Zoom descriptor.
    pub fn extension(self) -> &'static str {
        match self {
            OutputFormat::Jpeg => "jpg",
            OutputFormat::Webp => "webp",
            OutputFormat::Png => "png",
        }
    }

    /// Media type.
    pub fn media_type(self) -> &'static str {
        match self {
            OutputFormat::Jpeg => "image/jpeg",
            OutputFormat::Webp => "image/webp",
            OutputFormat::Png => "image/png",
        }
    }
}

/// Encodes tiles in one format.
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

    /// The pixels that need no further conversion: for JPEG planes in the sampling `jpeg`, for the others RGB.
    pub fn wanted(format: OutputFormat, jpeg: Sampling) -> Want {
        if format == OutputFormat::Jpeg { Want::Planes(jpeg) } else { Want::Rgb }
    }

    /// Encodes a tile. JPEG keeps the sampling of planes; for PNG and WebP they must be gray or 4:4:4.
    ///
    /// ```
    /// use origami::image::family::Pixels;
    /// use origami::image::plane::Plane;
    /// use origami::output::tile::{OutputFormat, TileCoder};
    ///
    /// let pink = Pixels::Rgb(Plane::from_vec(3 * 256, 256, [230, 170, 200].repeat(256 * 256)));
    /// let tile = TileCoder::new(OutputFormat::Jpeg, 90)?.encode(pink.view())?;
    /// assert!(tile.starts_with(&[0xff, 0xd8]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A codec error.
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
                self.fill_rgb(tile);
                Ok(encode_png(self.rgb.data(), 3, self.rgb.width() / 3, self.rgb.height())?)
            }
            (OutputFormat::Webp, tile) => {
                self.fill_rgb(tile);
                self.webp(self.rgb.width() / 3, self.rgb.height())
            }
        }
    }

    /// Fills `self.rgb`, with tightly packed rows.
    fn fill_rgb(&mut self, tile: PixelsRef<'_>) {
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
    fn a_part_of_rgb_is_encoded_as_the_same_part_of_its_planes() {
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

//! One output tile: planes to the bytes that a viewer gets.
//!
//! Knows output formats, nothing of families.

use serde::{Deserialize, Serialize};

use crate::codec::{ImageEncoder, JpegEncoder, Sampling, Ycc, YccRef, encode_png};
use crate::error::{Error, Result};
use crate::kernels::color::ycc_to_rgb;
use crate::kernels::resample::{Scratch, resample};
use crate::kernels::taps::{Axis, Filter, TapCache};
use crate::plane::Plane;

/// `--output-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    rgb: Vec<u8>,
}

impl TileCoder {
    /// `quality` 1 to 100; PNG does not use it.
    ///
    /// # Errors
    /// A quality out of range, WebP in a build without it.
    pub fn new(format: OutputFormat, quality: u8) -> Result<Self> {
        if !(1..=100).contains(&quality) {
            return Err(Error::Usage(format!("--quality {quality}: 1 to 100")));
        }
        if format == OutputFormat::Webp && cfg!(not(feature = "webp")) {
            return Err(Error::Usage(
                "--output-format webp: this build has no WebP; build with --features webp".into(),
            ));
        }
        Ok(Self { format, quality, jpeg: JpegEncoder::new()?, rgb: Vec::new() })
    }

    /// Chroma sampling that a reconstruction must have to be coded: JPEG takes `jpeg`, the others 4:4:4.
    pub fn wanted(format: OutputFormat, jpeg: Sampling) -> Sampling {
        if format == OutputFormat::Jpeg { jpeg } else { Sampling::S444 }
    }

    /// Codes a tile: for JPEG in its own sampling; for PNG and WebP it must be gray or 4:4:4.
    ///
    /// # Errors
    /// What the codec says.
    pub fn encode(&mut self, tile: YccRef<'_>) -> Result<Vec<u8>> {
        let (width, height) = (tile.luma.width, tile.luma.height);
        match (self.format, tile.chroma) {
            (OutputFormat::Jpeg, _) => self.jpeg.encode(tile, self.quality),
            (OutputFormat::Png, None) => {
                let gray = tile.luma.to_plane();
                encode_png(gray.data(), 1, width, height)
            }
            (OutputFormat::Png, Some(_)) => {
                to_rgb(tile, &mut self.rgb);
                encode_png(&self.rgb, 3, width, height)
            }
            (OutputFormat::Webp, _) => {
                to_rgb(tile, &mut self.rgb);
                self.webp(width, height)
            }
        }
    }

    #[cfg(feature = "webp")]
    fn webp(&self, width: usize, height: usize) -> Result<Vec<u8>> {
        crate::codec::encode_webp(&self.rgb, width, height, self.quality)
    }

    #[cfg(not(feature = "webp"))]
    fn webp(&self, _: usize, _: usize) -> Result<Vec<u8>> {
        Err(Error::Usage("this build has no WebP".into()))
    }
}

/// Gray or 4:4:4 planes to interleaved RGB.
pub fn to_rgb(tile: YccRef<'_>, rgb: &mut Vec<u8>) {
    let (width, height) = (tile.luma.width, tile.luma.height);
    rgb.resize(3 * width * height, 0);
    for (y, out) in rgb.chunks_exact_mut(3 * width).enumerate() {
        match tile.chroma {
            Some([cb, cr]) => ycc_to_rgb(tile.luma.row(y), cb.row(y), cr.row(y), out),
            None => {
                for (px, &v) in out.chunks_exact_mut(3).zip(tile.luma.row(y)) {
                    px.fill(v);
                }
            }
        }
    }
}

/// [`to_rgb`] of a whole image, newly allocated.
pub fn rgb_of(image: &Ycc) -> Vec<u8> {
    let mut rgb = Vec::new();
    to_rgb(image.view(), &mut rgb);
    rgb
}

/// Chroma at full resolution, by the normative kernel. A gray image stays gray.
pub fn raise_444(image: Ycc, filter: Filter, taps: &TapCache) -> Ycc {
    let (fx, fy) = image.sampling.factors();
    let (width, height) = (image.luma.width(), image.luma.height());
    let Some(planes) = image.chroma else { return Ycc::gray(image.luma) };
    if (fx, fy) == (1, 1) {
        return Ycc { luma: image.luma, chroma: Some(planes), sampling: Sampling::S444 };
    }
    let mut scratch = Scratch::default();
    let chroma = planes.map(|plane| {
        let up = |in_len, factor, out_len| taps.get(Axis::Up { filter, in_len, factor, out_len });
        let mut out = Plane::default();
        resample(
            plane.view(),
            &up(plane.width(), fx, width),
            &up(plane.height(), fy, height),
            &mut out,
            &mut scratch,
        );
        out
    });
    Ycc { luma: image.luma, chroma: Some(chroma), sampling: Sampling::S444 }
}

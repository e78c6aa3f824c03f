//! The tags that describe pixels, read one by one: sizes, bits per sample, compression, predictor, colour.
//!
//! A value that the reader does not support is an error here. The tags' agreement with each other is checked in `layout`.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::super::samples::{Pixel, round_to_8_bits};
use super::directory::Directory;
use super::tag;

const ADVICE: &str = "convert it to 8-bit RGB with JPEG, deflate or LZW compression";

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Jpeg,
}

/// What the samples of a pixel mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Color {
    /// Samples that are the colour itself. `invert` where 0 is white; `alpha_index` is the sample with the opacity.
    Direct { pixel: Pixel, invert: bool, alpha_index: usize },
    /// Indices into these colours.
    Palette(Vec<[u8; 3]>),
}

/// The tags of one directory.
pub(super) struct PixelTags<'a> {
    pub file: &'a PositionalFile,
    pub directory: &'a Directory<'a>,
}

impl PixelTags<'_> {
    pub fn unsupported(&self, what: impl Into<String>) -> SlideError {
        SlideError::unsupported(self.file.path(), "TIFF", what, ADVICE)
    }

    pub fn required(&self, tag: u16) -> Result<u64, SlideError> {
        self.directory.number(tag)?.ok_or_else(|| self.directory.corrupt(tag, "missing"))
    }

    /// A size of 1 to 2^32 - 1 pixels.
    pub fn side(&self, tag: u16) -> Result<u32, SlideError> {
        let size = self.required(tag)?;
        let side = u32::try_from(size).ok().filter(|&side| side > 0);
        side.ok_or_else(|| self.directory.corrupt(tag, format!("a size of {size} pixels")))
    }

    /// A number of 1 to 65535.
    pub fn small_number(&self, tag: u16, default: u64) -> Result<usize, SlideError> {
        let value = self.directory.number(tag)?.unwrap_or(default);
        let small = u16::try_from(value).ok().filter(|&value| value > 0);
        small.map(usize::from).ok_or_else(|| self.directory.corrupt(tag, format!("a value of {value}")))
    }

    /// Bits per sample: 1, 2, 4, 8 or 16, the same for all samples.
    pub fn bits(&self) -> Result<u32, SlideError> {
        let all = self.directory.numbers(tag::BITS_PER_SAMPLE)?.unwrap_or_else(|| vec![1]);
        let first = all.first().copied().unwrap_or(1);
        let formats = self.directory.numbers(tag::SAMPLE_FORMAT)?.unwrap_or_default();
        // 1 is unsigned, 4 is untyped and read as unsigned.
        if formats.iter().any(|format| !matches!(format, 1 | 4)) {
            return Err(self.unsupported("signed or floating-point samples"));
        }
        match first {
            1 | 2 | 4 | 8 | 16 if all.iter().all(|&bits| bits == first) => Ok(first as u32),
            _ => Err(self.unsupported(format!("{first} or mixed bits per sample"))),
        }
    }

    pub fn compression(&self) -> Result<Compression, SlideError> {
        let name = match self.directory.number(tag::COMPRESSION)?.unwrap_or(1) {
            1 => return Ok(Compression::None),
            5 => return Ok(Compression::Lzw),
            7 => return Ok(Compression::Jpeg),
            8 | 32946 => return Ok(Compression::Deflate),
            32773 => return Ok(Compression::PackBits),
            2..=4 => "fax compression".to_string(),
            6 => "old-style JPEG compression (6)".into(),
            33003..=33005 | 34712 => "JPEG 2000 compression".into(),
            50000 => "Zstandard compression".into(),
            50001 => "WebP compression".into(),
            other => format!("compression {other}"),
        };
        let advice = format!("open it with OpenSlide, or {ADVICE}");
        Err(SlideError::unsupported(self.file.path(), "TIFF", name, advice))
    }

    /// Whether samples are stored as differences (predictor 2).
    pub fn predictor(&self, compression: Compression, bits: u32) -> Result<bool, SlideError> {
        // The predictor applies to LZW and deflate only.
        if !matches!(compression, Compression::Lzw | Compression::Deflate) {
            return Ok(false);
        }
        match self.directory.number(tag::PREDICTOR)?.unwrap_or(1) {
            1 => Ok(false),
            2 if bits >= 8 => Ok(true),
            other => Err(self.unsupported(format!("predictor {other} on {bits}-bit samples"))),
        }
    }

    /// The meaning of the samples, from the photometric interpretation and the extra samples.
    pub fn color(&self, photometric: u64, samples: usize, bits: u32) -> Result<Color, SlideError> {
        let extras = self.directory.numbers(tag::EXTRA_SAMPLES)?.unwrap_or_default();
        let colors = match photometric {
            0 | 1 => 1,
            2 => 3,
            3 => return self.palette(samples, bits),
            5 => return Err(self.unsupported("CMYK colours")),
            6 if self.compression()? == Compression::Jpeg => 3,
            6 => return Err(self.unsupported("YCbCr colours outside JPEG")),
            8..=10 => return Err(self.unsupported("CIE L*a*b* colours")),
            other => return Err(self.unsupported(format!("photometric interpretation {other}"))),
        };
        if samples < colors || (colors == 3 && bits < 8) {
            return Err(self.unsupported(format!("{samples} samples of {bits} bits for {colors} colours")));
        }
        // Only an extra sample that is declared as opacity counts as such: 1 premultiplied, 2 not.
        let alpha =
            extras.iter().position(|&extra| matches!(extra, 1 | 2)).filter(|&extra| colors + extra < samples);
        let alpha = if bits < 8 { None } else { alpha };
        let premultiplied = alpha.is_some_and(|extra| extras.get(extra) == Some(&1));
        let pixel = match (colors, alpha, premultiplied) {
            (1, None, _) => Pixel::Gray,
            (1, Some(_), false) => Pixel::GrayAlpha,
            (1, Some(_), true) => Pixel::GrayPremultiplied,
            (_, None, _) => Pixel::Rgb,
            (_, Some(_), false) => Pixel::RgbAlpha,
            (_, Some(_), true) => Pixel::RgbPremultiplied,
        };
        Ok(Color::Direct { pixel, invert: photometric == 0, alpha_index: colors + alpha.unwrap_or(0) })
    }

    /// The colour map (tag 320): all reds, all greens, all blues, 16 bits each.
    fn palette(&self, samples: usize, bits: u32) -> Result<Color, SlideError> {
        if samples != 1 || bits > 8 {
            return Err(self.unsupported(format!("a palette for {samples} samples of {bits} bits")));
        }
        let map = self
            .directory
            .numbers(tag::COLOR_MAP)?
            .ok_or_else(|| self.directory.corrupt(tag::COLOR_MAP, "missing"))?;
        let size = 1usize << bits;
        let (reds, greens, blues) =
            match (map.get(..size), map.get(size..2 * size), map.get(2 * size..3 * size)) {
                (Some(reds), Some(greens), Some(blues)) => (reds, greens, blues),
                _ => {
                    return Err(self
                        .directory
                        .corrupt(tag::COLOR_MAP, format!("{} values, expected {}", map.len(), 3 * size)));
                }
            };
        // Some writers store 8-bit values; then no value is above 255.
        let narrow = map.iter().all(|&value| value < 256);
        let byte = |value: u64| {
            let value = value.min(65535) as u16;
            if narrow { value as u8 } else { round_to_8_bits(value) }
        };
        let colors =
            reds.iter().zip(greens).zip(blues).map(|((&red, &green), &blue)| [red, green, blue].map(byte));
        Ok(Color::Palette(colors.collect()))
    }
}

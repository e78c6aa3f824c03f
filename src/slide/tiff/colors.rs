//! The tags that say what the samples of a pixel mean: colours, inks, opacity, palettes.
//!
//! A meaning that the reader does not support is an error here.

use super::super::error::SlideError;
use super::super::samples::{Pixel, round_to_8_bits};
use super::pixel_tags::{Color, Compression, PixelTags};
use super::tag;

impl PixelTags<'_> {
    /// The meaning of the samples, from the photometric interpretation and the extra samples.
    /// With it the numbers of the samples that it takes: the colours, then the opacity.
    pub fn color(
        &self,
        photometric: u64,
        samples: usize,
        bits: u32,
    ) -> Result<(Color, Vec<usize>), SlideError> {
        let colors = match photometric {
            0 | 1 => 1,
            2 => 3,
            3 => return Ok((self.palette(samples, bits)?, vec![0])),
            4 => return Err(self.unsupported("a transparency mask for pixels")),
            5 => return Ok((self.inks(samples, bits)?, (0..4).collect())),
            6 if matches!(self.compression()?, Compression::Jpeg | Compression::Jpeg2000) => 3,
            6 => return Err(self.unsupported("YCbCr colours outside JPEG")),
            8..=10 => return Err(self.unsupported("CIE L*a*b* colours")),
            32803 | 34892 => return Err(self.unsupported("raw pixels of a camera")),
            32844 | 32845 => return Err(self.unsupported("CIE Log colours")),
            other => return Err(self.unsupported(format!("photometric interpretation {other}"))),
        };
        if samples < colors || (colors == 3 && bits < 8) {
            return Err(self.unsupported(format!("{samples} samples of {bits} bits for {colors} colours")));
        }
        let (alpha, premultiplied) = match self.opacity(colors, samples)? {
            Some(found) => found,
            None => return Ok((self.opaque(colors, photometric), (0..colors).collect())),
        };
        let pixel = match (colors, premultiplied) {
            (1, false) => Pixel::GrayAlpha,
            (1, true) => Pixel::GrayPremultiplied,
            (_, false) => Pixel::RgbAlpha,
            (_, true) => Pixel::RgbPremultiplied,
        };
        let wanted = (0..colors).chain([alpha]).collect();
        Ok((Color::Direct { pixel, invert: photometric == 0 }, wanted))
    }

    /// The inks of a separated image, which must be cyan, magenta, yellow and black in their full range.
    fn inks(&self, samples: usize, bits: u32) -> Result<Color, SlideError> {
        let number = |tag, default| Ok::<_, SlideError>(self.directory.number(tag)?.unwrap_or(default));
        let full = (1u64 << bits) - 1;
        let range = self.directory.numbers(tag::DOT_RANGE)?.unwrap_or_default();
        let fits = samples == 4 && bits >= 8;
        if !fits || number(tag::INK_SET, 1)? != 1 || number(tag::NUMBER_OF_INKS, 4)? != 4 {
            return Err(
                self.unsupported(format!("inks other than CMYK alone ({samples} samples of {bits} bits)"))
            );
        }
        if range.chunks(2).any(|pair| pair != [0, full]) {
            return Err(self.unsupported(format!("inks whose range is {range:?} (DotRange)")));
        }
        if self.compression()?.is_file() {
            return Err(self.unsupported(format!("CMYK colours in {}", self.compression()?.name())));
        }
        Ok(Color::Direct { pixel: Pixel::Cmyk, invert: false })
    }

    fn opaque(&self, colors: usize, photometric: u64) -> Color {
        let pixel = if colors == 1 { Pixel::Gray } else { Pixel::Rgb };
        Color::Direct { pixel, invert: photometric == 0 }
    }

    /// The sample with the opacity, and whether the colours are already multiplied by it. Only an extra sample that is declared as
    /// opacity is one: 1 premultiplied, 2 not.
    pub fn opacity(&self, colors: usize, samples: usize) -> Result<Option<(usize, bool)>, SlideError> {
        let mut extras = self.directory.numbers(tag::EXTRA_SAMPLES)?.unwrap_or_default();
        if extras.is_empty() && self.directory.number(tag::MATTEING)?.unwrap_or(0) != 0 {
            extras.push(1);
        }
        let found = extras.iter().position(|&extra| matches!(extra, 1 | 2));
        let found = found.filter(|&extra| colors + extra < samples);
        Ok(found.map(|extra| (colors + extra, extras.get(extra) == Some(&1))))
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

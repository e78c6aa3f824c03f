//! The pixels of an image as its file declares them, checked: what is read, and what is refused by name.

use super::super::error::SlideError;
use super::elements::FORMAT;
use super::header::Header;
use super::syntax::Coding;
use std::path::Path;

/// What samples mean (Photometric Interpretation, PS3.3 section C.7.6.3.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    /// Gray; `invert` where 0 is white.
    Gray {
        invert: bool,
    },
    Rgb,
    /// YCbCr of full range; `half` where two pixels share their chroma.
    Ycbcr {
        half: bool,
    },
    /// YCbCr by a transform of JPEG 2000, which its decoder undoes.
    JpegTransform,
}

/// How the frames of an image are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub coding: Coding,
    pub color: Color,
    /// Samples of a color in separate planes.
    pub planar: bool,
    /// Significant bits of a sample, 1 to 16.
    pub bits: u32,
    /// Bits below them, of samples in 16 bits without a picture's coding.
    pub shift: u32,
    /// Samples are stored in 16 bits.
    pub is_deep: bool,
    /// Width and height of a frame, in pixels; at least 1.
    pub width: u32,
    pub height: u32,
}

impl Format {
    pub fn of(header: &Header, coding: Coding, path: &Path) -> Result<Self, SlideError> {
        let corrupt = |problem: String| SlideError::corrupt(path, FORMAT, "data set", problem);
        let unsupported = |what: String| {
            let advice = "convert it to 8-bit RGB or gray, for example with wsidicomizer";
            SlideError::unsupported(path, FORMAT, what, advice)
        };
        let sides = header.columns.zip(header.rows).filter(|&(width, height)| width > 0 && height > 0);
        let (width, height) = sides.ok_or_else(|| corrupt("no size of a frame, or one of 0".into()))?;
        let bits = header.bits_allocated.ok_or_else(|| corrupt("no bits allocated".into()))?;
        let stored = header.bits_stored.unwrap_or(bits);
        let photometric = header.photometric.as_deref().unwrap_or_default();
        let samples = header.samples.unwrap_or(1);
        let in_jpeg2000 = coding == Coding::Jpeg2000;
        let color = match (photometric, samples) {
            ("MONOCHROME2", 1) => Color::Gray { invert: false },
            ("MONOCHROME1", 1) => Color::Gray { invert: true },
            ("RGB", 3) => Color::Rgb,
            ("YBR_FULL", 3) => Color::Ycbcr { half: false },
            ("YBR_FULL_422", 3) => Color::Ycbcr { half: matches!(coding, Coding::Native | Coding::Deflate) },
            ("YBR_ICT" | "YBR_RCT", 3) if in_jpeg2000 => Color::JpegTransform,
            _ => return Err(unsupported(format!("{samples} samples of kind {photometric:?} per pixel"))),
        };
        let is_deep = bits == 16;
        let depth_is_read = match is_deep {
            true if coding == Coding::Jpeg => samples == 1 && (9..=12).contains(&stored),
            true if samples == 3 => {
                (1..=16).contains(&stored) && matches!(color, Color::Rgb | Color::JpegTransform)
            }
            true => (1..=16).contains(&stored),
            false => (bits, stored) == (8, 8),
        };
        if !depth_is_read || header.signed {
            let sign = if header.signed { "signed " } else { "" };
            return Err(unsupported(format!("{samples} {sign}samples of {stored} bits in {bits} per pixel")));
        }
        let planar = samples == 3 && header.planar == Some(1);
        if (color == Color::Ycbcr { half: true }) && (planar || width % 2 == 1) {
            return Err(unsupported("YBR_FULL_422 samples in planes or of odd width".into()));
        }
        let shift = match header.high_bit {
            // Of 8 bits, and of 16 of 16, there is one place for all of them.
            Some(high) if is_deep && stored < bits && high.saturating_add(1) != stored => {
                let has_places = matches!(coding, Coding::Native | Coding::Deflate | Coding::Rle);
                let shift = (high < bits).then(|| (high + 1).checked_sub(stored)).flatten();
                shift.filter(|_| has_places).ok_or_else(|| {
                    unsupported(format!("samples of {stored} bits in {bits} up to bit {high} (High Bit)"))
                })?
            }
            _ => 0,
        };
        Ok(Self { coding, color, planar, bits: stored, shift, is_deep, width, height })
    }

    /// A sample as it is stored in 16 bits, without what lies around its own bits: old files keep graphics there.
    pub fn sample(&self, stored: u16) -> u16 {
        (u32::from(stored) >> self.shift & ((1 << self.bits) - 1)) as u16
    }

    /// 1 or 3.
    pub fn channels(&self) -> u8 {
        if matches!(self.color, Color::Gray { .. }) { 1 } else { 3 }
    }

    /// Bytes of a decoded frame. Both sides are 16-bit numbers in a file, or this saturates.
    pub fn decoded_bytes(&self) -> u64 {
        (u64::from(self.width) * u64::from(self.height)).saturating_mul(u64::from(self.channels()))
    }

    /// Bytes of a frame before it is deflated; `None` where it is coded otherwise.
    pub fn native_bytes(&self) -> Option<u64> {
        let bytes = self.decoded_bytes().saturating_mul(if self.is_deep { 2 } else { 1 });
        let bytes = if self.color == (Color::Ycbcr { half: true }) { bytes / 3 * 2 } else { bytes };
        matches!(self.coding, Coding::Native | Coding::Deflate).then_some(bytes)
    }

    /// Checks that a frame, stored and decoded, fits in the limit.
    pub fn check_memory(&self, path: &Path, limit_bytes: u64) -> Result<(), SlideError> {
        let needed = self.decoded_bytes().saturating_mul(if self.is_deep { 5 } else { 2 });
        if needed <= limit_bytes {
            return Ok(());
        }
        let what = format!("one frame of {}x{} pixels", self.width, self.height);
        let advice = "allow more memory or convert the file to smaller tiles";
        Err(SlideError::too_large(path, what, needed, limit_bytes, advice))
    }
}

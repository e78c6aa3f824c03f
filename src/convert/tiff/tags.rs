//! The numbers of BigTIFF, and one directory of it.
//!
//! Source: TIFF 6.0 (Adobe, 1992), Technical Note 2 on JPEG, and the BigTIFF design of libtiff.

use std::collections::BTreeMap;

use crate::codec::jpeg2000::Colours;
use crate::convert::fit::Kind;
use crate::convert::out_file::OutFile;
use crate::error::Result;

pub const NEW_SUBFILE_TYPE: u16 = 254;
pub const IMAGE_WIDTH: u16 = 256;
pub const IMAGE_LENGTH: u16 = 257;
pub const BITS_PER_SAMPLE: u16 = 258;
pub const COMPRESSION: u16 = 259;
pub const PHOTOMETRIC: u16 = 262;
pub const IMAGE_DESCRIPTION: u16 = 270;
pub const MAKE: u16 = 271;
pub const MODEL: u16 = 272;
pub const SAMPLES_PER_PIXEL: u16 = 277;
pub const X_RESOLUTION: u16 = 282;
pub const Y_RESOLUTION: u16 = 283;
pub const PLANAR_CONFIGURATION: u16 = 284;
pub const RESOLUTION_UNIT: u16 = 296;
pub const SOFTWARE: u16 = 305;
pub const TILE_WIDTH: u16 = 322;
pub const TILE_LENGTH: u16 = 323;
pub const TILE_OFFSETS: u16 = 324;
pub const TILE_BYTE_COUNTS: u16 = 325;
pub const SUB_IFDS: u16 = 330;
pub const YCBCR_SUBSAMPLING: u16 = 530;
pub const YCBCR_POSITIONING: u16 = 531;
pub const ICC_PROFILE: u16 = 34675;

/// A value of [`RESOLUTION_UNIT`].
pub const CENTIMETRE: u16 = 3;

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const UNDEFINED: u16 = 7;
pub const LONG8: u16 = 16;
pub const IFD8: u16 = 18;

/// What a file begins with: little-endian, BigTIFF, offsets of 8 bytes. The offset of the first directory is 0 until it is known.
pub const HEADER: [u8; 16] = [b'I', b'I', 43, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Where that offset lies.
pub const FIRST_LINK: u64 = 8;

/// Bytes of a value that lies in the directory itself.
const INLINE_BYTES: usize = 8;
/// Bytes of an entry of a directory.
const ENTRY_BYTES: u64 = 20;

/// The compression of a kind of tile. Those of JPEG 2000 in colour are Aperio's, which readers know; the other is registered.
pub fn compression(kind: Kind) -> u16 {
    match kind {
        Kind::Gray | Kind::Ycc(_) | Kind::Rgb => 7,
        Kind::Jpeg2000(Colours::Ycbcr, _) => 33003,
        Kind::Jpeg2000(Colours::Rgb, _) => 33005,
        Kind::Jpeg2000(Colours::Gray, _) => 34712,
    }
}

/// What the samples of a kind of tile are: black is 0, RGB, YCbCr.
pub fn photometric(kind: Kind) -> u16 {
    match kind {
        Kind::Gray | Kind::Jpeg2000(Colours::Gray, _) => 1,
        Kind::Rgb | Kind::Jpeg2000(Colours::Rgb, _) => 2,
        Kind::Ycc(_) | Kind::Jpeg2000(Colours::Ycbcr, _) => 6,
    }
}

/// A number as a fraction; `None` where none is close to it.
pub fn rational(value: f64) -> Option<(u32, u32)> {
    let is_good = value.is_finite() && value > 0.0;
    let steps = [1_000_000_u32, 100_000, 10_000, 1_000, 100, 10, 1];
    let step = steps.into_iter().find(|&step| is_good && value * f64::from(step) < f64::from(u32::MAX))?;
    let numerator = (value * f64::from(step)).round() as u32;
    (numerator > 0).then_some((numerator, step))
}

/// A directory: its tags, in ascending order.
#[derive(Default)]
pub struct Directory {
    entries: BTreeMap<u16, Value>,
}

struct Value {
    kind: u16,
    count: u64,
    bytes: Vec<u8>,
}

impl Directory {
    fn set(&mut self, tag: u16, kind: u16, count: usize, bytes: Vec<u8>) {
        self.entries.insert(tag, Value { kind, count: count as u64, bytes });
    }

    pub fn shorts(&mut self, tag: u16, values: &[u16]) {
        self.set(tag, SHORT, values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    pub fn long(&mut self, tag: u16, value: u32) {
        self.set(tag, LONG, 1, value.to_le_bytes().to_vec());
    }

    /// Numbers of 8 bytes, [`LONG8`] or [`IFD8`].
    pub fn offsets(&mut self, tag: u16, kind: u16, values: &[u64]) {
        self.set(tag, kind, values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    pub fn rational(&mut self, tag: u16, (numerator, denominator): (u32, u32)) {
        self.set(tag, RATIONAL, 1, [numerator, denominator].into_iter().flat_map(u32::to_le_bytes).collect());
    }

    /// Text. TIFF has ASCII; what is not, readers take for UTF-8. Control characters but for line ends become spaces.
    pub fn text(&mut self, tag: u16, text: &str) {
        let clean = |letter: char| if letter.is_control() && !"\r\n".contains(letter) { ' ' } else { letter };
        let mut bytes = text.chars().map(clean).collect::<String>().into_bytes();
        bytes.push(0);
        self.set(tag, ASCII, bytes.len(), bytes);
    }

    pub fn bytes(&mut self, tag: u16, bytes: &[u8]) {
        self.set(tag, UNDEFINED, bytes.len(), bytes.to_vec());
    }

    /// Where the offset of the next directory lies behind its start.
    pub fn link(&self) -> u64 {
        8 + ENTRY_BYTES * self.entries.len() as u64
    }

    /// Appends the values and the directory, with 0 for the offset of the next; returns where it begins.
    ///
    /// # Errors
    /// A full disk or another file error.
    pub fn write(self, file: &mut OutFile) -> Result<u64> {
        let mut directory = (self.entries.len() as u64).to_le_bytes().to_vec();
        for (tag, Value { kind, count, mut bytes }) in self.entries {
            if bytes.len() > INLINE_BYTES {
                file.align(8)?;
                bytes = file.append(&bytes)?.to_le_bytes().to_vec();
            }
            bytes.resize(INLINE_BYTES, 0);
            directory.extend(tag.to_le_bytes());
            directory.extend(kind.to_le_bytes());
            directory.extend(count.to_le_bytes());
            directory.extend(bytes);
        }
        directory.extend(0_u64.to_le_bytes());
        file.align(8)?;
        file.append(&directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_keep_six_digits() {
        for microns in [0.1, 0.2528, 0.4990, 1.0, 12.5, 4000.0] {
            let (numerator, denominator) = rational(10_000.0 / microns).unwrap();
            let back = 10_000.0 * f64::from(denominator) / f64::from(numerator);
            assert!((back / microns - 1.0).abs() < 1e-6, "{microns} became {back}");
        }
        assert_eq!((rational(0.0), rational(f64::NAN), rational(1e12)), (None, None, None));
    }
}

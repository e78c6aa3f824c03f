//! JPEG 2000 (ITU-T T.800): a codestream, alone or in a JP2 file, to its components. For the tiles of slides.
//!
//! Codestreams of the reversible transform decode to the numbers of the standard. Those of the irreversible one are computed in
//! floating point, in one order on every machine; other decoders differ from them by 1 in a few of ten thousand samples. This
//! module deliberately does not know colours, but for one thing: three components of which the last two are subsampled come
//! back as RGB, as they are only ever YCbCr.

mod comments;
mod original;

use super::error::{Error, Result};
use hayro_jpeg2000::{DecodeError, DecodeSettings, DecoderContext, FormatError, Image, MarkerError};

pub use comments::{comments, without_comments};
pub use original::{Colours, check, pack, pixels, planes};

/// The first bytes of a codestream: its start, and the marker of SIZ.
const START: &[u8] = b"\xFF\x4F\xFF\x51";
/// Largest number of components: a pixel's colours and opacity, or the channels of one tile.
const MAX_COMPONENTS: usize = 64;
/// The bit of the capabilities in SIZ that says that another standard codes the blocks (ITU-T T.814).
const HIGH_THROUGHPUT: u64 = 1 << 14;
/// Bytes of memory for each sample while a codestream is decoded: coefficients, the inverse transform, the result.
const BYTES_PER_SAMPLE: u64 = 16;

/// What the header of a codestream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Bits per sample, 1 to 16, the same for all components.
    pub bits: u32,
    /// Number of components.
    pub components: usize,
    /// Three components, of which the last two are subsampled: decoded to RGB.
    pub is_subsampled: bool,
}

/// A decoded image.
#[derive(Debug)]
pub struct Decoded {
    /// What its header says.
    pub header: Header,
    /// `width * height` unsigned samples for each component.
    pub components: Vec<Vec<u16>>,
}

/// Decodes an image, in at most about `limit_bytes` of memory. The error says what is wrong with it.
pub fn decode(bytes: &[u8], limit_bytes: u64) -> Result<Decoded> {
    let stream = codestream(bytes).ok_or_else(|| damaged("no codestream"))?;
    let header = header(stream)?;
    let pixels = u64::from(header.width) * u64::from(header.height);
    let needed = pixels.saturating_mul(header.components as u64).saturating_mul(BYTES_PER_SAMPLE);
    if needed > limit_bytes {
        return Err(Error::unsupported(format!(
            "a JPEG 2000 image of {}x{} pixels, which needs {needed} bytes of memory where {limit_bytes} are allowed,",
            header.width, header.height
        )));
    }
    let settings = DecodeSettings { strict: true, ..DecodeSettings::default() };
    let image = Image::new(stream, &settings).map_err(failed)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(failed)?;
    let white = ((1u32 << header.bits) - 1) as f32;
    let count = header.width as usize * header.height as usize;
    let mut components = Vec::with_capacity(header.components);
    for component in decoded.components() {
        let samples = component.samples();
        if samples.len() != count {
            return Err(damaged(format!("{} samples in a component, expected {count}", samples.len())));
        }
        components.push(samples.iter().map(|sample| sample.round().clamp(0.0, white) as u16).collect());
    }
    match components.len() == header.components {
        true => Ok(Decoded { header, components }),
        false => Err(damaged(format!("{} components, expected {}", components.len(), header.components))),
    }
}

fn damaged(problem: impl Into<String>) -> Error {
    Error::Image { what: "JPEG 2000".into(), problem: problem.into() }
}

/// The decoder's error: some are about what it lacks.
fn failed(error: DecodeError) -> Error {
    match error {
        DecodeError::Format(FormatError::Unsupported) | DecodeError::Marker(MarkerError::Unsupported) => {
            Error::unsupported("JPEG 2000 of a kind that the decoder does not know")
        }
        error => damaged(error.to_string()),
    }
}

/// The codestream of a JP2 file, or the bytes themselves where they are one.
pub fn codestream(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    loop {
        if rest.starts_with(START) {
            return Some(rest);
        }
        let (length, kind) = (number(rest, 0, 4)?, rest.get(4..8)?);
        let (length, head) = if length == 1 { (number(rest, 8, 8)?, 16) } else { (length, 8) };
        if kind == b"jp2c" {
            // A box of length 0 reaches to the end of the file.
            let end = usize::try_from(length).ok().filter(|&end| end > head);
            rest = rest.get(head..end.unwrap_or(rest.len()).min(rest.len()))?;
        } else {
            // A box of length 0 is the last one; no box is shorter than its head.
            rest = rest.get(usize::try_from(length).ok().filter(|&length| length >= head)?..)?;
        }
    }
}

/// An unsigned big-endian number.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + length)?;
    Some(bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}

/// Reads the marker segment SIZ (T.800, A.5.1), which comes first.
fn header(stream: &[u8]) -> Result<Header> {
    let cut = "its header is cut short";
    let field = |at, length| number(stream, at, length).ok_or_else(|| damaged(cut));
    let side =
        |end, start| u32::try_from(field(end, 4)?.saturating_sub(field(start, 4)?)).map_err(|_| damaged(cut));
    if field(6, 2)? & HIGH_THROUGHPUT != 0 {
        return Err(Error::unsupported("high-throughput JPEG 2000 (HTJ2K)"));
    }
    let count = field(40, 2)? as usize;
    if !(1..=MAX_COMPONENTS).contains(&count) {
        return Err(Error::unsupported(format!("JPEG 2000 of {count} components")));
    }
    let parts = stream.get(42..42 + 3 * count).ok_or_else(|| damaged(cut))?.as_chunks::<3>().0;
    let steps: Vec<_> = parts.iter().map(|&[_, across, down]| (across.max(1), down.max(1))).collect();
    let depth = parts.first().map_or(0, |part| part[0]);
    if depth & 0x80 != 0 || depth > 15 || parts.iter().any(|part| part[0] != depth) {
        return Err(Error::unsupported(
            "JPEG 2000 of signed samples, of more than 16 bits, or of different depths",
        ));
    }
    let whole = steps.iter().all(|&step| step == (1, 1));
    let halved = match *steps.as_slice() {
        [(1, 1), second, third] => second == third && second != (1, 1),
        _ => false,
    };
    if !whole && !halved {
        return Err(Error::unsupported("JPEG 2000 whose components are subsampled otherwise than as chroma"));
    }
    let (width, height) = (side(8, 16)?, side(12, 20)?);
    if width == 0 || height == 0 {
        return Err(damaged("an image without pixels"));
    }
    Ok(Header { width, height, bits: u32::from(depth) + 1, components: count, is_subsampled: halved })
}

/// How many luma samples across and down a chroma sample of a codestream stands for.
pub fn chroma_factors(stream: &[u8]) -> (u8, u8) {
    let is_chroma = number(stream, 40, 2) == Some(3);
    // The second component of the marker segment SIZ: its depth, then its steps.
    match stream.get(46..48) {
        Some(&[across, down]) if is_chroma => (across.max(1), down.max(1)),
        _ => (1, 1),
    }
}

/// Shows each marker segment of the main header, from its marker to its end, until `see` gives false.
fn main_header(stream: &[u8], mut see: impl FnMut(u8, std::ops::Range<usize>) -> bool) {
    let mut at = 2;
    while let Some(&[0xFF, marker, high, low]) = stream.get(at..at + 4) {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        // SOT: the first tile part. No segment is shorter than its length.
        if marker == 0x90 || end < at + 4 || end > stream.len() || !see(marker, at..end) {
            break;
        }
        at = end;
    }
}

/// Whether a codestream has the colour transform of JPEG 2000: its marker segment COD says so (ITU-T T.800, A.6.1).
pub fn has_transform(stream: &[u8]) -> bool {
    transform(stream).is_some()
}

/// Whether the colour transform of a codestream is the reversible one; `None` where it has none.
pub fn transform(stream: &[u8]) -> Option<bool> {
    let mut transform = None;
    main_header(stream, |marker, range| {
        if marker == 0x52 && stream.get(range.start + 8) == Some(&1) {
            transform = Some(stream.get(range.start + 13) == Some(&1));
        }
        marker != 0x52
    });
    transform
}

#[cfg(test)]
/// Codestreams, for the tests of readers as well.
pub mod tests {
    use super::*;

    /// A gray picture of 4 x 3 pixels, every one 128: a codestream without a single coded bit.
    pub fn gray() -> Vec<u8> {
        flat(4, 3, 1)
    }

    /// A picture of at most 64 x 64 pixels whose samples are all 128.
    pub fn flat(width: u32, height: u32, components: u8) -> Vec<u8> {
        let mut out = b"\xFF\x4F\xFF\x51\0".to_vec();
        out.extend([38 + 3 * components, 0, 0]);
        for size in [width, height, 0, 0, width, height, 0, 0] {
            out.extend(size.to_be_bytes());
        }
        out.extend([0, components]);
        out.extend(b"\x07\x01\x01".repeat(components.into()));
        // COD: one layer, no decomposition, blocks of 64 x 64, reversible. QCD: no quantisation, one guard bit.
        out.extend(b"\xFF\x52\0\x0C\0\0\0\x01\0\0\x04\x04\0\x01\xFF\x5C\0\x04\x20\x40");
        // One tile part: SOT, SOD, an empty packet for each component. EOC.
        out.extend(b"\xFF\x90\0\x0A\0\0\0\0\0");
        out.extend([14 + components, 0, 1, 0xFF, 0x93]);
        out.extend([0].repeat(components.into()));
        out.extend(b"\xFF\xD9");
        out
    }

    #[test]
    fn a_codestream_and_a_jp2_file_give_the_same_samples() {
        let stream = gray();
        let length = (stream.len() as u32 + 8).to_be_bytes();
        let file = [&b"\0\0\0\x0cjP  \r\n\x87\n"[..], &length, b"jp2c", &stream].concat();
        for bytes in [stream, file] {
            let decoded = decode(&bytes, 1 << 20).unwrap();
            let expected = Header { width: 4, height: 3, bits: 8, components: 1, is_subsampled: false };
            assert_eq!((decoded.header, decoded.components), (expected, vec![vec![128; 12]]));
        }
    }

    #[test]
    fn sizes_are_checked_before_memory_is_asked_for() {
        let mut giant = gray();
        giant[8..16].copy_from_slice(&[0x7F; 8]);
        let lacks = |bytes: &[u8], limit, words: &str| match decode(bytes, limit) {
            Err(Error::Unsupported(what)) => assert!(what.contains(words), "{what}"),
            other => panic!("{words}: {other:?}"),
        };
        lacks(&giant, 1 << 30, "are allowed");
        // Products of these are beyond 64 bits.
        lacks(&flat(u32::MAX, u32::MAX, 3), u64::MAX / 2, "are allowed");
        lacks(&flat(1 << 31, 1 << 31, 64), 1 << 30, "are allowed");
        lacks(&gray(), 100, "192 bytes");
        let mut fast = gray();
        fast[6] = 0x40;
        lacks(&fast, 1 << 20, "HTJ2K");
        let mut signed = gray();
        signed[42] = 0x87;
        lacks(&signed, 1 << 20, "signed");
    }

    #[test]
    fn damaged_codestreams_are_errors_and_no_panics() {
        let good = gray();
        for cut in 0..good.len() - 4 {
            assert!(decode(&good[..cut], 1 << 20).is_err(), "cut at {cut}");
        }
        for at in 0..good.len() {
            for flip in [0x01, 0x80, 0xFF] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                // Some flips leave an image, of other samples.
                let _ = decode(&bad, 1 << 20);
            }
        }
    }
}

//! What the header of a usual JPEG says, read without a library: for callers that look at many files and decode none.
//!
//! Knows no samples. Colours are told as libjpeg tells them; where it would guess, and for what is no plain sequential file, there is no answer.

use crate::codec::turbo::Color;
use crate::image::ycc::Sampling;

/// The frame of a sequential JPEG of 8 bits, Huffman-coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Pixels across and down.
    pub size: (usize, usize),
    /// What its components are: gray, YCbCr or RGB.
    pub color: Color,
    /// How chroma is sampled: one sample of it, and one or more of luma, each way in an MCU.
    pub sampling: Sampling,
}

impl Frame {
    /// Reads a header up to its first scan. `None`: ask a decoder.
    pub fn read(jpeg: &[u8]) -> Option<Self> {
        let (mut at, mut has_jfif, mut adobe, mut frame) = (2, false, None, None);
        jpeg.starts_with(&[0xFF, 0xD8]).then_some(())?;
        loop {
            let &[0xFF, marker, high, low] = jpeg.get(at..)?.first_chunk::<4>()? else { return None };
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
            let segment = jpeg.get(at + 4..end)?;
            match marker {
                0xE0 => has_jfif |= segment.len() >= 14 && segment.starts_with(b"JFIF\0"),
                0xEE if segment.starts_with(b"Adobe") => adobe = segment.get(11).copied().or(adobe),
                0xC0 if frame.is_none() => frame = Some(segment),
                // Tables, restarts, comments and applications.
                0xC4 | 0xDB | 0xDD | 0xE1..=0xEF | 0xFE => {}
                0xDA => break,
                _ => return None,
            }
            at = end;
        }
        let &[8, h1, h0, w1, w0, count, ref components @ ..] = frame? else { return None };
        let size = (usize::from(u16::from_be_bytes([w1, w0])), usize::from(u16::from_be_bytes([h1, h0])));
        let (components, rest) = components.as_chunks::<3>();
        if components.len() != usize::from(count) || !rest.is_empty() || size.0 == 0 || size.1 == 0 {
            return None;
        }
        let (color, sampling) = match components {
            [[_, 0x11, _]] => (Color::Gray, Sampling::Gray),
            [[a, luma, _], [b, 0x11, _], [c, 0x11, _]] => {
                let factors = (usize::from(luma >> 4), usize::from(luma & 15));
                let sampling = Sampling::YCC.into_iter().find(|sampling| sampling.factors() == factors)?;
                let color = match (has_jfif, adobe, [a, b, c]) {
                    (true, ..) | (_, Some(1), _) | (_, None, [1, 2, 3]) => Color::Ycc,
                    (_, Some(0), _) => Color::Rgb,
                    _ => return None,
                };
                (color, sampling)
            }
            _ => return None,
        };
        Some(Self { size, color, sampling })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{JpegDecoder, JpegEncoder};

    /// Marker, length and bytes.
    fn segment(marker: u8, bytes: &[u8]) -> Vec<u8> {
        let length = (bytes.len() as u16 + 2).to_be_bytes();
        [&[0xFF, marker], &length[..], bytes].concat()
    }

    fn jpeg(sampling: Sampling) -> Vec<u8> {
        let rgb: Vec<u8> = (0..3 * 40 * 24).map(|i| (i * 7 % 251) as u8).collect();
        JpegEncoder::new().unwrap().encode_rgb(&rgb, 40, 24, 80, sampling).unwrap()
    }

    /// The file with other segments in place of its own JFIF.
    fn with(jpeg: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
        let end = 4 + usize::from(u16::from_be_bytes([jpeg[4], jpeg[5]]));
        assert_eq!(jpeg[2..4], [0xFF, 0xE0]);
        [&jpeg[..2], &segments.concat(), &jpeg[end..]].concat()
    }

    #[test]
    fn a_header_says_what_libjpeg_reads_of_it() {
        let adobe = |transform: u8| segment(0xEE, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat());
        let jfif = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
        let mut seen = Vec::new();
        for sampling in [Sampling::Gray, Sampling::S444, Sampling::S422, Sampling::S420, Sampling::S440] {
            let plain = jpeg(sampling);
            let mut renamed = plain.clone();
            let at = |marker| plain.windows(2).position(|pair| pair == [0xFF, marker]).unwrap();
            for component in 0..if sampling == Sampling::Gray { 1 } else { 3 } {
                renamed[at(0xC0) + 10 + 3 * component] = 7 + component as u8;
                renamed[at(0xDA) + 5 + 2 * component] = 7 + component as u8;
            }
            for (name, file, is_told) in [
                ("as written", plain.clone(), true),
                ("no mark", with(&plain, &[]), true),
                ("Adobe's RGB", with(&plain, &[adobe(0)]), true),
                ("Adobe's YCbCr", with(&plain, &[adobe(1)]), true),
                ("a short mark", with(&plain, &[segment(0xEE, b"Adobe"), segment(0xE0, b"JFIF\0")]), true),
                ("both marks", with(&plain, &[adobe(0), jfif.clone()]), true),
                ("other numbers", renamed.clone(), true),
                ("other numbers, no mark", with(&renamed, &[]), sampling == Sampling::Gray),
                ("Adobe's other", with(&plain, &[adobe(2)]), sampling == Sampling::Gray),
            ] {
                let Some(got) = Frame::read(&file) else {
                    assert!(!is_told, "{sampling:?} {name}");
                    continue;
                };
                assert!(is_told, "{sampling:?} {name}: {got:?}");
                let want = JpegDecoder::open(&file).unwrap().header();
                assert_eq!(got.size, (want.width, want.height), "{sampling:?} {name}");
                assert_eq!(
                    (got.color, Some(got.sampling)),
                    (want.color, want.sampling),
                    "{sampling:?} {name}"
                );
                assert!(want.baseline);
                seen.push(got.color);
            }
        }
        for color in [Color::Gray, Color::Ycc, Color::Rgb] {
            assert!(seen.contains(&color), "{color:?}");
        }
    }

    #[test]
    fn what_is_unusual_or_cut_is_left_to_a_decoder() {
        let plain = jpeg(Sampling::S420);
        let at = |marker| plain.windows(2).position(|pair| pair == [0xFF, marker]).unwrap();
        let changed = |offset: usize, value: u8| {
            let mut file = plain.clone();
            file[offset] = value;
            file
        };
        for (name, file) in [
            ("progressive", changed(at(0xC0) + 1, 0xC2)),
            ("12 bits", changed(at(0xC0) + 4, 12)),
            ("no height", changed(at(0xC0) + 6, 0)),
            ("chroma of two samples", changed(at(0xC0) + 14, 0x21)),
            ("four components", changed(at(0xC0) + 9, 4)),
            ("no image", plain[..at(0xC0)].to_vec()),
            ("no start", plain[2..].to_vec()),
            ("nothing", Vec::new()),
        ] {
            assert_eq!(Frame::read(&file), None, "{name}");
        }
        for end in 0..=at(0xDA) {
            assert_eq!(Frame::read(&plain[..end]), None, "{end}");
        }
    }
}

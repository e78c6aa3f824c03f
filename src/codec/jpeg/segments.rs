//! The segments of a JPEG file: which of them a decoder needs, and which only describe the picture, its maker or a patient.
//!
//! Knows no files. Markers: ITU-T T.81 annex B; JFIF 1.02; Exif 2.32; XMP part 3; Adobe Technical Note 5116; ICC.1 annex B.4.

use std::ops::Range;

/// The first bytes of a colour profile's segment.
const ICC: &[u8] = b"ICC_PROFILE\0";

/// What a JPEG file holds besides its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExtraKind {
    /// Exif, and the orientation that it asks for: 1 for none.
    Exif(u8),
    /// XMP.
    Xmp,
    /// A comment.
    Comment,
    /// A thumbnail in a JFIF segment.
    Thumbnail,
    /// Another application's segment, by its number.
    Application(u8),
    /// Bytes behind the end of the picture.
    Trailing,
}

impl std::fmt::Display for ExtraKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExtraKind::Exif(_) => f.write_str("EXIF"),
            ExtraKind::Xmp => f.write_str("XMP"),
            ExtraKind::Comment => f.write_str("a comment"),
            ExtraKind::Thumbnail => f.write_str("a thumbnail"),
            ExtraKind::Application(n) => write!(f, "an APP{n} segment"),
            ExtraKind::Trailing => f.write_str("bytes behind its end"),
        }
    }
}

/// A part of a JPEG file that no decoder needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// What it is.
    pub kind: ExtraKind,
    /// Its bytes in the file.
    pub range: Range<usize>,
}

/// A marker and the bytes from it to the next one.
struct Segment {
    marker: u8,
    range: Range<usize>,
}

/// Everything that a JPEG file holds besides its picture, in order. What follows a broken segment is not looked at.
pub fn extras(jpeg: &[u8]) -> Vec<Extra> {
    let of = |segment: &Segment| {
        let kind = extra_kind(segment.marker, payload(jpeg, segment))?;
        Some(Extra { kind, range: segment.range.clone() })
    };
    segments(jpeg).iter().filter_map(of).collect()
}

/// The file without its [`extras`], which decodes to the same coefficients. A colour profile stays where `keeps` says so of its bytes.
pub fn without_extras(jpeg: Vec<u8>, keeps: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let segments = segments(&jpeg);
    let is_icc = |segment: &&Segment| is_icc(&jpeg, segment);
    let profile = profile_in(&jpeg, &segments);
    let drops_icc = !profile.is_empty() && !keeps(&profile);
    let extra = |segment: &Segment| extra_kind(segment.marker, payload(&jpeg, segment));
    if !drops_icc && segments.iter().all(|segment| extra(segment).is_none()) {
        return jpeg;
    }
    let mut out = jpeg.get(..2).unwrap_or_default().to_vec();
    for segment in &segments {
        let bytes = jpeg.get(segment.range.clone()).unwrap_or_default();
        match extra(segment) {
            // JFIF says how the colours are coded, so it stays without its thumbnail.
            Some(ExtraKind::Thumbnail) if payload(&jpeg, segment).starts_with(b"JFIF\0") => {
                out.extend([0xFF, 0xE0, 0, 16]);
                out.extend_from_slice(payload(&jpeg, segment).get(..12).unwrap_or_default());
                out.extend([0, 0]);
            }
            Some(_) => {}
            None if drops_icc && is_icc(&segment) => {}
            None => out.extend_from_slice(bytes),
        }
    }
    out
}

/// Bytes of the colour profile of a JPEG file; 0 for none.
pub fn icc_bytes(jpeg: &[u8]) -> usize {
    profile_in(jpeg, &segments(jpeg)).len()
}

fn is_icc(jpeg: &[u8], segment: &Segment) -> bool {
    segment.marker == 0xE2 && payload(jpeg, segment).starts_with(ICC)
}

/// The parts of a colour profile, in the order of the file.
fn profile_in(jpeg: &[u8], segments: &[Segment]) -> Vec<u8> {
    let parts = segments.iter().filter(|segment| is_icc(jpeg, segment));
    let parts = parts.flat_map(|segment| payload(jpeg, segment).get(ICC.len() + 2..).unwrap_or_default());
    parts.copied().collect()
}

/// What a segment is, if no decoder needs it.
fn extra_kind(marker: u8, payload: &[u8]) -> Option<ExtraKind> {
    match marker {
        0 => Some(ExtraKind::Trailing),
        0xFE => Some(ExtraKind::Comment),
        0xE0 if payload.starts_with(b"JFIF\0") => (payload.len() > 14).then_some(ExtraKind::Thumbnail),
        0xE0 if payload.starts_with(b"JFXX\0") => Some(ExtraKind::Thumbnail),
        0xE1 if payload.starts_with(b"Exif\0") => {
            Some(ExtraKind::Exif(payload.get(6..).and_then(orientation).unwrap_or(1)))
        }
        0xE1 if payload.starts_with(b"http://ns.adobe.com/x") => Some(ExtraKind::Xmp),
        0xE2 if payload.starts_with(ICC) => None,
        0xEE if payload.starts_with(b"Adobe") => None,
        0xE0..=0xEF => Some(ExtraKind::Application(marker - 0xE0)),
        _ => None,
    }
}

/// The orientation in the first directory of Exif data.
fn orientation(tiff: &[u8]) -> Option<u8> {
    let big = tiff.starts_with(b"MM");
    let two = |at: usize| -> Option<usize> {
        let bytes = [*tiff.get(at)?, *tiff.get(at.checked_add(1)?)?];
        Some(usize::from(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }))
    };
    let four = |at: usize| {
        let (a, b) = (two(at)?, two(at.checked_add(2)?)?);
        Some(if big { a << 16 | b } else { b << 16 | a })
    };
    let directory = four(4)?;
    let entry = |i: usize| directory.checked_add(2 + 12 * i);
    let at = (0..two(directory)?).filter_map(entry).find(|&at| two(at) == Some(0x0112))?;
    two(at.checked_add(8)?).and_then(|value| u8::try_from(value).ok()).filter(|value| (1..=8).contains(value))
}

/// The bytes of a segment behind its length.
fn payload<'a>(jpeg: &'a [u8], segment: &Segment) -> &'a [u8] {
    jpeg.get(segment.range.start + 4..segment.range.end).unwrap_or_default()
}

/// All segments behind the start-of-image marker. That of a scan includes its entropy-coded data; marker 0 is what follows the end.
fn segments(jpeg: &[u8]) -> Vec<Segment> {
    let (mut at, mut found) = (2, Vec::new());
    while let (Some(0xFF), Some(&marker)) = (jpeg.get(at), jpeg.get(at + 1)) {
        let end = match marker {
            // A fill byte belongs to the next marker.
            0xFF => {
                at += 1;
                continue;
            }
            0x01 | 0xD0..=0xD9 => at + 2,
            _ => {
                let length = [at + 2, at + 3].map(|i| jpeg.get(i).copied().unwrap_or(0));
                let end = (at + 2 + usize::from(u16::from_be_bytes(length))).min(jpeg.len());
                if marker == 0xDA { end_of_scan(jpeg, end) } else { end }
            }
        };
        if end <= at + 1 {
            break;
        }
        found.push(Segment { marker, range: at..end });
        at = end;
        if marker == 0xD9 {
            break;
        }
    }
    if at < jpeg.len() {
        found.push(Segment { marker: 0, range: at..jpeg.len() });
    }
    found
}

/// Where the entropy-coded data from `at` on end: at the next marker that is no restart marker.
fn end_of_scan(jpeg: &[u8], at: usize) -> usize {
    let rest = jpeg.get(at..).unwrap_or_default();
    let next = rest.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7 | 0xFF));
    next.map_or(jpeg.len(), |next| at + next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::testing::image;
    use crate::codec::{ImageEncoder, JpegEncoder, decode_foreign};
    use crate::image::ycc::Sampling;

    fn coded(width: usize, height: usize) -> Vec<u8> {
        let image = image(width, height, Sampling::S420);
        JpegEncoder::new().unwrap().encode(image.view(), 90.into()).unwrap()
    }

    /// A segment of a marker.
    fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u16 + 2).to_be_bytes();
        [&[0xFF, marker][..], &length, payload].concat()
    }

    fn exif(orientation: u8) -> Vec<u8> {
        let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
        segment(0xE1, &[b"Exif\0\0MM\0*\0\0\0\x08\0\x01", &entry[..], &[0; 4]].concat())
    }

    fn with(jpeg: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
        [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()
    }

    #[test]
    fn what_describes_a_picture_is_named_and_taken_out() {
        let plain = coded(40, 24);
        assert!(extras(&plain).is_empty());
        assert_eq!(without_extras(plain.clone(), |_| false), plain);
        let icc = segment(0xE2, b"ICC_PROFILE\0\x01\x01profile");
        let added = [
            exif(6),
            segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
            segment(0xFE, b"patient 4711"),
            segment(0xED, b"Photoshop 3.0\0"),
            icc.clone(),
            segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01"),
        ];
        let full = [with(&plain, &added), b"behind".to_vec()].concat();
        let kinds: Vec<_> = extras(&full).into_iter().map(|extra| extra.kind).collect();
        use ExtraKind as K;
        assert_eq!(kinds, [K::Exif(6), K::Xmp, K::Comment, K::Application(13), K::Trailing]);
        let range = extras(&full)[2].range.clone();
        assert!(full[range].ends_with(b"patient 4711"));
        assert_eq!(without_extras(full.clone(), |profile| profile == b"profile"), with(&plain, &added[4..]));
        let bare = without_extras(full, |_| false);
        assert_eq!(bare, with(&plain, &added[5..]));
        assert_eq!(decode_foreign(&bare, None).unwrap(), decode_foreign(&plain, None).unwrap());
    }

    #[test]
    fn a_jfif_segment_stays_without_its_thumbnail() {
        let plain = coded(16, 16);
        let jfif = |x: u8, thumbnail: &[u8]| {
            segment(0xE0, &[&b"JFIF\0\x01\x02\0\0\x01\0\x01"[..], &[x, x], thumbnail].concat())
        };
        let rest = match plain.get(2..4) {
            Some([0xFF, 0xE0]) => plain[20..].to_vec(),
            _ => plain[2..].to_vec(),
        };
        let build = |first: Vec<u8>| [&plain[..2], &first, &rest].concat();
        let (full, want) = (build(jfif(1, &[9, 9, 9])), build(jfif(0, &[])));
        assert_eq!(extras(&full)[0].kind, ExtraKind::Thumbnail);
        assert_eq!(without_extras(full, |_| true), want);
        assert!(extras(&want).is_empty());
    }

    #[test]
    fn broken_files_end_the_search() {
        let plain = coded(16, 16);
        for end in 0..plain.len() {
            let _ = extras(&plain[..end]);
            assert!(without_extras(plain[..end].to_vec(), |_| false).len() <= end);
        }
        let _ = extras(&with(&plain, &[vec![0xFF, 0xE1, 0, 0], vec![0xFF, 0xE1, 0xFF, 0xFF]]));
    }
}

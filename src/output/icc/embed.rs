//! A colour profile in an image file. The pixels stay as they are.

use std::io::Write;

use flate2::Crc;
use flate2::write::ZlibEncoder;

use crate::output::tile::OutputFormat;

/// What a JPEG's segment with a part of a profile begins with: ICC.1:2010, annex B.4.
const JPEG_MARK: &[u8] = b"ICC_PROFILE\0";
/// Most bytes of a profile in one segment: 65,535 with its length, mark, number and count.
const JPEG_PART_BYTES: usize = 65_519;

/// The image with the profile in it. An image that has one already, or is not of the format, stays as it is.
pub fn embed(format: OutputFormat, image: Vec<u8>, icc: &[u8]) -> Vec<u8> {
    let with = match format {
        OutputFormat::Jpeg => jpeg(&image, icc),
        OutputFormat::Png => png(&image, icc),
        OutputFormat::Webp => webp(&image, icc),
    };
    with.unwrap_or(image)
}

/// Parts of the profile in APP2 segments, after the JFIF header, which must come first.
fn jpeg(image: &[u8], icc: &[u8]) -> Option<Vec<u8>> {
    let mut at = image.starts_with(&[0xff, 0xd8]).then_some(2)?;
    let mut place = at;
    // The segments before the frame.
    while let [0xff, marker @ 0xe0..=0xef, high, low] = *image.get(at..at + 4)? {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == 0xe2 && image.get(at + 4..end)?.starts_with(JPEG_MARK) {
            return None;
        }
        if marker == 0xe0 && place == at {
            place = end;
        }
        at = end;
    }
    let count = u8::try_from(icc.len().div_ceil(JPEG_PART_BYTES)).ok()?;
    let mut out = Vec::with_capacity(image.len() + icc.len() + 18 * usize::from(count));
    out.extend_from_slice(image.get(..place)?);
    for (number, part) in (1u8..).zip(icc.chunks(JPEG_PART_BYTES)) {
        let length = u16::try_from(2 + JPEG_MARK.len() + 2 + part.len()).ok()?;
        out.extend_from_slice(&[0xff, 0xe2]);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(JPEG_MARK);
        out.extend_from_slice(&[number, count]);
        out.extend_from_slice(part);
    }
    out.extend_from_slice(image.get(place..)?);
    Some(out)
}

/// A JPEG without this profile, which is before its frame; `None` where it has another or none.
pub fn remove(image: &[u8], icc: &[u8]) -> Option<Vec<u8>> {
    let mut at = image.starts_with(&[0xff, 0xd8]).then_some(2)?;
    let (mut out, mut found) = (Vec::with_capacity(image.len()), Vec::with_capacity(icc.len()));
    out.extend_from_slice(image.get(..2)?);
    while let [0xff, marker @ 0xe0..=0xef, high, low] = *image.get(at..at + 4)? {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        let segment = image.get(at + 4..end)?;
        match segment.strip_prefix(JPEG_MARK).filter(|_| marker == 0xe2) {
            Some(part) => found.extend_from_slice(part.get(2..)?),
            None => out.extend_from_slice(image.get(at..end)?),
        }
        at = end;
    }
    out.extend_from_slice(image.get(at..)?);
    (found == icc).then_some(out)
}

/// An `iCCP` chunk after `IHDR`: PNG, section 11.3.2.3.
fn png(image: &[u8], icc: &[u8]) -> Option<Vec<u8>> {
    // The signature, then `IHDR`: length, name, 13 bytes, checksum.
    const PLACE: usize = 8 + 4 + 4 + 13 + 4;
    image.get(12..16).filter(|name| *name == b"IHDR")?;
    let mut chunk = b"iCCPICC profile\0\0".to_vec();
    let mut zlib = ZlibEncoder::new(&mut chunk, flate2::Compression::default());
    zlib.write_all(icc).and_then(|()| zlib.finish()).ok()?;
    let mut crc = Crc::new();
    crc.update(&chunk);
    let length = u32::try_from(chunk.len() - 4).ok()?;
    let (head, rest) = image.split_at_checked(PLACE)?;
    Some([head, &length.to_be_bytes(), &chunk, &crc.sum().to_be_bytes(), rest].concat())
}

/// The extended file format with an `ICCP` chunk: RFC 9649, section 2.7.
fn webp(image: &[u8], icc: &[u8]) -> Option<Vec<u8>> {
    const HAS_PROFILE: u8 = 0x20;
    // A simple file: `RIFF`, size, `WEBP`, then one chunk `VP8 ` whose frame header has the size after 6 bytes.
    image.get(..16).filter(|head| head.starts_with(b"RIFF") && head.ends_with(b"WEBPVP8 "))?;
    let side =
        |at: usize| Some(u32::from(u16::from_le_bytes(image.get(at..at + 2)?.try_into().ok()?) & 0x3fff));
    let (width, height) = (side(26)?.checked_sub(1)?, side(28)?.checked_sub(1)?);
    let mut out = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
    out.extend_from_slice(&[HAS_PROFILE, 0, 0, 0]);
    out.extend_from_slice(width.to_le_bytes().get(..3)?);
    out.extend_from_slice(height.to_le_bytes().get(..3)?);
    out.extend_from_slice(b"ICCP");
    out.extend_from_slice(&u32::try_from(icc.len()).ok()?.to_le_bytes());
    out.extend_from_slice(icc);
    out.extend_from_slice(if icc.len() % 2 == 1 { &[0] } else { &[] });
    out.extend_from_slice(image.get(12..)?);
    let size = u32::try_from(out.len() - 8).ok()?;
    out.get_mut(4..8)?.copy_from_slice(&size.to_le_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{JpegEncoder, decode_foreign, decode_png, encode_png};
    use crate::image::ycc::Sampling;

    fn icc(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|i| (i * 7 % 251) as u8).collect()
    }

    #[test]
    fn a_jpeg_has_the_profile_in_numbered_parts_after_its_header() {
        let pixels = vec![90; 3 * 20 * 10];
        let plain = JpegEncoder::new().unwrap().encode_rgb(&pixels, 20, 10, 90, Sampling::S444).unwrap();
        for (bytes, parts) in [(1, 1), (JPEG_PART_BYTES, 1), (JPEG_PART_BYTES + 1, 2), (200_000, 4)] {
            let icc = icc(bytes);
            let image = embed(OutputFormat::Jpeg, plain.clone(), &icc);
            assert_eq!(
                decode_foreign(&image, Some((20, 10))).unwrap(),
                decode_foreign(&plain, None).unwrap()
            );
            let (mut at, mut found, mut number) = (2, Vec::new(), 0);
            assert_eq!(image[3], 0xe0, "the JFIF header is first");
            while image[at] == 0xff && (0xe0..=0xef).contains(&image[at + 1]) {
                let length = usize::from(u16::from_be_bytes([image[at + 2], image[at + 3]]));
                if image[at + 1] == 0xe2 {
                    number += 1;
                    assert_eq!(image[at + 16..at + 18], [number, parts]);
                    found.extend_from_slice(&image[at + 18..at + 2 + length]);
                }
                at += 2 + length;
            }
            assert!(found == icc && number == parts, "{bytes} bytes");
            assert_eq!(embed(OutputFormat::Jpeg, image.clone(), b"another"), image);
        }
        assert_eq!(embed(OutputFormat::Jpeg, plain.clone(), &icc(JPEG_PART_BYTES * 256)), plain);
        assert_eq!(embed(OutputFormat::Jpeg, b"\xff\xd8\xff".to_vec(), &icc(3)), b"\xff\xd8\xff");
    }

    #[test]
    fn a_png_has_a_chunk_that_its_reader_finds() {
        let plain = encode_png(&[9; 12], 3, 2, 2).unwrap();
        let image = embed(OutputFormat::Png, plain.clone(), &icc(5000));
        let reader = png::Decoder::new(std::io::Cursor::new(&image)).read_info().unwrap();
        assert_eq!(reader.info().icc_profile.as_deref(), Some(icc(5000).as_slice()));
        assert_eq!(decode_png(&image, 4).unwrap(), decode_png(&plain, 4).unwrap());
    }

    #[cfg(feature = "webp")]
    #[test]
    fn a_webp_file_becomes_an_extended_one() {
        let plain = crate::codec::encode_webp(&[120; 3 * 30 * 17], 30, 17, 80).unwrap();
        for bytes in [10, 11] {
            let image = embed(OutputFormat::Webp, plain.clone(), &icc(bytes));
            assert_eq!(u32::from_le_bytes(image[4..8].try_into().unwrap()) as usize, image.len() - 8);
            assert_eq!((&image[12..16], image[20], image[24], image[27]), (&b"VP8X"[..], 0x20, 29, 16));
            assert_eq!((&image[30..34], &image[38..38 + bytes]), (&b"ICCP"[..], icc(bytes).as_slice()));
            assert!(image.ends_with(&plain[12..]) && image.len().is_multiple_of(2));
        }
    }
}

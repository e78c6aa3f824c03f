//! JPEG files repacked by Lepton: about an eighth smaller, and restored byte for byte.
//!
//! Coefficients, tables and headers come back as they were, so libjpeg-turbo decodes a restored file to the same samples on every
//! machine. Packing and unpacking take time. Format: Horn et al., "The Design, Implementation, and
//! Deployment of a System to Transparently Compress Hundreds of Petabytes of Image Files for a File-Storage Service", NSDI 2017.

mod header;

use std::io::{Cursor, Write};

use lepton_jpeg::{EnabledFeatures, SingleThreadPool, catch_unwind_result, decode_lepton, encode_lepton};

use super::image_codec::{ImageDecoder, Shape};
use super::jpeg::{MAX_SIDE, max_repacked_bytes};
use super::turbo::Decoder as JpegDecoder;
use crate::codec::error::{Error, Result};
use crate::image::ycc::Ycc;

/// Limits on the size of a JPEG: none but JPEG's own.
const ANY_SIZE: (u32, u32) = (MAX_SIDE as u32, MAX_SIDE as u32);

/// Settings of the library: the caller's thread, and one piece, which packs best. Of its two variants of arithmetic the 32-bit one, which
/// gives the same result on every processor.
fn features((max_width, max_height): (u32, u32), max_file_bytes: u32) -> EnabledFeatures {
    EnabledFeatures {
        use_16bit_dc_estimate: false,
        use_16bit_adv_predict: false,
        max_partitions: 1,
        max_processor_threads: 1,
        max_jpeg_width: max_width,
        max_jpeg_height: max_height,
        max_jpeg_file_size: max_file_bytes,
        ..EnabledFeatures::compat_lepton_vector_write()
    }
}

fn failed(e: impl ToString) -> Error {
    Error::Image { what: "Lepton".into(), problem: e.to_string() }
}

/// Repacks a JPEG; `None` where Lepton cannot, or where unpacking would not restore the same bytes.
pub fn pack(jpeg: &[u8]) -> Option<Vec<u8>> {
    let mut packed = Cursor::new(Vec::with_capacity(jpeg.len()));
    let features = features(ANY_SIZE, u32::try_from(jpeg.len()).ok()?);
    let run = || encode_lepton(&mut Cursor::new(jpeg), &mut packed, &features, &SingleThreadPool {});
    catch_unwind_result(run).ok()?;
    let packed = packed.into_inner();
    let same = unpack(&packed, ANY_SIZE, jpeg.len()).is_ok_and(|back| back == jpeg);
    (same && packed.len() < jpeg.len()).then_some(packed)
}

/// The JPEG in a payload. It may have `max_size` (width, height) pixels and `max_bytes` at most.
///
/// # Errors
/// Damaged bytes, a larger image or file.
fn unpack(packed: &[u8], max_size: (u32, u32), max_bytes: usize) -> Result<Vec<u8>> {
    if !header::is_sound(packed, max_bytes.saturating_add(1 << 16)) {
        return Err(failed("its header is damaged, or says more than such an image has"));
    }
    let features = features(max_size, u32::try_from(max_bytes).unwrap_or(u32::MAX));
    let mut jpeg = Bounded { bytes: Vec::new(), left: max_bytes };
    let run = || decode_lepton(&mut Cursor::new(packed), &mut jpeg, &features, &SingleThreadPool {});
    catch_unwind_result(run).map_err(failed)?;
    Ok(jpeg.bytes)
}

/// A buffer with a limit.
struct Bounded {
    bytes: Vec<u8>,
    left: usize,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        let Some(left) = self.left.checked_sub(more.len()) else {
            return Err(std::io::Error::other("the file is larger than such an image's"));
        };
        self.left = left;
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The JPEG in a payload of an image of this size.
///
/// # Errors
/// As [`unpack`].
pub fn jpeg_of(bytes: &[u8], expect: Shape) -> Result<Vec<u8>> {
    let side = |n: usize| u32::try_from(n).unwrap_or(MAX_SIDE as u32);
    unpack(bytes, (side(expect.width), side(expect.height)), max_repacked_bytes(expect.width, expect.height))
}

/// Unpacks, then decodes the JPEG.
pub struct Decoder;

impl ImageDecoder for Decoder {
    fn decode_into(&mut self, bytes: &[u8], expect: Shape, image: &mut Ycc) -> Result<()> {
        let jpeg = jpeg_of(bytes, expect)?;
        JpegDecoder.decode_into(&jpeg, expect, image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{ImageEncoder, JpegEncoder};
    use crate::image::plane::Plane;
    use crate::image::ycc::Sampling;

    fn jpeg(width: usize, height: usize, sampling: Sampling) -> Vec<u8> {
        let plane = |(w, h): (usize, usize), seed: usize| {
            let sample = |i: usize| ((i % w * 7 + i / w * 5 + (i * i + seed) % 23) % 251) as u8;
            Plane::from_vec(w, h, (0..w * h).map(sample).collect())
        };
        let chroma = sampling.chroma_size(width, height);
        let image = Ycc {
            luma: plane((width, height), 0),
            chroma: (sampling != Sampling::Gray).then(|| [plane(chroma, 3), plane(chroma, 8)]),
            sampling,
        };
        let mut encoder = JpegEncoder::new().unwrap().optimised().unwrap();
        encoder.encode(image.view(), 85.into()).unwrap()
    }

    #[test]
    fn every_jpeg_comes_back_byte_for_byte_or_is_not_packed() {
        let mut packed = 0;
        for sampling in [Sampling::Gray, Sampling::S444, Sampling::S420] {
            for (width, height) in [(1, 1), (8, 8), (17, 9), (64, 40), (255, 131)] {
                let jpeg = jpeg(width, height, sampling);
                let Some(small) = pack(&jpeg) else { continue };
                assert!(small.len() < jpeg.len());
                assert_eq!(
                    unpack(&small, (255, 131), jpeg.len()).unwrap(),
                    jpeg,
                    "{sampling:?} {width}x{height}"
                );
                let shape = Shape { width, height, sampling: Some(sampling) };
                assert_eq!(Decoder.decode(&small, shape).unwrap(), JpegDecoder.decode(&jpeg, shape).unwrap());
                packed += 1;
            }
        }
        assert!(packed >= 9, "only {packed} were packed");
    }

    #[test]
    fn damaged_and_forged_bytes_are_errors() {
        let jpeg = jpeg(120, 90, Sampling::S420);
        let packed = pack(&jpeg).unwrap();
        assert!(pack(b"no JPEG").is_none());
        assert!(unpack(&packed, (120, 90), jpeg.len() - 1).is_err(), "more bytes than the limit");
        let shape = |width| Shape { width, height: 90, sampling: None };
        assert!(Decoder.decode(&packed, shape(120)).is_ok());
        assert!(Decoder.decode(&packed, shape(128)).is_err(), "another size");
        assert!(unpack(&packed, (119, 90), jpeg.len()).is_err(), "wider than the limit");
        for cut in (0..packed.len()).step_by(7) {
            assert!(
                unpack(&packed[..cut], (120, 90), jpeg.len()).map_or(true, |back| back != jpeg),
                "cut at {cut}"
            );
        }
        for at in (0..packed.len()).step_by(5) {
            let mut bad = packed.clone();
            bad[at] ^= 0x55;
            // An error, or another JPEG, which the archive's checksums reject; never more bytes than the limit.
            assert!(unpack(&bad, (120, 90), jpeg.len()).map_or(true, |back| back.len() <= jpeg.len()));
        }
    }

    /// Lengths of gigabytes in a header of some bytes are refused before memory is allocated.
    #[test]
    fn a_header_that_claims_more_than_there_is_is_refused() {
        use std::io::Write as _;

        let packed = pack(&jpeg(120, 90, Sampling::S420)).unwrap();
        let forged = |parts: &[u8]| {
            let mut deflated = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            deflated.write_all(parts).unwrap();
            let deflated = deflated.finish().unwrap();
            let mut file = packed[..24].to_vec();
            file.extend((deflated.len() as u32).to_le_bytes());
            file.extend(deflated);
            file
        };
        let of = |mark: &[u8], count: u32| [b"HDR\x02\0\0\0\xff\xd8", mark, &count.to_le_bytes()].concat();
        assert!(header::is_sound(&forged(&of(b"GRB", 0)), 1 << 20));
        for mark in [b"HDR", b"FRS", b"GRB", b"CRS", b"PGR"] {
            for count in [1, 0xFFFF_FFF0, u32::MAX] {
                assert!(unpack(&forged(&of(mark, count)), (64, 40), 1 << 20).is_err(), "{mark:?} {count}");
            }
        }
        // A decompression bomb: a megabyte of zeros in a header.
        assert!(!header::is_sound(&forged(&vec![0; 1 << 20]), 1 << 16));
        assert!(!header::is_sound(&packed[..20], 1 << 16));
    }
}

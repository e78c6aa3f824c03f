//! Stripes of every JPEG encoder against the whole image, and wrong restart markers.

use std::ops::Range;

use super::stripes::Striped;
use super::*;
use crate::codec::error::Result;
use crate::codec::testing::{image, planes, refusal, rows_of, shape};
use crate::codec::{EncoderKind, ImageDecoder, ImageRole, JpegDecoder, Quality, Shape};
use crate::image::ycc::{Sampling, Ycc};

#[test]
fn the_flat_step_follows_quality_as_libjpegs_tables_do() {
    assert_eq!([100, 75, 50, 25, 1].map(flat_step), [1, 11, FLAT_STEP as u8, 44, 255]);
}

/// An image coded in stripes of `stripe` rows.
fn coded(kind: EncoderKind, image: &Ycc, quality: Quality, stripe: usize) -> Vec<u8> {
    let mut encoder = kind.encoder(ImageRole::Residual).unwrap();
    encoder.set_stripes(stripe);
    encoder.encode(image.view(), quality).unwrap()
}

/// The whole image, decoded by libjpeg-turbo, which handles restart markers itself.
fn by_library(bytes: &[u8]) -> Result<Ycc> {
    JpegDecoder::open(bytes)?.planes()
}

fn kinds() -> impl Iterator<Item = EncoderKind> {
    let jpeg = [EncoderKind::Turbojpeg, EncoderKind::Trellis, EncoderKind::Mozjpeg, EncoderKind::Jpegli];
    jpeg.into_iter().filter(|kind| kind.is_built())
}

/// Asserts that two images have the same rows `rows`.
fn assert_equal_rows(a: &Ycc, b: &Ycc, rows: Range<usize>, case: &str) {
    assert_eq!(shape(a), shape(b), "{case}");
    let (_, chroma) = a.sampling.factors();
    for (i, (a, b)) in planes(a).into_iter().zip(planes(b)).enumerate() {
        let fy = if i == 0 { 1 } else { chroma };
        for y in rows.start / fy..rows.end.div_ceil(fy) {
            assert!(a.row(y) == b.row(y), "{case}: row {y} of plane {i}");
        }
    }
}

#[test]
fn stripes_are_the_rows_of_the_whole_whatever_the_encoder() {
    let mut decoder = JpegDecoder;
    for kind in kinds() {
        for sampling in [Sampling::Gray, Sampling::S420] {
            for (width, height) in [(64, 64), (61, 64), (64, 49), (33, 47), (1, 33), (17, 17), (130, 255)] {
                for quality in [Quality::from(60), Quality { luma: 85, chroma: 30 }] {
                    let case = format!("{} {sampling:?} {width}x{height} {quality:?}", kind.name());
                    let source = image(width, height, sampling);
                    let bytes = coded(kind, &source, quality, 16);
                    let whole = by_library(&bytes).unwrap();
                    let plain = coded(kind, &source, quality, 0);
                    assert!(decoder.decode(&plain, shape(&source)).unwrap() == whole, "{case}: coefficients");
                    // Decoded into the memory of another image.
                    let mut striped = Ycc::default();
                    striped.fill(Sampling::S444, 300, 20, 77);
                    for y in (0..height).step_by(16).rev() {
                        let rows = y..(y + 16).min(height);
                        let part = rows_of(&source, rows.clone());
                        assert!(decoder.decode_part(&bytes, shape(&source), part, &mut striped).unwrap());
                        assert_equal_rows(&striped, &whole, rows, &case);
                    }
                    assert_equal_rows(&striped, &whole, 0..height, &case);
                    // Rows that do not start or end with a stripe.
                    let mut some = Ycc::default();
                    let rows = height / 2..height / 2 + 1;
                    let part = rows_of(&source, rows.clone());
                    assert!(decoder.decode_part(&bytes, shape(&source), part, &mut some).unwrap());
                    assert!(some.luma.row(rows.start) == whole.luma.row(rows.start), "{case}");
                    assert!(plain.len() + 64 + 4 * height / 16 > bytes.len(), "{case}: bytes");
                }
            }
        }
    }
}

#[test]
fn images_that_cannot_have_stripes_have_no_markers_and_are_not_decoded_in_part() {
    let mut decoder = JpegDecoder;
    for kind in kinds() {
        // Stripes that are not whole MCU rows, an image no higher than a stripe, no stripes.
        for (sampling, height, stripe) in [
            (Sampling::Gray, 64, 12),
            (Sampling::S420, 64, 24),
            (Sampling::S420, 16, 16),
            (Sampling::Gray, 64, 0),
        ] {
            let source = image(40, height, sampling);
            let bytes = coded(kind, &source, 60.into(), stripe);
            assert!(bytes == coded(kind, &source, 60.into(), 0));
            let mut kept = source.clone();
            assert!(!decoder.decode_part(&bytes, shape(&source), rows_of(&source, 0..8), &mut kept).unwrap());
            assert!(kept == source, "nothing was done");
        }
    }
    assert!(Striped::parse(b"").is_none() && Striped::parse(b"GIF89a").is_none());
}

#[test]
fn an_interval_is_a_stripe_or_a_part_of_one_that_dri_can_name() {
    let rows = |width, height, sampling, stripe| restart_rows(width, height, sampling, stripe);
    assert_eq!(rows(1024, 1024, Sampling::Gray, 256), Some(32));
    assert_eq!(rows(1024, 1024, Sampling::S420, 256), Some(16));
    assert_eq!(rows(1000, 257, Sampling::Gray, 256), Some(32));
    assert_eq!(rows(1000, 256, Sampling::Gray, 256), None);
    assert_eq!(rows(16_384, 16_384, Sampling::Gray, 4096), Some(16));
    assert_eq!(rows(16_384, 16_384, Sampling::S420, 4096), Some(32));
    assert_eq!(rows(1024, 1024, Sampling::S420, 248), None);
    assert_eq!(rows(64, 64, Sampling::Gray, 8), Some(1));
    assert_eq!(rows(64, 64, Sampling::Gray, 0), None);
    // A stripe of several intervals, one of which is a row of MCUs.
    let source = image(2100 * 8, 72, Sampling::Gray);
    let bytes = coded(EncoderKind::Turbojpeg, &source, 50.into(), 8 * 8);
    let (mut stripe, mut decoder) = (Ycc::default(), JpegDecoder);
    let part = rows_of(&source, 16..32);
    assert!(decoder.decode_part(&bytes, shape(&source), part, &mut stripe).unwrap());
    assert_equal_rows(&stripe, &by_library(&bytes).unwrap(), 16..32, "parts of a stripe");
}

/// The offsets of the restart markers of a JPEG.
fn markers(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len() - 1).filter(|&i| bytes[i] == 0xFF && (0xD0..=0xD7).contains(&bytes[i + 1])).collect()
}

#[test]
fn another_shape_is_refused_as_for_the_whole_image() {
    let source = image(64, 64, Sampling::Gray);
    let bytes = coded(EncoderKind::Turbojpeg, &source, 60.into(), 16);
    let (good, part, mut out) = (shape(&source), rows_of(&source, 0..16), Ycc::default());
    for wrong in [
        Shape { width: 63, ..good },
        Shape { height: 80, ..good },
        Shape { sampling: Some(Sampling::S420), ..good },
    ] {
        let said = refusal(JpegDecoder.decode_part(&bytes, wrong, part, &mut out));
        assert_eq!(said, refusal(JpegDecoder.decode(&bytes, wrong)));
    }
    assert!(JpegDecoder.decode_part(&bytes, Shape { sampling: None, ..good }, part, &mut out).unwrap());
}

#[test]
fn forged_missing_or_misnumbered_markers_are_errors_or_leave_the_image_to_the_whole_decoder() {
    for sampling in [Sampling::Gray, Sampling::S420] {
        let source = image(70, 120, sampling);
        let bytes = coded(EncoderKind::Turbojpeg, &source, 70.into(), 32);
        let at = markers(&bytes);
        assert_eq!(at.len(), 3);
        let try_all = |bytes: &[u8]| {
            (0..4)
                .map(|i| {
                    let rows = 32 * i..(32 * i + 32).min(120);
                    let part = rows_of(&source, rows);
                    JpegDecoder.decode_part(bytes, shape(&source), part, &mut Ycc::default())
                })
                .collect::<Vec<_>>()
        };
        let not_striped = |bytes: &[u8], what: &str| {
            assert!(try_all(bytes).into_iter().all(|done| matches!(done, Ok(false))), "{what}");
            assert!(JpegDecoder.decode(bytes, shape(&source)).is_err(), "{what}: the whole");
            assert!(by_library(bytes).is_err(), "{what}: the whole by the library");
        };
        let mut misnumbered = bytes.clone();
        misnumbered[at[1] + 1] ^= 1;
        not_striped(&misnumbered, "a misnumbered marker");
        let missing = [&bytes[..at[1]], &bytes[at[1] + 2..]].concat();
        not_striped(&missing, "a missing marker");
        let doubled = [&bytes[..at[1]], &bytes[at[1]..at[1] + 2], &bytes[at[1]..]].concat();
        not_striped(&doubled, "a marker twice");
        for cut in 0..bytes.len() {
            assert!(Striped::parse(&bytes[..cut]).is_none(), "cut at {cut}");
        }
        assert!(Striped::parse(&[&bytes[..], b"more"].concat()).is_none());
        // DRI names another interval than the data have.
        let dri = bytes.windows(4).position(|w| w == [0xFF, 0xDD, 0, 4]).unwrap();
        for forged in [0, 1, u16::MAX, u16::from_be_bytes([bytes[dri + 4], bytes[dri + 5]]) / 2] {
            let mut other = bytes.clone();
            other[dri + 4..dri + 6].copy_from_slice(&forged.to_be_bytes());
            not_striped(&other, "a forged interval");
        }
        // A stripe less than the header says.
        let half = [&bytes[..at[1]], &bytes[at[2]..]].concat();
        not_striped(&half, "a stripe that is gone");
        // Data that end in the middle of an interval are an error of that stripe alone.
        let short = [&bytes[..at[1] - 30], &bytes[at[1]..]].concat();
        let done = try_all(&short);
        assert!(done[1].is_err() && [0, 2, 3].into_iter().all(|i| matches!(done[i], Ok(true))));
        assert!(JpegDecoder.decode(&short, shape(&source)).is_err());
    }
}

#[test]
fn damage_never_panics_and_never_gives_another_shape() {
    let mut state = 0x1234_5678u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for sampling in [Sampling::Gray, Sampling::S420] {
        let source = image(70, 120, sampling);
        let good = coded(EncoderKind::Turbojpeg, &source, 70.into(), 32);
        let head = markers(&good)[0];
        for i in 0..4000 {
            let mut bytes = good.clone();
            for _ in 0..1 + i % 3 {
                let at = random(if i % 4 == 0 { bytes.len() } else { head.min(400) });
                bytes[at] = if i % 2 == 0 { random(256) as u8 } else { bytes[at] ^ (1 << random(8)) };
            }
            let (mut out, rows) = (Ycc::default(), 32 * (i % 3)..32 * (i % 3) + 32);
            let part = rows_of(&source, rows.clone());
            if let Ok(true) = JpegDecoder.decode_part(&bytes, shape(&source), part, &mut out) {
                assert_eq!(shape(&out), shape(&source));
                // Where the whole image decodes too, it has the same rows.
                if let Ok(whole) = by_library(&bytes) {
                    assert_equal_rows(&out, &whole, rows, "damaged");
                }
            }
        }
    }
}

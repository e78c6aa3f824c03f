//! That payloads decode to the samples of their JPEGs, in whole and in cells; damage.

use super::pack::same;
use super::{Decoder, jpeg_of, pack, pack_coefficients};
use crate::codec::testing::{SIZES, assert_survives_damage, image, refusal, rows_of, shape};
use crate::codec::{
    EncoderKind, ImageDecoder, ImageEncoder, ImageRole, JpegDecoder, JpegEncoder, Quality, Shape,
    coefficients,
};
use crate::image::geometry::Rect;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

/// A JPEG of noise on soft steps, photographic tables.
fn jpeg(image: &Ycc, quality: u8) -> Vec<u8> {
    JpegEncoder::new().unwrap().optimised().unwrap().encode(image.view(), quality.into()).unwrap()
}

fn cases() -> impl Iterator<Item = (Ycc, u8)> {
    let samplings = [Sampling::Gray, Sampling::S420];
    let sizes = SIZES.into_iter().chain([(128, 100), (40, 257), (391, 200)]);
    sizes.flat_map(move |(w, h)| {
        samplings.into_iter().flat_map(move |s| [3, 50, 97].map(|quality| (image(w, h, s), quality)))
    })
}

#[test]
fn every_jpeg_decodes_to_the_samples_that_libjpeg_gives() {
    let mut packed = 0;
    for (image, quality) in cases() {
        let (jpeg, shape) = (jpeg(&image, quality), shape(&image));
        let expected = JpegDecoder.decode(&jpeg, shape).unwrap();
        for side in [0, 8, 16, 32, 48, 192, 9999] {
            let Some(small) = pack(&jpeg, shape, side) else { continue };
            assert!(small.len() < jpeg.len());
            let case = format!("{shape:?}, quality {quality}, cells of {side}");
            assert!(same(&Decoder.decode(&small, shape).unwrap(), &expected), "{case}");
            assert!(
                same(&Decoder.decode(&small, Shape { sampling: None, ..shape }).unwrap(), &expected),
                "{case}"
            );
            let back = jpeg_of(&small, shape).unwrap().unwrap();
            assert!(same(&JpegDecoder.decode(&back, shape).unwrap(), &expected), "{case}: as a JPEG");
            packed += 1;
        }
    }
    assert!(packed > 200, "only {packed} were packed");
}

/// Quantiser steps of 1 and samples of 0 and 255 give the largest coefficients.
#[test]
fn extreme_coefficients_come_back() {
    for period in [1, 2, 3, 8, 11] {
        let plane = |w: usize, h: usize| {
            Plane::from_vec(
                w,
                h,
                (0..w * h)
                    .map(|i| if (i % w / period + i / w / period).is_multiple_of(2) { 0 } else { 255 })
                    .collect(),
            )
        };
        let image = Ycc {
            luma: plane(96, 64),
            chroma: Some([plane(48, 32), plane(48, 32)]),
            sampling: Sampling::S420,
        };
        let jpeg = jpeg(&image, 100);
        // A JPEG of such a pattern may be smaller than the payload.
        let encoder = coefficients::Encoder::new().unwrap();
        let small = pack_coefficients(&encoder.coefficients(image.view(), 100.into()).unwrap(), 32).unwrap();
        assert!(
            Decoder.decode(&small, shape(&image)).unwrap()
                == JpegDecoder.decode(&jpeg, shape(&image)).unwrap()
        );
        let back = jpeg_of(&small, shape(&image)).unwrap();
        assert!(back.is_none_or(|back| JpegDecoder.decode(&back, shape(&image)).unwrap()
            == JpegDecoder.decode(&jpeg, shape(&image)).unwrap()));
    }
}

/// Damaged payloads have coefficients that no encoder writes. Their JPEG has the samples of the payload, or there is none.
#[test]
fn jpegs_of_damaged_payloads_have_their_samples() {
    let image = image(90, 70, Sampling::S420);
    let small = pack(&jpeg(&image, 60), shape(&image), 32).unwrap();
    let (mut state, mut alike) = (7u32, 0);
    for _ in 0..600 {
        let mut bytes = small.clone();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let at = 8 + (state >> 8) as usize % (bytes.len() - 8);
        bytes[at] ^= 1 << (state & 7);
        match (Decoder.decode(&bytes, shape(&image)), jpeg_of(&bytes, shape(&image))) {
            (Ok(planes), Ok(Some(jpeg))) => {
                assert!(
                    same(&coefficients::Decoder.decode(&jpeg, shape(&image)).unwrap(), &planes),
                    "byte {at}"
                );
                alike += 1;
            }
            (Ok(_), Ok(None)) | (Err(_), Err(_)) => {}
            (planes, jpeg) => panic!("byte {at}: {:?}, but {:?}", planes.err(), jpeg.err()),
        }
    }
    assert!(alike > 100, "{alike} of 600");
}

#[test]
fn other_images_and_damaged_bytes_are_errors() {
    let image = image(90, 70, Sampling::S420);
    let jpeg = jpeg(&image, 60);
    let small = pack(&jpeg, shape(&image), 32).unwrap();
    assert_survives_damage(&mut Decoder, &image, &small, 3000);
    let gray = Shape { sampling: Some(Sampling::Gray), ..shape(&image) };
    assert!(refusal(Decoder.decode(&small, gray)).contains("belongs"));
    // Kind, width, height, columns and rows of a cell, then 0 and the steps of luma.
    let mut without_a_step = small.clone();
    assert_eq!(without_a_step[9], 0);
    without_a_step[20] = 0;
    assert!(Decoder.decode(&without_a_step, shape(&image)).is_err());
    let longer = [&small[..], &[0]].concat();
    assert!(refusal(Decoder.decode(&longer, shape(&image))).contains("behind its last cell"));
    assert!(refusal(Decoder.decode(&[9; 40], shape(&image))).contains("does not know"));
    assert!(pack(b"no JPEG", shape(&image), 32).is_none());
}

/// Of the largest image: bytes that say nothing stand for blocks full of coefficients, each of which would have a plain bit.
#[test]
fn a_few_bytes_that_claim_millions_of_coefficients_are_an_error() {
    let shape = Shape { width: 16384, height: 16384, sampling: Some(Sampling::Gray) };
    let claims = |rows: u16, columns: Option<u16>| {
        let cells = 2048usize.div_ceil(rows.into()) * columns.map_or(1, |n| 2048usize.div_ceil(n.into()));
        let kind = if columns.is_some() { 0x20 } else { 0x10 };
        let columns: Vec<u8> = columns.iter().flat_map(|n| n.to_le_bytes()).collect();
        let head = [&[kind, 0, 64, 0, 64][..], &columns, &rows.to_le_bytes(), &[1]].concat();
        [head, vec![0; 2 * cells]].concat()
    };
    let image = &mut Ycc::default();
    for claim in [claims(2048, None), claims(1, None)] {
        let error = Decoder.decode_into(&claim, shape, image).unwrap_err().to_string();
        assert!(error.contains("cell of column 0, row 0 ends early"), "{error}");
    }
    // With cells, of which there may be no more than a thousand.
    for (rows, columns, says) in [
        (2048, 2048, "ends early"),
        (64, 64, "ends early"),
        (1, 2048, "at most 1024"),
        (2048, 1, "at most 1024"),
    ] {
        let error = Decoder.decode_into(&claims(rows, Some(columns)), shape, image).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    // The same with noise where it should be coded: what is read past its end is no more than noise.
    let mut noise = claims(2048, None);
    noise[8] = 40;
    noise.extend((0..40u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8));
    assert!(Decoder.decode_into(&noise, shape, image).is_err());
}

#[test]
fn a_jpeg_that_is_neither_gray_nor_420_is_not_packed() {
    let image = image(40, 40, Sampling::S444);
    let jpeg = jpeg(&image, 60);
    assert!(pack(&jpeg, shape(&image), 32).is_none());
}

#[test]
fn cells_are_parts_of_the_whole() {
    for (w, h, side) in [(130, 257, 64), (64, 200, 64), (90, 33, 64), (500, 410, 192)] {
        for sampling in [Sampling::Gray, Sampling::S420] {
            let image = image(w, h, sampling);
            let small = pack(&jpeg(&image, 80), shape(&image), side).unwrap();
            let whole = Decoder.decode(&small, shape(&image)).unwrap();
            if h <= side {
                let all = rows_of(&image, 0..h);
                assert!(!Decoder.decode_part(&small, shape(&image), all, &mut Ycc::default()).unwrap());
                continue;
            }
            // The memory of another image, whose samples must not remain.
            let mut put_together = self::image(w + 9, h, sampling);
            let across = if side < 192 { w } else { side };
            for y in (0..h).step_by(side).rev() {
                for x in (0..w).step_by(across).rev() {
                    let (width, height) = (across.min(w - x), side.min(h - y));
                    let part = Rect { x: x as u32, y: y as u32, width: width as u32, height: height as u32 };
                    assert!(Decoder.decode_part(&small, shape(&image), part, &mut put_together).unwrap());
                    let case = format!("{sampling:?} {w}x{h}, {part:?}");
                    assert!(
                        (y..y + height)
                            .all(|y| put_together.luma.row(y)[part.columns()]
                                == whole.luma.row(y)[part.columns()]),
                        "{case}"
                    );
                }
            }
            assert!(same(&put_together, &whole));
        }
    }
}

/// A part that lies in one cell reads no other one: these may be damaged.
#[test]
fn a_part_reads_its_own_cells_alone() {
    let image = image(500, 410, Sampling::S420);
    let mut small = pack(&jpeg(&image, 80), shape(&image), 192).unwrap();
    let (part, end) = (Rect { x: 0, y: 0, width: 192, height: 192 }, small.len());
    let mut right = Ycc::default();
    assert!(Decoder.decode_part(&small, shape(&image), part, &mut right).unwrap());
    small[end - 4000..].fill(0xFF);
    let mut again = Ycc::default();
    assert!(Decoder.decode_part(&small, shape(&image), part, &mut again).unwrap());
    assert!((0..192).all(|y| again.luma.row(y)[..192] == right.luma.row(y)[..192]));
}

#[test]
fn residuals_of_every_encoder_shrink() {
    let mut image = image(512, 384, Sampling::S420);
    // Three quarters of it blank, as residuals are where the prediction is good.
    (96..384).for_each(|y| image.luma.row_mut(y).fill(128));
    let quality = Quality { luma: 60, chroma: 40 };
    let kinds = [EncoderKind::Turbojpeg, EncoderKind::Trellis, EncoderKind::Mozjpeg, EncoderKind::Jpegli];
    for kind in kinds.into_iter().filter(|kind| kind.is_built()) {
        let jpeg = kind.encoder(ImageRole::Residual).unwrap().encode(image.view(), quality).unwrap();
        let small = pack(&jpeg, shape(&image), 128).unwrap();
        assert!(small.len() * 100 < jpeg.len() * 95, "{kind:?}: {} of {}", small.len(), jpeg.len());
        assert!(same(
            &Decoder.decode(&small, shape(&image)).unwrap(),
            &JpegDecoder.decode(&jpeg, shape(&image)).unwrap()
        ));
    }
}

#[test]
fn an_encoder_codes_by_context_what_it_would_code_as_a_jpeg() {
    for sampling in [Sampling::Gray, Sampling::S420] {
        for (width, height) in SIZES {
            for (quality, side) in [(Quality::from(50), 0), (Quality { luma: 80, chroma: 30 }, 16)] {
                let (image, case) =
                    (image(width, height, sampling), format!("{sampling:?} {width}x{height}"));
                let at_once =
                    |kind: EncoderKind| kind.encode_by_context(image.view(), quality, side).unwrap();
                let (payload, planes) = at_once(EncoderKind::Turbojpeg).unwrap();
                let mut encoder = EncoderKind::Turbojpeg.encoder(ImageRole::Residual).unwrap();
                let jpeg = encoder.encode(image.view(), quality).unwrap();
                assert_eq!(Some(payload), pack(&jpeg, shape(&image), side), "{case}");
                assert!(same(&planes, &JpegDecoder.decode(&jpeg, shape(&image)).unwrap()), "{case}");
                // A trellis for this coder: what it says is what a decoder makes of it.
                let (payload, planes) = at_once(EncoderKind::Trellis).unwrap();
                assert!(same(&planes, &Decoder.decode(&payload, shape(&image)).unwrap()), "{case}");
                assert!(at_once(EncoderKind::Webp).is_none());
            }
        }
    }
    let image = image(16, 16, Sampling::S444);
    assert!(EncoderKind::Trellis.encode_by_context(image.view(), 50.into(), 0).unwrap().is_none());
    let none = Ycc::gray(Plane::new(0, 8));
    assert!(EncoderKind::Trellis.encode_by_context(none.view(), 50.into(), 0).is_err());
}

//! Images and checks for the tests of all codecs.
// A build without some codecs uses a part of it.
#![allow(dead_code)]

use std::ops::Range;

use super::dispatch::decoder;
use super::image_codec::{ImageDecoder, ImageEncoder, Shape};
use crate::codec::error::Result;
use crate::image::geometry::Rect;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

/// Sizes in whole blocks, odd, smaller than a block, long and thin.
pub const SIZES: [(usize, usize); 8] =
    [(1, 1), (2, 1), (1, 9), (8, 8), (17, 9), (64, 40), (33, 130), (255, 131)];

/// Soft steps with noise on them.
pub fn noise(width: usize, height: usize, seed: u32) -> Plane {
    let mut state = seed;
    let sample = |i: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (96 + (i % width) / 8 + (state >> 27) as usize).min(255) as u8
    };
    Plane::from_vec(width, height, (0..width * height).map(sample).collect())
}

/// An image of [`noise`].
pub fn image(width: usize, height: usize, sampling: Sampling) -> Ycc {
    let (cw, ch) = sampling.chroma_size(width, height);
    let chroma = (sampling != Sampling::Gray).then(|| [noise(cw, ch, 2), noise(cw, ch, 3)]);
    Ycc { luma: noise(width, height, 1), chroma, sampling }
}

/// The planes of an image in order.
pub fn planes(image: &Ycc) -> Vec<&Plane> {
    std::iter::once(&image.luma).chain(image.chroma.iter().flatten()).collect()
}

/// The shape that an image has.
pub fn shape(image: &Ycc) -> Shape {
    image.view().into()
}

/// Rows of an image, in all its columns.
pub fn rows_of(image: &Ycc, rows: Range<usize>) -> Rect {
    Rect { x: 0, y: rows.start as u32, width: image.luma.width() as u32, height: rows.len() as u32 }
}

/// Asserts that gray, 4:4:4 and 4:2:0 of every size come back in their shape, each sample within `tolerance`.
pub fn assert_close(encoder: impl Fn() -> Box<dyn ImageEncoder>, quality: u8, tolerance: u8) {
    assert_close_in(&[Sampling::Gray, Sampling::S444, Sampling::S420], encoder, quality, tolerance);
}

/// As [`assert_close`], for the samplings that a codec has.
pub fn assert_close_in(
    samplings: &[Sampling],
    encoder: impl Fn() -> Box<dyn ImageEncoder>,
    quality: u8,
    tolerance: u8,
) {
    for &sampling in samplings {
        for (width, height) in SIZES {
            let case = format!("{sampling:?} {width}x{height}");
            let (image, mut encoder) = (image(width, height, sampling), encoder());
            let bytes = encoder.encode(image.view(), quality.into()).unwrap();
            let mut decoder = decoder(encoder.codec()).unwrap();
            let back = decoder.decode(&bytes, shape(&image)).unwrap();
            let open = decoder.decode(&bytes, Shape { sampling: None, ..shape(&image) }).unwrap();
            assert!(open == back, "{case}: the sampling is not read from the payload");
            assert_eq!(planes(&back).len(), planes(&image).len(), "{case}");
            for (a, b) in planes(&image).into_iter().zip(planes(&back)) {
                assert_eq!((a.width(), a.height()), (b.width(), b.height()), "{case}");
                for y in 0..a.height() {
                    for (&a, &b) in a.row(y).iter().zip(b.row(y)) {
                        assert!(a.abs_diff(b) <= tolerance, "{case}: {a} came back as {b}");
                    }
                }
            }
        }
    }
}

/// Asserts that no damage makes the decoder panic or return another shape, and that a truncated payload is an error or still decodes
/// to the whole image. Tries `tries` truncations and as many kinds of damage.
pub fn assert_survives_damage(decoder: &mut dyn ImageDecoder, image: &Ycc, bytes: &[u8], tries: usize) {
    let whole = decoder.decode(bytes, shape(image)).unwrap();
    let mut state = 0x9e37_79b9u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for i in 0..tries {
        let cut = if i < bytes.len().min(tries / 2) { i } else { random(bytes.len()) };
        if let Ok(got) = decoder.decode(&bytes[..cut], shape(image)) {
            assert!(got == whole, "{cut} of {} bytes decode to something else without an error", bytes.len());
        }
        let mut damaged = bytes.to_vec();
        for _ in 0..1 + i % 3 {
            // Half of the damage goes to the header.
            let at = random(if i % 2 == 0 { bytes.len() } else { bytes.len().min(40) });
            damaged[at] ^= 1 << random(8);
        }
        if let Ok(got) = decoder.decode(&damaged, shape(image)) {
            assert_eq!(shape(&got), shape(image), "damaged bytes that decode");
        }
    }
    for other in [(1, 0), (0, 1)] {
        let mut wrong = shape(image);
        (wrong.width, wrong.height) = (wrong.width + other.0, wrong.height + other.1);
        assert!(refusal(decoder.decode(bytes, wrong)).contains("belongs"));
    }
}

/// The message of an error.
pub fn refusal<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

//! What the tests of all codecs use: images, and what must hold of what comes back.
// The codecs that are built use a part of it.
#![allow(dead_code)]

use super::{ImageDecoder, ImageEncoder, Shape, decoder};
use crate::codec::error::Result;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

/// Sizes that are whole blocks, odd, smaller than a block, and long and thin.
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

/// Its planes in order.
pub fn planes(image: &Ycc) -> Vec<&Plane> {
    std::iter::once(&image.luma).chain(image.chroma.iter().flatten()).collect()
}

/// The shape that an image has.
pub fn shape(image: &Ycc) -> Shape {
    Shape { width: image.luma.width(), height: image.luma.height(), sampling: Some(image.sampling) }
}

/// Gray, 4:4:4 and 4:2:0 of every size come back in their shape and no sample further off than `most`.
pub fn assert_close(encoder: impl Fn() -> Box<dyn ImageEncoder>, quality: u8, most: u8) {
    assert_close_in(&[Sampling::Gray, Sampling::S444, Sampling::S420], encoder, quality, most);
}

/// As [`assert_close`], of the samplings that a codec has.
pub fn assert_close_in(
    samplings: &[Sampling],
    encoder: impl Fn() -> Box<dyn ImageEncoder>,
    quality: u8,
    most: u8,
) {
    for &sampling in samplings {
        for (width, height) in SIZES {
            let case = format!("{sampling:?} {width}x{height}");
            let (image, mut encoder) = (image(width, height, sampling), encoder());
            let bytes = encoder.encode(image.view(), quality.into()).unwrap();
            let mut decoder = decoder(encoder.codec()).unwrap();
            let back = decoder.decode(&bytes, shape(&image)).unwrap();
            let open = decoder.decode(&bytes, Shape { sampling: None, ..shape(&image) }).unwrap();
            assert!(open == back, "{case}: the codec itself does not tell the sampling");
            assert_eq!(planes(&back).len(), planes(&image).len(), "{case}");
            for (a, b) in planes(&image).into_iter().zip(planes(&back)) {
                assert_eq!((a.width(), a.height()), (b.width(), b.height()), "{case}");
                for y in 0..a.height() {
                    for (&a, &b) in a.row(y).iter().zip(b.row(y)) {
                        assert!(a.abs_diff(b) <= most, "{case}: {a} came back as {b}");
                    }
                }
            }
        }
    }
}

/// Nothing that happens to the bytes makes the decoder panic or give another shape; what is cut short is an error, or not missed:
/// the image is whole. `tries` is how many of each are tried.
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
            // Headers are where the damage is interesting.
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

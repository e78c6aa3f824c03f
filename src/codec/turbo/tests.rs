//! Round trips of every sampling, and damage.

use super::{Decoder, Encoder, raw_encoder};
use crate::codec::{ImageDecoder, ImageEncoder, Shape};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

fn image(width: usize, height: usize, sampling: Sampling) -> Ycc {
    let plane = |w: usize, h: usize, k: usize| {
        Plane::from_vec(w, h, (0..w * h).map(|i| (128 + (i % w) * k / 4 + (i / w) * 2) as u8).collect())
    };
    let (cw, ch) = sampling.chroma_size(width, height);
    let chroma = (sampling != Sampling::Gray).then(|| [plane(cw, ch, 3), plane(cw, ch, 5)]);
    Ycc { luma: plane(width, height, 4), chroma, sampling }
}

#[test]
fn every_sampling_and_odd_size_comes_back_in_its_own_planes() {
    let (mut enc, mut dec) = (Encoder::new().unwrap(), Decoder);
    for sampling in [Sampling::Gray].into_iter().chain(Sampling::YCC) {
        for (w, h) in [(1, 1), (17, 5), (64, 64), (255, 33)] {
            let source = image(w, h, sampling);
            let bytes = enc.encode(source.view(), 100.into()).unwrap();
            let shape = Shape { width: w, height: h, sampling: Some(sampling) };
            let back = dec.decode(&bytes, shape).unwrap();
            assert_eq!((back.luma.width(), back.luma.height()), (w, h));
            assert_eq!(back.chroma.is_some(), sampling != Sampling::Gray);
            let worst = (0..h)
                .flat_map(|y| back.luma.row(y).iter().zip(source.luma.row(y)))
                .map(|(a, b)| a.abs_diff(*b))
                .max();
            assert!(worst.unwrap() < 40, "{sampling:?} {w}x{h}: {worst:?}");
            assert!(dec.decode(&bytes, Shape { width: w + 1, ..shape }).is_err());
        }
    }
}

#[test]
fn damaged_bytes_are_errors() {
    let bytes = Encoder::new().unwrap().encode(image(200, 200, Sampling::S420).view(), 80.into()).unwrap();
    let mut dec = Decoder;
    let shape = Shape { width: 200, height: 200, sampling: None };
    assert!(dec.decode(&bytes, shape).is_ok());
    for cut in [0, 1, 20, bytes.len() / 2, bytes.len() - 3] {
        assert!(dec.decode(&bytes[..cut], shape).is_err(), "cut at {cut}");
    }
    assert!(dec.decode(b"GIF89a", shape).is_err());
    assert!(dec.decode(&bytes, shape).is_ok());
}

/// The program codes with restart markers through `csrc/`, without them through the `turbojpeg` crate.
#[test]
fn both_ways_to_libjpeg_turbo_write_the_same_bytes() {
    let mut encoder = Encoder::new().unwrap().optimised().unwrap();
    for sampling in [Sampling::Gray].into_iter().chain(Sampling::YCC) {
        for (w, h) in [(1, 1), (17, 5), (64, 64), (255, 33)] {
            for quality in [1, 50, 95, 100] {
                let source = image(w, h, sampling);
                let raw = raw_encoder::encode(source.view(), quality.into(), 0).unwrap();
                let case = format!("{sampling:?} {w}x{h} quality {quality}");
                assert!(encoder.encode(source.view(), quality.into()).unwrap() == raw, "{case}");
                // A part of a larger plane, whose rows are not packed.
                let larger = image(w + 24, h + 40, sampling);
                let part = larger.view().part(8, 16, w, h);
                let raw = raw_encoder::encode(part, quality.into(), 0).unwrap();
                assert!(encoder.encode(part, quality.into()).unwrap() == raw, "{case}, a part");
            }
        }
    }
}

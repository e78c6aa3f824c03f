//! That the JPEG that went in comes back, and damage. Encoding needs libjxl: `ORIGAMI_REQUIRE_LIBJXL=1` makes its absence a failure.
//! The golden files test decoding without it.

use super::*;
use crate::codec::testing::{SIZES, assert_close, assert_survives_damage, image, planes, refusal, shape};
use crate::codec::{EncoderKind, ImageDecoder, ImageEncoder, ImageRole, JpegDecoder, Shape};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

/// Whether libjxl can be loaded; prints why not.
fn has_library() -> bool {
    let state = state();
    let required = std::env::var_os("ORIGAMI_REQUIRE_LIBJXL").is_some_and(|v| v == "1");
    assert!(state.is_ok() || !required, "{state:?}");
    println!("{}", state.as_ref().map_or_else(|why| format!("SKIPPED: {why}"), String::clone));
    state.is_ok()
}

fn jpeg_kind() -> EncoderKind {
    if cfg!(feature = "mozjpeg") { EncoderKind::Mozjpeg } else { EncoderKind::Turbojpeg }
}

fn encoder(role: ImageRole) -> Encoder {
    Encoder::new(jpeg_kind().encoder(role).unwrap()).unwrap()
}

fn encoded(role: ImageRole, image: &Ycc, quality: u8) -> Vec<u8> {
    encoder(role).encode(image.view(), quality.into()).unwrap()
}

/// The size of the JPEG that goes in, and the samples that it decodes to.
fn as_jpeg(role: ImageRole, image: &Ycc, quality: u8) -> (usize, Ycc) {
    let bytes = jpeg_kind().encoder(role).unwrap().encode(image.view(), quality.into()).unwrap();
    (bytes.len(), JpegDecoder.decode(&bytes, shape(image)).unwrap())
}

#[test]
fn every_sampling_and_size_decodes_to_what_its_jpeg_decodes_to() {
    if !has_library() {
        return;
    }
    assert_close(|| Box::new(encoder(ImageRole::Baseline)), 95, 40);
    for sampling in [Sampling::Gray, Sampling::S444, Sampling::S420] {
        for (width, height) in SIZES.into_iter().chain([(300, 270), (513, 260)]) {
            for quality in [1, 50, 100] {
                for role in [ImageRole::Baseline, ImageRole::Residual] {
                    let case = format!("{sampling:?} {width}x{height} q{quality} {role:?}");
                    let image = image(width, height, sampling);
                    let bytes = encoded(role, &image, quality);
                    let back = Decoder.decode(&bytes, shape(&image)).unwrap();
                    let (_, want) = as_jpeg(role, &image, quality);
                    for (want, got) in planes(&want).into_iter().zip(planes(&back)) {
                        for y in 0..want.height() {
                            assert!(want.row(y) == got.row(y), "{case}, row {y}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn it_is_smaller_than_the_jpeg() {
    if !has_library() {
        return;
    }
    for (sampling, role, quality) in [
        (Sampling::S444, ImageRole::Baseline, 90),
        (Sampling::S420, ImageRole::Baseline, 90),
        (Sampling::Gray, ImageRole::Residual, 50),
    ] {
        let image = image(512, 512, sampling);
        let (jpeg, _) = as_jpeg(role, &image, quality);
        let bytes = encoded(role, &image, quality).len();
        println!("{sampling:?} {role:?}: {bytes} of {jpeg} bytes");
        assert!(bytes < jpeg);
    }
}

#[test]
fn the_jpeg_in_it_is_one_that_every_viewer_reads() {
    if !has_library() {
        return;
    }
    for sampling in [Sampling::Gray, Sampling::S444, Sampling::S420] {
        let image = image(40, 30, sampling);
        let jpeg = jpeg_of(&encoded(ImageRole::Baseline, &image, 80), shape(&image)).unwrap();
        assert!(jpeg.starts_with(b"\xff\xd8\xff\xe0\x00\x10JFIF\0"));
        let header = JpegDecoder::open(&jpeg).unwrap().header();
        assert!(header.baseline && header.sampling == Some(sampling), "{header:?}");
    }
}

#[test]
fn damaged_bytes_are_errors_and_never_panics() {
    if !has_library() {
        return;
    }
    for (sampling, role) in [
        (Sampling::S444, ImageRole::Baseline),
        (Sampling::S420, ImageRole::Baseline),
        (Sampling::Gray, ImageRole::Residual),
    ] {
        let image = image(75, 50, sampling);
        let bytes = encoded(role, &image, 60);
        assert_survives_damage(&mut Decoder, &image, &bytes, 300);
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(refusal(Decoder.decode(&longer, shape(&image))).contains("after the image"));
        for other in [Sampling::Gray, Sampling::S444, Sampling::S420].into_iter().filter(|&s| s != sampling) {
            let wrong = Shape { sampling: Some(other), ..shape(&image) };
            assert!(refusal(Decoder.decode(&bytes, wrong)).contains("belongs"));
        }
    }
    for junk in [&b""[..], b"\xff", b"\xff\x0a", b"\xff\xd8\xff", &[0xff; 64], &[0; 64]] {
        refusal(Decoder.decode(junk, Shape { width: 8, height: 8, sampling: None }));
    }
}

#[test]
fn what_jpeg_cannot_code_is_refused() {
    if !has_library() {
        return;
    }
    let encode = |image: &Ycc| encoder(ImageRole::Baseline).encode(image.view(), 90.into());
    assert!(refusal(encode(&Ycc::gray(Plane::new(65_501, 1)))).contains("65500"));
    assert!(refusal(encode(&image(16, 16, Sampling::S422))).contains("444 or 420"));
}

//! JPEGs of every encoder, read by zune-jpeg: a decoder that shares no code with libjpeg-turbo.
//!
//! zune-jpeg does not aim at libjpeg's bits: its inverse DCT, chroma upsampling and colour conversion round in other ways. The tolerances
//! are the differences that were measured on these 648 images with version 0.5.15.

use zune_jpeg::JpegDecoder as Zune;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::codec::testing::{SIZES, image, shape};
use crate::codec::{EncoderKind, ImageDecoder, ImageRole, JpegDecoder};
use crate::image::ycc::{Sampling, Ycc};

/// Largest difference of a sample of Y, Cb or Cr that both decoders give without upsampling.
const MAX_PLANE_DIFFERENCE: u8 = 1;
/// Largest difference of R, G or B of an image whose chroma both decoders upsample.
const MAX_RGB_DIFFERENCE: u8 = 5;

/// The pixels of a JPEG, interleaved, in a colour space.
fn by_zune(jpeg: &[u8], space: ColorSpace) -> Vec<u8> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(space).set_strict_mode(true);
    Zune::new_with_options(ZCursor::new(jpeg), options).decode().unwrap()
}

fn largest_difference<'a>(a: impl IntoIterator<Item = &'a u8>, b: impl IntoIterator<Item = &'a u8>) -> u8 {
    let (mut a, mut b) = (a.into_iter(), b.into_iter());
    let mut largest = 0;
    loop {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) => largest = largest.max(a.abs_diff(*b)),
            (None, None) => return largest,
            _ => panic!("images of different sizes"),
        }
    }
}

/// Compares both decoders' samples; returns the largest differences in planes, and in RGB.
fn compare(case: &str, jpeg: &[u8], image: &Ycc) -> (u8, u8) {
    let ours = JpegDecoder.decode(jpeg, shape(image)).unwrap();
    let (width, height) = (ours.luma.width(), ours.luma.height());
    let luma = (0..height).flat_map(|y| ours.luma.row(y));
    let Some(chroma) = &ours.chroma else {
        let planes = largest_difference(luma, &by_zune(jpeg, ColorSpace::Luma));
        assert!(planes <= MAX_PLANE_DIFFERENCE, "{case}: {planes}");
        return (planes, 0);
    };
    let theirs = by_zune(jpeg, ColorSpace::YCbCr);
    let mut planes = largest_difference(luma, theirs.iter().step_by(3));
    if ours.sampling == Sampling::S444 {
        for (i, plane) in chroma.iter().enumerate() {
            let rows = (0..height).flat_map(|y| plane.row(y));
            planes = planes.max(largest_difference(rows, theirs.iter().skip(i + 1).step_by(3)));
        }
    }
    assert!(planes <= MAX_PLANE_DIFFERENCE, "{case}: planes differ by {planes}");
    let rgb = JpegDecoder::open(jpeg).unwrap().rgb().unwrap();
    assert_eq!(rgb.len(), 3 * width * height, "{case}");
    let rgb = largest_difference(&rgb, &by_zune(jpeg, ColorSpace::RGB));
    // One pixel wide there is nothing to interpolate between, and the two upsample in different ways: up to 9 was measured.
    assert!(rgb <= MAX_RGB_DIFFERENCE || width == 1, "{case}: RGB differs by {rgb}");
    (planes, rgb)
}

#[test]
fn baselines_and_residuals_of_every_encoder_with_and_without_restart_markers() {
    let kinds = [EncoderKind::Turbojpeg, EncoderKind::Trellis, EncoderKind::Mozjpeg, EncoderKind::Jpegli];
    let (mut files, mut worst) = (0, (0, 0));
    for kind in kinds.into_iter().filter(|kind| kind.is_built()) {
        for role in [ImageRole::Baseline, ImageRole::Residual] {
            for sampling in [Sampling::Gray, Sampling::S444, Sampling::S420] {
                for (width, height) in SIZES.into_iter().chain([(256, 256)]) {
                    for (quality, stripe) in [(30, 0), (50, 16), (95, 32)] {
                        let case =
                            format!("{} {role:?} {sampling:?} {width}x{height} q{quality}", kind.name());
                        let image = image(width, height, sampling);
                        let mut encoder = kind.encoder(role).unwrap();
                        encoder.set_stripes(stripe);
                        let jpeg = encoder.encode(image.view(), quality.into()).unwrap();
                        let (planes, rgb) = compare(&case, &jpeg, &image);
                        worst = (worst.0.max(planes), worst.1.max(rgb));
                        files += 1;
                    }
                }
            }
        }
    }
    println!("{files} files: planes differ by up to {}, RGB by up to {}", worst.0, worst.1);
    assert!(files >= 324, "{files} files; each encoder makes 162, and two are always built");
}

#[test]
fn progressive_files_of_other_programs() {
    let (width, height) = (255, 131);
    let rgb: Vec<u8> =
        (0..3 * width * height).map(|i| (i / 3 % width + i % 3 * 40 + i / 700) as u8).collect();
    for subsamp in [turbojpeg::Subsamp::None, turbojpeg::Subsamp::Sub2x2, turbojpeg::Subsamp::Sub2x1] {
        let mut compressor = turbojpeg::Compressor::new().unwrap();
        compressor.set_progressive(true).unwrap();
        compressor.set_subsamp(subsamp).unwrap();
        let format = turbojpeg::PixelFormat::RGB;
        let pixels = turbojpeg::Image { pixels: &rgb[..], width, pitch: 3 * width, height, format };
        let jpeg = compressor.compress_to_vec(pixels).unwrap();
        let ours = JpegDecoder::open(&jpeg).unwrap();
        assert!(!ours.header().baseline, "progressive");
        let difference = largest_difference(&ours.rgb().unwrap(), &by_zune(&jpeg, ColorSpace::RGB));
        assert!(difference <= MAX_RGB_DIFFERENCE, "{subsamp:?}: {difference}");
    }
}

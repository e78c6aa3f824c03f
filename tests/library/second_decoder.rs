//! The program's JPEGs, read by zune-jpeg: baselines and residuals of bundles, and the tiles that decode writes. Everywhere else in the
//! tests libjpeg-turbo decodes what libjpeg-turbo has written.

use std::fs;

use crate::kit::image::Image;
use crate::kit::pipeline::{decode_to, encode_to, slide_source};
use crate::kit::trees;
use origami::archive::Archive;
use origami::codec::{CodecId, EncoderKind, JpegDecoder};
use origami::decode::DecodeOptions;
use origami::encode::EncodeOptions;
use origami::image::geometry::TileId;
use origami::image::ycc::Sampling;
use origami::output::render::Output;
use origami::params::{EncodeParams, Subsamp};
use zune_jpeg::JpegDecoder as Zune;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Largest difference of gray samples: another inverse DCT.
const MAX_GRAY_DIFFERENCE: u8 = 1;
/// Largest difference of R, G or B: also another upsampling of chroma, and another conversion. Measured with zune-jpeg 0.5.15.
const MAX_RGB_DIFFERENCE: u8 = 6;

/// Compares the two decoders on one file; returns the largest difference.
fn compare(case: &str, jpeg: &[u8]) -> u8 {
    let ours = JpegDecoder::open(jpeg).unwrap();
    let header = ours.header();
    let gray = header.sampling == Some(Sampling::Gray);
    let space = if gray { ColorSpace::Luma } else { ColorSpace::RGB };
    let options = DecoderOptions::default().jpeg_set_out_colorspace(space).set_strict_mode(true);
    let theirs = Zune::new_with_options(ZCursor::new(jpeg), options)
        .decode()
        .unwrap_or_else(|e| panic!("{case}: {e}"));
    let ours = if gray {
        let luma = ours.planes().unwrap().luma;
        (0..luma.height()).flat_map(|y| luma.row(y).to_vec()).collect()
    } else {
        ours.rgb().unwrap()
    };
    assert_eq!(ours.len(), theirs.len(), "{case}: samples");
    let largest = ours.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    let most = if gray { MAX_GRAY_DIFFERENCE } else { MAX_RGB_DIFFERENCE };
    assert!(largest <= most, "{case}: {largest}");
    largest
}

#[test]
fn a_second_decoder_reads_what_bundles_hold_and_what_decode_writes() {
    let dir = tempfile::tempdir().unwrap();
    let slide = dir.path().join("slide.png");
    fs::write(&slide, Image::tissue(700, 500, 7).png()).unwrap();
    let kinds = [EncoderKind::Turbojpeg, EncoderKind::Trellis, EncoderKind::Mozjpeg, EncoderKind::Jpegli];
    let (mut payloads, mut tiles, mut worst) = (0, 0, (0, 0));
    for encoder in kinds.into_iter().filter(|kind| kind.is_built()) {
        for (subsamp, sampling) in [(Subsamp::S444, Sampling::S444), (Subsamp::S420, Sampling::S420)] {
            let chroma_residual_quality = (sampling == Sampling::S420).then_some(40);
            let params =
                EncodeParams { encoder, subsamp, chroma_residual_quality, ..EncodeParams::default() };
            let out = dir.path().join(format!("{}_{subsamp:?}", encoder.name()));
            let report =
                encode_to(slide_source(&slide, 64), &out, &params, &EncodeOptions::default()).unwrap();
            let archive = Archive::open(&report.bundle).unwrap();
            for entry in archive.families() {
                for payload in archive.read_family(entry).unwrap().payloads {
                    assert_eq!(payload.codec, CodecId::Jpeg);
                    let case = format!("{encoder:?} {subsamp:?} {} {}", entry.id, payload.kind.name());
                    worst.0 = worst.0.max(compare(&case, &payload.bytes));
                    payloads += 1;
                }
            }
            for grayscale in [false, true] {
                let output = Output { sampling, grayscale, ..Output::default() };
                let options = DecodeOptions { output, ..DecodeOptions::default() };
                let decoded = out.join(format!("gray_{grayscale}"));
                let tree =
                    trees::assert_whole("tree", &decode_to(&report.bundle, &decoded, &options).unwrap().dzi);
                let geometry = *tree.geometry();
                for level in 0..=geometry.top_level() {
                    let (columns, rows) = geometry.tiles(level);
                    for id in (0..rows).flat_map(|y| (0..columns).map(move |x| TileId { level, x, y })) {
                        let jpeg = tree.tile_bytes(id).unwrap();
                        worst.1 = worst.1.max(compare(&format!("{encoder:?} {subsamp:?} tile {id}"), &jpeg));
                        tiles += 1;
                    }
                }
            }
        }
    }
    println!("{payloads} payloads differ by up to {}, {tiles} tiles by up to {}", worst.0, worst.1);
    assert!(payloads >= 2 * 12 && tiles >= 4 * 120, "{payloads} payloads, {tiles} tiles");
}

//! The closed loop with every encoder that this build has, for baseline and residual.

use crate::kit::image::Image;
use crate::kit::pipeline::{as_png, decode_to, encode_to, ready_encoders, slide_source, verify_deep};
use crate::kit::trees;
use origami::backend::CpuBackend;
use origami::codec::{EncoderKind, Entropy, ResidualCoder};
use origami::encode::EncodeOptions;
use origami::params::{EncodeParams, Subsamp};

use crate::roundtrip::{HEIGHT, WIDTH, check};

const HUFFMAN_CONTEXT: Entropy = Entropy { residual: ResidualCoder::Context, ..Entropy::HUFFMAN };
/// The coders of every build and, with the feature `lepton`, those that need it.
const ENTROPIES: &[Entropy] = if cfg!(feature = "lepton") {
    &[Entropy::HUFFMAN, Entropy::ADAPTIVE, Entropy::CONTEXT, Entropy::LEPTON, HUFFMAN_CONTEXT]
} else {
    &[Entropy::HUFFMAN, Entropy::ADAPTIVE, HUFFMAN_CONTEXT]
};

/// Whatever writes a payload: every decoder, and every way of making L0, sees what the encoder saw, and a bundle and its packs
/// decode to the same files.
fn every_encoder_with(tile: u32, gray: bool) {
    let dir = tempfile::tempdir().unwrap();
    let (slide, backend) = (dir.path().join("slide.png"), CpuBackend::new());
    let image = Image::tissue(WIDTH, HEIGHT, 9);
    std::fs::write(&slide, if gray { image.to_gray() } else { image }.png()).unwrap();
    let source = || slide_source(&slide, tile);
    let options = EncodeOptions { packs: true, ..EncodeOptions::default() };
    let mut combinations = 0;
    for encoder in ready_encoders() {
        for residual_encoder in [None].into_iter().chain(ready_encoders().into_iter().map(Some)) {
            for subsamp in [Subsamp::S444, Subsamp::S420] {
                // With chroma in the residual as well where the baseline has less of it; WebP has one quality for all.
                let webp = residual_encoder.unwrap_or(encoder) == EncoderKind::Webp;
                let chroma = if webp { 50 } else { 70 };
                let chroma_residual_quality = (subsamp == Subsamp::S420).then_some(chroma);
                let params = EncodeParams {
                    encoder,
                    residual_encoder,
                    subsamp,
                    chroma_residual_quality,
                    entropy: ENTROPIES[combinations % ENTROPIES.len()],
                    ..EncodeParams::default()
                };
                let case = format!("tile {tile}, gray {gray}: {encoder:?} {residual_encoder:?} {subsamp:?}");
                if encoder == EncoderKind::Webp && subsamp == Subsamp::S444 {
                    assert_eq!(params.validate(), Err(origami::params::Error::WebpBaseline444));
                    continue;
                }
                check(&case, source, &params, &backend);
                combinations += 1;
                if residual_encoder.is_some_and(|of| of != EncoderKind::Turbojpeg) {
                    continue;
                }
                let out = tempfile::tempdir().unwrap();
                let report = encode_to(source(), out.path(), &params, &options).unwrap();
                let (archive, _) = verify_deep(&report.bundle).unwrap();
                let encode = &archive.meta().encode;
                assert_eq!((encode.encoder, encode.residual_encoder), (encoder, residual_encoder), "{case}");
                let packs = report.bundle.parent().unwrap();
                for entry in archive.families() {
                    let name = format!("{}.pack", entry.id);
                    let (pack, _) = verify_deep(&packs.join(&name)).unwrap();
                    assert_eq!(
                        pack.read_family(&pack.families()[0]).unwrap(),
                        archive.read_family(entry).unwrap(),
                        "{case}: {name}"
                    );
                }
                let decoded = decode_to(&report.bundle, out.path(), &as_png(gray)).unwrap();
                trees::assert_whole(&case, &decoded.dzi);
            }
        }
    }
    println!("tile {tile}, gray {gray}: {combinations} combinations");
    assert!(combinations >= 4);
}

#[test]
fn decode_equals_the_encoder_with_every_encoder() {
    every_encoder_with(32, false);
}

#[test]
fn decode_equals_the_encoder_with_every_encoder_and_odd_tiles() {
    every_encoder_with(31, false);
}

#[test]
fn decode_equals_the_encoder_with_every_encoder_of_gray_slides() {
    every_encoder_with(32, true);
}

#[test]
fn trellis_quantisation_takes_fewer_bytes_at_the_same_tables() {
    let dir = tempfile::tempdir().unwrap();
    let slide = crate::roundtrip::tissue_slide(dir.path());
    for subsamp in [Subsamp::S444, Subsamp::S420] {
        let [plain, trellis] = [EncoderKind::Turbojpeg, EncoderKind::Trellis].map(|encoder| {
            let out = tempfile::tempdir().unwrap();
            let params = EncodeParams { encoder, subsamp, ..EncodeParams::default() };
            let options = EncodeOptions::default();
            encode_to(slide_source(&slide, 32), out.path(), &params, &options).unwrap().baseline_bytes
        });
        assert!(trellis < plain, "{trellis} of {plain}");
    }
}

//! Context-coded residuals decode to the same samples in the program, by the text of `docs/format.md`, and as the JPEGs that they were.

use crate::kit::compare::{assert_same, planes};
use crate::kit::rng::Rng;
use crate::oracle::context::{Met, decode};
use origami::codec::{CodecId, EncoderKind, Entropy, ImageRole, JpegDecoder, Quality, Shape};
use origami::codec::{ImageDecoder, decoder};
use origami::image::plane::Plane;
use origami::image::ycc::{Sampling, Ycc};
use xxhash_rust::xxh3::xxh3_128;

/// A plane as residuals have them, and as they hardly ever have them.
fn plane(kind: &str, width: usize, height: usize, seed: u64) -> Plane {
    let mut rng = Rng(seed);
    let mut value = |x: usize, y: usize| match kind {
        "specks" if rng.below(400) != 0 => 128,
        "specks" => 90 + rng.below(76) as u8,
        "faint noise" => 124 + rng.below(9) as u8,
        "noise" => 88 + rng.below(81) as u8,
        "edges" => 128 + 40 * u8::from(x / 21 % 2 == 1) - 30 * u8::from((x + 2 * y) / 37 % 3 == 1),
        "extremes" => [0, 255][if y / 8 % 4 == 3 { rng.below(2) } else { x / 8 % 2 }],
        _ => panic!("{kind}"),
    };
    let values = (0..width * height).map(|i| (i % width, i / width));
    Plane::from_vec(width, height, values.map(|(x, y)| value(x, y)).collect())
}

fn image(kind: &str, Shape { width, height, sampling }: Shape) -> Ycc {
    let sampling = sampling.unwrap();
    let (w, h) = sampling.chroma_size(width, height);
    let chroma = (sampling == Sampling::S420).then(|| [3, 4].map(|seed| plane(kind, w, h, seed)));
    Ycc { luma: plane(kind, width, height, 2), chroma, sampling }
}

/// A JPEG, packed in cells of several sizes: the text's samples, the program's and libjpeg-turbo's.
fn check(case: &str, jpeg: &[u8], shape: Shape, met: &mut Met) {
    let of_jpeg = JpegDecoder.decode(jpeg, shape).unwrap();
    for side in [0, 16, 64, 192] {
        let case = format!("{case}, cells of {side}");
        let stored = Entropy::CONTEXT.store_residual(CodecId::Jpeg, jpeg.to_vec(), shape, side).unwrap();
        let (CodecId::Context, payload) = stored else {
            println!("{case}: not packed");
            continue;
        };
        let of_program = decoder(CodecId::Context).unwrap().decode(&payload, shape).unwrap();
        let of_text = decode(&payload, met);
        for (whose, image) in [("the program", &of_program), ("libjpeg-turbo", &of_jpeg)] {
            let (theirs, ours) = (planes(image), planes(&of_text));
            assert_eq!(theirs.len(), ours.len(), "{case}: planes of {whose}");
            for (i, (theirs, ours)) in theirs.into_iter().zip(ours).enumerate() {
                assert_same(&format!("{case}, plane {i} of {whose}"), ours, theirs);
            }
        }
    }
}

/// Payloads that were written with another table cannot be decoded with this one: it may only change together with the payload's version.
#[test]
fn the_table_of_contexts_is_the_one_that_the_text_names() {
    let table = include_bytes!("../../src/codec/context/start.bin");
    let named = format!("{} bytes with the XXH3-128 `{:032x}`", table.len(), xxh3_128(table));
    assert!(include_str!("../../docs/format.md").contains(&named), "docs/format.md does not have {named}");
}

#[test]
fn the_text_suffices_to_decode_what_the_program_packs() {
    let mut met = Met::default();
    for kind in ["specks", "faint noise", "noise", "edges", "extremes"] {
        for (width, height) in [(17, 9), (130, 257), (250, 200)] {
            for sampling in [Sampling::Gray, Sampling::S420] {
                let shape = Shape { width, height, sampling: Some(sampling) };
                let image = image(kind, shape);
                for (luma, chroma) in [(30, 30), (75, 50), (95, 100), (100, 100)] {
                    let case = format!("{kind}, {width}x{height}, {sampling:?}, quality {luma}, {chroma}");
                    let mut encoder = EncoderKind::Turbojpeg.encoder(ImageRole::Residual).unwrap();
                    let jpeg = encoder.encode(image.view(), Quality { luma, chroma }).unwrap();
                    check(&case, &jpeg, shape, &mut met);
                }
            }
        }
    }
    println!("{met:?}");
    assert!(
        met.payloads >= 420 && met.in_rows >= 180 && met.in_columns >= 30,
        "{met:?}: too few were packed"
    );
    assert!(met.flat_steps > 0 && met.flat_steps < met.payloads, "{met:?}: both kinds of steps");
    assert!(met.largest == 1024, "{met:?}: black at quality 100 is the largest coefficient that there is");
}

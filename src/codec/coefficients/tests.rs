//! Against libjpeg-turbo, byte for byte; and every set of instructions against plain Rust.

mod decoding;
mod small;

use super::block::{Block, SIDE};
use super::dct::Steps;
use super::header::steps;
use super::huffman::{Code, NATURAL, non_zero};
use super::vector::{Scalar, Vector, by_level};
use super::{Component, Encoder, to_plane, to_plane_with, transform, transform_with};
use crate::codec::image_codec::{ImageDecoder, ImageEncoder, Quality};
use crate::codec::testing::{SIZES, image, planes, shape};
use crate::codec::turbo;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::testing::{self, Rng};

/// Samples without any order: the largest coefficients there are.
fn extreme(width: usize, height: usize, sampling: Sampling) -> Ycc {
    let mut rng = Rng::new(5);
    let mut plane = |(width, height): (usize, usize)| {
        let sample = |_| 255 * (rng.byte() & 1);
        Plane::from_vec(width, height, (0..width * height).map(sample).collect())
    };
    let luma = plane((width, height));
    let size = sampling.chroma_size(width, height);
    let chroma = (sampling != Sampling::Gray).then(|| [plane(size), plane(size)]);
    Ycc { luma, chroma, sampling }
}

/// Codes an image both ways, decodes it both ways, and compares.
fn assert_same(case: &str, image: &Ycc, quality: Quality, stripe: usize) {
    let mut theirs = turbo::Encoder::new().unwrap().optimised().unwrap();
    let mut ours = Encoder::new().unwrap();
    theirs.set_stripes(stripe);
    ours.set_stripes(stripe);
    let wanted = theirs.encode(image.view(), quality).unwrap();
    let (bytes, decided) = ours.encode_and_decode(image.view(), quality).unwrap();
    assert!(bytes == wanted, "{case}: {} bytes, not the {} of libjpeg-turbo", bytes.len(), wanted.len());
    let decoded = turbo::Decoder.decode(&wanted, shape(image)).unwrap();
    let decided = decided.unwrap_or_else(|| panic!("{case}: cannot be decided"));
    assert_eq!(shape(&decided), shape(image));
    for (ours, theirs) in planes(&decided).into_iter().zip(planes(&decoded)) {
        testing::assert_same("planes", case, theirs, ours);
    }
}

#[test]
fn files_and_planes_are_those_of_libjpeg_turbo() {
    for sampling in [Sampling::Gray].into_iter().chain(Sampling::YCC) {
        for (width, height) in SIZES {
            for quality in [1, 7, 35, 50, 76, 90, 100] {
                for (name, image) in
                    [("noise", image(width, height, sampling)), ("extreme", extreme(width, height, sampling))]
                {
                    for stripe in [0, 32] {
                        let case = format!(
                            "{name} {sampling:?} {width}x{height}, quality {quality}, stripes {stripe}"
                        );
                        assert_same(&case, &image, quality.into(), stripe);
                    }
                }
            }
        }
    }
    let two = Quality { luma: 40, chroma: 85 };
    assert_same("two qualities", &image(70, 90, Sampling::S420), two, 0);
    assert_same("two qualities in stripes", &image(70, 90, Sampling::S420), two, 16);
    // Blank glass: one symbol a table.
    let blank = Ycc::gray(Plane::filled(64, 64, 128));
    assert_same("blank", &blank, 50.into(), 16);
}

#[test]
fn a_part_of_a_larger_image_is_coded_as_itself() {
    let larger = image(120, 96, Sampling::S420);
    let part = larger.view().part(16, 32, 50, 41);
    let mut theirs = turbo::Encoder::new().unwrap().optimised().unwrap();
    assert_eq!(
        Encoder::new().unwrap().encode(part, 80.into()).unwrap(),
        theirs.encode(part, 80.into()).unwrap()
    );
    let none = Ycc::gray(Plane::new(0, 8));
    assert!(Encoder::new().unwrap().encode(none.view(), 80.into()).is_err());
}

#[test]
fn quotients_are_exact_for_every_step() {
    for step in 1..=255 {
        let divisor = 8 * step;
        let (divisors, inverses) = ([divisor; SIDE], [1.0 / divisor as f32; SIDE]);
        // Twice the largest magnitude of a transform.
        for value in 0..1 << 14 {
            let wanted = (value + divisor / 2) / divisor;
            let values = Scalar([value, -value, 0, 0, 0, 0, 0, 0]);
            let quotients = values.quantised(&divisors, &inverses).0;
            assert_eq!(quotients, [wanted, -wanted, 0, 0, 0, 0, 0, 0], "{value} / {divisor}");
        }
    }
}

/// Blocks of a component, and the samples that they stand for.
fn component(blocks: Vec<Block>, steps: [u8; 64]) -> Component {
    let columns = blocks.len();
    Component { steps: Steps::new(steps), per_mcu: (1, 1), columns, filled: (columns, 1), blocks }
}

#[test]
fn every_set_of_instructions_equals_plain_rust() {
    let mut rng = Rng::new(9);
    for quality in [1, 30, 77, 100] {
        let samples = extreme(8 * 64, 8, Sampling::Gray).luma;
        let mut components = [(); 2].map(|()| component(vec![[0; 64]; 64], steps(quality, false)));
        let [scalar, best] = &mut components;
        transform_with::<Scalar>(samples.view(), scalar);
        transform(samples.view(), best);
        assert_eq!(scalar.blocks, best.blocks, "quality {quality}");
        // Coefficients of any size: what cannot be decided is the same, and so is all else.
        for bits in [4, 9, 13, 15] {
            let mut value = |_| (rng.next() % (2 << bits)) as i64 as i16 >> (rng.next() % 16);
            let blocks: Vec<Block> = (0..64).map(|_| [0; 64].map(&mut value)).collect();
            for block in blocks {
                let component = component(vec![block], steps(quality, true));
                let (mut scalar, mut best) = (Plane::new(8, 8), Plane::new(8, 8));
                let (mut scalar_good, mut best_good) = (true, true);
                to_plane_with::<Scalar>(&component, &mut scalar, &mut scalar_good);
                to_plane(&component, &mut best, &mut best_good);
                assert_eq!(scalar_good, best_good, "{block:?}");
                assert!(!scalar_good || scalar == best, "{block:?}");
            }
        }
    }
}

#[inline(always)]
fn sets_with<V: Vector>(blocks: &[Block], sets: &mut Vec<u64>) {
    sets.extend(blocks.iter().map(|block| non_zero::<V>(block)));
}

by_level! {
    /// The non-zero coefficients of blocks.
    fn sets => sets_with(blocks: &[Block], sets: &mut Vec<u64>)
}

#[test]
fn what_is_not_zero_is_found_in_zigzag_order() {
    // Each place alone, with values whose lower or upper byte is zero.
    let mut blocks = Vec::new();
    for place in 0..64 {
        for value in [1, -1, 256, -256, i16::MAX, i16::MIN] {
            let mut block = [0; 64];
            block[usize::from(NATURAL[place])] = value;
            blocks.push(block);
        }
    }
    let mut rng = Rng::new(3);
    blocks.extend((0..500).map(|_| [0; 64].map(|_: i16| i16::from(rng.byte() & 1))));
    let (mut scalar, mut best) = (Vec::new(), Vec::new());
    sets_with::<Scalar>(&blocks, &mut scalar);
    sets(&blocks, &mut best);
    for ((block, scalar), best) in blocks.iter().zip(scalar).zip(best) {
        let wanted = (0..64).filter(|&place| block[usize::from(NATURAL[place])] != 0);
        assert_eq!((scalar, best), (best, wanted.map(|place| 1 << place).sum()), "{block:?}");
    }
}

#[test]
fn a_sample_far_outside_is_left_to_libjpeg_turbo() {
    let sure = |dc: i16| {
        let mut block = [0; 64];
        block[0] = dc;
        let mut good = true;
        to_plane(&component(vec![block], [8; 64]), &mut Plane::new(8, 8), &mut good);
        good
    };
    assert!(sure(511) && sure(-511), "within the table of limits");
    assert!(!sure(512) && !sure(-512), "beyond it");
    assert!(!sure(4000), "beyond 16 bits");
}

#[test]
fn codes_are_shortened_to_16_bits_and_refused_beyond_32() {
    // Counts like Fibonacci's numbers make the deepest trees.
    let counts = |symbols: usize| {
        let (mut counts, mut a, mut b) = ([0; 256], 1u32, 2u32);
        for count in counts.iter_mut().take(symbols) {
            *count = a;
            (a, b) = (b, a + b);
        }
        counts
    };
    let code = Code::best(&counts(25)).unwrap();
    assert_eq!(code.lengths.iter().map(|&count| usize::from(count)).sum::<usize>(), 25);
    let taken: u32 =
        (1..).zip(code.lengths).map(|(length, count): (u32, u8)| u32::from(count) << (16 - length)).sum();
    assert!(taken < 1 << 16, "the code of all ones is free");
    assert_eq!(code.symbols.len(), 25);
    assert!(Code::best(&counts(40)).is_none());
}

//! Against every choice there is, against libjpeg-turbo, and against rounding.

use super::ac::{STEP, Scale};
use super::lambda::{Lambda, Weights};
use super::rates::Rates;
use super::{ac, dc, quantise, quantise_with, transform_exact, transform_exact_with};
use crate::codec::coefficients::block::{Block, SIDE};
use crate::codec::coefficients::dct::Steps;
use crate::codec::coefficients::huffman::{Counts, NATURAL, Symbols, Table};
use crate::codec::coefficients::vector::Scalar;
use crate::codec::coefficients::{Component, Encoder};
use crate::codec::image_codec::{ImageDecoder, ImageEncoder, Quality};
use crate::codec::jpeg::flat_step;
use crate::codec::kind::ImageRole;
use crate::codec::testing::{SIZES, image, noise, planes, shape};
use crate::codec::turbo;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::testing::{self, Rng};

/// Costs like those of a residual: long runs and large sizes are rare.
fn rates() -> Rates {
    let mut counts = [0; 256];
    for (symbol, count) in (0u32..).zip(&mut counts) {
        *count = if symbol % 16 > 10 { 0 } else { 4000 >> (symbol / 16 + 2 * (symbol % 16)).min(20) };
    }
    (counts[0x00], counts[0xF0]) = (6000, 20);
    Rates::of(&counts)
}

/// What a block costs in bits and error, counted from its symbols, in 1/64 bit.
fn cost_of(block: &Block, exact: &Block, scale: &Scale, lambda: Lambda, rates: &Rates) -> i64 {
    let mut counts = Counts::NONE;
    counts.block::<Scalar>(block, block[0], Table::Luma);
    let symbols = (0..).zip(&counts.0[1]);
    let bits: i64 =
        symbols.map(|(symbol, &count)| i64::from(count) * i64::from(rates.of_symbol(symbol))).sum();
    let error = |(place, (&coded, &exact)): (usize, (&i16, &i16))| {
        let left = scale.steps(exact, place) - i32::from(coded.unsigned_abs()) * STEP;
        i64::from(lambda.cost(left * left))
    };
    bits + block.iter().zip(exact).enumerate().skip(1).map(error).sum::<i64>()
}

/// The least cost of all blocks in which each coefficient is rounded, one less, or zero.
fn least_cost(exact: &Block, scale: &Scale, lambda: Lambda, rates: &Rates) -> i64 {
    let size = |place: usize| (scale.steps(exact[place], place) + STEP / 2) / STEP;
    let places: Vec<_> = (1..64).filter(|&place| size(place) > 0).collect();
    let mut least = i64::MAX;
    for mut choice in 0..3usize.pow(places.len() as u32) {
        let mut block = [0; SIDE * SIDE];
        block[0] = exact[0];
        for &place in &places {
            let size = [size(place), size(place) - 1, 0][choice % 3] as i16;
            block[place] = if exact[place] < 0 { -size } else { size };
            choice /= 3;
        }
        least = least.min(cost_of(&block, exact, scale, lambda, rates));
    }
    least
}

#[test]
fn no_other_choice_of_coefficients_costs_less() {
    let (scale, rates) = (Scale::new(&[22; 64]), rates());
    let mut rng = Rng::new(3);
    let (mut coded, mut left_out) = (0, 0);
    for _ in 0..200 {
        // Some coefficients around half a step to two steps, of which each is 8 * 22.
        let mut exact = [0; SIDE * SIDE];
        exact[0] = 300;
        for _ in 0..8 {
            let value = 70 + (rng.next() % 340) as i16;
            let place = NATURAL[1 + (rng.next() % 63) as usize];
            exact[usize::from(place)] = if rng.next().is_multiple_of(2) { value } else { -value };
        }
        let lambda = Lambda::of(&exact, Weights::RESIDUAL);
        let mut block = exact;
        ac::quantise::<Scalar>(&mut block, &scale, lambda, &rates);
        assert_eq!(block[0], exact[0], "the mean is not its business");
        let signs = block.iter().zip(&exact).all(|(&coded, &exact)| coded == 0 || (coded < 0) == (exact < 0));
        assert!(signs, "{block:?} of {exact:?}");
        let cost = cost_of(&block, &exact, &scale, lambda, &rates);
        let least = least_cost(&exact, &scale, lambda, &rates);
        // Every error is rounded down.
        assert!(cost <= least + 16, "{cost}, not {least}: {block:?} of {exact:?}");
        coded += block[1..].iter().filter(|&&value| value != 0).count();
        left_out += exact[1..]
            .iter()
            .zip(&block[1..])
            .filter(|&(&exact, &coded)| exact.abs() > 88 && coded == 0)
            .count();
    }
    assert!(coded > 200 && left_out > 200, "{coded} coded, {left_out} left out");
}

#[test]
fn coefficients_of_every_size_stay_near_what_they_are() {
    let (rates, lambda) = (rates(), Lambda::flat(Weights::RESIDUAL));
    for step in [1, 2, 22, 255] {
        let scale = Scale::new(&[step; 64]);
        for exact in (0..8300).step_by(7).flat_map(|value| [value, -value]) {
            let mut block = [exact; SIDE * SIDE];
            ac::quantise::<Scalar>(&mut block, &scale, lambda, &rates);
            let divisor = 8 * i32::from(step);
            for &coded in &block[1..] {
                let off = (i32::from(coded) * divisor - i32::from(exact)).abs();
                assert!(off <= 5 * divisor / 2, "{exact} / {divisor} came to {coded}");
                assert!(
                    i32::from(exact).abs() < 3 * divisor || off <= 2 * divisor,
                    "{exact} / {divisor}: {coded}"
                );
            }
        }
    }
}

#[test]
fn means_cost_no_more_than_rounded_ones() {
    let rates = rates();
    let mut rng = Rng::new(11);
    let exact: Vec<i32> = (0..400).map(|_| (rng.next() % (6 * STEP as u64)) as i32 - 3 * STEP).collect();
    let cost = |values: &[i16]| {
        let before = std::iter::once(0).chain(values.iter().copied());
        let of = |((&value, before), &exact): ((&i16, i16), &i32)| {
            let size = 32 - (i32::from(value) - i32::from(before)).unsigned_abs().leading_zeros();
            let off = exact - i32::from(value) * STEP;
            rates.of_symbol(size) + Lambda::flat(Weights::RESIDUAL).cost(off * off)
        };
        values.iter().zip(before).zip(&exact).map(of).sum::<i32>()
    };
    let rounded: Vec<i16> = exact.iter().map(|&exact| ((exact + STEP / 2) >> STEP.ilog2()) as i16).collect();
    let quantised = |exact: &[i32]| {
        let mut buffers = dc::Buffers::default();
        buffers.exact.extend(exact);
        buffers.quantise(Lambda::flat(Weights::RESIDUAL), &rates);
        buffers.chosen
    };
    let chosen = quantised(&exact);
    assert_eq!(chosen.len(), exact.len());
    assert!(cost(&chosen) < cost(&rounded), "{} of {}", cost(&chosen), cost(&rounded));
    let near = chosen.iter().zip(&rounded).all(|(chosen, rounded)| chosen.abs_diff(*rounded) <= 1);
    assert!(near, "{chosen:?}");
    assert!(quantised(&[]).is_empty());
}

#[test]
fn planes_are_those_that_libjpeg_turbo_decodes() {
    for role in [ImageRole::Baseline, ImageRole::Residual] {
        for sampling in [Sampling::Gray].into_iter().chain(Sampling::YCC) {
            for (width, height) in SIZES {
                for (quality, stripe) in
                    [(Quality::from(50), 0), (Quality { luma: 70, chroma: 30 }, 16), (100.into(), 8)]
                {
                    let case = format!("{role:?} {sampling:?} {width}x{height} {quality:?} {stripe}");
                    let image = image(width, height, sampling);
                    let mut encoder = Encoder::with_trellis(role).unwrap();
                    encoder.set_stripes(stripe);
                    let (bytes, decided) = encoder.encode_and_decode(image.view(), quality).unwrap();
                    let decided = decided.unwrap_or_else(|| panic!("{case}: cannot be decided"));
                    let decoded = turbo::Decoder.decode(&bytes, shape(&image)).unwrap();
                    for (ours, theirs) in planes(&decided).into_iter().zip(planes(&decoded)) {
                        testing::assert_same("planes", &case, theirs, ours);
                    }
                }
            }
        }
    }
}

/// The mean squared error of a plane.
fn error(a: &Plane, b: &Plane) -> f64 {
    let squared = |(&a, &b): (&u8, &u8)| f64::from(a.abs_diff(b)).powi(2);
    a.data().iter().zip(b.data()).map(squared).sum::<f64>() / a.data().len() as f64
}

#[test]
fn a_residual_is_smaller_than_a_rounded_one_of_the_same_error() {
    let residual = Ycc::gray(noise(256, 256, 7));
    let mut encoder = Encoder::with_trellis(ImageRole::Residual).unwrap();
    let (bytes, decoded) = encoder.encode_and_decode(residual.view(), 50.into()).unwrap();
    // DQT: marker, length, precision and number, 64 steps.
    let at = bytes.windows(2).position(|pair| pair == [0xFF, 0xDB]).unwrap();
    assert!(bytes[at + 5..at + 69].iter().all(|&step| step == flat_step(50)), "one step for all frequencies");
    let reached = error(&decoded.unwrap().luma, &residual.luma);
    let mut rounded = Encoder::new().unwrap();
    let as_good =
        (1..=100).map(|quality| rounded.encode_and_decode(residual.view(), quality.into()).unwrap());
    let (least, _) = as_good
        .map(|(bytes, decoded)| (bytes.len(), error(&decoded.unwrap().luma, &residual.luma)))
        .find(|&(_, error)| error <= reached)
        .unwrap();
    assert!(20 * bytes.len() < 19 * least, "{} bytes, {least} by rounding", bytes.len());
}

#[test]
fn every_set_of_instructions_equals_plain_rust() {
    let plane = noise(512, 8, 5);
    let empty = || Component {
        steps: Steps::new([9; 64]),
        per_mcu: (1, 1),
        columns: 64,
        filled: (64, 1),
        blocks: vec![[0; 64]; 64],
    };
    let (mut scalar, mut best) = (empty(), empty());
    transform_exact_with::<Scalar>(plane.view(), &mut scalar);
    transform_exact(plane.view(), &mut best);
    assert_eq!(scalar.blocks, best.blocks);
    quantise_with::<Scalar>(&mut scalar, &Scale::new(&[9; 64]), Weights::PICTURE, &rates());
    quantise(&mut best, &Scale::new(&[9; 64]), Weights::PICTURE, &rates());
    assert_eq!(scalar.blocks, best.blocks);
    assert!(best.blocks.iter().any(|block| block[1..].iter().any(|&value| value != 0)));
}

//! A few rows by every way that vectors go, few enough for Miri (`scripts/miri.sh`): no read leaves its row.

use super::*;
use crate::kernels::taps::{Cycle, Stride};
use crate::kernels::testing::{Rng, assert_same};

const ROWS: usize = 5;

/// Rows without any order.
fn rows(width: usize, rng: &mut Rng) -> Plane {
    Plane::from_vec(width, ROWS, (0..width * ROWS).map(|_| rng.byte()).collect())
}

#[test]
fn small_rows_of_samples() {
    let up = |filter, factor: usize| Taps::upsample(filter, 24, factor, 24 * factor - 1);
    let down = |factor: usize| Taps::downsample(Filter::Bilinear, 16 * factor - 1, factor);
    for factor in [2, 4] {
        let Cycle { period, outputs } = up(Filter::Lanczos3, factor).cycle().clone();
        assert!(period == factor && outputs.len() >= 16 * factor, "x{factor}: {outputs:?}");
    }
    for factor in [2, 4, 8] {
        let Stride { step, outputs } = down(factor).stride().clone();
        assert!(step == factor && outputs.len() >= 8, "/{factor}: {outputs:?}");
    }
    let vertical = Taps::upsample(Filter::Bicubic, ROWS, 2, 2 * ROWS);
    let (mut rng, mut a, mut b) = (Rng::new(1), Scratch::default(), Scratch::default());
    for (name, taps) in [
        ("two phases", up(Filter::Lanczos3, 2)),
        ("four phases", up(Filter::Lanczos3, 4)),
        ("steps of 2", down(2)),
        ("steps of 4", down(4)),
        ("steps of 8", down(8)),
        ("few coefficients", Taps::scale(Filter::Bilinear, 31, 41)),
        ("many coefficients", Taps::scale(Filter::Lanczos3, 61, 41)),
        ("less than a vector", Taps::scale(Filter::Bicubic, 9, 7)),
    ] {
        let plane = rows(taps.in_len(), &mut rng);
        let (mut want, mut got) = (Plane::default(), Plane::default());
        resample_at(Level::Scalar, plane.view(), &taps, &vertical, &mut want, &mut a);
        resample_at(Level::current(), plane.view(), &taps, &vertical, &mut got, &mut b);
        assert_same("resample", name, &want, &got);
    }
}

#[test]
fn small_rows_in_q6() {
    let up = Taps::upsample(Filter::Bicubic, 30, 4, 120);
    let taps = Taps::gram(&up, 4);
    assert!(taps.run().len() >= 16, "{:?}", taps.run());
    let mut rng = Rng::new(2);
    let mut plane = Plane::<i16>::new(30, 30);
    for y in 0..30 {
        plane.row_mut(y).fill_with(|| i16::from(rng.byte()) * 64 - 8192);
    }
    let mut row = vec![0; taps.in_len() + taps.row_len()];
    let (mut scalar, mut best) = (Plane::new(30, 30), Plane::new(30, 30));
    for y in 0..30 {
        row[..30].copy_from_slice(plane.row(y));
        horizontal(Level::Scalar, &row, &taps, SHIFT_MID, scalar.row_mut(y));
        horizontal(Level::current(), &row, &taps, SHIFT_MID, best.row_mut(y));
    }
    assert_same("horizontal", "in Q6", &scalar, &best);
    let (mut want, mut got) = (Plane::default(), Plane::default());
    vertical_q6(Level::Scalar, &scalar, &taps, &mut want);
    vertical_q6(Level::current(), &scalar, &taps, &mut got);
    assert_same("vertical", "in Q6", &want, &got);
}

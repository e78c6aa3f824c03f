//! The residual: original minus prediction, as an 8-bit image around 128.
//!
//! Works sample by sample; knows nothing of how the prediction is made.

use super::level::{prefetch, vectorised};
use crate::image::plane::{Plane, PlaneRef};
use crate::image::spec::RESIDUAL_ZERO;

/// In 16 bits: they hold every sum, and a register holds more of them than of 32 bits.
const ZERO: i16 = RESIDUAL_ZERO as i16;

/// Rows that are fetched ahead.
const AHEAD: usize = 8;

vectorised! {
    fn make_row(original: &[u8], prediction: &[u8], out: &mut [u8]) {
        for ((out, &y), &p) in out.iter_mut().zip(original).zip(prediction) {
            *out = (i16::from(y) - i16::from(p) + ZERO).clamp(0, 255) as u8;
        }
    }
}

vectorised! {
    fn apply_row(prediction: &mut [u8], residual: &[u8]) {
        for (p, &r) in prediction.iter_mut().zip(residual) {
            *p = (i16::from(*p) + i16::from(r) - ZERO).clamp(0, 255) as u8;
        }
    }
}

/// `out = clamp(original - prediction + 128)`. All planes have the size of `original`.
///
/// # Panics
/// The sizes differ: a mistake of the caller.
pub fn make(original: PlaneRef<'_>, prediction: PlaneRef<'_>, out: &mut Plane) {
    assert_eq!((original.width, original.height), (prediction.width, prediction.height));
    out.reset(original.width, original.height);
    for y in 0..original.height {
        make_row(original.row(y), prediction.row(y), out.row_mut(y));
    }
}

/// `plane = clamp(plane + residual - 128)`, in place on the prediction.
///
/// # Panics
/// The sizes differ: a mistake of the caller.
pub fn apply(plane: &mut Plane, residual: PlaneRef<'_>) {
    assert_eq!((plane.width(), plane.height()), (residual.width, residual.height));
    for y in 0..residual.height {
        // A part of a plane that was decoded a while ago: its rows lie too far apart for the processor to see what comes next.
        if y + AHEAD < residual.height {
            prefetch(residual.row(y + AHEAD));
        }
        apply_row(plane.row_mut(y), residual.row(y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_samples_follows_the_definition() {
        let all: Vec<u8> = (0..=255).collect();
        for p in 0..=255u8 {
            let prediction = vec![p; 256];
            let mut out = vec![0; 256];
            make_row(&all, &prediction, &mut out);
            let mut back = prediction.clone();
            apply_row(&mut back, &out);
            for y in 0..256i32 {
                let r = (y - i32::from(p) + 128).clamp(0, 255);
                assert_eq!(i32::from(out[y as usize]), r);
                assert_eq!(i32::from(back[y as usize]), (i32::from(p) + r - 128).clamp(0, 255));
            }
        }
    }

    #[test]
    fn a_residual_that_did_not_clip_gives_the_original_back() {
        let original = Plane::from_vec(3, 2, vec![0, 100, 255, 7, 130, 99]);
        let mut prediction = Plane::from_vec(3, 2, vec![90, 90, 200, 0, 131, 98]);
        let mut r = Plane::default();
        make(original.view(), prediction.view(), &mut r);
        apply(&mut prediction, r.view());
        assert_eq!(prediction, original);
    }
}

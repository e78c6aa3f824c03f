//! Unsharp mask: adds `strength` times the difference from a 3x3 binomial blur (1 2 1 / 4 each way).
//!
//! Works on one plane, edges replicated; knows nothing of when the codec sharpens.

use super::level::vectorised;
use crate::image::plane::Plane;
use crate::image::spec::{MAX_SHARPEN, SHARPEN_BITS};

/// A sharpening strength, quantised to 1/256 so that it is the same number everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strength(u32);

impl Strength {
    /// A strength from 0 (off) to [`MAX_SHARPEN`]; `None` outside of that, and for values that round to 0.
    pub fn new(value: f64) -> Option<Self> {
        if !(0.0..=MAX_SHARPEN).contains(&value) {
            return None;
        }
        let q = (value * f64::from(1 << SHARPEN_BITS)).round() as u32;
        (q > 0).then_some(Self(q))
    }

    /// As a number.
    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(1 << SHARPEN_BITS)
    }

    /// In units of 1/256.
    pub fn q8(self) -> u32 {
        self.0
    }
}

vectorised! {
    fn sharpen_row(above: &[u8], here: &[u8], below: &[u8], strength: i32, sums: &mut [i16], out: &mut [u8]) {
        let n = here.len();
        // Vertical sums, one replicated at either end: sums[x + 1] belongs to column x.
        for x in 0..n {
            sums[x + 1] = i16::from(above[x]) + 2 * i16::from(here[x]) + i16::from(below[x]);
        }
        sums[0] = sums[1];
        sums[n + 1] = sums[n];
        for x in 0..n {
            let blur = i32::from(sums[x]) + 2 * i32::from(sums[x + 1]) + i32::from(sums[x + 2]);
            let y = i32::from(here[x]);
            let detail = 16 * y - blur;
            // 16 (blur) x 256 (strength) = 12 fraction bits.
            out[x] = (((y << 12) + strength * detail + (1 << 11)) >> 12).clamp(0, 255) as u8;
        }
    }
}

/// `plane = clamp(plane + strength * (plane - blur(plane)))`.
pub fn sharpen(plane: &mut Plane, strength: Strength) {
    let (width, height) = (plane.width(), plane.height());
    if width == 0 {
        return;
    }
    let mut source = Plane::spare(width, height);
    source.copy_from(plane.view());
    let mut sums = vec![0i16; width + 2];
    for y in 0..height {
        let (above, below) = (source.row(y.saturating_sub(1)), source.row((y + 1).min(height - 1)));
        sharpen_row(above, source.row(y), below, strength.0 as i32, &mut sums, plane.row_mut(y));
    }
    source.give_back();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{Rng, planes};

    #[test]
    fn equals_the_definition_in_exact_arithmetic() {
        let mut rng = Rng::new(3);
        for (w, h) in [(1, 1), (1, 5), (6, 1), (19, 8), (40, 3)] {
            for (name, plane) in planes(w, h, &mut rng) {
                for s in [1u32, 128, 256, 4096] {
                    let mut got = plane.clone();
                    sharpen(&mut got, Strength(s));
                    for y in 0..h {
                        for x in 0..w {
                            let at = |dx: i64, dy: i64| {
                                let xx = (x as i64 + dx).clamp(0, w as i64 - 1) as usize;
                                let yy = (y as i64 + dy).clamp(0, h as i64 - 1) as usize;
                                i64::from(plane.row(yy)[xx])
                            };
                            let mut blur = 0;
                            for (dy, wy) in [(-1, 1), (0, 2), (1, 1)] {
                                for (dx, wx) in [(-1, 1), (0, 2), (1, 1)] {
                                    blur += wx * wy * at(dx, dy);
                                }
                            }
                            let exact = at(0, 0) as f64
                                + f64::from(s) / 256.0 * (at(0, 0) as f64 - blur as f64 / 16.0);
                            let want = (exact + 0.5).floor().clamp(0.0, 255.0) as u8;
                            assert_eq!(got.row(y)[x], want, "{name} {w}x{h} strength {s} at {x},{y}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn strength_is_bounded() {
        assert!(
            Strength::new(-0.1).is_none()
                && Strength::new(16.1).is_none()
                && Strength::new(f64::NAN).is_none()
        );
        assert!(Strength::new(0.0).is_none());
        assert_eq!(Strength::new(0.5).unwrap().q8(), 128);
    }
}

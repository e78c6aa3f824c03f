//! optL2 and 420opt: the L2 plane whose prediction has the smallest squared error.
//!
//! Minimises `|t - U x|^2` over the box `|x - x0| <= delta, 0 <= x <= 255`, where U is the upsampling of the
//! decoder and t the full-size plane. Works in the normal equations at L2 size: `B = Ut t` once, then
//! projected gradient steps `x <- clamp(x - step (UtU x - B))` with the banded UtU, all in Q6 `i16`. Both
//! sides are divided by the factor of each axis, so that every table fits Q14. Knows nothing of JPEG or of
//! the residual.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use super::level::vectorised;
use super::resample::{Scratch, resample_q6, resample_to_q6};
use super::taps::{Filter, Taps};
use crate::image::plane::{Plane, PlaneRef};
use crate::image::spec::{MID_BITS, OPTL2_STEPS, OPTL2_STEPS_BILINEAR, STEP_BITS};

/// One axis of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Samples of x.
    pub small: usize,
    /// Samples of t, at most `small * factor`. The last one is repeated up to that.
    pub large: usize,
    /// 1, 2, 4 or 8.
    pub factor: usize,
}

/// The tables of one problem: filter and sizes, no pixels.
#[derive(Debug)]
pub struct Problem {
    right: [Arc<Taps>; 2],
    gram: [Arc<Taps>; 2],
    /// Step size, Q15.
    step: i16,
    steps: u32,
}

/// Buffers that are reused from call to call.
#[derive(Debug, Default)]
pub struct Buffers {
    scratch: Scratch,
    /// The right side, the image of x under UtU, and x: in Q6.
    planes: [Plane<i16>; 3],
    x0: Plane,
}

impl Problem {
    /// The problem of a plane of `h.small x v.small` that `filter` upsamples.
    pub fn new(filter: Filter, h: Extent, v: Extent) -> Self {
        let tables = |axis: Extent| {
            let up = Taps::upsample(filter, axis.small, axis.factor, axis.small * axis.factor);
            (Taps::transpose(&up, axis.factor, axis.large), Taps::gram(&up, axis.factor))
        };
        let ((right_h, gram_h), (right_v, gram_v)) = (tables(h), tables(v));
        // 1/L of the separable operator: a gradient step of that size does not overshoot.
        let norm = gram_h.spectral_norm() * gram_v.spectral_norm();
        Self {
            right: [right_h, right_v].map(Arc::new),
            gram: [gram_h, gram_v].map(Arc::new),
            step: (f64::from(1 << STEP_BITS) / norm).floor().min(f64::from(i16::MAX)) as i16,
            steps: if filter == Filter::Bilinear { OPTL2_STEPS_BILINEAR } else { OPTL2_STEPS },
        }
    }

    /// Tables of the right side, from t to the size of x: horizontal, vertical.
    pub fn right(&self) -> &[Arc<Taps>; 2] {
        &self.right
    }
    /// The banded tables of UtU: horizontal, vertical.
    pub fn gram(&self) -> &[Arc<Taps>; 2] {
        &self.gram
    }
    /// Step size, Q15.
    pub fn step(&self) -> i16 {
        self.step
    }
    /// Number of steps.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// The size that t must have.
    pub fn target_size(&self) -> (usize, usize) {
        (self.right[0].in_len(), self.right[1].in_len())
    }

    /// Improves `x` in place: from x0 to within rounding of the minimum over the box.
    ///
    /// # Panics
    /// The planes do not have the sizes that the problem was made for: a mistake of the caller.
    pub fn solve(&self, target: PlaneRef<'_>, x: &mut Plane, delta: u8, buffers: &mut Buffers) {
        assert_eq!((target.width, target.height), self.target_size());
        assert_eq!((x.width(), x.height()), (self.gram[0].in_len(), self.gram[1].in_len()));
        let Buffers { scratch, planes: [right, image, wide], x0 } = buffers;
        resample_to_q6(target, &self.right[0], &self.right[1], right, scratch);
        x0.copy_from(x.view());
        wide.reset(x.width(), x.height());
        for y in 0..x.height() {
            for (wide, &v) in wide.row_mut(y).iter_mut().zip(x0.row(y)) {
                *wide = i16::from(v) << MID_BITS;
            }
        }
        for _ in 0..self.steps {
            resample_q6(wide.view(), &self.gram[0], &self.gram[1], image, scratch);
            for y in 0..x.height() {
                step_row(wide.row_mut(y), image.row(y), right.row(y), x0.row(y), self.step, i16::from(delta));
            }
        }
        for y in 0..x.height() {
            for (out, &v) in x.row_mut(y).iter_mut().zip(wide.row(y)) {
                *out = ((v + (1 << (MID_BITS - 1))) >> MID_BITS) as u8;
            }
        }
    }
}

/// Most problems in a [`ProblemCache`].
const MAX_PROBLEMS: usize = 256;

/// Problems by filter and extents, made on first use. A server opens many slides, each with edges of its own
/// size, so a full cache is emptied.
#[derive(Debug, Default)]
pub struct ProblemCache {
    made: RwLock<HashMap<(Filter, Extent, Extent), Arc<Problem>>>,
}

impl ProblemCache {
    /// The problem of a filter and two axes.
    pub fn get(&self, filter: Filter, h: Extent, v: Extent) -> Arc<Problem> {
        let key = (filter, h, v);
        if let Some(found) = self.made.read().unwrap_or_else(|e| e.into_inner()).get(&key) {
            return found.clone();
        }
        let problem = Arc::new(Problem::new(filter, h, v));
        let mut made = self.made.write().unwrap_or_else(|e| e.into_inner());
        if made.len() >= MAX_PROBLEMS {
            made.clear();
        }
        made.entry(key).or_insert(problem).clone()
    }
}

vectorised! {
    fn step_row(x: &mut [i16], image: &[i16], right: &[i16], x0: &[u8], step: i16, delta: i16) {
        for (((x, &image), &right), &x0) in x.iter_mut().zip(image).zip(right).zip(x0) {
            let gradient = image.saturating_sub(right);
            // Rounded Q15 product of two i16: one `pmulhrsw` or `sqrdmulh` a vector.
            let change = ((i32::from(gradient) * i32::from(step) + (1 << (STEP_BITS - 1))) >> STEP_BITS) as i16;
            let x0 = i16::from(x0);
            let (low, high) = ((x0 - delta).max(0) << MID_BITS, (x0 + delta).min(255) << MID_BITS);
            *x = x.saturating_sub(change).max(low).min(high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::resample::resample;
    use crate::kernels::testing::Rng;

    fn dense(t: &Taps) -> Vec<Vec<f64>> {
        (0..t.out_len())
            .map(|i| {
                let mut row = vec![0.0; t.in_len()];
                for (k, &c) in t.coeffs(i).iter().enumerate().filter(|&(_, &c)| c != 0) {
                    row[t.start(i) + k] += f64::from(c) / 16384.0;
                }
                row
            })
            .collect()
    }

    fn matmul(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
        a.iter()
            .map(|r| (0..b[0].len()).map(|j| r.iter().zip(b).map(|(x, row)| x * row[j]).sum()).collect())
            .collect()
    }

    fn transposed(a: &[Vec<f64>]) -> Vec<Vec<f64>> {
        (0..a[0].len()).map(|j| a.iter().map(|r| r[j]).collect()).collect()
    }

    fn floats(p: PlaneRef<'_>) -> Vec<Vec<f64>> {
        (0..p.height).map(|y| p.row(y).iter().map(|&v| f64::from(v)).collect()).collect()
    }

    /// `|t - V x Ht|^2`.
    fn objective(v: &[Vec<f64>], h: &[Vec<f64>], x: &[Vec<f64>], t: &[Vec<f64>]) -> f64 {
        let p = matmul(&matmul(v, x), &transposed(h));
        p.iter().zip(t).flat_map(|(a, b)| a.iter().zip(b)).map(|(a, b)| (a - b) * (a - b)).sum()
    }

    /// Texture with energy at all scales, like tissue: smoothed noise of three sizes and a few hard edges.
    fn texture(w: usize, h: usize, rng: &mut Rng) -> Plane {
        let mut s = Scratch::default();
        let mut sum = vec![0.0f64; w * h];
        for (cell, gain) in [(16usize, 0.9), (5, 0.5), (2, 0.25)] {
            let (cw, ch) = (w.div_ceil(cell) + 1, h.div_ceil(cell) + 1);
            let noise = Plane::from_vec(cw, ch, (0..cw * ch).map(|_| rng.byte()).collect());
            let (th, tv) = (Taps::scale(Filter::Bicubic, cw, w), Taps::scale(Filter::Bicubic, ch, h));
            let mut out = Plane::default();
            resample(noise.view(), &th, &tv, &mut out, &mut s);
            for (a, &v) in sum.iter_mut().zip(out.data()) {
                *a += gain * (f64::from(v) - 128.0);
            }
        }
        let data = sum.iter().enumerate().map(|(i, v)| {
            let edge =
                if ((i % w) / 11).is_multiple_of(3) && ((i / w) / 13).is_multiple_of(2) { 60.0 } else { 0.0 };
            (150.0 + v + edge).clamp(0.0, 255.0) as u8
        });
        Plane::from_vec(w, h, data.collect())
    }

    #[test]
    fn reaches_the_float_optimum_for_every_filter_delta_and_shape() {
        let mut rng = Rng::new(4);
        let (mut scratch, mut buffers) = (Scratch::default(), Buffers::default());
        let mut worst = 0.0f64;
        for filter in Filter::ALL {
            for (factor, tw, th) in
                [(4usize, 96usize, 96usize), (4, 93, 70), (4, 9, 41), (8, 128, 120), (8, 101, 67)]
            {
                let target = texture(tw, th, &mut rng);
                let axis = |n: usize| Extent { small: n.div_ceil(factor), large: n, factor };
                let problem = Problem::new(filter, axis(tw), axis(th));
                let (down_h, down_v) =
                    (Taps::downsample(filter, tw, factor), Taps::downsample(filter, th, factor));
                let mut x0 = Plane::default();
                resample(target.view(), &down_h, &down_v, &mut x0, &mut scratch);
                let (sw, sh) = (x0.width(), x0.height());
                let h = dense(&Taps::upsample(filter, sw, factor, sw * factor));
                let v = dense(&Taps::upsample(filter, sh, factor, sh * factor));
                let t = floats(target.view().extended(sw * factor, sh * factor).view());
                let (gh, gv) = (matmul(&transposed(&h), &h), matmul(&transposed(&v), &v));
                let b = matmul(&matmul(&transposed(&v), &t), &h);
                for delta in [1u8, 4, 15, 255] {
                    let start = floats(x0.view());
                    let mut x = start.clone();
                    for _ in 0..600 {
                        let g = matmul(&matmul(&gv, &x), &gh);
                        for j in 0..sh {
                            for i in 0..sw {
                                let (lo, hi) = (
                                    (start[j][i] - f64::from(delta)).max(0.0),
                                    (start[j][i] + f64::from(delta)).min(255.0),
                                );
                                x[j][i] = (x[j][i] - (g[j][i] - b[j][i]) / (1.07 * (factor * factor) as f64))
                                    .clamp(lo, hi);
                            }
                        }
                    }
                    for value in x.iter_mut().flatten() {
                        *value = value.round();
                    }
                    let mut ours = x0.clone();
                    problem.solve(target.view(), &mut ours, delta, &mut buffers);
                    assert!(ours.data().iter().zip(x0.data()).all(|(a, b)| a.abs_diff(*b) <= delta));
                    let (f0, best, got) = (
                        objective(&v, &h, &start, &t),
                        objective(&v, &h, &x, &t),
                        objective(&v, &h, &floats(ours.view()), &t),
                    );
                    let short = (got - best) / (f0 - best);
                    worst = worst.max(short);
                    println!(
                        "{filter:?} x{factor} {tw}x{th} delta {delta}: gain {:.2}%, short of it by {:.3}%",
                        100.0 * (f0 - best) / f0,
                        100.0 * short
                    );
                    assert!(
                        short <= 0.005,
                        "{filter:?} x{factor} {tw}x{th} delta {delta}: {:.3}% short",
                        100.0 * short
                    );
                }
            }
        }
        println!("worst: {:.3}% of the gain", 100.0 * worst);
    }

    #[test]
    fn a_delta_of_zero_changes_nothing_and_flat_stays_flat() {
        let axis = Extent { small: 8, large: 32, factor: 4 };
        let problem = Problem::new(Filter::Lanczos3, axis, axis);
        let mut buffers = Buffers::default();
        let mut rng = Rng::new(5);
        let target = Plane::from_vec(32, 32, (0..1024).map(|_| rng.byte()).collect());
        let x0 = Plane::from_vec(8, 8, (0..64).map(|_| rng.byte()).collect());
        let mut x = x0.clone();
        problem.solve(target.view(), &mut x, 0, &mut buffers);
        assert_eq!(x, x0);
        for v in [0u8, 1, 77, 254, 255] {
            let mut x = Plane::filled(8, 8, v);
            problem.solve(Plane::filled(32, 32, v).view(), &mut x, 15, &mut buffers);
            assert_eq!(x, Plane::filled(8, 8, v));
        }
    }
}

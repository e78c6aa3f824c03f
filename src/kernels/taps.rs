//! Filter tables: the input samples of an output sample, and their weights.
//!
//! Computed once in f64 and quantised to Q14 `i16`, so that every backend uses the same integers. Edges
//! replicate: weights that would fall outside are added to the edge sample, so a kernel never reads outside
//! its plane. Sampling is centre-aligned: output sample i of an interpolation by f lies at `(i + 0.5) / f -
//! 0.5`.
//!
//! Filters: bilinear (triangle), Catmull-Rom cubic (Keys 1981, a = -0.5), Lanczos with 3 lobes (Duchon 1979).
//! When a plane is reduced the filter is stretched by the ratio, so that it is a low-pass.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::f64::consts::PI;
use std::ops::Range;
use std::sync::{Arc, RwLock};

use crate::image::spec::TAP_ONE;

mod cycle;
mod stride;
pub use cycle::Cycle;
pub use stride::Stride;

/// A resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Filter {
    /// Triangle, support 1.
    Bilinear,
    /// Catmull-Rom cubic, support 2.
    Bicubic,
    /// Lanczos, support 3.
    Lanczos3,
}

impl Filter {
    /// All filters.
    pub const ALL: [Filter; 3] = [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos3];

    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Filter::Bilinear => "bilinear",
            Filter::Bicubic => "bicubic",
            Filter::Lanczos3 => "lanczos3",
        }
    }

    /// Half the width of the filter, in input samples.
    fn support(self) -> f64 {
        match self {
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos3 => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Filter::Bilinear => (1.0 - x).max(0.0),
            Filter::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Filter::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Filter::Lanczos3 if x < 1e-9 => 1.0,
            Filter::Lanczos3 if x < 3.0 => {
                3.0 * libm::sin(PI * x) * libm::sin(PI * x / 3.0) / (PI * PI * x * x)
            }
            _ => 0.0,
        }
    }
}

/// A table for one axis: output sample i is the sum over k of `coeffs(i)[k] * input[start(i) + k]`.
#[derive(Debug, PartialEq, Eq)]
pub struct Taps {
    in_len: usize,
    out_len: usize,
    /// Coefficients stored per output; a multiple of 8, the unused ones at the end are zero.
    row: usize,
    /// Most coefficients that an output uses.
    used: usize,
    start: Vec<u32>,
    coeffs: Vec<i16>,
    run: Range<usize>,
    cycle: Cycle,
    stride: Stride,
}

impl Taps {
    /// Samples that the table reads.
    pub fn in_len(&self) -> usize {
        self.in_len
    }
    /// Samples that it writes.
    pub fn out_len(&self) -> usize {
        self.out_len
    }
    /// Coefficients stored per output: a multiple of 8.
    pub fn row_len(&self) -> usize {
        self.row
    }
    /// Most coefficients that an output uses: at most `row_len`.
    pub fn used(&self) -> usize {
        self.used
    }
    /// First input sample of output `i`.
    pub fn start(&self, i: usize) -> usize {
        self.start[i] as usize
    }
    /// As [`Self::start`], of `count` outputs from `i` on.
    pub fn starts(&self, i: usize, count: usize) -> &[u32] {
        &self.start[i..][..count]
    }
    /// Coefficients of output `i`, Q14, zero beyond those used.
    pub fn coeffs(&self, i: usize) -> &[i16] {
        &self.coeffs[i * self.row..][..self.row]
    }

    /// The longest run of outputs with equal coefficients, each starting one input sample after the one
    /// before: nearly all outputs of a banded matrix, one output of other tables.
    pub fn run(&self) -> Range<usize> {
        self.run.clone()
    }

    /// The longest part of the table that repeats by 2 or 4 outputs: nearly all of an enlargement.
    pub fn cycle(&self) -> &Cycle {
        &self.cycle
    }

    /// The longest part of the table that repeats with steps of 2, 4 or 8 input samples: nearly all of a reduction.
    pub fn stride(&self) -> &Stride {
        &self.stride
    }

    /// The table of a range of outputs, and the range of the input that it reads. Applied to that input it
    /// computes what the whole table computes there.
    ///
    /// # Panics
    /// `outputs` is empty or does not lie inside: a mistake of the caller.
    pub fn part(&self, outputs: Range<usize>) -> (Range<usize>, Self) {
        assert!(!outputs.is_empty() && outputs.end <= self.out_len, "a part lies inside its table");
        let start = &self.start[outputs.clone()];
        let first = start.iter().min().map_or(0, |&first| first as usize);
        let last = start.iter().max().map_or(0, |&last| last as usize);
        let input = first..(last + self.used).min(self.in_len);
        let run = self.run.start.max(outputs.start)..self.run.end.min(outputs.end);
        let part = Self {
            in_len: input.len(),
            out_len: outputs.len(),
            row: self.row,
            used: self.used,
            start: start.iter().map(|&start| start - first as u32).collect(),
            coeffs: self.coeffs[outputs.start * self.row..outputs.end * self.row].to_vec(),
            run: if run.is_empty() { 0..1 } else { run.start - outputs.start..run.end - outputs.start },
            cycle: self.cycle.part(&outputs),
            stride: self.stride.part(&outputs),
        };
        (input, part)
    }

    /// `out_len = factor * in_len` samples from `in_len`; `crop` keeps the first ones.
    pub fn upsample(filter: Filter, in_len: usize, factor: usize, out_len: usize) -> Self {
        assert!(out_len <= in_len * factor, "an upsampled axis is cropped, never extended");
        interpolation(filter, in_len, out_len, 1.0 / factor as f64)
    }

    /// `ceil(in_len / factor)` samples from `in_len`; the last input sample is repeated to fill the last
    /// group.
    pub fn downsample(filter: Filter, in_len: usize, factor: usize) -> Self {
        interpolation(filter, in_len, in_len.div_ceil(factor), factor as f64)
    }

    /// `out_len` samples from `in_len`, any ratio: the two ends of the axis coincide.
    pub fn scale(filter: Filter, in_len: usize, out_len: usize) -> Self {
        interpolation(filter, in_len, out_len, in_len as f64 / out_len as f64)
    }

    /// `out_len` samples, `step` input samples apart, of a window whose edge lies at `start`, in input samples from the first one's
    /// edge.
    pub fn window(filter: Filter, in_len: usize, window: (f64, f64), out_len: usize) -> Self {
        self::window(filter, in_len, window, out_len)
    }

    /// The transpose of `up` over `factor`, for the right side of the normal equations. The target that it
    /// reads has `target_len` samples; the last one is repeated up to `up.out_len`.
    pub fn transpose(up: &Taps, factor: usize, target_len: usize) -> Self {
        let mut rows = vec![Vec::new(); up.in_len];
        for i in 0..up.out_len {
            for (k, &c) in up.coeffs(i).iter().enumerate().filter(|&(_, &c)| c != 0) {
                rows[up.start(i) + k].push((i.min(target_len - 1), f64::from(c)));
            }
        }
        let scale = 1.0 / (factor as f64 * f64::from(TAP_ONE));
        Self::quantise(target_len, &rows, scale)
    }

    /// `transpose(up) * up / factor`: the banded matrix of the normal equations on one axis.
    pub fn gram(up: &Taps, factor: usize) -> Self {
        let mut rows: Vec<HashMap<usize, f64>> = vec![HashMap::new(); up.in_len];
        for i in 0..up.out_len {
            let taps: Vec<(usize, f64)> = up
                .coeffs(i)
                .iter()
                .enumerate()
                .filter(|&(_, &c)| c != 0)
                .map(|(k, &c)| (up.start(i) + k, f64::from(c)))
                .collect();
            for &(a, ca) in &taps {
                for &(b, cb) in &taps {
                    *rows[a].entry(b).or_insert(0.0) += ca * cb;
                }
            }
        }
        let rows: Vec<Vec<(usize, f64)>> = rows.into_iter().map(|row| row.into_iter().collect()).collect();
        let one = f64::from(TAP_ONE);
        Self::quantise(up.in_len, &rows, 1.0 / (factor as f64 * one * one))
    }

    /// The largest eigenvalue of a symmetric table, by power iteration, in units of 1.0.
    pub fn spectral_norm(&self) -> f64 {
        let n = self.out_len;
        // A start vector with energy at every frequency.
        let mut v: Vec<f64> =
            (0..n).map(|i| 1.0 + f64::from((i as u32).wrapping_mul(2_654_435_761) >> 16) / 65536.0).collect();
        let mut norm = 0.0;
        for _ in 0..200 {
            let w: Vec<f64> = (0..n)
                .map(|i| {
                    self.coeffs(i)
                        .iter()
                        .zip(&v[self.start(i)..])
                        .map(|(&c, x)| f64::from(c) * x)
                        .sum::<f64>()
                        / f64::from(TAP_ONE)
                })
                .collect();
            norm = w.iter().map(|x| x * x).sum::<f64>().sqrt() / v.iter().map(|x| x * x).sum::<f64>().sqrt();
            let peak = w.iter().fold(1e-30f64, |m, x| m.max(x.abs()));
            v = w.into_iter().map(|x| x / peak).collect();
        }
        norm
    }

    /// Folds, sorts and rounds rows of `(input index, weight)`; each row keeps its sum exactly.
    fn quantise(in_len: usize, rows: &[Vec<(usize, f64)>], scale: f64) -> Self {
        let mut spans = Vec::with_capacity(rows.len());
        for row in rows {
            let first = row.iter().map(|&(j, _)| j).min().unwrap_or(0);
            let last = row.iter().map(|&(j, _)| j).max().unwrap_or(0);
            let mut dense = vec![0.0; last - first + 1];
            for &(j, w) in row {
                dense[j - first] += w * scale * f64::from(TAP_ONE);
            }
            let sum: f64 = dense.iter().sum();
            let mut taps: Vec<i32> = dense.iter().map(|w| w.round_ties_even() as i32).collect();
            // The rounding error of the sum goes to the taps with the largest errors of their own, so that
            // flat areas stay flat.
            let mut missing = sum.round_ties_even() as i32 - taps.iter().sum::<i32>();
            while missing != 0 {
                let sign = missing.signum();
                let error = |k: usize| (dense[k] - f64::from(taps[k])) * f64::from(sign);
                let best = (0..taps.len())
                    .max_by(|&a, &b| error(a).total_cmp(&error(b)).then(b.cmp(&a)))
                    .unwrap_or(0);
                taps[best] += sign;
                missing -= sign;
            }
            spans.push((first, taps));
        }
        let trimmed: Vec<(usize, Vec<i32>)> = spans
            .into_iter()
            .map(|(first, taps)| {
                let lead = taps.iter().take_while(|&&t| t == 0).count().min(taps.len() - 1);
                let end = taps.iter().rposition(|&t| t != 0).map_or(lead + 1, |p| p + 1);
                (first + lead, taps[lead..end.max(lead + 1)].to_vec())
            })
            .collect();
        let used = trimmed.iter().map(|(_, taps)| taps.len()).max().unwrap_or(1);
        let row = used.next_multiple_of(8);
        let mut coeffs = vec![0i16; row * rows.len()];
        let mut start = Vec::with_capacity(rows.len());
        for (i, (first, taps)) in trimmed.iter().enumerate() {
            start.push(*first as u32);
            for (k, &t) in taps.iter().enumerate() {
                coeffs[i * row + k] =
                    i16::try_from(t).expect("a tap is under 2.0: the bounds test covers every table");
            }
        }
        let on = |i: usize, j: usize, step: usize| {
            start[j] == start[i] + step as u32 && coeffs[i * row..][..row] == coeffs[j * row..][..row]
        };
        let repeats = |i: usize, j: usize| on(i, j, 1);
        let same = |i: usize| repeats(i - 1, i);
        let (mut run, mut from) = (0..1, 0);
        for i in 1..=rows.len() {
            if i == rows.len() || !same(i) {
                if i - from > run.len() {
                    run = from..i;
                }
                from = i;
            }
        }
        let cycle = Cycle::find(rows.len(), repeats);
        let stride = Stride::find(rows.len(), |i, step| on(i, i + 1, step));
        Self { in_len, out_len: rows.len(), row, used, start, coeffs, run, cycle, stride }
    }
}

/// Rows for outputs whose centres are `step` input samples apart.
fn interpolation(filter: Filter, in_len: usize, out_len: usize, step: f64) -> Taps {
    window(filter, in_len, (0.0, step), out_len)
}

/// The same for outputs of which the first begins at `start`.
fn window(filter: Filter, in_len: usize, (start, step): (f64, f64), out_len: usize) -> Taps {
    let stretch = step.max(1.0);
    let reach = filter.support() * stretch;
    let rows: Vec<Vec<(usize, f64)>> = (0..out_len)
        .map(|i| {
            let centre = start + (i as f64 + 0.5) * step - 0.5;
            let first = (centre - reach).ceil() as i64;
            let last = (centre + reach).floor() as i64;
            let weights: Vec<f64> =
                (first..=last).map(|j| filter.weight((j as f64 - centre) / stretch)).collect();
            let sum: f64 = weights.iter().sum();
            (first..=last)
                .zip(weights)
                .map(|(j, w)| (j.clamp(0, in_len as i64 - 1) as usize, w / sum))
                .collect()
        })
        .collect();
    Taps::quantise(in_len, &rows, 1.0)
}

/// One axis of a resampling: the key of a cached table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// [`Taps::upsample`] of `in_len` by `factor`, cropped to `out_len`.
    Up {
        /// Filter.
        filter: Filter,
        /// Input samples.
        in_len: usize,
        /// 1, 2, 4 or 8.
        factor: usize,
        /// Output samples.
        out_len: usize,
    },
    /// [`Taps::downsample`] of `in_len` by `factor`.
    Down {
        /// Filter.
        filter: Filter,
        /// Input samples.
        in_len: usize,
        /// 1, 2, 4 or 8.
        factor: usize,
    },
    /// [`Taps::scale`] from `in_len` to `out_len`.
    Scale {
        /// Filter.
        filter: Filter,
        /// Input samples.
        in_len: usize,
        /// Output samples.
        out_len: usize,
    },
}

/// Most tables in a [`TapCache`].
const MAX_TABLES: usize = 1024;

/// Tables by axis, made on first use. A server opens many slides, each with edges of its own size, so a full
/// cache is emptied.
#[derive(Debug, Default)]
pub struct TapCache {
    tables: RwLock<HashMap<Axis, Arc<Taps>>>,
}

impl TapCache {
    /// The table for `axis`.
    pub fn get(&self, axis: Axis) -> Arc<Taps> {
        if let Some(found) = self.tables.read().unwrap_or_else(|e| e.into_inner()).get(&axis) {
            return found.clone();
        }
        let made = Arc::new(match axis {
            Axis::Up { filter, in_len, factor, out_len } => Taps::upsample(filter, in_len, factor, out_len),
            Axis::Down { filter, in_len, factor } => Taps::downsample(filter, in_len, factor),
            Axis::Scale { filter, in_len, out_len } => Taps::scale(filter, in_len, out_len),
        });
        let mut tables = self.tables.write().unwrap_or_else(|e| e.into_inner());
        if tables.len() >= MAX_TABLES {
            tables.clear();
        }
        tables.entry(axis).or_insert(made).clone()
    }
}

#[cfg(test)]
mod tests;

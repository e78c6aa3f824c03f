//! An independent decoder in float64: its own filters, its own BT.601, no kernel of the crate.
//!
//! Samples of baseline and residual come from the crate's JPEG codec; everything after that is computed here from the
//! definitions in the papers, without rounding until the last step.

use std::f64::consts::PI;

use origami::image::family::DecodedFamily;
use origami::image::plane::Plane;
use origami::kernels::taps::Filter;
use origami::params::Coding;

/// Samples in float64.
#[derive(Clone, Debug)]
pub struct Field {
    pub width: usize,
    pub height: usize,
    pub data: Vec<f64>,
}

impl Field {
    pub fn from_plane(plane: &Plane) -> Self {
        let data = (0..plane.height()).flat_map(|y| plane.row(y)).map(|&v| f64::from(v)).collect();
        Self { width: plane.width(), height: plane.height(), data }
    }

    /// Rounded to the nearest 8-bit sample: what a decoder has to give out.
    pub fn to_plane(&self) -> Plane {
        let data = self.data.iter().map(|v| v.round().clamp(0.0, 255.0) as u8).collect();
        Plane::from_vec(self.width, self.height, data)
    }

    fn transposed(&self) -> Self {
        let (w, h) = (self.width, self.height);
        let data = (0..w).flat_map(|x| (0..h).map(move |y| (x, y))).map(|(x, y)| self.data[y * w + x]);
        Self { width: h, height: w, data: data.collect() }
    }

    /// Each row to `out` samples whose centres are `step` apart; edges replicate.
    fn stretch_rows(&self, filter: Filter, out: usize, step: f64) -> Self {
        let last = self.width as i64 - 1;
        let stretch = step.max(1.0);
        let support = match filter {
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos3 => 3.0,
        } * stretch;
        let rows: Vec<Vec<(usize, f64)>> = (0..out)
            .map(|i| {
                let centre = (i as f64 + 0.5) * step - 0.5;
                let reach = (centre - support).floor() as i64..=(centre + support).ceil() as i64;
                let taps: Vec<(usize, f64)> = reach
                    .map(|j| (j.clamp(0, last) as usize, shape(filter, (j as f64 - centre) / stretch)))
                    .filter(|&(_, weight)| weight != 0.0)
                    .collect();
                let sum: f64 = taps.iter().map(|&(_, weight)| weight).sum();
                taps.into_iter().map(|(j, weight)| (j, weight / sum)).collect()
            })
            .collect();
        let row_of = |row: &[f64]| -> Vec<f64> {
            rows.iter().map(|taps| taps.iter().map(|&(j, weight)| weight * row[j]).sum()).collect()
        };
        let data = self.data.chunks_exact(self.width).flat_map(row_of).collect();
        Self { width: out, height: self.height, data }
    }

    /// To `width` x `height`; `steps` are the distances between output centres in input samples.
    fn resampled(&self, filter: Filter, (width, height): (usize, usize), steps: (f64, f64)) -> Self {
        let rows = self.stretch_rows(filter, width, steps.0);
        rows.transposed().stretch_rows(filter, height, steps.1).transposed()
    }

    /// Interpolated by whole factors, cropped to `width` x `height`.
    pub fn up(&self, filter: Filter, factors: (usize, usize), size: (usize, usize)) -> Self {
        self.resampled(filter, size, (1.0 / factors.0 as f64, 1.0 / factors.1 as f64))
    }

    /// To any size, the ends of the axes coinciding.
    pub fn scaled(&self, filter: Filter, (width, height): (usize, usize)) -> Self {
        let steps = (self.width as f64 / width as f64, self.height as f64 / height as f64);
        self.resampled(filter, (width, height), steps)
    }

    /// Unsharp mask over a 3x3 binomial blur.
    fn sharpened(&self, strength: f64) -> Self {
        let at = |x: i64, y: i64| {
            let (x, y) = (x.clamp(0, self.width as i64 - 1), y.clamp(0, self.height as i64 - 1));
            self.data[y as usize * self.width + x as usize]
        };
        let points = (0..self.height as i64).flat_map(|y| (0..self.width as i64).map(move |x| (x, y)));
        let data = points.map(|(x, y)| {
            let around = [(-1, 1.0), (0, 2.0), (1, 1.0)];
            let blur: f64 = around
                .iter()
                .flat_map(|&(dy, wy)| around.iter().map(move |&(dx, wx)| wx * wy * at(x + dx, y + dy)))
                .sum();
            (at(x, y) + strength * (at(x, y) - blur / 16.0)).clamp(0.0, 255.0)
        });
        Self { data: data.collect(), ..*self }
    }
}

/// A filter at distance `x` from its centre.
fn shape(filter: Filter, x: f64) -> f64 {
    let x = x.abs();
    let sinc = |t: f64| if t == 0.0 { 1.0 } else { (PI * t).sin() / (PI * t) };
    match filter {
        Filter::Bilinear => (1.0 - x).max(0.0),
        // Keys, a = -1/2.
        Filter::Bicubic if x <= 1.0 => 1.5 * x.powi(3) - 2.5 * x.powi(2) + 1.0,
        Filter::Bicubic if x < 2.0 => -0.5 * x.powi(3) + 2.5 * x.powi(2) - 4.0 * x + 2.0,
        Filter::Lanczos3 if x < 3.0 => sinc(x) * sinc(x / 3.0),
        _ => 0.0,
    }
}

/// What a family decodes to.
pub struct Reconstructed {
    /// L0 luma before the residual.
    pub prediction: Field,
    /// L0 luma.
    pub luma: Field,
    /// L0 Cb and Cr at full size.
    pub chroma: Option<[Field; 2]>,
}

/// The whole decoder.
pub fn reconstruct(coding: &Coding, family: &DecodedFamily) -> Reconstructed {
    let (filter, size) = (coding.upsample_filter, (family.width, family.height));
    let mut l2 = Field::from_plane(&family.baseline.luma);
    if coding.sharpen_q8 > 0 {
        l2 = l2.sharpened(f64::from(coding.sharpen_q8) / 256.0);
    }
    let mut prediction = l2.up(filter, (4, 4), size);
    prediction.data.iter_mut().for_each(|v| *v = v.clamp(0.0, 255.0));
    let mut residual = Field::from_plane(&family.residual.luma);
    if (residual.width, residual.height) != size {
        residual = residual.scaled(filter, size);
    }
    let mut luma = prediction.clone();
    for (v, r) in luma.data.iter_mut().zip(&residual.data) {
        *v = (*v + r - 128.0).clamp(0.0, 255.0);
    }
    let (fx, fy) = family.baseline.sampling.factors();
    let half = (size.0.div_ceil(2), size.1.div_ceil(2));
    let missed = |i: usize| family.residual.chroma.as_ref().map(|planes| Field::from_plane(&planes[i]));
    let raise = |plane: &Plane, i: usize| {
        let l2 = Field::from_plane(plane);
        let Some(missed) = missed(i) else { return l2.up(filter, (4 * fx, 4 * fy), size) };
        let mut corrected = l2.up(filter, (2 * fx, 2 * fy), half);
        let missed = if (missed.width, missed.height) == half { missed } else { missed.scaled(filter, half) };
        for (v, r) in corrected.data.iter_mut().zip(&missed.data) {
            *v = (v.clamp(0.0, 255.0) + r - 128.0).clamp(0.0, 255.0);
        }
        corrected.up(filter, (2, 2), size)
    };
    let chroma = family.baseline.chroma.as_ref().map(|[cb, cr]| [raise(cb, 0), raise(cr, 1)]);
    Reconstructed { prediction, luma, chroma }
}

/// BT.601 full range to 8-bit RGB, interleaved.
pub fn to_rgb(luma: &Field, chroma: Option<&[Field; 2]>) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(3 * luma.data.len());
    for (i, &y) in luma.data.iter().enumerate() {
        let [cb, cr] = chroma.map_or([0.0; 2], |c| c.each_ref().map(|p| p.data[i].clamp(0.0, 255.0) - 128.0));
        let (kr, kb) = (0.299, 0.114);
        let kg = 1.0 - kr - kb;
        let (r, b) = (y + 2.0 * (1.0 - kr) * cr, y + 2.0 * (1.0 - kb) * cb);
        let g = (y - kr * r - kb * b) / kg;
        rgb.extend([r, g, b].map(|v| v.round().clamp(0.0, 255.0) as u8));
    }
    rgb
}

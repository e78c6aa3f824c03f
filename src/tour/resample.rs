//! Resampling of RGB at any scale and offset, in linear light.
//!
//! Samples are sRGB; sums over them are sums of light only after their curve is undone. The filter is that of Mitchell and Netravali
//! (B = C = 1/3), stretched to the scale when it reduces. It is the same at every offset, so that a slow pan or zoom does not
//! shimmer. All arithmetic is in `f32` in a fixed order: a frame does not depend on the number of threads.

use std::ops::Range;
use std::sync::LazyLock;

use crate::kernels::level::vectorised;

/// Radius of the filter in pixels.
const RADIUS: f64 = 2.0;

/// From 8-bit sRGB to light, 0 to 1.
static TO_LIGHT: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|value| {
        let v = value as f64 / 255.0;
        (if v <= 0.040_45 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }) as f32
    })
});

/// Steps of light in the table back to sRGB: in the darkest part, five for each value.
const STEPS: usize = 1 << 14;

/// From light in [`STEPS`] steps to 8-bit sRGB.
static TO_SRGB: LazyLock<Box<[u8; STEPS]>> = LazyLock::new(|| {
    let value = |step: usize| {
        let v = step as f64 / (STEPS - 1) as f64;
        let s = if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * libm::pow(v, 1.0 / 2.4) - 0.055 };
        (s * 255.0).round() as u8
    };
    Box::new(std::array::from_fn(value))
});

/// The step that is nearest to a light. 2 to the 23rd moves it to the last bits of the number.
#[inline(always)]
fn step(light: f32) -> u32 {
    let steps = light.clamp(0.0, 1.0) * (STEPS - 1) as f32 + 8_388_608.0;
    steps.to_bits() % STEPS as u32
}

/// Along one side: which input samples make an output sample.
struct Taps {
    /// For each output: the first input, and where its weights begin.
    starts: Vec<(usize, usize)>,
    weights: Vec<f32>,
    /// Most inputs of an output.
    longest: usize,
}

impl Taps {
    /// `length` outputs over `inputs` inputs: output `i` lies at input `from + (i + 0.5) * scale`, in units of an input's width.
    fn new(from: f64, scale: f64, length: usize, inputs: usize) -> Self {
        let stretch = scale.max(1.0);
        let mut taps = Self { starts: Vec::with_capacity(length), weights: Vec::new(), longest: 0 };
        for i in 0..length {
            let at = from + (i as f64 + 0.5) * scale - 0.5;
            let first = (at - RADIUS * stretch).ceil().clamp(0.0, (inputs - 1) as f64) as usize;
            let last = (at + RADIUS * stretch).floor().clamp(first as f64, (inputs - 1) as f64) as usize;
            let raw = (first..=last).map(|input| mitchell((input as f64 - at) / stretch));
            let raw: Vec<f64> = raw.collect();
            let sum: f64 = raw.iter().sum();
            taps.starts.push((first, taps.weights.len()));
            // Beyond the input there is nothing to weigh: the nearest sample.
            let weight = |w: f64| if sum.abs() > 1e-9 { w / sum } else { 1.0 / raw.len() as f64 };
            taps.weights.extend(raw.iter().map(|&w| weight(w) as f32));
            taps.longest = taps.longest.max(raw.len());
        }
        taps
    }

    fn of(&self, output: usize) -> (usize, &[f32]) {
        let (first, begin) = self.starts[output];
        let end = self.starts.get(output + 1).map_or(self.weights.len(), |&(_, begin)| begin);
        (first, &self.weights[begin..end])
    }
}

fn mitchell(x: f64) -> f64 {
    let x = x.abs();
    match x {
        _ if x < 1.0 => (7.0 * x * x * x - 12.0 * x * x + 16.0 / 3.0) / 6.0,
        _ if x < 2.0 => (-7.0 / 3.0 * x * x * x + 12.0 * x * x - 20.0 * x + 32.0 / 3.0) / 6.0,
        _ => 0.0,
    }
}

/// An image that is resampled: interleaved RGB, rows tightly packed.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// `3 * width * height` bytes.
    pub rgb: &'a [u8],
}

/// Output rows that are filtered across at once, one in each lane of a vector.
const LANES: usize = 8;
type Lanes = [f32; LANES];

/// `width` x `height` pixels of RGB. The middle of output pixel `(i, j)` lies at `offset + (i + 0.5, j + 0.5) * scale` of the input, in
/// its pixels from its left upper corner.
pub fn resample(
    input: Input<'_>,
    offset: (f64, f64),
    scale: f64,
    (width, height): (usize, usize),
) -> Vec<u8> {
    let across = Taps::new(offset.0, scale, width, input.width);
    let down = Taps::new(offset.1, scale, height, input.height);
    let mut rows = Rows::new(input, down.longest);
    let mut row = vec![0.0; 3 * input.width];
    let mut columns = vec![Lanes::default(); 3 * input.width];
    let mut out = vec![0; 3 * width * height];
    for (band, out) in out.chunks_mut(LANES * 3 * width).enumerate() {
        let count = out.len() / (3 * width);
        for lane in 0..count {
            let (first, weights) = down.of(LANES * band + lane);
            rows.hold(first..first + weights.len());
            filter_down(&rows, first, weights, &mut row);
            transpose(&row, lane, &mut columns);
        }
        filter_across(&columns, &across, &TO_SRGB, 3 * width, out);
    }
    out
}

vectorised! {
    /// A row between those of the input: `weights` of the rows from `first` on.
    fn filter_down(rows: &Rows<'_>, first: usize, weights: &[f32], out: &mut [f32]) {
        const BLOCK: usize = 64;
        let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
        for (index, out) in blocks.iter_mut().enumerate() {
            let mut sums = [0.0; BLOCK];
            for (y, &weight) in (first..).zip(weights) {
                let row = rows.of(y).as_chunks::<BLOCK>().0[index];
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += weight * value;
                }
            }
            *out = sums;
        }
        let begin = BLOCK * blocks.len();
        rest.fill(0.0);
        for (y, &weight) in (first..).zip(weights) {
            for (sum, value) in rest.iter_mut().zip(&rows.of(y)[begin..]) {
                *sum += weight * value;
            }
        }
    }
}

vectorised! {
    /// Puts a row into a lane.
    fn transpose(row: &[f32], lane: usize, columns: &mut [Lanes]) {
        let lane = lane % LANES;
        for (column, &value) in columns.iter_mut().zip(row) {
            column[lane] = value;
        }
    }
}

vectorised! {
    /// Filters the lanes across and writes as many of them as `out` has rows of `stride` bytes.
    fn filter_across(columns: &[Lanes], taps: &Taps, to_srgb: &[u8; STEPS], stride: usize, out: &mut [u8]) {
        for x in 0..stride / 3 {
            let (first, weights) = taps.of(x);
            let pixels = columns[3 * first..].as_chunks::<3>().0;
            let mut sums = [Lanes::default(); 3];
            for (pixel, &weight) in pixels.iter().zip(weights) {
                for c in 0..3 {
                    for lane in 0..LANES {
                        sums[c][lane] += weight * pixel[c][lane];
                    }
                }
            }
            let mut steps = [[0; LANES]; 3];
            for c in 0..3 {
                for lane in 0..LANES {
                    steps[c][lane] = step(sums[c][lane]);
                }
            }
            for (lane, row) in out.chunks_exact_mut(stride).enumerate() {
                for c in 0..3 {
                    row[3 * x + c] = to_srgb[steps[c][lane % LANES] as usize % STEPS];
                }
            }
        }
    }
}

/// Rows of the input in linear light, converted once each. Outputs go downwards, so a few rows are enough.
struct Rows<'a> {
    input: Input<'a>,
    /// Row `y` lies in slot `y % slots`.
    slots: Vec<(Option<usize>, Vec<f32>)>,
}

impl<'a> Rows<'a> {
    fn new(input: Input<'a>, longest: usize) -> Self {
        Self { input, slots: vec![(None, vec![0.0; 3 * input.width]); longest.max(1)] }
    }

    /// Converts those of these rows that are not held. No more than there are slots.
    fn hold(&mut self, rows: Range<usize>) {
        let (count, stride) = (self.slots.len(), 3 * self.input.width);
        for y in rows {
            let (held, row) = &mut self.slots[y % count];
            if *held != Some(y) {
                *held = Some(y);
                to_light(&self.input.rgb[y * stride..][..stride], &TO_LIGHT, row);
            }
        }
    }

    /// A row that is held.
    #[inline(always)]
    fn of(&self, y: usize) -> &[f32] {
        &self.slots[y % self.slots.len()].1
    }
}

vectorised! {
    fn to_light(samples: &[u8], table: &[f32; 256], out: &mut [f32]) {
        for (out, &sample) in out.iter_mut().zip(samples) {
            *out = table[usize::from(sample)];
        }
    }
}

/// An image turned clockwise about its middle: `width` x `height` pixels whose middle is that of the input. The input must reach far enough.
pub fn turned(input: Input<'_>, (sin, cos): (f64, f64), (width, height): (usize, usize)) -> Vec<u8> {
    let middle = (input.width as f64 / 2.0, input.height as f64 / 2.0);
    let (table, to_srgb) = (&*TO_LIGHT, &*TO_SRGB);
    let mut out = vec![0; 3 * width * height];
    for (y, out) in out.chunks_exact_mut(3 * width).enumerate() {
        let dy = y as f64 + 0.5 - height as f64 / 2.0;
        for (x, out) in out.chunks_exact_mut(3).enumerate() {
            let dx = x as f64 + 0.5 - width as f64 / 2.0;
            // The inverse turn: from the frame to the slide.
            let (u, v) = (middle.0 + dx * cos + dy * sin - 0.5, middle.1 - dx * sin + dy * cos - 0.5);
            let (left, top) = (u.floor(), v.floor());
            let (wu, wv) = (weights(u - left), weights(v - top));
            let mut sum = [0.0; 3];
            for (j, wv) in wv.iter().enumerate() {
                let row = (top as i64 + j as i64 - 1).clamp(0, input.height as i64 - 1) as usize;
                let row = &input.rgb[3 * row * input.width..][..3 * input.width];
                for (i, wu) in wu.iter().enumerate() {
                    let column = (left as i64 + i as i64 - 1).clamp(0, input.width as i64 - 1) as usize;
                    for (sum, &value) in sum.iter_mut().zip(&row[3 * column..][..3]) {
                        *sum += wu * wv * table[usize::from(value)];
                    }
                }
            }
            out.copy_from_slice(&sum.map(|light| to_srgb[step(light) as usize]));
        }
    }
    out
}

/// The weights of the four pixels around a place that lies `part` of a pixel after the second. Catmull-Rom: the input is filtered
/// already, and this filter keeps what is left.
fn weights(part: f64) -> [f32; 4] {
    let t = part as f32;
    let (t2, t3) = (t * t, t * t * t);
    [
        0.5 * (-t3 + 2.0 * t2 - t),
        0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
        0.5 * (-3.0 * t3 + 4.0 * t2 + t),
        0.5 * (t3 - t2),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 3]) -> Vec<u8> {
        (0..width * height).flat_map(|i| pixel(i % width, i / width)).collect()
    }

    #[test]
    fn a_plain_image_stays_plain_at_any_scale() {
        let rgb = image(40, 30, |_, _| [3, 128, 250]);
        let input = Input { width: 40, height: 30, rgb: &rgb };
        for scale in [0.3, 1.0, 1.37, 2.0, 3.9] {
            let out = resample(input, (0.2, 0.7), scale, (7, 7));
            assert!(out.chunks_exact(3).all(|pixel| pixel == [3, 128, 250]), "{scale}: {out:?}");
        }
        for angle in [0.1f64, 1.0, 3.0] {
            let out = turned(input, angle.sin_cos(), (20, 10));
            assert!(out.chunks_exact(3).all(|pixel| pixel == [3, 128, 250]));
        }
    }

    #[test]
    fn the_mean_is_one_of_light() {
        // Half black, half white is 188 in sRGB, not 128.
        let rgb = image(64, 64, |x, y| [if (x + y) % 2 == 0 { 255 } else { 0 }; 3]);
        let out = resample(Input { width: 64, height: 64, rgb: &rgb }, (16.0, 16.0), 4.0, (8, 8));
        assert!(out.iter().all(|&value| value.abs_diff(188) <= 1), "{out:?}");
    }

    #[test]
    fn an_offset_moves_an_edge_by_as_much() {
        let rgb = image(64, 8, |x, _| [if x < 32 { 0 } else { 255 }; 3]);
        let input = Input { width: 64, height: 8, rgb: &rgb };
        // The light of a row, in pixels of white.
        let light = |from: f64| {
            let out = resample(input, (from, 2.0), 1.0, (40, 1));
            out.chunks_exact(3).map(|pixel| TO_LIGHT[usize::from(pixel[0])]).sum::<f32>()
        };
        for step in 0..8u8 {
            let offset = f64::from(step) / 8.0;
            assert!((light(12.0 + offset) - light(12.0) - offset as f32).abs() < 0.02, "{offset}");
        }
    }

    #[test]
    fn a_whole_scale_without_an_offset_keeps_places() {
        let rgb = image(32, 32, |x, y| [8 * x as u8, 8 * y as u8, 0]);
        let out = resample(Input { width: 32, height: 32, rgb: &rgb }, (8.0, 4.0), 1.0, (16, 16));
        for (i, pixel) in out.chunks_exact(3).enumerate() {
            let (x, y) = (8 * (i % 16 + 8), 8 * (i / 16 + 4));
            assert!(
                usize::from(pixel[0]).abs_diff(x) <= 2 && usize::from(pixel[1]).abs_diff(y) <= 2,
                "{i}: {pixel:?}"
            );
        }
    }

    #[test]
    fn a_quarter_turn_moves_whole_pixels() {
        let rgb = image(9, 9, |x, y| [20 * x as u8, 20 * y as u8, 7]);
        let out = turned(Input { width: 9, height: 9, rgb: &rgb }, (1.0, 0.0), (9, 9));
        // Clockwise: what was to the left is now above.
        let expected = image(9, 9, |x, y| [20 * y as u8, 20 * (8 - x) as u8, 7]);
        assert_eq!(out, expected);
    }
}

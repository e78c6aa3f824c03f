//! Colour difference of sRGB pixels: CIE Delta E 2000 (Sharma, Wu, Dalal: "The CIEDE2000 color-difference formula:
//! implementation notes, supplementary test data, and mathematical observations", Color Res. Appl. 30(1), 2005).
//!
//! About 1 is the smallest difference an observer sees side by side. Parametric factors are 1; the white point is
//! D65, sRGB's own (IEC 61966-2-1). A slide's ICC profile is not applied.

use std::f64::consts::{PI, TAU};

/// A colour in CIE L*a*b*.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lab {
    /// Lightness, 0..=100.
    pub l: f64,
    /// Green (negative) to red.
    pub a: f64,
    /// Blue (negative) to yellow.
    pub b: f64,
}

/// Converts 8-bit sRGB to L*a*b* under D65, with the transfer curve in a table.
#[derive(Clone, Debug)]
pub struct SrgbToLab {
    linear: [f64; 256],
}

impl Default for SrgbToLab {
    fn default() -> Self {
        let curve = |v: f64| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
        Self { linear: std::array::from_fn(|code| curve(code as f64 / 255.0)) }
    }
}

impl SrgbToLab {
    /// Rows X, Y, Z of linear sRGB to CIE XYZ. Their sums are the white point: white has a* = b* = 0 exactly.
    const XYZ: [[f64; 3]; 3] = [
        [0.412_456_4, 0.357_576_1, 0.180_437_5],
        [0.212_672_9, 0.715_152_2, 0.072_175_0],
        [0.019_333_9, 0.119_192_0, 0.950_304_1],
    ];

    /// The colour of one pixel.
    pub fn convert(&self, rgb: [u8; 3]) -> Lab {
        let linear = rgb.map(|code| self.linear[usize::from(code)]);
        let [x, y, z] = Self::XYZ
            .map(|[r, g, b]| lightness_curve((r * linear[0] + g * linear[1] + b * linear[2]) / (r + g + b)));
        Lab { l: 116.0 * y - 16.0, a: 500.0 * (x - y), b: 200.0 * (y - z) }
    }
}

/// CIE's f(t): a cube root with a linear foot.
fn lightness_curve(t: f64) -> f64 {
    const EDGE: f64 = 6.0 / 29.0;
    if t > EDGE * EDGE * EDGE { t.cbrt() } else { t / (3.0 * EDGE * EDGE) + 4.0 / 29.0 }
}

/// Delta E 2000 of two colours, 0 for equal ones. Names follow the paper's equations.
pub fn delta_e_2000(one: Lab, two: Lab) -> f64 {
    let mean_c = (length(one.a, one.b) + length(two.a, two.b)) / 2.0;
    let g = 0.5 * (1.0 - chroma_weight(mean_c));
    let (a1, a2) = ((1.0 + g) * one.a, (1.0 + g) * two.a);
    let (c1, c2) = (length(a1, one.b), length(a2, two.b));
    let (h1, h2) = (hue(a1, one.b), hue(a2, two.b));

    let grey = c1 * c2 == 0.0;
    let turn = if grey { 0.0 } else { shortest_turn(h2 - h1) };
    let delta_l = two.l - one.l;
    let delta_c = c2 - c1;
    let delta_h = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).sin();

    let mean_l = (one.l + two.l) / 2.0;
    let mean_c = (c1 + c2) / 2.0;
    let mean_h = if grey { h1 + h2 } else { mean_hue(h1, h2) };

    // cos of multiples of one angle, from one sine and cosine.
    let (sin, cos) = mean_h.sin_cos();
    let (sin2, cos2) = (2.0 * sin * cos, 2.0 * cos * cos - 1.0);
    let (sin3, cos3) = (sin2 * cos + cos2 * sin, cos2 * cos - sin2 * sin);
    let (sin4, cos4) = (2.0 * sin2 * cos2, 2.0 * cos2 * cos2 - 1.0);
    let shifted =
        |(cos, sin): (f64, f64), (shift_cos, shift_sin): (f64, f64)| cos * shift_cos - sin * shift_sin;
    let t = 1.0 - 0.17 * shifted((cos, sin), MINUS_30) + 0.24 * cos2 + 0.32 * shifted((cos3, sin3), PLUS_6)
        - 0.20 * shifted((cos4, sin4), MINUS_63);

    let from_blue = (mean_h.to_degrees() - 275.0) / 25.0;
    let delta_theta = (30.0 * (-from_blue * from_blue).exp()).to_radians();
    let r_t = -(2.0 * delta_theta).sin() * 2.0 * chroma_weight(mean_c);
    let from_middle = (mean_l - 50.0) * (mean_l - 50.0);
    let s_l = 1.0 + 0.015 * from_middle / (20.0 + from_middle).sqrt();
    let s_c = 1.0 + 0.045 * mean_c;
    let s_h = 1.0 + 0.015 * mean_c * t;

    let (l, c, h) = (delta_l / s_l, delta_c / s_c, delta_h / s_h);
    // The rotation term can take the sum a rounding error below zero.
    (l * l + c * c + h * h + r_t * c * h).max(0.0).sqrt()
}

/// Cosine and sine of the paper's fixed angles.
const MINUS_30: (f64, f64) = (0.866_025_403_784_438_6, -0.5);
const PLUS_6: (f64, f64) = (0.994_521_895_368_273_3, 0.104_528_463_267_653_46);
const MINUS_63: (f64, f64) = (0.453_990_499_739_546_8, -0.891_006_524_188_367_9);

/// sqrt(C^7 / (C^7 + 25^7)).
fn chroma_weight(c: f64) -> f64 {
    const C25_7: f64 = 6_103_515_625.0;
    let c2 = c * c;
    let c7 = c2 * c2 * c2 * c;
    (c7 / (c7 + C25_7)).sqrt()
}

/// Hue angle in 0..2 pi; 0 for grey.
fn hue(a: f64, b: f64) -> f64 {
    if a == 0.0 && b == 0.0 {
        return 0.0;
    }
    let angle = b.atan2(a);
    if angle < 0.0 { angle + TAU } else { angle }
}

/// A difference of hues as the shorter way round, -pi..=pi; exactly opposite hues keep their sign.
fn shortest_turn(turn: f64) -> f64 {
    if turn > PI {
        turn - TAU
    } else if turn < -PI {
        turn + TAU
    } else {
        turn
    }
}

/// The hue half way between two, on the shorter side.
fn mean_hue(h1: f64, h2: f64) -> f64 {
    let sum = h1 + h2;
    if (h1 - h2).abs() <= PI {
        sum / 2.0
    } else if sum < TAU {
        (sum + TAU) / 2.0
    } else {
        (sum - TAU) / 2.0
    }
}

/// Length of a vector in the colour plane: `f64::hypot` guards against an overflow that cannot happen here.
fn length(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}

/// Mean and percentiles of Delta E 2000 over sRGB pixels.
///
/// Percentiles come from a histogram: bin 0 counts equal pixels, bin `k` differences in `(k-1)..=k` steps, the last
/// one everything beyond.
#[derive(Clone, Debug)]
pub struct DeltaE {
    to_lab: SrgbToLab,
    sum: f64,
    count: u64,
    bins: Vec<u64>,
}

impl Default for DeltaE {
    fn default() -> Self {
        Self { to_lab: SrgbToLab::default(), sum: 0.0, count: 0, bins: vec![0; Self::BINS] }
    }
}

impl DeltaE {
    /// Width of a bin, and so the largest error of a percentile; it is never too low.
    pub const STEP: f64 = 0.05;
    /// Bins up to a difference of 128, which no two sRGB colours reach.
    const BINS: usize = 2561;

    /// An empty accumulator.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the pixels of one region of both images, `RGBRGB...`.
    ///
    /// # Panics
    /// If the slices differ in length or hold a part of a pixel.
    pub fn add(&mut self, a: &[u8], b: &[u8]) {
        assert_eq!(a.len(), b.len(), "both images must have the same number of samples");
        let ((a, rest), (b, _)) = (a.as_chunks::<3>(), b.as_chunks::<3>());
        assert!(rest.is_empty(), "RGB samples come in threes");
        for (&a, &b) in a.iter().zip(b) {
            // Blank glass, which is most of many slides.
            if a == b {
                self.bins[0] += 1;
                continue;
            }
            let difference = delta_e_2000(self.to_lab.convert(a), self.to_lab.convert(b));
            self.sum += difference;
            self.bins[((difference / Self::STEP).ceil() as usize).min(Self::BINS - 1)] += 1;
        }
        self.count += a.len() as u64;
    }

    /// Adds the pixels of another accumulator.
    pub fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.count += other.count;
        self.bins.iter_mut().zip(&other.bins).for_each(|(bin, more)| *bin += more);
    }

    /// Number of pixels added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Mean Delta E 2000.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The difference that the given part of all pixels (0..=1, such as 0.95) does not exceed, rounded up to a
    /// multiple of [`Self::STEP`].
    pub fn percentile(&self, part: f64) -> Option<f64> {
        let wanted = (part.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bin = self.bins.iter().position(|&bin| {
            seen += bin;
            seen >= wanted
        })?;
        Some(bin as f64 * Self::STEP)
    }
}

#[cfg(test)]
mod tests;

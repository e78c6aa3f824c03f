//! Synthetic images: tissue, cells, smooth colour.

use super::rng::Rng;
use origami::codec::encode_png;
use origami::image::ycc::Ycc;
use origami::pyramid::levels::halve;

use origami::image::plane::Plane;

/// Interleaved 8-bit samples, 1 or 3 channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub data: Vec<u8>,
}

/// A number of 0 to 1 that belongs to a point of a grid.
fn lattice(x: i64, y: i64, seed: u64) -> f64 {
    Rng((x as u64) << 32 ^ (y as u64 & 0xffff_ffff) ^ seed.wrapping_mul(0x2545_f491_4f6c_dd1d)).unit()
}

/// Value noise: smooth between the points of a grid of `step` pixels.
fn noise(x: usize, y: usize, step: f64, seed: u64) -> f64 {
    let (fx, fy) = (x as f64 / step, y as f64 / step);
    let (ix, iy) = (fx.floor(), fy.floor());
    let ease = |t: f64| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(fx - ix), ease(fy - iy));
    let at = |dx: i64, dy: i64| lattice(ix as i64 + dx, iy as i64 + dy, seed);
    let (top, bottom) = (at(0, 0) * (1.0 - u) + at(1, 0) * u, at(0, 1) * (1.0 - u) + at(1, 1) * u);
    top * (1.0 - v) + bottom * v
}

impl Image {
    /// `f` gives RGB of 0 to 1 at x, y.
    fn paint(width: usize, height: usize, f: impl Fn(usize, usize) -> [f64; 3]) -> Self {
        let data = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| f(x, y).map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8))
            .collect();
        Self { width, height, channels: 3, data }
    }

    /// Stained tissue: pink stroma with fibres, violet nuclei with sharp rims, white lumen, a little grain.
    pub fn tissue(width: usize, height: usize, seed: u64) -> Self {
        Self::paint(width, height, |x, y| {
            let stroma = 0.6 * noise(x, y, 23.0, seed) + 0.4 * noise(x, y, 5.0, seed + 1);
            let nucleus = ((noise(x, y, 11.0, seed + 2) - 0.62) * 9.0).clamp(0.0, 1.0);
            let lumen = ((noise(x, y, 71.0, seed + 3) - 0.66) * 14.0).clamp(0.0, 1.0);
            let grain = (lattice(x as i64, y as i64, seed + 4) - 0.5) * 0.05;
            let pink = [0.95 - 0.12 * stroma, 0.80 - 0.38 * stroma, 0.88 - 0.20 * stroma];
            let violet = [0.42, 0.28, 0.58];
            std::array::from_fn(|c| {
                let cell = pink[c] * (1.0 - nucleus) + violet[c] * nucleus;
                cell * (1.0 - lumen) + 0.97 * lumen + grain
            })
        })
    }

    /// Slow waves of colour that any codec keeps well.
    pub fn smooth(width: usize, height: usize) -> Self {
        Self::waves(width, height, 1.0)
    }

    /// Waves of colour, `steep` times as many as in [`Self::smooth`].
    pub fn waves(width: usize, height: usize, steep: f64) -> Self {
        Self::paint(width, height, |x, y| {
            let (x, y) = (x as f64 * steep, y as f64 * steep);
            let wave = |fx: f64, fy: f64, at: f64| 0.55 + 0.3 * (x * fx + y * fy + at).sin();
            [wave(0.021, 0.013, 0.0), wave(-0.011, 0.019, 1.0), wave(0.009, 0.017, 2.0)]
        })
    }

    /// Smooth colour with the edges of cells in a grid, and noise.
    pub fn cells(width: usize, height: usize, seed: u64) -> Self {
        let mut rng = Rng(seed);
        let mut data = Vec::with_capacity(3 * width * height);
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let wave = |k: usize| (((x * k + y * (5 - k)) as f64 / 23.0).sin() * 50.0) as i32;
            let cell = if (x / 9 + y / 7) % 5 == 0 { -60 } else { 0 };
            let noise = (rng.next() % 13) as i32;
            let sample = |c: i32| (200 - 30 * c + wave(c as usize + 1) + cell + noise).clamp(0, 255) as u8;
            data.extend([0, 1, 2].map(sample));
        }
        Self { width, height, channels: 3, data }
    }

    /// The luma alone, as one channel.
    pub fn to_gray(&self) -> Self {
        Self { channels: 1, data: self.luma().data().to_vec(), ..*self }
    }

    /// The part at `x`, `y`.
    pub fn cut(&self, x: usize, y: usize, width: usize, height: usize) -> Self {
        let n = self.channels;
        let row = |row: usize| &self.data[(row * self.width + x) * n..][..width * n];
        Self { width, height, channels: n, data: (y..y + height).flat_map(row).copied().collect() }
    }

    /// The same in the upper left corner of a larger image, which is white elsewhere.
    pub fn padded(&self, width: usize, height: usize) -> Self {
        let mut data = vec![255; width * height * self.channels];
        let (from, to) = (self.width * self.channels, width * self.channels);
        for (row, own) in data.chunks_exact_mut(to).zip(self.data.chunks_exact(from)) {
            row[..from].copy_from_slice(own);
        }
        Self { width, height, channels: self.channels, data }
    }

    /// Half the size each way, rounded up.
    pub fn halved(&self) -> Self {
        let (data, width, height) = halve(&self.data, self.width, self.height, self.channels);
        Self { width, height, channels: self.channels, data }
    }

    /// Gray or 4:4:4 planes.
    pub fn planes(&self) -> Ycc {
        match self.channels {
            1 => Ycc::gray(Plane::from_vec(self.width, self.height, self.data.clone())),
            _ => Ycc::from_rgb(Plane::from_vec(3 * self.width, self.height, self.data.clone()).view()),
        }
    }

    pub fn luma(&self) -> Plane {
        self.planes().luma
    }

    pub fn png(&self) -> Vec<u8> {
        encode_png(&self.data, self.channels, self.width, self.height).unwrap()
    }
}

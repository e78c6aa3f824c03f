//! Structural similarity of 8-bit luma (Wang, Bovik, Sheikh, Simoncelli: "Image quality assessment: from error
//! visibility to structural similarity", IEEE TIP 13(4), 2004), as its authors computed it: an 11x11 Gaussian window
//! of sigma 1.5, K1 = 0.01, K2 = 0.03, full resolution, and only windows that lie wholly inside the image.

/// Side of the window.
pub const WINDOW_PX: usize = 11;
const RADIUS: usize = WINDOW_PX / 2;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// Number of weighted window sums that SSIM needs: a, b, a^2 + b^2 and ab. The two variances enter only as their sum.
const MAPS: usize = 4;

/// Mean SSIM over all windows added.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ssim {
    sum: f64,
    windows: u64,
}

impl Ssim {
    /// An empty accumulator.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds every window of one region, both images row by row without gaps. A region smaller than the window adds
    /// nothing.
    ///
    /// Windows across the edge of a region are not counted. For exactly the value of the whole image, extend each region by
    /// `WINDOW_PX - 1` pixels into its right and lower neighbours: then each window lies in one region.
    ///
    /// # Panics
    /// If a slice does not hold `width * height` samples.
    pub fn add(&mut self, a: &[u8], b: &[u8], width: usize, height: usize) {
        assert!(a.len() == width * height && b.len() == a.len(), "both images must be {width}x{height}");
        if width < WINDOW_PX || height < WINDOW_PX {
            return;
        }
        let mut rows = SsimRows::new(width);
        for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
            rows.push(a, b);
        }
        self.merge(&rows.finish());
    }

    /// Adds the windows of another accumulator, each with equal weight.
    pub fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.windows += other.windows;
    }

    /// Number of windows added.
    pub fn windows(&self) -> u64 {
        self.windows
    }

    /// Mean SSIM, -1..=1; 1 only for identical images.
    pub fn mean(&self) -> Option<f64> {
        (self.windows > 0).then(|| self.sum / self.windows as f64)
    }
}

/// SSIM of two 8-bit planes, rows without gaps; `None` if they are smaller than the window.
///
/// # Panics
/// If a slice does not hold `width * height` samples.
pub fn ssim(a: &[u8], b: &[u8], width: usize, height: usize) -> Option<f64> {
    let mut all = Ssim::new();
    all.add(a, b, width, height);
    all.mean()
}

/// SSIM of an image given row by row: exact for the whole image, with `WINDOW_PX` rows in memory.
///
/// The window is separable. A ring keeps the last `WINDOW_PX` rows of the four maps; each new row gives one vertical
/// sum per column and map, and along those the horizontal sums.
#[derive(Clone, Debug)]
pub struct SsimRows {
    taps: [f64; RADIUS + 1],
    ring: Vec<[Vec<f64>; MAPS]>,
    vertical: [Vec<f64>; MAPS],
    width: usize,
    rows: usize,
    total: Ssim,
}

impl SsimRows {
    /// For an image `width` pixels wide.
    pub fn new(width: usize) -> Self {
        let maps = || std::array::from_fn(|_| vec![0.0; width]);
        let ring = (0..WINDOW_PX).map(|_| maps()).collect();
        Self { taps: half_window(), ring, vertical: maps(), width, rows: 0, total: Ssim::new() }
    }

    /// Adds the next row of both images, from the top.
    ///
    /// # Panics
    /// If a row is not `width` samples long.
    pub fn push(&mut self, a: &[u8], b: &[u8]) {
        assert!(a.len() == self.width && b.len() == self.width, "both rows must be {} wide", self.width);
        fill_maps(&mut self.ring[self.rows % WINDOW_PX], a, b);
        self.rows += 1;
        if self.rows >= WINDOW_PX && self.width >= WINDOW_PX {
            self.sum_columns();
            self.sum_windows();
        }
    }

    /// The sum over all windows of the rows so far.
    pub fn finish(self) -> Ssim {
        self.total
    }

    /// Vertical sums of the rows in the ring. Its oldest row is the one that the next push overwrites.
    fn sum_columns(&mut self) {
        let row = |map: usize, age: usize| &self.ring[(self.rows + age) % WINDOW_PX][map][..];
        for (map, out) in self.vertical.iter_mut().enumerate() {
            weigh(out, &self.taps, |k| row(map, k));
        }
    }

    /// Horizontal sums of the vertical ones, and the index of each window. Windows are taken in blocks that stay in
    /// the first-level cache.
    fn sum_windows(&mut self) {
        const BLOCK: usize = 128;
        let windows = self.width - (WINDOW_PX - 1);
        let mut block = [[0.0; BLOCK]; MAPS];
        for start in (0..windows).step_by(BLOCK) {
            let n = BLOCK.min(windows - start);
            for (sums, out) in self.vertical.iter().zip(&mut block) {
                weigh(&mut out[..n], &self.taps, |k| &sums[start + k..][..n]);
            }
            let [a, b, squares, product] = &block;
            let index = |i: usize| window_index(a[i], b[i], squares[i], product[i]);
            self.total.sum += (0..n).map(index).sum::<f64>();
        }
        self.total.windows += windows as u64;
    }
}

/// The weights of a window's row from its edge to its middle; the other half mirrors them. They sum to 1.
fn half_window() -> [f64; RADIUS + 1] {
    let gauss = |k: usize| (-((RADIUS - k) as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let sum: f64 = (0..RADIUS).map(|k| 2.0 * gauss(k)).sum::<f64>() + gauss(RADIUS);
    std::array::from_fn(|k| gauss(k) / sum)
}

/// The four maps of one row. All values are integers below 2^18, so exact.
fn fill_maps(maps: &mut [Vec<f64>; MAPS], a: &[u8], b: &[u8]) {
    let [first, second, squares, product] = maps;
    let out = first.iter_mut().zip(second).zip(squares.iter_mut().zip(product));
    for ((&a, &b), ((first, second), (squares, product))) in a.iter().zip(b).zip(out) {
        (*first, *second) = (f64::from(a), f64::from(b));
        let (a, b) = (i32::from(a), i32::from(b));
        (*squares, *product) = (f64::from(a * a + b * b), f64::from(a * b));
    }
}

/// `out[i] = sum over k of tap(k) * lane(k)[i]` for the symmetric window; every lane is as long as `out`.
#[inline(always)]
fn weigh<'a>(out: &mut [f64], taps: &[f64; RADIUS + 1], lane: impl Fn(usize) -> &'a [f64]) {
    let n = out.len();
    let l: [&[f64]; WINDOW_PX] = std::array::from_fn(|k| &lane(k)[..n]);
    for i in 0..n {
        out[i] = taps[0] * (l[0][i] + l[10][i])
            + taps[1] * (l[1][i] + l[9][i])
            + taps[2] * (l[2][i] + l[8][i])
            + taps[3] * (l[3][i] + l[7][i])
            + taps[4] * (l[4][i] + l[6][i])
            + taps[5] * l[5][i];
    }
}

/// SSIM of one window from its weighted sums.
#[inline(always)]
fn window_index(mean_a: f64, mean_b: f64, squares: f64, product: f64) -> f64 {
    let means = mean_a * mean_b;
    let mean_squares = mean_a * mean_a + mean_b * mean_b;
    ((2.0 * means + C1) * (2.0 * (product - means) + C2))
        / ((mean_squares + C1) * (squares - mean_squares + C2))
}

#[cfg(test)]
mod tests;

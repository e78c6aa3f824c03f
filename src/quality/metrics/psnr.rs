//! Squared error and peak signal-to-noise ratio of 8-bit samples.

/// Largest value of a sample, the peak of PSNR.
const PEAK: f64 = 255.0;

/// Sum of squared differences, exact at any size a slide can have: `u64` holds 2.8e14 differences of 255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SquaredError {
    sum: u64,
    count: u64,
}

impl SquaredError {
    /// An empty accumulator.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the samples of one region: one plane, or pixels of any number of channels, each sample with equal weight.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn add(&mut self, a: &[u8], b: &[u8]) {
        /// Samples whose sum of squares fits `u32`, so that the inner loop runs on 32-bit SIMD lanes.
        const CHUNK: usize = 1 << 15;
        assert_eq!(a.len(), b.len(), "both images must have the same number of samples");
        for (a, b) in a.chunks(CHUNK).zip(b.chunks(CHUNK)) {
            let squares = a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2));
            self.sum += u64::from(squares.sum::<u32>());
        }
        self.count += a.len() as u64;
    }

    /// Adds the samples of another accumulator.
    pub fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    /// Number of samples added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Mean squared error, 0..=65025.
    pub fn mse(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// PSNR in dB against a peak of 255; `f64::INFINITY` if no sample differs.
    pub fn psnr(&self) -> Option<f64> {
        self.mse().map(psnr_from_mse)
    }
}

/// PSNR in dB of a mean squared error of 8-bit samples; `f64::INFINITY` for 0.
pub fn psnr_from_mse(mse: f64) -> f64 {
    10.0 * (PEAK * PEAK / mse).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(a: &[u8], b: &[u8]) -> SquaredError {
        let mut error = SquaredError::new();
        error.add(a, b);
        error
    }

    #[test]
    fn psnr_of_known_differences() {
        let close =
            |got: Option<f64>, want: f64| assert!((got.unwrap() - want).abs() < 1e-9, "{got:?}, want {want}");
        close(of(&[0; 64], &[255; 64]).psnr(), 0.0);
        close(of(&[7; 64], &[8; 64]).psnr(), 48.130_803_608_679_1);
        close(of(&[10, 20, 30, 40], &[10, 22, 27, 40]).mse(), 13.0 / 4.0);
        close(of(&[10, 20, 30, 40], &[10, 22, 27, 40]).psnr(), 43.011_969_999_329_55);
    }

    #[test]
    fn identical_images_have_infinite_psnr_and_none_have_none() {
        assert_eq!(of(&[1, 2, 3], &[1, 2, 3]).psnr(), Some(f64::INFINITY));
        assert_eq!(SquaredError::new().psnr(), None);
        assert_eq!(of(&[], &[]).mse(), None);
    }

    #[test]
    fn regions_of_any_size_sum_exactly() {
        // More than one chunk of the largest difference, cut unevenly.
        let (a, b) = (vec![255; 100_003], vec![0; 100_003]);
        let mut parts = of(&a[..70_001], &b[..70_001]);
        parts.merge(&of(&b[70_001..], &a[70_001..]));
        assert_eq!(parts, of(&a, &b));
        assert_eq!((parts.mse(), parts.count()), (Some(65025.0), 100_003));
    }

    #[test]
    #[should_panic(expected = "same number of samples")]
    fn unequal_lengths_are_refused() {
        of(&[1, 2], &[1]);
    }
}

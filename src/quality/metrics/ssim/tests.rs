//! SSIM against a direct two-dimensional computation, and in regions against the whole.

use super::*;

/// SplitMix64: a fixed, seeded source of test pixels.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// A smooth pattern with noise, and a copy of it with more noise.
fn pair(width: usize, height: usize, seed: u64) -> (Vec<u8>, Vec<u8>) {
    let mut random = Random(seed);
    let a: Vec<u8> = (0..width * height)
        .map(|i| {
            let (x, y) = ((i % width) as f64, (i / width) as f64);
            (128.0 + 90.0 * (x * 0.21).sin() * (y * 0.13).cos() + random.below(24) as f64) as u8
        })
        .collect();
    let b = a.iter().map(|&v| (i64::from(v) + random.below(61) as i64 - 30).clamp(0, 255) as u8).collect();
    (a, b)
}

/// The definition, window by window: the full 2-D Gaussian, then means, then central moments.
fn direct(a: &[u8], b: &[u8], width: usize, height: usize) -> f64 {
    let mut kernel = [[0.0; 11]; 11];
    for (y, row) in kernel.iter_mut().enumerate() {
        for (x, weight) in row.iter_mut().enumerate() {
            *weight = (-((x as f64 - 5.0).powi(2) + (y as f64 - 5.0).powi(2)) / 4.5).exp();
        }
    }
    let norm: f64 = kernel.iter().flatten().sum();
    let (mut sum, mut windows) = (0.0, 0);
    for y0 in 0..=height - 11 {
        for x0 in 0..=width - 11 {
            let expect = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                let at = |x: usize, y: usize| (y0 + y) * width + x0 + x;
                let cells = (0..11).flat_map(|y| (0..11).map(move |x| (x, y)));
                cells.map(|(x, y)| kernel[y][x] / norm * f(a[at(x, y)].into(), b[at(x, y)].into())).sum()
            };
            let (ma, mb) = (expect(&|a, _| a), expect(&|_, b| b));
            let (va, vb) = (expect(&|a, _| (a - ma).powi(2)), expect(&|_, b| (b - mb).powi(2)));
            let cov = expect(&|a, b| (a - ma) * (b - mb));
            let (c1, c2) = (6.5025, 58.5225);
            sum += (2.0 * ma * mb + c1) * (2.0 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
            windows += 1;
        }
    }
    sum / f64::from(windows)
}

#[test]
fn equals_the_direct_two_dimensional_definition() {
    // The sizes are the smallest there is, odd ones, and one wider than a block of windows.
    for (width, height) in [(11, 11), (12, 17), (37, 23), (150, 13), (266, 12)] {
        let (a, b) = pair(width, height, (width * height) as u64);
        let (got, want) = (ssim(&a, &b, width, height).unwrap(), direct(&a, &b, width, height));
        assert!((got - want).abs() < 1e-9, "{width}x{height}: {got}, want {want}");
        assert!(want < 0.95, "{width}x{height}: too similar for a test, {want}");
    }
}

#[test]
fn extremes_have_closed_forms() {
    let n = 16;
    let (black, white) = (vec![0; n * n], vec![255; n * n]);
    let checker: Vec<u8> = (0..n * n).map(|i| if (i % n + i / n) % 2 == 0 { 0 } else { 255 }).collect();
    assert!((ssim(&checker, &checker, n, n).unwrap() - 1.0).abs() < 1e-9);
    let flat = C1 / (255.0 * 255.0 + C1);
    assert!((ssim(&black, &white, n, n).unwrap() - flat).abs() < 1e-12);
    let negative: Vec<u8> = checker.iter().map(|v| 255 - v).collect();
    assert!(ssim(&checker, &negative, n, n).unwrap() < -0.99);
}

#[test]
fn planes_smaller_than_the_window_have_no_value() {
    for (width, height) in [(10, 40), (40, 10), (0, 0), (1, 1)] {
        let plane = vec![9; width * height];
        assert_eq!(ssim(&plane, &plane, width, height), None, "{width}x{height}");
    }
    assert!(ssim(&[9; 121], &[9; 121], 11, 11).is_some());
}

#[test]
fn regions_that_overlap_by_the_window_give_the_whole_image() {
    let (width, height) = (70, 53);
    let (a, b) = pair(width, height, 5);
    let mut regions = Ssim::new();
    for y in (0..height).step_by(20) {
        for x in (0..width).step_by(32) {
            let (w, h) = ((32 + WINDOW_PX - 1).min(width - x), (20 + WINDOW_PX - 1).min(height - y));
            let cut = |plane: &[u8]| -> Vec<u8> {
                (y..y + h).flat_map(|row| plane[row * width + x..][..w].to_vec()).collect()
            };
            regions.add(&cut(&a), &cut(&b), w, h);
        }
    }
    assert_eq!(regions.windows(), ((width - 10) * (height - 10)) as u64);
    assert!((regions.mean().unwrap() - ssim(&a, &b, width, height).unwrap()).abs() < 1e-12);
}

#[test]
fn the_mean_weighs_windows_not_regions() {
    let (a, b) = pair(40, 30, 7);
    let mut both = Ssim::new();
    both.add(&a, &b, 40, 30);
    both.add(&a[..121], &a[..121], 11, 11);
    let alone = ssim(&a, &b, 40, 30).unwrap();
    assert_eq!(both.windows(), 30 * 20 + 1);
    assert!((both.mean().unwrap() - (alone * 600.0 + 1.0) / 601.0).abs() < 1e-12);
}

/// `cargo test --release -- --ignored --nocapture metrics` prints the speed.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let (a, b) = pair(1024, 1024, 1);
    let best = (0..9).map(|_| {
        let start = std::time::Instant::now();
        assert!(ssim(&a, &b, 1024, 1024).is_some());
        start.elapsed()
    });
    println!("ssim: {:?} a 1024x1024", best.min().unwrap());
}

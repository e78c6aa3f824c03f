//! Planes compared: exactly, or in dB.

use origami::image::plane::Plane;
use origami::image::ycc::Ycc;
use origami::quality::metrics::SquaredError;

/// Y, then Cb and Cr where there is colour.
pub fn planes(image: &Ycc) -> Vec<&Plane> {
    std::iter::once(&image.luma).chain(image.chroma.iter().flatten()).collect()
}

/// Fails with the case and the first sample that differs.
#[track_caller]
pub fn assert_same(case: &str, want: &Plane, got: &Plane) {
    assert_eq!((got.width(), got.height()), (want.width(), want.height()), "{case}: size");
    for y in 0..want.height() {
        if let Some(x) = (0..want.width()).find(|&x| want.row(y)[x] != got.row(y)[x]) {
            panic!("{case}: at x {x}, y {y}: got {}, want {}", got.row(y)[x], want.row(y)[x]);
        }
    }
}

/// PSNR in dB of two planes of one size.
pub fn psnr(a: &Plane, b: &Plane) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let mut error = SquaredError::new();
    for y in 0..a.height() {
        error.add(a.row(y), b.row(y));
    }
    error.psnr().unwrap()
}

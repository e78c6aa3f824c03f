//! Shared by the kernels' tests: seeded random planes, and a comparison that names the first difference.

use crate::image::plane::Plane;

/// SplitMix64: small, seeded, the same everywhere. Source: Steele, Lea, Flood 2014.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }
}

/// Planes that reveal mistakes: random, extremes, edges, a gradient.
pub fn planes(width: usize, height: usize, rng: &mut Rng) -> Vec<(&'static str, Plane)> {
    let make = |f: &mut dyn FnMut(usize, usize) -> u8| {
        let data = (0..width * height).map(|i| f(i % width, i / width)).collect();
        Plane::from_vec(width, height, data)
    };
    vec![
        ("random", make(&mut |_, _| rng.byte())),
        ("black", make(&mut |_, _| 0)),
        ("white", make(&mut |_, _| 255)),
        ("checker", make(&mut |x, y| if (x + y) % 2 == 0 { 255 } else { 0 })),
        ("bars", make(&mut |x, y| if (x / 3 + y / 5) % 2 == 0 { 255 } else { 0 })),
        ("ramp", make(&mut |x, y| (x * 7 + y * 3) as u8)),
    ]
}

/// Fails with the kernel, the case and the first sample that differs.
pub fn assert_same<T: Copy + Default + PartialEq + std::fmt::Debug>(
    kernel: &str,
    case: &str,
    want: &Plane<T>,
    got: &Plane<T>,
) {
    assert_eq!((want.width(), want.height()), (got.width(), got.height()), "{kernel} {case}: size");
    for y in 0..want.height() {
        if let Some(x) = (0..want.width()).find(|&x| want.row(y)[x] != got.row(y)[x]) {
            panic!("{kernel} {case}: at {x},{y} want {:?}, got {:?}", want.row(y)[x], got.row(y)[x]);
        }
    }
}

//! A case of the self-test, and the planes that cases are made of.

use crate::gpu::program::{PassList, PlaneAllocator, PlaneLayout, Program, RoundTrip};
use crate::gpu::shader::Kernel;
use crate::image::plane::Plane;

/// A program and what it must give.
pub struct Case {
    /// Whose case.
    pub kernel: Kernel,
    /// For the message of a difference.
    pub name: String,
    /// What runs.
    pub program: Program,
    /// What goes up.
    pub planes: Vec<Plane>,
    /// What the twin gives.
    pub want: Vec<Plane>,
}

/// Planes that reveal mistakes: flat extremes, the hardest edges, noise.
pub fn planes(width: usize, height: usize, thorough: bool) -> Vec<(&'static str, Plane)> {
    let made = |value: &dyn Fn(usize, usize) -> u8| {
        Plane::from_vec(width, height, (0..width * height).map(|i| value(i % width, i / width)).collect())
    };
    let noise = made(&|x, y| {
        let h = (x as u32 ^ (y as u32).wrapping_mul(0x9e37_79b1)).wrapping_mul(0x85eb_ca6b);
        ((h ^ (h >> 15)).wrapping_mul(0xc2b2_ae35) >> 24) as u8
    });
    let checks = made(&|x, y| if (x / 3 + y / 2) % 2 == 0 { 0 } else { 255 });
    let mut all = vec![("noise", noise), ("checks", checks)];
    if thorough {
        all.push(("black", made(&|_, _| 0)));
        all.push(("white", made(&|_, _| 255)));
        all.push(("points", made(&|x, y| if x % 7 == 3 && y % 5 == 2 { 255 } else { 1 })));
    }
    all
}

/// A program of one round trip.
pub fn program(
    upload: Vec<PlaneLayout>,
    passes: PassList,
    download: Vec<PlaneLayout>,
    region: PlaneAllocator,
) -> Program {
    Program { round_trips: vec![RoundTrip { upload, passes, download }], words: region.peak_words() }
}

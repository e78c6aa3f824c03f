//! How the contexts of a cell begin: as they are after other residuals, so that a small cell costs hardly more than a large one.
//!
//! The table was trained on residuals of photographs and stained tissue by `scripts/context_start.py`.

use std::sync::LazyLock;

use super::arithmetic::Context;
use super::model::Model;

/// A byte for each context, in the order of [`Model::contexts`]: its place in [`ONES`], and in the lowest two bits that in [`SEEN`].
static TABLE: &[u8] = include_bytes!("start.bin");

/// Probabilities of 1, of 65536: `1 / (1 + exp(6.3 - n / 5))`, the upper half mirrored.
pub static ONES: [u16; 64] = {
    let lower: [u16; 32] = [
        120, 147, 179, 219, 267, 326, 397, 484, 591, 720, 877, 1068, 1300, 1581, 1921, 2331, 2825, 3418,
        4127, 4971, 5972, 7150, 8527, 10123, 11955, 14036, 16367, 18943, 21746, 24743, 27889, 31131,
    ];
    let (mut ones, mut n) = ([0; 64], 0);
    while n < 32 {
        ones[n] = lower[n];
        ones[63 - n] = (65536 - lower[n] as u32) as u16;
        n += 1;
    }
    ones
};

/// How many bits a context behaves as if it had seen.
pub static SEEN: [u16; 4] = [0, 5, 18, 60];

/// The contexts at the start of a cell, of luma and of chroma alike.
pub fn trained() -> &'static Model {
    static TRAINED: LazyLock<Model> = LazyLock::new(|| {
        let mut model = Model::NEW;
        for (context, &byte) in model.contexts().zip(TABLE) {
            *context = Context::after(ONES[usize::from(byte >> 2)], SEEN[usize::from(byte & 3)]);
        }
        model
    });
    &TRAINED
}

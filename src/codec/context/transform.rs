//! From quantised coefficients to samples: the accurate integer inverse DCT of libjpeg (`jpeg_idct_islow`). A residual thus decodes to
//! the samples of the JPEG that it was made from.
//!
//! Source: Loeffler, Ligtenberg, Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications", 1989, in 13 bits of fraction.

use super::model::Block;
use crate::kernels::level::vectorised;

/// Quantiser steps, row by row.
pub type Steps = [u16; 64];
/// Samples of a block, row by row.
pub type Samples = [[u8; 8]; 8];

type Lanes = [i32; 8];

/// Bits of fraction of the constants.
const FRACTION: u32 = 13;
/// Bits of fraction between the passes.
const BETWEEN: u32 = 2;

#[inline(always)]
fn lanes(of: impl Fn(usize) -> i32) -> Lanes {
    let mut out = [0; 8];
    for (i, out) in out.iter_mut().enumerate() {
        *out = of(i);
    }
    out
}

/// One pass over eight columns at once. Wraps at sizes that no encoder's coefficients reach.
#[inline(always)]
fn pass(x: [Lanes; 8], shift: u32) -> [Lanes; 8] {
    let add = |a: Lanes, b: Lanes| lanes(|i| a[i].wrapping_add(b[i]));
    let sub = |a: Lanes, b: Lanes| lanes(|i| a[i].wrapping_sub(b[i]));
    let mul = |a: Lanes, by: i32| lanes(|i| a[i].wrapping_mul(by));
    let half = 1 << (shift - 1);
    let round = |a: Lanes| lanes(|i| a[i].wrapping_add(half) >> shift);
    // Constants are cosines in Q13, named by their values in the paper.
    let z = mul(add(x[2], x[6]), 4433);
    let even2 = add(z, mul(x[6], -15137));
    let even3 = add(z, mul(x[2], 6270));
    let even0 = mul(add(x[0], x[4]), 1 << FRACTION);
    let even1 = mul(sub(x[0], x[4]), 1 << FRACTION);
    let even = [add(even0, even3), add(even1, even2), sub(even1, even2), sub(even0, even3)];

    let (z1, z2) = (mul(add(x[7], x[1]), -7373), mul(add(x[5], x[3]), -20995));
    let (z3, z4) = (add(x[7], x[3]), add(x[5], x[1]));
    let z5 = mul(add(z3, z4), 9633);
    let (z3, z4) = (add(mul(z3, -16069), z5), add(mul(z4, -3196), z5));
    let odd = [
        add(mul(x[1], 12299), add(z1, z4)),
        add(mul(x[3], 25172), add(z2, z3)),
        add(mul(x[5], 16819), add(z2, z4)),
        add(mul(x[7], 2446), add(z1, z3)),
    ];
    let mut out = [[0; 8]; 8];
    for i in 0..4 {
        out[i] = round(add(even[i], odd[i]));
        out[7 - i] = round(sub(even[i], odd[i]));
    }
    out
}

#[inline(always)]
fn transposed(x: [Lanes; 8]) -> [Lanes; 8] {
    let mut out = [[0; 8]; 8];
    for (i, out) in out.iter_mut().enumerate() {
        *out = lanes(|j| x[j][i]);
    }
    out
}

vectorised! {
    fn inverse_full(block: &Block, steps: &Steps, out: &mut Samples) {
        let mut x = [[0; 8]; 8];
        for (i, x) in x.iter_mut().enumerate() {
            *x = lanes(|j| i32::from(block[8 * i + j]) * i32::from(steps[8 * i + j]));
        }
        let rows = transposed(pass(transposed(pass(x, FRACTION - BETWEEN)), FRACTION + BETWEEN + 3));
        for (out, row) in out.iter_mut().zip(rows) {
            for (out, v) in out.iter_mut().zip(row) {
                *out = v.saturating_add(128).clamp(0, 255) as u8;
            }
        }
    }
}

/// The samples of a block of which `count` coefficients are not zero.
pub fn inverse(block: &Block, count: u8, steps: &Steps, out: &mut Samples) {
    if count == 0 || (count == 1 && block[0] != 0) {
        // The result of both passes for a block that has only a mean.
        let mean = (i32::from(block[0]) * i32::from(steps[0]) + 4) >> 3;
        *out = [[(mean + 128).clamp(0, 255) as u8; 8]; 8];
    } else {
        inverse_full(block, steps, out);
    }
}

//! The normative definition of both passes.

use crate::image::plane::Plane;
use crate::image::spec::{SHIFT_MID, SHIFT_OUT};
use crate::kernels::taps::Taps;

fn round_shift(sum: i32, shift: u32) -> i32 {
    (sum + (1 << (shift - 1))) >> shift
}

fn saturate(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// Outputs `from..` of one row. `row` holds the input samples followed by `taps.row_len()` zeros.
pub fn horizontal(row: &[i16], taps: &Taps, shift: u32, from: usize, out: &mut [i16]) {
    for (x, out) in out.iter_mut().enumerate().skip(from) {
        let samples = &row[taps.start(x)..];
        let sum: i32 = taps.coeffs(x).iter().zip(samples).map(|(&c, &s)| i32::from(c) * i32::from(s)).sum();
        *out = saturate(round_shift(sum, shift));
    }
}

fn column(mid: &Plane<i16>, first: usize, coeffs: &[i16], x: usize) -> i32 {
    coeffs.iter().enumerate().map(|(k, &c)| i32::from(c) * i32::from(mid.row(first + k)[x])).sum()
}

/// Columns `from..` of one output row, as samples.
pub fn vertical_u8(mid: &Plane<i16>, first: usize, coeffs: &[i16], from: usize, out: &mut [u8]) {
    for (x, out) in out.iter_mut().enumerate().skip(from) {
        *out = round_shift(column(mid, first, coeffs, x), SHIFT_OUT).clamp(0, 255) as u8;
    }
}

/// Columns `from..` of one output row, in Q6.
pub fn vertical_i16(mid: &Plane<i16>, first: usize, coeffs: &[i16], from: usize, out: &mut [i16]) {
    for (x, out) in out.iter_mut().enumerate().skip(from) {
        *out = saturate(round_shift(column(mid, first, coeffs, x), SHIFT_MID));
    }
}

//! Both passes with NEON: eight taps (horizontal) or eight columns (vertical) at a time.
#![allow(unsafe_code)]

use std::arch::aarch64::*;

use super::scalar;
use crate::image::plane::Plane;
use crate::image::spec::{SHIFT_MID, SHIFT_OUT};
use crate::kernels::taps::Taps;

pub fn horizontal(row: &[i16], taps: &Taps, shift: u32, out: &mut [i16]) {
    assert!(row.len() >= taps.in_len() + taps.row_len() && out.len() == taps.out_len());
    let done = out.len() / 4 * 4;
    for x in (0..done).step_by(4) {
        let mut sums = [0i32; 4];
        for (i, sum) in sums.iter_mut().enumerate() {
            let (coeffs, start) = (taps.coeffs(x + i), taps.start(x + i));
            // SAFETY: NEON is part of aarch64. Reads reach `start + row_len` with `start < in_len`, inside
            // `row` by the assertion above, and `coeffs` holds `row_len`, a multiple of eight.
            *sum = unsafe {
                let mut acc = vdupq_n_s32(0);
                for k in (0..coeffs.len()).step_by(8) {
                    let s = vld1q_s16(row.as_ptr().add(start + k));
                    let c = vld1q_s16(coeffs.as_ptr().add(k));
                    acc = vmlal_s16(acc, vget_low_s16(s), vget_low_s16(c));
                    acc = vmlal_high_s16(acc, s, c);
                }
                vaddvq_s32(acc)
            };
        }
        // SAFETY: `sums` holds four i32 and `out[x..x + 4]` exists.
        unsafe {
            let total = vaddq_s32(vld1q_s32(sums.as_ptr()), vdupq_n_s32(1 << (shift - 1)));
            let q = vshlq_s32(total, vdupq_n_s32(-(shift as i32)));
            vst1_s16(out[x..x + 4].as_mut_ptr(), vqmovn_s32(q));
        }
    }
    scalar::horizontal(row, taps, shift, done, out);
}

pub fn vertical_u8(mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [u8]) {
    assert!(first + coeffs.len() <= mid.height() && out.len() == mid.width());
    let done = out.len() / 8 * 8;
    for x in (0..done).step_by(8) {
        // SAFETY: rows `first..first + coeffs.len()` exist and columns `x..x + 8` lie inside them and `out`.
        unsafe {
            vst1_u8(
                out[x..x + 8].as_mut_ptr(),
                vqmovun_s16(columns_8::<{ SHIFT_OUT as i32 }>(mid, first, coeffs, x)),
            )
        };
    }
    scalar::vertical_u8(mid, first, coeffs, done, out);
}

pub fn vertical_i16(mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [i16]) {
    assert!(first + coeffs.len() <= mid.height() && out.len() == mid.width());
    let done = out.len() / 8 * 8;
    for x in (0..done).step_by(8) {
        // SAFETY: as for `vertical_u8`.
        unsafe {
            vst1q_s16(out[x..x + 8].as_mut_ptr(), columns_8::<{ SHIFT_MID as i32 }>(mid, first, coeffs, x))
        };
    }
    scalar::vertical_i16(mid, first, coeffs, done, out);
}

/// Eight columns summed over the rows, rounded, shifted and saturated to i16.
///
/// # Safety
/// Rows `first..first + coeffs.len()` of `mid` must have columns `x..x + 8`.
unsafe fn columns_8<const SHIFT: i32>(mid: &Plane<i16>, first: usize, coeffs: &[i16], x: usize) -> int16x8_t {
    // SAFETY: by the contract; NEON is part of aarch64.
    unsafe {
        let round = vdupq_n_s32(1 << (SHIFT - 1));
        let (mut low, mut high) = (round, round);
        for (k, &c) in coeffs.iter().enumerate() {
            let samples = vld1q_s16(mid.data().as_ptr().add((first + k) * mid.stride() + x));
            low = vmlal_n_s16(low, vget_low_s16(samples), c);
            high = vmlal_high_n_s16(high, samples, c);
        }
        let shift = vdupq_n_s32(-SHIFT);
        vqmovn_high_s32(vqmovn_s32(vshlq_s32(low, shift)), vshlq_s32(high, shift))
    }
}

//! Both passes with AVX2: `pmaddwd` over eight outputs (horizontal) or sixteen columns (vertical) at a time.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::scalar;
use crate::image::plane::Plane;
use crate::image::spec::{SHIFT_MID, SHIFT_OUT};
use crate::kernels::taps::Taps;

pub fn horizontal(row: &[i16], taps: &Taps, shift: u32, out: &mut [i16]) {
    assert!(row.len() >= taps.in_len() + taps.row_len() && out.len() == taps.out_len());
    let run = taps.run();
    let along = if shift == SHIFT_MID { run.len() / 16 * 16 } else { 0 };
    for part in [0..run.start, run.start + along..out.len()] {
        let done = part.start + part.len() / 8 * 8;
        // SAFETY: this module is only called at `Level::Avx2`, so the processor has AVX2. Reads reach `start
        // + row_len` with `start < in_len`, inside `row` by the assertion above; `coeffs` are slices of
        // `row_len`.
        unsafe { horizontal_8(row, taps, shift, part.start, &mut out[part.start..done]) };
        scalar::horizontal(row, taps, shift, done, &mut out[..part.end]);
    }
    if along > 0 {
        // The outputs of a run have equal coefficients, one sample apart: a vertical filter over rows that
        // are one sample apart.
        let (first, coeffs) = (taps.start(run.start), &taps.coeffs(run.start)[..taps.used()]);
        for (block, out) in out[run.start..][..along].chunks_exact_mut(16).enumerate() {
            // SAFETY: reads reach `first + along + used`, which the outputs of the run read anyway: inside
            // `row`; `out` is a chunk of exactly sixteen i16.
            unsafe {
                let words =
                    columns_16::<{ SHIFT_MID as i32 }>(row.as_ptr().add(first + 16 * block), 1, coeffs);
                _mm256_storeu_si256(out.as_mut_ptr().cast(), words);
            }
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn horizontal_8(row: &[i16], taps: &Taps, shift: u32, from: usize, out: &mut [i16]) {
    let round = _mm256_set1_epi32(1 << (shift - 1));
    let count = _mm_cvtsi32_si128(shift as i32);
    for (block, out) in out.chunks_exact_mut(8).enumerate() {
        let x = from + block * 8;
        let mut sums = [_mm256_setzero_si256(); 4];
        for (i, sum) in sums.iter_mut().enumerate() {
            // The low lane computes output x + i, the high lane x + i + 4.
            let (ca, cb) = (taps.coeffs(x + i), taps.coeffs(x + i + 4));
            let (sa, sb) = (taps.start(x + i), taps.start(x + i + 4));
            for k in (0..ca.len()).step_by(8) {
                // SAFETY: k + 8 <= row_len; see the assertion of the caller.
                let (samples, coeffs) = unsafe {
                    (
                        load_pair(row.as_ptr().add(sa + k), row.as_ptr().add(sb + k)),
                        load_pair(ca.as_ptr().add(k), cb.as_ptr().add(k)),
                    )
                };
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(samples, coeffs));
            }
        }
        let total =
            _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
        let q = _mm256_sra_epi32(_mm256_add_epi32(total, round), count);
        let packed = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256::<1>(q));
        // SAFETY: `out` is a chunk of exactly eight i16.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), packed) };
    }
}

/// Two unaligned groups of eight i16, `low` in the low lane.
///
/// # Safety
/// Both pointers must be valid for reads of 16 bytes.
#[target_feature(enable = "avx2")]
unsafe fn load_pair(low: *const i16, high: *const i16) -> __m256i {
    // SAFETY: by the contract above.
    unsafe {
        _mm256_inserti128_si256::<1>(
            _mm256_castsi128_si256(_mm_loadu_si128(low.cast())),
            _mm_loadu_si128(high.cast()),
        )
    }
}

pub fn vertical_u8(mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [u8]) {
    assert!(first + coeffs.len() <= mid.height() && out.len() == mid.width());
    let done = out.len() / 16 * 16;
    // SAFETY: the processor has AVX2 at this level; rows `first..first + coeffs.len()` exist and are
    // `out.len()` wide.
    unsafe { vertical_u8_16(mid, first, coeffs, &mut out[..done]) };
    scalar::vertical_u8(mid, first, coeffs, done, out);
}

pub fn vertical_i16(mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [i16]) {
    assert!(first + coeffs.len() <= mid.height() && out.len() == mid.width());
    let done = out.len() / 16 * 16;
    // SAFETY: as for `vertical_u8`.
    unsafe { vertical_i16_16(mid, first, coeffs, &mut out[..done]) };
    scalar::vertical_i16(mid, first, coeffs, done, out);
}

#[target_feature(enable = "avx2")]
unsafe fn vertical_u8_16(mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [u8]) {
    for (block, out) in out.chunks_exact_mut(16).enumerate() {
        // SAFETY: columns `16 * block..+16` lie inside every row, by the caller's assertion.
        let words = unsafe {
            columns_16::<{ SHIFT_OUT as i32 }>(mid.row(first).as_ptr().add(block * 16), mid.stride(), coeffs)
        };
        let bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
        // SAFETY: `out` is a chunk of exactly sixteen bytes.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), bytes) };
    }
}

#[target_feature(enable = "avx2")]
unsafe fn vertical_i16_16(mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [i16]) {
    for (block, out) in out.chunks_exact_mut(16).enumerate() {
        // SAFETY: as in `vertical_u8_16`.
        let words = unsafe {
            columns_16::<{ SHIFT_MID as i32 }>(mid.row(first).as_ptr().add(block * 16), mid.stride(), coeffs)
        };
        // SAFETY: `out` is a chunk of exactly sixteen i16.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), words) };
    }
}

/// Sixteen columns summed over the rows, rounded, shifted and saturated to i16, in order. Row k begins at
/// `top + k * stride`.
///
/// # Safety
/// Each of the `coeffs.len()` rows must be valid for reads of sixteen i16.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn columns_16<const SHIFT: i32>(top: *const i16, stride: usize, coeffs: &[i16]) -> __m256i {
    let round = _mm256_set1_epi32(1 << (SHIFT - 1));
    let (mut low, mut high) = (round, round);
    for (pair, c) in coeffs.chunks(2).enumerate() {
        let row = 2 * pair * stride;
        // SAFETY: by the contract; an odd last row is paired with zeros.
        let (a, b) = unsafe {
            let a = _mm256_loadu_si256(top.add(row).cast());
            let b = if c.len() == 2 {
                _mm256_loadu_si256(top.add(row + stride).cast())
            } else {
                _mm256_setzero_si256()
            };
            (a, b)
        };
        let second = c.get(1).copied().unwrap_or(0);
        let both = _mm256_set1_epi32(i32::from(c[0] as u16) | (i32::from(second) << 16));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), both));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), both));
    }
    _mm256_packs_epi32(_mm256_srai_epi32::<SHIFT>(low), _mm256_srai_epi32::<SHIFT>(high))
}

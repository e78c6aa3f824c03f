//! Both passes with AVX2: `pmaddwd` over eight outputs (horizontal) or sixteen columns (vertical) at a time.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::ops::Range;

use super::scalar;
use crate::image::plane::Plane;
use crate::image::spec::{SHIFT_MID, SHIFT_OUT, SHIFT_U8};
use crate::kernels::taps::{Cycle, Stride, Taps};

pub fn horizontal(row: &[i16], taps: &Taps, shift: u32, out: &mut [i16]) {
    assert!(row.len() >= taps.in_len() + taps.row_len() && out.len() == taps.out_len());
    // What repeats is computed as a vertical filter over rows that are one sample apart.
    let along = along_cycle(row, taps, shift, out);
    let along = if along.is_empty() { along_run(row, taps, shift, out) } else { along };
    let along = if along.is_empty() { along_stride(row, taps, shift, out) } else { along };
    for part in [0..along.start, along.end..out.len()] {
        let done = part.start + part.len() / 8 * 8;
        // SAFETY: this module is only called at `Level::Avx2`, so the processor has AVX2. Reads reach `start
        // + row_len` with `start < in_len`, inside `row` by the assertion above; `coeffs` are slices of
        // `row_len`, which is at least 8.
        unsafe {
            let out = &mut out[part.start..done];
            match taps.used() <= 4 {
                true => horizontal_8_short(row, taps, shift, part.start, out),
                false => horizontal_8(row, taps, shift, part.start, out),
            }
        };
        scalar::horizontal(row, taps, shift, done, &mut out[..part.end]);
    }
}

/// Computes the outputs of a run, which have equal coefficients, by sixteen. Returns which were computed.
fn along_run(row: &[i16], taps: &Taps, shift: u32, out: &mut [i16]) -> Range<usize> {
    let run = taps.run();
    let blocks = if shift == SHIFT_MID { run.len() / 16 } else { 0 };
    let (first, coeffs) = (taps.start(run.start), &taps.coeffs(run.start)[..taps.used()]);
    for (block, out) in out[run.start..][..16 * blocks].chunks_exact_mut(16).enumerate() {
        // SAFETY: reads reach `first + 16 * blocks + used`, which the outputs of the run read anyway: inside
        // `row`; `out` is a chunk of exactly sixteen i16.
        unsafe {
            let [words] = columns::<1, { SHIFT_MID as i32 }>(row.as_ptr().add(first + 16 * block), 1, coeffs);
            _mm256_storeu_si256(out.as_mut_ptr().cast(), words);
        }
    }
    run.start..run.start + 16 * blocks
}

/// Computes the outputs of a cycle of 2 or 4, sixteen of each phase at a time. Returns which were computed.
fn along_cycle(row: &[i16], taps: &Taps, shift: u32, out: &mut [i16]) -> Range<usize> {
    let Cycle { period, outputs } = taps.cycle();
    // Of each phase.
    let each = outputs.len() / period;
    if each < 16 {
        return 0..0;
    }
    let done = outputs.start..outputs.start + period * each;
    let out = &mut out[done.clone()];
    // The last block overlaps the one before where the count does not come out even.
    for at in (0..each - 16).step_by(16).chain([each - 16]) {
        let out = &mut out[period * at..][..16 * period];
        // SAFETY: the outputs of a cycle of `period` repeat, one sample on, so sixteen of each phase from `at` on read what these
        // outputs read anyway: inside `row`, by the assertion of the caller. The processor has AVX2 at this level.
        unsafe {
            let phase = |phase: usize| {
                let first = outputs.start + phase;
                let (from, coeffs) = (taps.start(first) + at, &taps.coeffs(first)[..taps.used()]);
                let [words] = if shift == SHIFT_MID {
                    columns::<1, { SHIFT_MID as i32 }>(row.as_ptr().add(from), 1, coeffs)
                } else {
                    columns::<1, { SHIFT_U8 as i32 }>(row.as_ptr().add(from), 1, coeffs)
                };
                words
            };
            match period {
                2 => store_2(phase(0), phase(1), out),
                _ => store_4([phase(0), phase(1), phase(2), phase(3)], out),
            }
        }
    }
    done
}

/// Stores the samples of two phases in turns: 32 samples.
#[target_feature(enable = "avx2")]
fn store_2(a: __m256i, b: __m256i, out: &mut [i16]) {
    let (low, high) = (_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b));
    store([_mm256_permute2x128_si256::<0x20>(low, high), _mm256_permute2x128_si256::<0x31>(low, high)], out);
}

/// Stores the samples of four phases in turns: 64 samples.
#[target_feature(enable = "avx2")]
fn store_4([a, b, c, d]: [__m256i; 4], out: &mut [i16]) {
    let (ab, cd) = (_mm256_unpacklo_epi16(a, b), _mm256_unpacklo_epi16(c, d));
    // Samples 0 to 3 and, in the high lane, 8 to 11.
    let (p, q) = (_mm256_unpacklo_epi32(ab, cd), _mm256_unpackhi_epi32(ab, cd));
    let (ab, cd) = (_mm256_unpackhi_epi16(a, b), _mm256_unpackhi_epi16(c, d));
    // Samples 4 to 7, and 12 to 15.
    let (r, s) = (_mm256_unpacklo_epi32(ab, cd), _mm256_unpackhi_epi32(ab, cd));
    let low = [_mm256_permute2x128_si256::<0x20>(p, q), _mm256_permute2x128_si256::<0x20>(r, s)];
    let high = [_mm256_permute2x128_si256::<0x31>(p, q), _mm256_permute2x128_si256::<0x31>(r, s)];
    store([low[0], low[1], high[0], high[1]], out);
}

#[target_feature(enable = "avx2")]
fn store<const N: usize>(words: [__m256i; N], out: &mut [i16]) {
    for (words, out) in words.into_iter().zip(out.chunks_exact_mut(16)) {
        // SAFETY: `out` is a chunk of exactly sixteen i16.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), words) };
    }
}

/// Computes the outputs of a stride by eight. Returns which were computed.
fn along_stride(row: &[i16], taps: &Taps, shift: u32, out: &mut [i16]) -> Range<usize> {
    let Stride { step, outputs } = taps.stride();
    let (start, blocks) = (outputs.start, outputs.len() / 8);
    if blocks == 0 {
        return 0..0;
    }
    let done = start..start + 8 * blocks;
    let coeffs = &taps.coeffs(start)[..taps.used().next_multiple_of(*step)];
    // SAFETY: the processor has AVX2 at this level. Eight outputs read what each of them reads anyway, up to the whole steps of its
    // coefficients: inside `row`, by the assertion of the caller, because `row_len` is a multiple of all steps.
    unsafe {
        let (from, out) = (row.as_ptr().add(taps.start(start)), &mut out[done.clone()]);
        match step {
            2 => stride_8::<2>(from, coeffs, shift, out),
            4 => stride_8::<4>(from, coeffs, shift, out),
            _ => stride_8::<8>(from, coeffs, shift, out),
        }
    }
    done
}

/// Eight outputs at a time, each `STEP` samples after the one before. A register holds the products of sixteen samples with the
/// coefficients of a step, in turns: two for each output at steps of 4.
///
/// # Safety
/// `from` must be valid for reads of `STEP * (out.len() - 1) + coeffs.len()` samples. `coeffs` has whole steps, `out` whole eights.
#[target_feature(enable = "avx2")]
unsafe fn stride_8<const STEP: usize>(from: *const i16, coeffs: &[i16], shift: u32, out: &mut [i16]) {
    let round = _mm256_set1_epi32(1 << (shift - 1));
    let count = _mm_cvtsi32_si128(shift as i32);
    for (block, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let mut sums = [_mm256_setzero_si256(); 4];
        for (index, coeffs) in coeffs.as_chunks::<STEP>().0.iter().enumerate() {
            // SAFETY: `coeffs` has `STEP` coefficients, which are read; samples by the contract.
            unsafe {
                let coeffs = match STEP {
                    2 => _mm256_set1_epi32(coeffs.as_ptr().cast::<i32>().read_unaligned()),
                    4 => _mm256_set1_epi64x(coeffs.as_ptr().cast::<i64>().read_unaligned()),
                    _ => _mm256_broadcastsi128_si256(_mm_loadu_si128(coeffs.as_ptr().cast())),
                };
                let from = from.add(STEP * (8 * block + index));
                for (part, sum) in sums[..STEP / 2].iter_mut().enumerate() {
                    let samples = _mm256_loadu_si256(from.add(16 * part).cast());
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(samples, coeffs));
                }
            }
        }
        let [a, b, c, d] = sums;
        let total = match STEP {
            2 => a,
            // Sums of 0, 1, 4, 5 and, in the high lane, 2, 3, 6, 7.
            4 => _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(a, b)),
            // Even ones and, in the high lane, odd ones.
            _ => _mm256_permutevar8x32_epi32(
                _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d)),
                _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7),
            ),
        };
        let q = _mm256_sra_epi32(_mm256_add_epi32(total, round), count);
        let packed = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256::<1>(q));
        // SAFETY: `out` has exactly eight i16.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), packed) };
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

/// As [`horizontal_8`], of tables whose outputs use at most four coefficients: a register holds those of four outputs.
#[target_feature(enable = "avx2")]
unsafe fn horizontal_8_short(row: &[i16], taps: &Taps, shift: u32, from: usize, out: &mut [i16]) {
    let round = _mm256_set1_epi32(1 << (shift - 1));
    let count = _mm_cvtsi32_si128(shift as i32);
    for (block, out) in out.chunks_exact_mut(8).enumerate() {
        let x = from + block * 8;
        // SAFETY: four samples from each start on, and the first four coefficients; see the caller.
        let sums = unsafe { [four_sums(row, taps, x), four_sums(row, taps, x + 2)] };
        let total = _mm256_hadd_epi32(sums[0], sums[1]);
        let q = _mm256_sra_epi32(_mm256_add_epi32(total, round), count);
        let packed = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256::<1>(q));
        // SAFETY: `out` is a chunk of exactly eight i16.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), packed) };
    }
}

/// Sums of two samples each with their coefficients: of outputs `x` and `x + 1` in the low lane, of those four further on in the high lane.
///
/// # Safety
/// `row` has four samples from the start of each of these outputs on.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn four_sums(row: &[i16], taps: &Taps, x: usize) -> __m256i {
    let starts = taps.starts(x, 6);
    let at = [starts[0], starts[1], starts[4], starts[5]];
    let coeffs = [x, x + 1, x + 4, x + 5].map(|i| taps.coeffs(i).as_ptr());
    // SAFETY: by the contract, and every output has at least eight coefficients.
    unsafe {
        let samples = load_fours(at.map(|start| row.as_ptr().add(start as usize)));
        _mm256_madd_epi16(samples, load_fours(coeffs))
    }
}

/// Four unaligned groups of four i16.
///
/// # Safety
/// All pointers must be valid for reads of 8 bytes.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn load_fours([a, b, c, d]: [*const i16; 4]) -> __m256i {
    // SAFETY: by the contract above.
    unsafe {
        let low = _mm_unpacklo_epi64(_mm_loadl_epi64(a.cast()), _mm_loadl_epi64(b.cast()));
        let high = _mm_unpacklo_epi64(_mm_loadl_epi64(c.cast()), _mm_loadl_epi64(d.cast()));
        _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
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
    if out.len() < 32 {
        return scalar::vertical_u8(mid, first, coeffs, 0, out);
    }
    // SAFETY: the processor has AVX2 at this level; rows `first..first + coeffs.len()` exist and are
    // `out.len()` wide.
    unsafe { vertical_u8_32(mid, first, coeffs, out) };
}

pub fn vertical_i16(mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [i16]) {
    assert!(first + coeffs.len() <= mid.height() && out.len() == mid.width());
    if out.len() < 16 {
        return scalar::vertical_i16(mid, first, coeffs, 0, out);
    }
    // SAFETY: as for `vertical_u8`.
    unsafe { vertical_i16_16(mid, first, coeffs, out) };
}

/// The first columns of blocks of `N` that cover `width` columns, at least `N`: the last one overlaps the one before where the width does not
/// come out even.
fn blocks<const N: usize>(width: usize) -> impl Iterator<Item = usize> {
    (0..width - N).step_by(N).chain([width - N])
}

#[target_feature(enable = "avx2")]
unsafe fn vertical_u8_32(mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [u8]) {
    for at in blocks::<32>(out.len()) {
        let out = &mut out[at..at + 32];
        // SAFETY: columns `at..at + 32` lie inside every row, by the caller's assertion, and the pointer is one to all rows; `out` has
        // exactly 32 bytes.
        unsafe {
            let top = mid.data().as_ptr().add(first * mid.stride() + at);
            let [a, b] = columns::<2, { SHIFT_OUT as i32 }>(top, mid.stride(), coeffs);
            let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi16(a, b));
            _mm256_storeu_si256(out.as_mut_ptr().cast(), bytes);
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn vertical_i16_16(mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [i16]) {
    for at in blocks::<16>(out.len()) {
        let out = &mut out[at..at + 16];
        // SAFETY: as in `vertical_u8_32`; `out` has exactly sixteen i16.
        unsafe {
            let top = mid.data().as_ptr().add(first * mid.stride() + at);
            let [words] = columns::<1, { SHIFT_MID as i32 }>(top, mid.stride(), coeffs);
            _mm256_storeu_si256(out.as_mut_ptr().cast(), words);
        }
    }
}

/// `N` times sixteen columns summed over the rows, rounded, shifted and saturated to i16, in order. Row k begins at
/// `top + k * stride`.
///
/// # Safety
/// Each of the `coeffs.len()` rows must be valid for reads of `16 * N` i16.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn columns<const N: usize, const SHIFT: i32>(
    top: *const i16,
    stride: usize,
    coeffs: &[i16],
) -> [__m256i; N] {
    let round = _mm256_set1_epi32(1 << (SHIFT - 1));
    let mut sums = [[round; 2]; N];
    let (pairs, last) = coeffs.as_chunks::<2>();
    for (pair, coeffs) in pairs.iter().enumerate() {
        // SAFETY: by the contract; a pair of coefficients has the size of an i32.
        unsafe {
            let both = _mm256_set1_epi32(coeffs.as_ptr().cast::<i32>().read_unaligned());
            let row = top.add(2 * pair * stride);
            for (block, sums) in sums.iter_mut().enumerate() {
                let a = _mm256_loadu_si256(row.add(16 * block).cast());
                let b = _mm256_loadu_si256(row.add(stride + 16 * block).cast());
                add_rows(sums, a, b, both);
            }
        }
    }
    if let [last] = last {
        let both = _mm256_set1_epi32(i32::from(*last as u16));
        for (block, sums) in sums.iter_mut().enumerate() {
            // SAFETY: by the contract; an odd last row is paired with zeros.
            let a = unsafe { _mm256_loadu_si256(top.add(2 * pairs.len() * stride + 16 * block).cast()) };
            add_rows(sums, a, _mm256_setzero_si256(), both);
        }
    }
    sums.map(|[low, high]| {
        _mm256_packs_epi32(_mm256_srai_epi32::<SHIFT>(low), _mm256_srai_epi32::<SHIFT>(high))
    })
}

/// Adds two rows of sixteen samples, multiplied with their coefficients.
#[target_feature(enable = "avx2")]
#[inline]
fn add_rows(sums: &mut [__m256i; 2], a: __m256i, b: __m256i, both: __m256i) {
    sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), both));
    sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), both));
}

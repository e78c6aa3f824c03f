//! [`Vector`] with AVX2.
//!
//! Its functions are compiled into the functions of their callers, which the macro `by_level` makes for AVX2 and runs only where that was
//! detected. Nothing else may use [`Avx2`].
#![allow(unsafe_code)]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "all for one reason: AVX2 is there, see above; loads and stores are unaligned, of arrays of their size"
)]

use std::arch::x86_64::*;

use super::avx2_inverse;
use super::block::{Block, Factors, SIDE, Samples};
use super::vector::{HALF, Vector};

/// With AVX2: only to be used in functions that are compiled for it.
#[derive(Clone, Copy)]
pub struct Avx2(__m256i);

impl Vector for Avx2 {
    #[inline(always)]
    fn of_samples(samples: &[u8; SIDE], offset: i32) -> Self {
        unsafe {
            let wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64(samples.as_ptr().cast()));
            Self(_mm256_add_epi32(wide, _mm256_set1_epi32(offset)))
        }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        unsafe { Self(_mm256_add_epi32(self.0, other.0)) }
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm256_sub_epi32(self.0, other.0)) }
    }
    #[inline(always)]
    fn times(self, factor: i32) -> Self {
        unsafe { Self(_mm256_mullo_epi32(self.0, _mm256_set1_epi32(factor))) }
    }
    #[inline(always)]
    fn shifted<const BITS: i32>(self) -> Self {
        unsafe { Self(_mm256_slli_epi32::<BITS>(self.0)) }
    }
    #[inline(always)]
    fn descale<const BITS: i32>(self) -> Self {
        unsafe {
            Self(_mm256_srai_epi32::<BITS>(_mm256_add_epi32(self.0, _mm256_set1_epi32(1 << (BITS - 1)))))
        }
    }
    #[inline(always)]
    fn transposed(rows: [Self; SIDE]) -> [Self; SIDE] {
        let [a, b, c, d, e, f, g, h] = rows.map(|row| row.0);
        unsafe {
            let (ab0, ab1) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
            let (cd0, cd1) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
            let (ef0, ef1) = (_mm256_unpacklo_epi32(e, f), _mm256_unpackhi_epi32(e, f));
            let (gh0, gh1) = (_mm256_unpacklo_epi32(g, h), _mm256_unpackhi_epi32(g, h));
            let (p0, p1) = (_mm256_unpacklo_epi64(ab0, cd0), _mm256_unpackhi_epi64(ab0, cd0));
            let (p2, p3) = (_mm256_unpacklo_epi64(ab1, cd1), _mm256_unpackhi_epi64(ab1, cd1));
            let (q0, q1) = (_mm256_unpacklo_epi64(ef0, gh0), _mm256_unpackhi_epi64(ef0, gh0));
            let (q2, q3) = (_mm256_unpacklo_epi64(ef1, gh1), _mm256_unpackhi_epi64(ef1, gh1));
            [
                _mm256_permute2x128_si256::<0x20>(p0, q0),
                _mm256_permute2x128_si256::<0x20>(p1, q1),
                _mm256_permute2x128_si256::<0x20>(p2, q2),
                _mm256_permute2x128_si256::<0x20>(p3, q3),
                _mm256_permute2x128_si256::<0x31>(p0, q0),
                _mm256_permute2x128_si256::<0x31>(p1, q1),
                _mm256_permute2x128_si256::<0x31>(p2, q2),
                _mm256_permute2x128_si256::<0x31>(p3, q3),
            ]
            .map(Self)
        }
    }
    #[inline(always)]
    fn quantised(self, divisors: &[i32; SIDE], inverses: &[f32; SIDE]) -> Self {
        unsafe {
            let divisors = _mm256_loadu_si256(divisors.as_ptr().cast());
            let sum = _mm256_add_epi32(_mm256_abs_epi32(self.0), _mm256_srli_epi32::<1>(divisors));
            let sum = _mm256_add_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(HALF));
            let quotient = _mm256_cvttps_epi32(_mm256_mul_ps(sum, _mm256_loadu_ps(inverses.as_ptr())));
            Self(_mm256_sign_epi32(quotient, self.0))
        }
    }
    #[inline(always)]
    fn store(rows: [Self; SIDE], block: &mut Block) {
        for (pair, out) in rows.as_chunks::<2>().0.iter().zip(block.as_chunks_mut::<{ 2 * SIDE }>().0) {
            unsafe {
                let packed = _mm256_packs_epi32(pair[0].0, pair[1].0);
                _mm256_storeu_si256(
                    out.as_mut_ptr().cast(),
                    _mm256_permute4x64_epi64::<0b11_01_10_00>(packed),
                );
            }
        }
    }
    #[inline(always)]
    fn load(block: &Block, steps: &Factors) -> [Self; SIDE] {
        let rows = block.as_chunks::<SIDE>().0.iter().zip(steps.as_chunks::<SIDE>().0);
        let mut scaled = unsafe { [Self(_mm256_setzero_si256()); SIDE] };
        for (scaled, (values, steps)) in scaled.iter_mut().zip(rows) {
            unsafe {
                let values = _mm256_cvtepi16_epi32(_mm_loadu_si128(values.as_ptr().cast()));
                let steps = _mm256_cvtepu16_epi32(_mm_loadu_si128(steps.as_ptr().cast()));
                *scaled = Self(_mm256_mullo_epi32(values, steps));
            }
        }
        scaled
    }
    #[inline(always)]
    fn non_zero(block: &Block) -> u64 {
        let mut zeros = 0;
        for (half, values) in block.as_chunks::<{ 4 * SIDE }>().0.iter().enumerate() {
            unsafe {
                let first = _mm256_loadu_si256(values.as_ptr().cast());
                let second = _mm256_loadu_si256(values.as_ptr().add(2 * SIDE).cast());
                // Cut to 8 bits, what is not zero stays so. The parts come in turns.
                let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(first, second));
                let equal = _mm256_cmpeq_epi8(bytes, _mm256_setzero_si256());
                zeros |= u64::from(_mm256_movemask_epi8(equal) as u32) << (32 * half);
            }
        }
        !zeros
    }
    #[inline(always)]
    fn within(self, limit: i32) -> bool {
        unsafe {
            // As unsigned numbers: the magnitude of the smallest integer is the largest.
            let magnitude = _mm256_abs_epi32(self.0);
            let limit = _mm256_set1_epi32(limit);
            let fits = _mm256_cmpeq_epi32(_mm256_min_epu32(magnitude, limit), magnitude);
            _mm256_movemask_epi8(fits) == -1
        }
    }
    #[inline(always)]
    fn samples(self, center: i32, out: &mut [u8; SIDE]) {
        unsafe {
            let sum = _mm256_add_epi32(self.0, _mm256_set1_epi32(center));
            let words = _mm_packs_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
            _mm_storel_epi64(out.as_mut_ptr().cast(), _mm_packus_epi16(words, words));
        }
    }
    #[inline(always)]
    fn inverse_two(blocks: [&Block; 2], factors: &Factors, samples: &mut [Samples; 2]) -> bool {
        avx2_inverse::inverse_two(blocks, factors, samples)
    }
}

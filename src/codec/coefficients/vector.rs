//! Eight 32-bit integers, and what the transforms do with them: in plain Rust, which defines it, and with AVX2.

use super::dct::{Block, SIDE};

/// What is added before the division: the quotient of two integers then lies between two integers, further from both than the product with
/// an inverse is wrong.
const HALF: f32 = 0.5;

/// Eight integers. Sums and products wrap: an inverse transform of coefficients that no image has is noticed and discarded.
pub trait Vector: Copy {
    /// Samples and an offset.
    fn of_samples(samples: &[u8; SIDE], offset: i32) -> Self;
    /// The sum.
    fn add(self, other: Self) -> Self;
    /// The difference.
    fn sub(self, other: Self) -> Self;
    /// The product.
    fn times(self, factor: i32) -> Self;
    /// Multiplied with a power of 2.
    fn shifted<const BITS: i32>(self) -> Self;
    /// Divided by a power of 2, rounded; halves go up.
    fn descale<const BITS: i32>(self) -> Self;
    /// Columns for rows.
    fn transposed(rows: [Self; SIDE]) -> [Self; SIDE];
    /// Divided, rounded; halves go away from 0. `inverses` are 1 / `divisors`, which are even. Exact for magnitudes below 2^20.
    fn quantised(self, divisors: &[i32; SIDE], inverses: &[f32; SIDE]) -> Self;
    /// The rows of a block; each fits into 16 bits.
    fn store(rows: [Self; SIDE], block: &mut Block);
    /// The rows of a block, each element multiplied with its step.
    fn load(block: &Block, steps: &[u8; SIDE * SIDE]) -> [Self; SIDE];
    /// Whether no element has a larger magnitude.
    fn within(self, limit: i32) -> bool;
    /// Added to `center` and cut to 0 to 255.
    fn samples(self, center: i32, out: &mut [u8; SIDE]);
}

/// In plain Rust.
#[derive(Clone, Copy)]
pub struct Scalar(pub [i32; SIDE]);

impl Scalar {
    #[inline(always)]
    fn map(self, f: impl Fn(i32) -> i32) -> Self {
        let mut out = self;
        for value in &mut out.0 {
            *value = f(*value);
        }
        out
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(i32, i32) -> i32) -> Self {
        let mut out = self;
        for (value, other) in out.0.iter_mut().zip(other.0) {
            *value = f(*value, other);
        }
        out
    }
}

impl Vector for Scalar {
    #[inline(always)]
    fn of_samples(samples: &[u8; SIDE], offset: i32) -> Self {
        Self(samples.map(|sample| i32::from(sample) + offset))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, i32::wrapping_add)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, i32::wrapping_sub)
    }
    #[inline(always)]
    fn times(self, factor: i32) -> Self {
        self.map(|value| value.wrapping_mul(factor))
    }
    #[inline(always)]
    fn shifted<const BITS: i32>(self) -> Self {
        self.map(|value| value << BITS)
    }
    #[inline(always)]
    fn descale<const BITS: i32>(self) -> Self {
        self.map(|value| value.wrapping_add(1 << (BITS - 1)) >> BITS)
    }
    #[inline(always)]
    fn transposed(rows: [Self; SIDE]) -> [Self; SIDE] {
        std::array::from_fn(|i| Self(rows.map(|row| row.0[i])))
    }
    #[inline(always)]
    fn quantised(self, divisors: &[i32; SIDE], inverses: &[f32; SIDE]) -> Self {
        let mut out = self;
        for ((value, &divisor), &inverse) in out.0.iter_mut().zip(divisors).zip(inverses) {
            let sum = (value.abs() + divisor / 2) as f32 + HALF;
            let magnitude = (sum * inverse) as i32;
            *value = if *value < 0 { -magnitude } else { magnitude };
        }
        out
    }
    #[inline(always)]
    fn store(rows: [Self; SIDE], block: &mut Block) {
        for (out, row) in block.as_chunks_mut::<SIDE>().0.iter_mut().zip(rows) {
            *out = row.0.map(|value| value as i16);
        }
    }
    #[inline(always)]
    fn load(block: &Block, steps: &[u8; SIDE * SIDE]) -> [Self; SIDE] {
        let at = |row: usize, i: usize| i32::from(block[SIDE * row + i]) * i32::from(steps[SIDE * row + i]);
        std::array::from_fn(|row| Self(std::array::from_fn(|i| at(row, i))))
    }
    #[inline(always)]
    fn within(self, limit: i32) -> bool {
        self.0.iter().all(|value| value.unsigned_abs() <= limit as u32)
    }
    #[inline(always)]
    fn samples(self, center: i32, out: &mut [u8; SIDE]) {
        *out = self.0.map(|value| value.saturating_add(center).clamp(0, 255) as u8);
    }
}

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    #![allow(unsafe_code)]
    use std::arch::x86_64::*;

    use super::{Block, HALF, SIDE, Vector};

    /// With AVX2: only to be used in functions that are compiled for it.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256i);

    // SAFETY of all that follows: callers run only where AVX2 was detected; loads and stores are unaligned, of arrays of their size.
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
        fn load(block: &Block, steps: &[u8; SIDE * SIDE]) -> [Self; SIDE] {
            std::array::from_fn(|row| unsafe {
                let values =
                    _mm256_cvtepi16_epi32(_mm_loadu_si128(block[SIDE * row..][..SIDE].as_ptr().cast()));
                let steps =
                    _mm256_cvtepu8_epi32(_mm_loadl_epi64(steps[SIDE * row..][..SIDE].as_ptr().cast()));
                Self(_mm256_mullo_epi32(values, steps))
            })
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
    }
}

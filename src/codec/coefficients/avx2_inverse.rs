//! The inverse transform of two blocks with AVX2, in 16 bits as far as libjpeg-turbo's: each half of a register is a row of one of them.
//!
//! Compiled into callers that have AVX2, as [`Avx2`](super::avx2::Avx2).
#![allow(unsafe_code)]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "all for one reason: AVX2 is there, see above; loads and stores are unaligned, of arrays of their size"
)]

use std::arch::x86_64::*;

use super::block::{Block, Factors, SIDE, Samples};
use super::dct::{
    C0_298, C0_390, C0_541, C0_765, C0_899, C1_175, C1_501, C1_847, C1_961, C2_053, C2_562, C3_072, CENTER,
    CONST_BITS, MAX_BETWEEN, MAX_SAMPLE, PASS1_BITS,
};

/// Two numbers, one after the other in every pair of 16 bits.
#[inline(always)]
fn pair(first: i32, second: i32) -> __m256i {
    unsafe { _mm256_set1_epi32(second << 16 | (first & 0xFFFF)) }
}

/// 32-bit numbers for eight 16-bit ones of each half: those of the lower and of the upper four.
#[derive(Clone, Copy)]
struct Wide(__m256i, __m256i);

impl Wide {
    /// `a * x + b * y` of two rows.
    #[inline(always)]
    fn of(x: __m256i, a: i32, y: __m256i, b: i32) -> Self {
        unsafe {
            let factors = pair(a, b);
            let (low, high) = (_mm256_unpacklo_epi16(x, y), _mm256_unpackhi_epi16(x, y));
            Self(_mm256_madd_epi16(low, factors), _mm256_madd_epi16(high, factors))
        }
    }
    /// A row, multiplied with 2 to the power of [`CONST_BITS`].
    #[inline(always)]
    fn shifted(x: __m256i) -> Self {
        unsafe {
            let zero = _mm256_setzero_si256();
            let (low, high) = (_mm256_unpacklo_epi16(zero, x), _mm256_unpackhi_epi16(zero, x));
            Self(
                _mm256_srai_epi32::<{ 16 - CONST_BITS }>(low),
                _mm256_srai_epi32::<{ 16 - CONST_BITS }>(high),
            )
        }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        unsafe { Self(_mm256_add_epi32(self.0, other.0), _mm256_add_epi32(self.1, other.1)) }
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm256_sub_epi32(self.0, other.0), _mm256_sub_epi32(self.1, other.1)) }
    }
    /// Divided by a power of 2 and rounded; what does not fit into 16 bits becomes the largest or smallest that does.
    #[inline(always)]
    fn descale<const BITS: i32>(self) -> __m256i {
        unsafe {
            let half = _mm256_set1_epi32(1 << (BITS - 1));
            let [low, high] = [self.0, self.1].map(|v| _mm256_srai_epi32::<BITS>(_mm256_add_epi32(v, half)));
            _mm256_packs_epi32(low, high)
        }
    }
}

/// One pass over element 0 to 7 of eight lines of both blocks. The inputs have at most 15 bits.
#[inline(always)]
fn pass<const BITS: i32>(d: [__m256i; SIDE]) -> [__m256i; SIDE] {
    unsafe {
        let t3 = Wide::of(d[2], C0_541 + C0_765, d[6], C0_541);
        let t2 = Wide::of(d[2], C0_541, d[6], C0_541 - C1_847);
        let t0 = Wide::shifted(_mm256_add_epi16(d[0], d[4]));
        let t1 = Wide::shifted(_mm256_sub_epi16(d[0], d[4]));
        let (t10, t13, t11, t12) = (t0.add(t3), t0.sub(t3), t1.add(t2), t1.sub(t2));
        let (z3, z4) = (_mm256_add_epi16(d[7], d[3]), _mm256_add_epi16(d[5], d[1]));
        let (w3, w4) = (Wide::of(z3, C1_175 - C1_961, z4, C1_175), Wide::of(z3, C1_175, z4, C1_175 - C0_390));
        let o0 = Wide::of(d[7], C0_298 - C0_899, d[1], -C0_899).add(w3);
        let o3 = Wide::of(d[7], -C0_899, d[1], C1_501 - C0_899).add(w4);
        let o1 = Wide::of(d[5], C2_053 - C2_562, d[3], -C2_562).add(w4);
        let o2 = Wide::of(d[5], -C2_562, d[3], C3_072 - C2_562).add(w3);
        [
            t10.add(o3).descale::<BITS>(),
            t11.add(o2).descale::<BITS>(),
            t12.add(o1).descale::<BITS>(),
            t13.add(o0).descale::<BITS>(),
            t13.sub(o0).descale::<BITS>(),
            t12.sub(o1).descale::<BITS>(),
            t11.sub(o2).descale::<BITS>(),
            t10.sub(o3).descale::<BITS>(),
        ]
    }
}

/// Columns for rows, of both blocks.
#[inline(always)]
fn transposed([a, b, c, d, e, f, g, h]: [__m256i; SIDE]) -> [__m256i; SIDE] {
    unsafe {
        let (ab0, ab1) = (_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b));
        let (cd0, cd1) = (_mm256_unpacklo_epi16(c, d), _mm256_unpackhi_epi16(c, d));
        let (ef0, ef1) = (_mm256_unpacklo_epi16(e, f), _mm256_unpackhi_epi16(e, f));
        let (gh0, gh1) = (_mm256_unpacklo_epi16(g, h), _mm256_unpackhi_epi16(g, h));
        let (p0, p1) = (_mm256_unpacklo_epi32(ab0, cd0), _mm256_unpackhi_epi32(ab0, cd0));
        let (p2, p3) = (_mm256_unpacklo_epi32(ab1, cd1), _mm256_unpackhi_epi32(ab1, cd1));
        let (q0, q1) = (_mm256_unpacklo_epi32(ef0, gh0), _mm256_unpackhi_epi32(ef0, gh0));
        let (q2, q3) = (_mm256_unpacklo_epi32(ef1, gh1), _mm256_unpackhi_epi32(ef1, gh1));
        [
            _mm256_unpacklo_epi64(p0, q0),
            _mm256_unpackhi_epi64(p0, q0),
            _mm256_unpacklo_epi64(p1, q1),
            _mm256_unpackhi_epi64(p1, q1),
            _mm256_unpacklo_epi64(p2, q2),
            _mm256_unpackhi_epi64(p2, q2),
            _mm256_unpacklo_epi64(p3, q3),
            _mm256_unpackhi_epi64(p3, q3),
        ]
    }
}

/// The samples of two blocks. False where libjpeg's implementations need not agree: see [`inverse`](super::dct::inverse).
#[inline(always)]
pub fn inverse_two(blocks: [&Block; 2], factors: &Factors, samples: &mut [Samples; 2]) -> bool {
    unsafe {
        let row = |values: *const u8, row: usize| _mm_loadu_si128(values.add(2 * SIDE * row).cast());
        let [first, second] = blocks.map(|block| block.as_ptr().cast());
        let steps = factors.as_ptr().cast();
        // All bits are set where a number is too large.
        let mut large = _mm256_setzero_si256();
        let mut scaled = [large; SIDE];
        for (y, scaled) in scaled.iter_mut().enumerate() {
            let values = _mm256_set_m128i(row(second, y), row(first, y));
            let steps = _mm256_broadcastsi128_si256(row(steps, y));
            *scaled = _mm256_mullo_epi16(values, steps);
            // The upper half of a product of 16 bits repeats its sign.
            let sign = _mm256_srai_epi16::<15>(*scaled);
            let fits = _mm256_cmpeq_epi16(_mm256_mulhi_epi16(values, steps), sign);
            large = _mm256_or_si256(large, _mm256_xor_si256(fits, _mm256_set1_epi16(-1)));
            large = _mm256_or_si256(large, above(*scaled, MAX_BETWEEN));
        }
        let columns = pass::<{ CONST_BITS - PASS1_BITS }>(scaled);
        for column in columns {
            large = _mm256_or_si256(large, above(column, MAX_BETWEEN));
        }
        let rows = transposed(pass::<{ CONST_BITS + PASS1_BITS + 3 }>(transposed(columns)));
        let center = _mm256_set1_epi8(CENTER as i8);
        for (y, two) in rows.as_chunks::<2>().0.iter().enumerate() {
            large = _mm256_or_si256(large, above(two[0], MAX_SAMPLE));
            large = _mm256_or_si256(large, above(two[1], MAX_SAMPLE));
            let bytes = _mm256_xor_si256(_mm256_packs_epi16(two[0], two[1]), center);
            let [first, second] = samples.each_mut().map(|samples| samples[2 * y..].as_mut_ptr());
            _mm_storeu_si128(first.cast(), _mm256_castsi256_si128(bytes));
            _mm_storeu_si128(second.cast(), _mm256_extracti128_si256::<1>(bytes));
        }
        _mm256_testz_si256(large, large) == 1
    }
}

/// All bits of each number whose magnitude is above the limit.
#[inline(always)]
fn above(values: __m256i, limit: i32) -> __m256i {
    unsafe {
        let limit = _mm256_set1_epi16(limit as i16);
        let below = _mm256_cmpgt_epi16(_mm256_sub_epi16(_mm256_setzero_si256(), limit), values);
        _mm256_or_si256(_mm256_cmpgt_epi16(values, limit), below)
    }
}

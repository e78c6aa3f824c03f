//! Eight 32-bit integers, and what the transforms do with them: in plain Rust, which defines it, and with AVX2.

use super::block::{Block, Factors, SIDE, Samples};

/// What is added before the division: the quotient of two integers then lies between two integers, further from both than the product with
/// an inverse is wrong.
pub const HALF: f32 = 0.5;

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
    fn load(block: &Block, steps: &Factors) -> [Self; SIDE];
    /// The non-zero coefficients of a block as bits, row by row.
    fn non_zero(block: &Block) -> u64;
    /// Whether no element has a larger magnitude.
    fn within(self, limit: i32) -> bool;
    /// Added to `center` and cut to 0 to 255.
    fn samples(self, center: i32, out: &mut [u8; SIDE]);
    /// The inverse transform of two blocks where there is a quicker way than eight integers at a time. False where there is none, or where it
    /// does not apply.
    #[inline(always)]
    fn inverse_two(blocks: [&Block; 2], factors: &Factors, samples: &mut [Samples; 2]) -> bool {
        let _ = (blocks, factors, samples);
        false
    }
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
    fn load(block: &Block, steps: &Factors) -> [Self; SIDE] {
        let at = |row: usize, i: usize| i32::from(block[SIDE * row + i]) * i32::from(steps[SIDE * row + i]);
        std::array::from_fn(|row| Self(std::array::from_fn(|i| at(row, i))))
    }
    #[inline(always)]
    fn non_zero(block: &Block) -> u64 {
        let mut set = 0;
        for (place, &value) in block.iter().enumerate() {
            set |= u64::from(value != 0) << place;
        }
        set
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

/// Defines a function that runs on the best set of instructions at hand.
macro_rules! by_level {
    ($(#[$doc:meta])* $vis:vis fn $name:ident => $generic:ident($($arg:ident: $ty:ty),*)) => {
        $(#[$doc])*
        $vis fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            if $crate::kernels::level::Level::current() == $crate::kernels::level::Level::Avx2 {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) {
                    $generic::<$crate::codec::coefficients::avx2::Avx2>($($arg),*)
                }
                // SAFETY: `Level::Avx2` is only returned where AVX2 was detected.
                #[allow(unsafe_code)]
                unsafe {
                    return avx2($($arg),*);
                }
            }
            $generic::<$crate::codec::coefficients::vector::Scalar>($($arg),*)
        }
    };
}
pub(super) use by_level;

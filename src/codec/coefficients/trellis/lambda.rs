//! What an error is worth: the trade between bits and squared error.

use super::rates::COST_BITS;
use crate::codec::coefficients::block::Block;

/// Fraction bits of a coefficient in steps.
pub const FRACTION: u32 = 7;
/// Bits by which a sum of squares of a block's coefficients, each eight times too large, is more than a variance.
pub const VARIANCE_BITS: u32 = 12;
/// Fraction bits of a squared error, and of what one is worth, less those of a cost.
pub const ERROR_BITS: u32 = 2 * FRACTION + 4 - COST_BITS;

/// How the worth of an error depends on where it is, in 1/16 bit for a squared error of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Weights {
    /// Where nothing hides it. At high rates the uniform quantiser has the best mean squared error with 8.7 bits; more keeps detail in flat
    /// places, to which structural similarity is sensitive (`benches/RESULTS.md`).
    pub flat: i32,
    /// Variance of a block in squared samples, without its mean, at which it is worth half.
    pub half_at: i32,
    /// Least worth.
    pub least: i32,
}

impl Weights {
    /// Of residuals.
    pub const RESIDUAL: Self = Self { flat: 220, half_at: 800, least: 110 };
    /// Of residuals that are coded by context: bits cost less in busy blocks than Huffman codes say, and more in others.
    pub const BY_CONTEXT: Self = Self { flat: 280, half_at: 800, least: 168 };
    /// Of pictures: nearly the same everywhere, because a picture predicts what a residual then corrects.
    pub const PICTURE: Self = Self { flat: 304, half_at: 1 << 16, least: 0 };
}

/// What a squared error of one step is worth, in 1/16 bit.
#[derive(Clone, Copy)]
pub struct Lambda(i32);

impl Lambda {
    /// The value where nothing hides an error.
    pub fn flat(weights: Weights) -> Self {
        Self(weights.flat)
    }

    /// The value in a block, from eight times its coefficients: an error is less visible the busier the block is.
    #[inline(always)]
    pub fn of(exact: &Block, weights: Weights) -> Self {
        let energy: i32 = exact.iter().map(|&value| i32::from(value) * i32::from(value)).sum();
        let dc = i32::from(exact[0]);
        let variance = (energy - dc * dc) >> VARIANCE_BITS;
        Self((weights.flat * weights.half_at / (weights.half_at + variance)).max(weights.least))
    }

    /// The cost, in units of [`COST_BITS`](super::rates::COST_BITS), of a squared error in units of a step's 128th, squared, which is below
    /// 2^23.
    #[inline(always)]
    pub fn cost(self, squared: i32) -> i32 {
        (squared * self.0) >> ERROR_BITS
    }
}

//! What an error is worth: the trade between bits and squared error.

use crate::codec::coefficients::block::Block;

/// What a squared error of one step is worth where nothing hides it, in 1/16 bit. At high rates the uniform quantiser has the best mean
/// squared error with 8.7 bits; more keeps detail in flat places, to which structural similarity is sensitive (`benches/RESULTS.md`).
const FLAT: i32 = 220;
/// Least value of [`Lambda`], below which busy blocks lose more than they hide.
const LEAST: i32 = 88;
/// Variance of a block in squared samples, without its mean, at which an error is worth half.
const HALF_AT: i32 = 800;

/// What a squared error of one step is worth, in 1/16 bit.
#[derive(Clone, Copy)]
pub struct Lambda(i32);

impl Lambda {
    /// The value where nothing hides an error.
    pub const FLAT: Self = Self(FLAT);

    /// The value in a block, from eight times its coefficients: an error is less visible the busier the block is.
    #[inline(always)]
    pub fn of(exact: &Block) -> Self {
        let energy: i32 = exact.iter().map(|&value| i32::from(value) * i32::from(value)).sum();
        let dc = i32::from(exact[0]);
        // 64 coefficients, each eight times too large.
        let variance = (energy - dc * dc) >> 12;
        Self((FLAT * HALF_AT / (HALF_AT + variance)).max(LEAST))
    }

    /// The cost, in units of [`COST_BITS`](super::rates::COST_BITS), of a squared error in units of a step's 128th, squared, which is below
    /// 2^23.
    #[inline(always)]
    pub fn cost(self, squared: i32) -> i32 {
        // 14 fraction bits of the error and 4 of this, less 6 of the cost.
        (squared * self.0) >> 12
    }
}

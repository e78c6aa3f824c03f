//! Blocks of 8 x 8 coefficients and samples.

/// Samples of a block along a side.
pub const SIDE: usize = 8;
/// Coefficients of a block, row by row from the lowest frequency.
pub type Block = [i16; SIDE * SIDE];
/// What coefficients are multiplied with, row by row.
pub type Factors = [u16; SIDE * SIDE];
/// The samples of a block, row by row.
pub type Samples = [[u8; SIDE]; SIDE];

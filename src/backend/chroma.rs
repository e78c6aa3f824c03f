//! How far apart the planes of L2, L0 and the outputs are: the factors of their resampling.
//!
//! A chroma residual is made and applied at half the size of L0, whatever the sampling of source, baseline and output.

use crate::image::spec::FAMILY_FACTOR;
use crate::image::ycc::Sampling;

/// Luma of L0 to a sample of L2, each way.
pub const L0_FROM_L2: usize = FAMILY_FACTOR as usize;

/// Factors from the chroma of an L2 of such a sampling up to that of L0 at half its size.
pub fn half_from_l2(sampling: Sampling) -> (usize, usize) {
    let (fx, fy) = sampling.factors();
    (L0_FROM_L2 / 2 * fx, L0_FROM_L2 / 2 * fy)
}

/// Factors by which the chroma of a source of such a sampling is reduced to half the size of L0, and by which chroma at half the
/// size is raised for an output of such a sampling.
pub fn half_from_source(sampling: Sampling) -> (usize, usize) {
    let (fx, fy) = sampling.factors();
    ((2 / fx).max(1), (2 / fy).max(1))
}

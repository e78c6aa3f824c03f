//! Resampling factors between the planes of L2, L0 and the outputs.
//!
//! A chroma residual is made and applied at half the size of L0, whatever the sampling of source, baseline
//! and output.

use crate::image::spec::FAMILY_FACTOR;
use crate::image::ycc::Sampling;

/// Luma samples of L0 per luma sample of L2, on each axis.
pub const L0_FROM_L2: usize = FAMILY_FACTOR as usize;

/// Factors by which chroma of an L2 in this sampling is enlarged to half the size of L0.
pub fn half_from_l2(sampling: Sampling) -> (usize, usize) {
    let (fx, fy) = sampling.factors();
    (L0_FROM_L2 / 2 * fx, L0_FROM_L2 / 2 * fy)
}

/// Factors by which chroma of a source in this sampling is reduced to half the size of L0; also those by
/// which chroma at half the size is enlarged for an output in this sampling.
pub fn half_from_source(sampling: Sampling) -> (usize, usize) {
    let (fx, fy) = sampling.factors();
    ((2 / fx).max(1), (2 / fy).max(1))
}

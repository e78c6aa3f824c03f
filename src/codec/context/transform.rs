//! From quantised coefficients to samples. A residual decodes to the samples of the JPEG that it was made from.

use super::model::Block;
use crate::codec::coefficients::{Factors, Samples, to_samples};

/// The samples of a block of which `count` coefficients are not zero.
pub fn inverse(block: &Block, count: u8, steps: &Factors, out: &mut Samples) {
    if count == 0 || (count == 1 && block[0] != 0) {
        // The result of both passes for a block that has only a mean.
        let mean = (i32::from(block[0]) * i32::from(steps[0]) + 4) >> 3;
        *out = [[(mean + 128).clamp(0, 255) as u8; 8]; 8];
    } else {
        to_samples(block, steps, out);
    }
}

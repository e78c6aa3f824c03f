//! Pipelines: a kernel with values for its `override` declarations, and how many workgroups it takes.
//!
//! Knows no device.

use super::shader::{Kernel, TILE_QUADS, TILE_ROWS};
use crate::codec::coefficients::SAMPLED;

/// Rows and quads of a workgroup, for the kernels that work sample by sample.
const POINT_SIDE: usize = 16;
/// Blocks across of a workgroup of the transforms.
const TRANSFORM_BLOCKS: usize = 8;
/// Blocks of a workgroup that packs.
const PACK_BLOCKS: usize = 256;
/// Blocks across and down of a workgroup that chooses AC coefficients.
const AC_SIDE: usize = 8;
/// Blocks of a workgroup that counts symbols.
const COUNTED_BLOCKS: usize = 256;
/// Words that it counts.
pub const COUNT_WORDS: u32 = 512;
/// Bytes of a workgroup that makes the sums of a proof.
const PROOF_BYTES: usize = 8 * 1024;

/// A pipeline: a kernel with values for its `override` declarations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// Interleaved RGB to planes.
    ToYcc,
    /// Planes to interleaved RGB.
    ToRgb,
    /// 8 bits to 8 bits.
    Resample,
    /// 8 bits to Q6: the right side of the normal equations.
    ResampleToQ6,
    /// Prediction and residual from L2 and the original.
    Predict,
    /// Prediction plus residual.
    Apply,
    /// First gradient step, from 8-bit samples.
    Optl2First,
    /// A gradient step between Q6 planes.
    Optl2,
    /// Last gradient step, to 8-bit samples.
    Optl2Last,
    /// Unsharp mask.
    Sharpen,
    /// Samples to the records of their blocks.
    Forward,
    /// Samples to the records of their blocks, not quantised.
    Exact,
    /// How often symbols of a trellis occur.
    Count,
    /// What they cost.
    Rates,
    /// AC coefficients by a trellis.
    Ac,
    /// DC coefficients by a trellis.
    Dc,
    /// Records of blocks to samples.
    Inverse,
    /// A prediction plus the samples of a residual's records.
    Correct,
    /// Coefficients that the host packed to samples.
    Unpack,
    /// All flags of blocks that the host packed.
    Flags,
    /// Where the packed values of each block begin.
    Offsets,
    /// Records of blocks to packed coefficients.
    Pack,
    /// The sums of a proof.
    Proof,
}

impl Pass {
    /// Every pipeline.
    pub const ALL: [Pass; 23] = [
        Pass::ToYcc,
        Pass::ToRgb,
        Pass::Resample,
        Pass::ResampleToQ6,
        Pass::Predict,
        Pass::Apply,
        Pass::Optl2First,
        Pass::Optl2,
        Pass::Optl2Last,
        Pass::Sharpen,
        Pass::Forward,
        Pass::Exact,
        Pass::Count,
        Pass::Rates,
        Pass::Ac,
        Pass::Dc,
        Pass::Inverse,
        Pass::Correct,
        Pass::Unpack,
        Pass::Flags,
        Pass::Offsets,
        Pass::Pack,
        Pass::Proof,
    ];

    /// Its kernel.
    pub fn kernel(self) -> Kernel {
        match self {
            Pass::ToYcc | Pass::ToRgb => Kernel::Color,
            Pass::Resample | Pass::ResampleToQ6 => Kernel::Resample,
            Pass::Predict | Pass::Apply => Kernel::Residual,
            Pass::Optl2First | Pass::Optl2 | Pass::Optl2Last => Kernel::Optl2,
            Pass::Sharpen => Kernel::Sharpen,
            Pass::Forward | Pass::Exact => Kernel::Forward,
            Pass::Count | Pass::Rates => Kernel::Rates,
            Pass::Ac => Kernel::Ac,
            Pass::Dc => Kernel::Dc,
            Pass::Inverse | Pass::Correct | Pass::Unpack => Kernel::Inverse,
            Pass::Flags | Pass::Offsets | Pass::Pack => Kernel::Pack,
            Pass::Proof => Kernel::Proof,
        }
    }

    /// Values of the shader's `override` declarations.
    pub fn overrides(self) -> &'static [(&'static str, f64)] {
        match self {
            Pass::ToYcc | Pass::Resample | Pass::Predict | Pass::Sharpen => &[],
            Pass::Forward | Pass::Inverse | Pass::Pack | Pass::Proof => &[],
            Pass::Rates | Pass::Ac | Pass::Dc => &[],
            Pass::Exact => &[("EXACT", 1.0)],
            Pass::Count => &[("COUNT", 1.0)],
            Pass::Correct => &[("CORRECT", 1.0)],
            Pass::Unpack => &[("PACKED", 1.0)],
            Pass::Flags => &[("FLAGS", 1.0)],
            Pass::Offsets => &[("OFFSETS", 1.0)],
            Pass::ToRgb => &[("TO_RGB", 1.0)],
            Pass::ResampleToQ6 => &[("TO_Q6", 1.0)],
            Pass::Apply => &[("APPLY", 1.0)],
            Pass::Optl2First => &[("SOURCE", 2.0)],
            Pass::Optl2 => &[("SOURCE", 1.0)],
            Pass::Optl2Last => &[("SOURCE", 1.0), ("LAST", 1.0)],
        }
    }

    /// Workgroups across and down for a result of `width` x `height` samples.
    pub fn groups(self, width: usize, height: usize) -> (u32, u32) {
        let blocks = (width.div_ceil(8), height.div_ceil(8));
        let (across, down) = match self.kernel() {
            kernel if kernel.separable() => (width.div_ceil(4 * TILE_QUADS), height.div_ceil(TILE_ROWS)),
            Kernel::Forward | Kernel::Inverse => (blocks.0.div_ceil(TRANSFORM_BLOCKS), blocks.1),
            Kernel::Pack if self != Pass::Pack => (1, 1),
            Kernel::Rates if self == Pass::Count => (counting_groups(width, height), 1),
            Kernel::Rates | Kernel::Dc => (1, 1),
            Kernel::Ac => (blocks.0.div_ceil(AC_SIDE), blocks.1.div_ceil(AC_SIDE)),
            Kernel::Pack => ((blocks.0 * blocks.1).div_ceil(PACK_BLOCKS), 1),
            // One entry more than there are: the last bytes.
            Kernel::Proof => (width * height / PROOF_BYTES + 2, 1),
            _ => (width.div_ceil(4 * POINT_SIDE), height.div_ceil(POINT_SIDE)),
        };
        (across as u32, down as u32)
    }
}

/// Workgroups that count the symbols of a plane.
pub fn counting_groups(width: usize, height: usize) -> usize {
    (width.div_ceil(8) * height.div_ceil(8).div_ceil(SAMPLED)).div_ceil(COUNTED_BLOCKS)
}

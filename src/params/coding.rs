//! What a decoder must know of an archive, besides sizes.

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use crate::image::spec;
use crate::image::ycc::Sampling;
use crate::kernels::sharpen::Strength;
use crate::kernels::taps::Filter;

/// What a decoder must know besides sizes. Members that are false are not written: archives from before these members keep their bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coding {
    /// Filter that upsamples luma for the prediction, chroma, and a scaled residual.
    pub upsample_filter: Filter,
    /// Filter from L0 luma to L1 luma.
    pub downsample_filter: Filter,
    /// Chroma sampling of the L2 baseline.
    pub baseline_subsamp: BaselineSubsamp,
    /// Strength, in 1/256, of the unsharp mask that the decoder applies to L2 luma before it predicts; 0 for none.
    pub sharpen_q8: u32,
    /// Side of the coded residual in percent of L0.
    pub l0_scale_pct: u32,
    /// Whether the residual of a coloured family has Cb and Cr as well, at half the size of L0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chroma_residual: bool,
    /// Whether families hold the source's own L0 tiles instead of residuals: L0 is lossless then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub originals: bool,
}

impl Coding {
    /// The sharpening that the decoder does, if any.
    ///
    /// # Errors
    /// A strength out of range.
    pub fn sharpen(&self) -> Result<Option<Strength>> {
        if self.sharpen_q8 == 0 {
            return Ok(None);
        }
        let value = f64::from(self.sharpen_q8) / f64::from(1u32 << spec::SHARPEN_BITS);
        Strength::new(value).map(Some).ok_or(Error::RecordedSharpening(value))
    }

    /// Whether the members agree: an archive of original tiles has no prediction, and so none of its parameters.
    pub fn is_consistent(&self) -> bool {
        !self.originals || (self.sharpen_q8 == 0 && self.l0_scale_pct == 100 && !self.chroma_residual)
    }

    /// Size of the coded residual for L0 planes of `width` x `height`.
    pub fn residual_size(&self, width: usize, height: usize) -> (usize, usize) {
        let scaled = |n: usize| ((n as u64 * u64::from(self.l0_scale_pct) + 50) / 100).max(1) as usize;
        (scaled(width), scaled(height))
    }
}

/// Chroma sampling of the L2 baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BaselineSubsamp {
    /// 4:4:4.
    #[serde(rename = "444")]
    S444,
    /// 4:2:0.
    #[serde(rename = "420")]
    S420,
}

impl BaselineSubsamp {
    /// The sampling of the codecs.
    pub fn sampling(self) -> Sampling {
        match self {
            BaselineSubsamp::S444 => Sampling::S444,
            BaselineSubsamp::S420 => Sampling::S420,
        }
    }
}

//! L1 alone, for a caller that shows or reads no L0: chroma of L0 is not computed.

use super::filter::{down, up};
use super::predict::{add_residual, predict, predict_half};
use crate::backend::chroma::L0_FROM_L2;
use crate::backend::error::Result;
use crate::image::family::DecodedFamily;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::params::Coding;

/// L1 in planes of one sampling, equal to that of a whole reconstruction; gray where `sampling` is, or where the family has no chroma.
///
/// # Errors
/// A recorded sharpening out of range.
pub fn reconstruct_l1(coding: &Coding, family: &DecodedFamily, sampling: Sampling) -> Result<Ycc> {
    let size = (family.width, family.height);
    let mut l0_luma = predict(coding, &family.baseline.luma, size, Plane::default())?;
    add_residual(coding, &mut l0_luma, &family.residual.luma);
    let luma = down(coding.downsample_filter, l0_luma.view(), (2, 2), Plane::default());
    l0_luma.give_back();
    let (Some(chroma), false) = (&family.baseline.chroma, sampling == Sampling::Gray) else {
        return Ok(Ycc::gray(luma));
    };
    let from = family.baseline.sampling;
    let planes = [0, 1].map(|i| match &family.residual.chroma {
        // Corrected at half the size of L0, which is the size of L1.
        Some(residuals) => {
            let mut plane = predict_half(coding, &chroma[i], from, size, Plane::default());
            add_residual(coding, &mut plane, &residuals[i]);
            let reduced = down(coding.downsample_filter, plane.view(), sampling.factors(), Plane::default());
            plane.give_back();
            reduced
        }
        None => {
            let ((bx, by), (ox, oy)) = (from.factors(), sampling.factors());
            let factors = (L0_FROM_L2 / 2 * bx / ox, L0_FROM_L2 / 2 * by / oy);
            let out = sampling.chroma_size(luma.width(), luma.height());
            up(coding.upsample_filter, chroma[i].view(), factors, out, Plane::default())
        }
    });
    Ok(Ycc { luma, chroma: Some(planes), sampling })
}

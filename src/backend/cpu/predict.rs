//! The prediction of L0 from a decoded L2, and its correction by a residual.

use std::borrow::Cow;

use super::filter::{scale, up};
use crate::backend::chroma::{L0_FROM_L2, half_from_l2};
use crate::backend::error::Result;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::residual;
use crate::kernels::sharpen::sharpen;
use crate::params::Coding;

/// The L2 luma that the prediction reads: sharpened if the decoder sharpens.
pub fn sharpened_l2<'a>(coding: &Coding, l2_luma: &'a Plane) -> Result<Cow<'a, Plane>> {
    let Some(strength) = coding.sharpen()? else { return Ok(Cow::Borrowed(l2_luma)) };
    let mut luma = l2_luma.clone();
    sharpen(&mut luma, strength);
    Ok(Cow::Owned(luma))
}

/// Luma of L0, predicted from the luma of a decoded L2. `part.rs` does the same for a part of L0.
pub fn predict(coding: &Coding, l2_luma: &Plane, size: (usize, usize), dst: Plane) -> Result<Plane> {
    let luma = sharpened_l2(coding, l2_luma)?;
    Ok(up(coding.upsample_filter, luma.view(), (L0_FROM_L2, L0_FROM_L2), size, dst))
}

/// Chroma of L0 at half its size, predicted from a plane of a decoded L2.
pub fn predict_half(
    coding: &Coding,
    plane: &Plane,
    sampling: Sampling,
    (width, height): (usize, usize),
    dst: Plane,
) -> Plane {
    let size = Sampling::S420.chroma_size(width, height);
    up(coding.upsample_filter, plane.view(), half_from_l2(sampling), size, dst)
}

/// L0 before the residual, in the planes that have one: luma, and with a chroma residual also chroma at half size.
///
/// # Errors
/// A recorded sharpening out of range.
pub fn predicted(coding: &Coding, l2: &Ycc, size: (usize, usize)) -> Result<Ycc> {
    let luma = predict(coding, &l2.luma, size, Plane::default())?;
    let (true, Some(chroma)) = (coding.chroma_residual, &l2.chroma) else { return Ok(Ycc::gray(luma)) };
    let half = |plane| predict_half(coding, plane, l2.sampling, size, Plane::default());
    Ok(Ycc { luma, chroma: Some(chroma.each_ref().map(half)), sampling: Sampling::S420 })
}

/// Adds a decoded residual to a predicted plane.
pub fn add_residual(coding: &Coding, plane: &mut Plane, coded: &Plane) {
    if (coded.width(), coded.height()) == (plane.width(), plane.height()) {
        residual::apply(plane, coded.view());
    } else {
        let full = scale(coding.upsample_filter, coded.view(), plane.width(), plane.height());
        residual::apply(plane, full.view());
        full.give_back();
    }
}

/// Adds a decoded residual to a prediction: L0 as every decoder reconstructs it.
pub fn correct(coding: &Coding, prediction: Ycc, residual: &Ycc) -> Ycc {
    let mut image = prediction;
    add_residual(coding, &mut image.luma, &residual.luma);
    if let (Some(planes), Some(residuals)) = (&mut image.chroma, &residual.chroma) {
        planes.iter_mut().zip(residuals).for_each(|(plane, coded)| add_residual(coding, plane, coded));
    }
    image
}

//! The kernels on this processor, family by family.
//!
//! Parallelism is over families (see `scheduler`). One family runs on one thread, in its caches; every call
//! completes in its first poll.

mod filter;
mod l1;
mod part;
mod predict;

use std::borrow::Cow;

pub use self::l1::reconstruct_l1;
pub use self::part::{reconstruct_part, residual_of_part};
pub use self::predict::{correct, predicted};

use self::filter::{down, optimise, scale, up};
use self::predict::{add_residual, predict, predict_half};
use super::chroma::{L0_FROM_L2, half_from_source};
use super::{Backend, Base, Pending, Predicted, Ticket};
use crate::backend::error::Result;
use crate::image::family::{DecodedFamily, Pixels, Reconstruction, SourceFamily, Want};
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::level::Level;
use crate::kernels::residual;
use crate::kernels::sharpen::{Strength, sharpen};
use crate::params::{Coding, EncodeParams, Subsamp};
use crate::span::span;

/// The CPU as a [`Backend`].
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuBackend;

impl CpuBackend {
    /// The CPU.
    pub fn new() -> Self {
        Self
    }
}

/// The planes of L2 that are coded.
fn l2_of(params: &EncodeParams, image: &Ycc) -> Ycc {
    let filter = params.downsample_filter;
    let from_l0 = (L0_FROM_L2, L0_FROM_L2);
    let mut luma = down(filter, image.luma.view(), from_l0, Plane::default());
    if params.optl2 {
        optimise(params.upsample_filter, image.luma.view(), from_l0, params.max_delta, &mut luma);
    }
    if params.save_sharpened
        && let Some(strength) = Strength::new(params.sharpen)
    {
        sharpen(&mut luma, strength);
    }
    let Some(chroma) = &image.chroma else {
        return Ycc::gray(luma);
    };
    let sampling = params.coding().baseline_subsamp.sampling();
    let ((sx, sy), (bx, by)) = (image.sampling.factors(), sampling.factors());
    let factors = (L0_FROM_L2 * bx / sx, L0_FROM_L2 * by / sy);
    let chroma = chroma.each_ref().map(|plane| {
        let mut small = down(filter, plane.view(), factors, Plane::default());
        if params.subsamp == Subsamp::S420Opt {
            optimise(params.upsample_filter, plane.view(), factors, params.max_delta, &mut small);
        }
        small
    });
    Ycc { luma, chroma: Some(chroma), sampling }
}

/// The residual of one plane, at the size at which it is coded.
fn make_residual(
    params: &EncodeParams,
    original: PlaneRef<'_>,
    prediction: &Plane,
    (width, height): (usize, usize),
) -> Plane {
    let mut made = Plane::spare(original.width, original.height);
    residual::make(original, prediction.view(), &mut made);
    if (width, height) == (made.width(), made.height()) {
        return made;
    }
    let scaled = scale(params.downsample_filter, made.view(), width, height);
    made.give_back();
    scaled
}

/// Predicts `original` from a decoded L2 and subtracts.
fn subtracted(params: &EncodeParams, original: &Ycc, l2: &Ycc) -> Result<Predicted> {
    let coding = params.coding();
    let size = (original.luma.width(), original.luma.height());
    let coded = coding.residual_size(size.0, size.1);
    let prediction = predicted(&coding, l2, size)?;
    let mut residual = make_residual(params, original.luma.view(), &prediction.luma, coded);
    if let Some(strength) = Strength::new(params.l0_sharpen) {
        sharpen(&mut residual, strength);
    }
    let (Some(predicted), Some(source)) = (&prediction.chroma, &original.chroma) else {
        return Ok(Predicted { prediction, residual: Ycc::gray(residual) });
    };
    let sampling = prediction.sampling;
    let coded = sampling.chroma_size(coded.0, coded.1);
    let factors = half_from_source(original.sampling);
    let chroma = [0, 1].map(|i| {
        let half = down(params.downsample_filter, source[i].view(), factors, Plane::default());
        let residual = make_residual(params, half.view(), &predicted[i], coded);
        half.give_back();
        residual
    });
    Ok(Predicted { prediction, residual: Ycc { luma: residual, chroma: Some(chroma), sampling } })
}

/// L0 and L1 in planes of one sampling; gray where that is `Gray` or the family has no chroma.
fn planes_of(
    coding: &Coding,
    family: &DecodedFamily,
    sampling: Sampling,
    used: Reconstruction,
) -> Result<[Ycc; 2]> {
    let size = (family.width, family.height);
    let half = (size.0.div_ceil(2), size.1.div_ceil(2));
    // Planes are taken in the order in which a reconstruction holds them, so that each has its former size.
    let mut spare = used.into_planes().into_iter();
    let mut take = || spare.next().unwrap_or_default();
    let mut luma = predict(coding, &family.baseline.luma, size, take())?;
    add_residual(coding, &mut luma, &family.residual.luma);
    let (Some(chroma), false) = (&family.baseline.chroma, sampling == Sampling::Gray) else {
        let l1_luma = down(coding.downsample_filter, luma.view(), (2, 2), take());
        return Ok([Ycc::gray(luma), Ycc::gray(l1_luma)]);
    };
    let (of_l0, l1_luma, of_l1);
    if let Some(residuals) = &family.residual.chroma {
        let corrected = [0, 1].map(|i| {
            let mut plane =
                predict_half(coding, &chroma[i], family.baseline.sampling, size, Plane::default());
            add_residual(coding, &mut plane, &residuals[i]);
            plane
        });
        let large = sampling.chroma_size(size.0, size.1);
        let factors = half_from_source(sampling);
        of_l0 = corrected
            .each_ref()
            .map(|plane| up(coding.upsample_filter, plane.view(), factors, large, take()));
        l1_luma = down(coding.downsample_filter, luma.view(), (2, 2), take());
        of_l1 = corrected
            .each_ref()
            .map(|plane| down(coding.downsample_filter, plane.view(), sampling.factors(), take()));
        corrected.into_iter().for_each(Plane::give_back);
    } else {
        // Each output plane straight from the L2 plane, in one step.
        let ((bx, by), (ox, oy)) = (family.baseline.sampling.factors(), sampling.factors());
        let enlarge = |plane: &Plane, from_l2: usize, (w, h): (usize, usize), dst: Plane| {
            let factors = (from_l2 * bx / ox, from_l2 * by / oy);
            up(coding.upsample_filter, plane.view(), factors, sampling.chroma_size(w, h), dst)
        };
        of_l0 = chroma.each_ref().map(|plane| enlarge(plane, L0_FROM_L2, size, take()));
        l1_luma = down(coding.downsample_filter, luma.view(), (2, 2), take());
        of_l1 = chroma.each_ref().map(|plane| enlarge(plane, L0_FROM_L2 / 2, half, take()));
    }
    Ok([Ycc { luma, chroma: Some(of_l0), sampling }, Ycc { luma: l1_luma, chroma: Some(of_l1), sampling }])
}

impl Backend for CpuBackend {
    fn name(&self) -> String {
        format!("cpu ({})", Level::current().name())
    }

    fn base<'a>(&'a self, params: &'a EncodeParams, source: &'a SourceFamily) -> Pending<'a, Base> {
        Box::pin(async move {
            let image = source.image.ycc();
            let l2 = l2_of(params, &image);
            let ticket = match image {
                Cow::Owned(planes) => Ticket::with_planes(planes),
                Cow::Borrowed(_) => Ticket::default(),
            };
            Ok(Base { ticket, l2 })
        })
    }

    fn residual<'a>(
        &'a self,
        params: &'a EncodeParams,
        source: &'a SourceFamily,
        ticket: Ticket,
        coded: &'a Ycc,
    ) -> Pending<'a, Predicted> {
        Box::pin(async move {
            let image = ticket.into_planes().map_or_else(|| source.image.ycc(), Cow::Owned);
            let made = subtracted(params, &image, coded);
            if let Cow::Owned(planes) = image {
                planes.give_back();
            }
            made
        })
    }

    fn reconstruct_into<'a>(
        &'a self,
        coding: &'a Coding,
        family: &'a DecodedFamily,
        want: Want,
        used: Reconstruction,
    ) -> Pending<'a, Reconstruction> {
        Box::pin(async move {
            let span = span!("kernel", origami.backend = "cpu", origami.part = false);
            let planes = span.run(|| planes_of(coding, family, want.sampling(), used))?;
            let [l0, l1] = planes.map(|image| match want {
                Want::Rgb if image.chroma.is_some() => {
                    let rgb = span.run(|| image.to_rgb());
                    image.give_back();
                    Pixels::Rgb(rgb)
                }
                _ => Pixels::Ycc(image),
            });
            Ok(Reconstruction { l0, l1 })
        })
    }
}

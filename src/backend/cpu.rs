//! The kernels on this processor, family by family.
//!
//! Parallelism is over families (see `scheduler`); one family runs on one thread, in its caches, and every call is done
//! when it is first polled.

mod part;

use std::borrow::Cow;
use std::cell::RefCell;

use super::chroma::{L0_FROM_L2, half_from_l2, half_from_source};
use super::{Backend, Base, Pending, Predicted, Ticket};
use crate::backend::error::Result;
use crate::image::family::{DecodedFamily, Pixels, Reconstruction, SourceFamily, Want};
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::optl2::{self, ProblemCache};
use crate::kernels::resample::{Scratch, resample};
use crate::kernels::sharpen::{Strength, sharpen};
use crate::kernels::taps::{Axis, Filter, TapCache};
use crate::kernels::{level::Level, residual};
use crate::params::{Coding, EncodeParams, Subsamp};

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The CPU. Holds tables, no pixels; share one among all slides.
#[derive(Debug, Default)]
pub struct CpuBackend {
    taps: TapCache,
    problems: ProblemCache,
}

impl CpuBackend {
    /// With empty tables; they are made on first use.
    pub fn new() -> Self {
        Self::default()
    }

    /// `dst` lends its memory, here and below.
    fn resample(&self, src: PlaneRef<'_>, h: Axis, v: Axis, mut dst: Plane) -> Plane {
        let (h, v) = (self.taps.get(h), self.taps.get(v));
        SCRATCH.with_borrow_mut(|scratch| resample(src, &h, &v, &mut dst, scratch));
        dst
    }

    fn down(&self, filter: Filter, src: PlaneRef<'_>, (fx, fy): (usize, usize), mut dst: Plane) -> Plane {
        if (fx, fy) == (1, 1) {
            dst.copy_from(src);
            return dst;
        }
        let axis = |in_len, factor| Axis::Down { filter, in_len, factor };
        self.resample(src, axis(src.width, fx), axis(src.height, fy), dst)
    }

    fn up(
        &self,
        filter: Filter,
        src: PlaneRef<'_>,
        (fx, fy): (usize, usize),
        (width, height): (usize, usize),
        mut dst: Plane,
    ) -> Plane {
        if (fx, fy) == (1, 1) {
            dst.copy_from(src.part(0, 0, width, height));
            return dst;
        }
        let axis = |in_len, factor, out_len| Axis::Up { filter, in_len, factor, out_len };
        self.resample(src, axis(src.width, fx, width), axis(src.height, fy, height), dst)
    }

    fn scale(&self, filter: Filter, src: PlaneRef<'_>, width: usize, height: usize) -> Plane {
        let axis = |in_len, out_len| Axis::Scale { filter, in_len, out_len };
        self.resample(src, axis(src.width, width), axis(src.height, height), Plane::default())
    }

    fn optimise(
        &self,
        filter: Filter,
        target: PlaneRef<'_>,
        (fx, fy): (usize, usize),
        delta: u8,
        x: &mut Plane,
    ) {
        let h = optl2::Extent { small: x.width(), large: target.width, factor: fx };
        let v = optl2::Extent { small: x.height(), large: target.height, factor: fy };
        let problem = self.problems.get(filter, h, v);
        SCRATCH.with_borrow_mut(|scratch| problem.solve(target, x, delta, scratch));
    }

    /// Luma of L0, predicted from the luma of a decoded L2. This is the prediction of the whole codec.
    fn predict(&self, coding: &Coding, l2_luma: &Plane, size: (usize, usize), dst: Plane) -> Result<Plane> {
        let luma = sharpened(coding, l2_luma)?;
        Ok(self.up(coding.upsample_filter, luma.view(), (L0_FROM_L2, L0_FROM_L2), size, dst))
    }

    /// Chroma of L0 at half its size, predicted from a plane of a decoded L2.
    fn predict_half(
        &self,
        coding: &Coding,
        plane: &Plane,
        sampling: Sampling,
        (width, height): (usize, usize),
        dst: Plane,
    ) -> Plane {
        let size = Sampling::S420.chroma_size(width, height);
        self.up(coding.upsample_filter, plane.view(), half_from_l2(sampling), size, dst)
    }

    /// A decoded residual, added to a prediction of one plane.
    fn add_residual(&self, coding: &Coding, plane: &mut Plane, coded: &Plane) {
        if (coded.width(), coded.height()) == (plane.width(), plane.height()) {
            residual::apply(plane, coded.view());
        } else {
            let full = self.scale(coding.upsample_filter, coded.view(), plane.width(), plane.height());
            residual::apply(plane, full.view());
        }
    }

    /// Adds the decoded residual to the prediction: L0 as every decoder will see it.
    pub fn correct(&self, coding: &Coding, prediction: Ycc, residual: &Ycc) -> Ycc {
        let mut image = prediction;
        self.add_residual(coding, &mut image.luma, &residual.luma);
        if let (Some(planes), Some(missed)) = (&mut image.chroma, &residual.chroma) {
            planes
                .iter_mut()
                .zip(missed)
                .for_each(|(plane, missed)| self.add_residual(coding, plane, missed));
        }
        image
    }

    /// What the prediction of one plane missed, at the size at which it is coded.
    fn missed(
        &self,
        params: &EncodeParams,
        original: PlaneRef<'_>,
        prediction: &Plane,
        (width, height): (usize, usize),
    ) -> Plane {
        let mut missed = Plane::default();
        residual::make(original, prediction.view(), &mut missed);
        if (width, height) != (missed.width(), missed.height()) {
            missed = self.scale(params.downsample_filter, missed.view(), width, height);
        }
        missed
    }

    fn l2_of(&self, params: &EncodeParams, image: &Ycc) -> Ycc {
        let filter = params.downsample_filter;
        let mut luma = self.down(filter, image.luma.view(), (L0_FROM_L2, L0_FROM_L2), Plane::default());
        if params.optl2 {
            self.optimise(
                params.upsample_filter,
                image.luma.view(),
                (L0_FROM_L2, L0_FROM_L2),
                params.max_delta,
                &mut luma,
            );
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
            let mut small = self.down(filter, plane.view(), factors, Plane::default());
            if params.subsamp == Subsamp::S420Opt {
                self.optimise(params.upsample_filter, plane.view(), factors, params.max_delta, &mut small);
            }
            small
        });
        Ycc { luma, chroma: Some(chroma), sampling }
    }

    /// Predicts `original` from a decoded L2 and subtracts.
    fn predicted(&self, params: &EncodeParams, original: &Ycc, l2: &Ycc) -> Result<Predicted> {
        let coding = params.coding();
        let size = (original.luma.width(), original.luma.height());
        let coded = coding.residual_size(size.0, size.1);
        let prediction = self.predict(&coding, &l2.luma, size, Plane::default())?;
        let mut residual = self.missed(params, original.luma.view(), &prediction, coded);
        if let Some(strength) = Strength::new(params.l0_sharpen) {
            sharpen(&mut residual, strength);
        }
        let (true, Some(source), Some(chroma)) = (coding.chroma_residual, &original.chroma, &l2.chroma)
        else {
            return Ok(Predicted { prediction: Ycc::gray(prediction), residual: Ycc::gray(residual) });
        };
        let sampling = Sampling::S420;
        let coded = sampling.chroma_size(coded.0, coded.1);
        let factors = half_from_source(original.sampling);
        let pairs = [0, 1].map(|i| {
            let predicted = self.predict_half(&coding, &chroma[i], l2.sampling, size, Plane::default());
            let half = self.down(params.downsample_filter, source[i].view(), factors, Plane::default());
            let missed = self.missed(params, half.view(), &predicted, coded);
            (predicted, missed)
        });
        let [(cb, missed_cb), (cr, missed_cr)] = pairs;
        Ok(Predicted {
            prediction: Ycc { luma: prediction, chroma: Some([cb, cr]), sampling },
            residual: Ycc { luma: residual, chroma: Some([missed_cb, missed_cr]), sampling },
        })
    }

    /// L0 and L1 in planes of one sampling; gray where that is `Gray` or the family has no chroma.
    fn planes_of(
        &self,
        coding: &Coding,
        family: &DecodedFamily,
        sampling: Sampling,
        used: Reconstruction,
    ) -> Result<[Ycc; 2]> {
        let size = (family.width, family.height);
        let half = (size.0.div_ceil(2), size.1.div_ceil(2));
        // Taken in the order in which they are given back, so that each has the size that it had.
        let mut spare = used.into_planes().into_iter();
        let mut take = || spare.next().unwrap_or_default();
        let mut luma = self.predict(coding, &family.baseline.luma, size, take())?;
        self.add_residual(coding, &mut luma, &family.residual.luma);
        let (Some(chroma), false) = (&family.baseline.chroma, sampling == Sampling::Gray) else {
            let l1_luma = self.down(coding.downsample_filter, luma.view(), (2, 2), take());
            return Ok([Ycc::gray(luma), Ycc::gray(l1_luma)]);
        };
        if let Some(missed) = &family.residual.chroma {
            let corrected = [0, 1].map(|i| {
                let mut plane =
                    self.predict_half(coding, &chroma[i], family.baseline.sampling, size, Plane::default());
                self.add_residual(coding, &mut plane, &missed[i]);
                plane
            });
            let of_l0 = corrected.each_ref().map(|plane| {
                let large = sampling.chroma_size(size.0, size.1);
                self.up(coding.upsample_filter, plane.view(), half_from_source(sampling), large, take())
            });
            let l1_luma = self.down(coding.downsample_filter, luma.view(), (2, 2), take());
            let of_l1 = corrected
                .each_ref()
                .map(|plane| self.down(coding.downsample_filter, plane.view(), sampling.factors(), take()));
            return Ok([
                Ycc { luma, chroma: Some(of_l0), sampling },
                Ycc { luma: l1_luma, chroma: Some(of_l1), sampling },
            ]);
        }
        // Each output plane straight from the L2 plane, in one step, at the size it is needed at.
        let ((bx, by), (ox, oy)) = (family.baseline.sampling.factors(), sampling.factors());
        let raise = |plane: &Plane, from_l2: usize, (w, h): (usize, usize), dst: Plane| {
            let factors = (from_l2 * bx / ox, from_l2 * by / oy);
            self.up(coding.upsample_filter, plane.view(), factors, sampling.chroma_size(w, h), dst)
        };
        let of_l0 = chroma.each_ref().map(|plane| raise(plane, L0_FROM_L2, size, take()));
        let l1_luma = self.down(coding.downsample_filter, luma.view(), (2, 2), take());
        let of_l1 = chroma.each_ref().map(|plane| raise(plane, L0_FROM_L2 / 2, half, take()));
        Ok([
            Ycc { luma, chroma: Some(of_l0), sampling },
            Ycc { luma: l1_luma, chroma: Some(of_l1), sampling },
        ])
    }
}

/// The luma that L0 is predicted from.
fn sharpened<'a>(coding: &Coding, l2_luma: &'a Plane) -> Result<Cow<'a, Plane>> {
    let Some(strength) = coding.sharpen()? else { return Ok(Cow::Borrowed(l2_luma)) };
    let mut luma = l2_luma.clone();
    sharpen(&mut luma, strength);
    Ok(Cow::Owned(luma))
}

impl Backend for CpuBackend {
    fn name(&self) -> String {
        format!("cpu ({})", Level::current().name())
    }

    fn cpu(&self) -> &CpuBackend {
        self
    }

    fn base<'a>(&'a self, params: &'a EncodeParams, source: &'a SourceFamily) -> Pending<'a, Base> {
        Box::pin(async move {
            let image = source.image.ycc();
            let l2 = self.l2_of(params, &image);
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
            self.predicted(params, &image, coded)
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
            let planes = self.planes_of(coding, family, want.sampling(), used)?;
            let [l0, l1] = planes.map(|image| match want {
                Want::Rgb if image.chroma.is_some() => Pixels::Rgb(image.to_rgb()),
                _ => Pixels::Ycc(image),
            });
            Ok(Reconstruction { l0, l1 })
        })
    }
}

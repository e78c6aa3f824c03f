//! The kernels on this processor, family by family.
//!
//! Parallelism is over families (see `scheduler`) and over a batch here; one family runs on one thread, in its caches.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use rayon::prelude::*;

use super::{Backend, Ticket};
use crate::codec::{Sampling, Ycc};
use crate::coding::{Coding, EncodeParams, Subsamp};
use crate::error::Result;
use crate::family::{DecodedFamily, Reconstruction, SourceFamily, Want};
use crate::kernels::optl2::{self, Problem};
use crate::kernels::resample::{Scratch, resample};
use crate::kernels::sharpen::{Strength, sharpen};
use crate::kernels::taps::{Axis, Filter, TapCache};
use crate::kernels::{level::Level, residual};
use crate::plane::{Plane, PlaneRef};
use crate::spec::FAMILY_FACTOR;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

const L0_FROM_L2: usize = FAMILY_FACTOR as usize;

/// The CPU. Holds tables, no pixels; share one among all slides.
#[derive(Debug, Default)]
pub struct CpuBackend {
    taps: TapCache,
    problems: RwLock<HashMap<(Filter, optl2::Extent, optl2::Extent), Arc<Problem>>>,
}

impl CpuBackend {
    /// With empty tables; they are made on first use.
    pub fn new() -> Self {
        Self::default()
    }

    fn resample(&self, src: PlaneRef<'_>, h: Axis, v: Axis) -> Plane {
        let (h, v) = (self.taps.get(h), self.taps.get(v));
        let mut dst = Plane::default();
        SCRATCH.with_borrow_mut(|scratch| resample(src, &h, &v, &mut dst, scratch));
        dst
    }

    fn down(&self, filter: Filter, src: PlaneRef<'_>, (fx, fy): (usize, usize)) -> Plane {
        if (fx, fy) == (1, 1) {
            return src.to_plane();
        }
        let axis = |in_len, factor| Axis::Down { filter, in_len, factor };
        self.resample(src, axis(src.width, fx), axis(src.height, fy))
    }

    fn up(
        &self,
        filter: Filter,
        src: PlaneRef<'_>,
        (fx, fy): (usize, usize),
        width: usize,
        height: usize,
    ) -> Plane {
        if (fx, fy) == (1, 1) {
            return src.part(0, 0, width, height).to_plane();
        }
        let axis = |in_len, factor, out_len| Axis::Up { filter, in_len, factor, out_len };
        self.resample(src, axis(src.width, fx, width), axis(src.height, fy, height))
    }

    fn scale(&self, filter: Filter, src: PlaneRef<'_>, width: usize, height: usize) -> Plane {
        let axis = |in_len, out_len| Axis::Scale { filter, in_len, out_len };
        self.resample(src, axis(src.width, width), axis(src.height, height))
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
        let key = (filter, h, v);
        let found = self.problems.read().unwrap_or_else(|e| e.into_inner()).get(&key).cloned();
        let problem = found.unwrap_or_else(|| {
            let made = Arc::new(Problem::new(filter, h, v));
            self.problems.write().unwrap_or_else(|e| e.into_inner()).entry(key).or_insert(made).clone()
        });
        SCRATCH.with_borrow_mut(|scratch| problem.solve(target, x, delta, scratch));
    }

    /// Luma of L0, predicted from the luma of a decoded L2. This is the prediction of the whole codec.
    fn predict(&self, coding: &Coding, l2_luma: &Plane, width: usize, height: usize) -> Result<Plane> {
        let sharpened = match coding.sharpen()? {
            None => None,
            Some(strength) => {
                let mut luma = l2_luma.clone();
                sharpen(&mut luma, strength);
                Some(luma)
            }
        };
        let luma = sharpened.as_ref().unwrap_or(l2_luma);
        Ok(self.up(coding.upsample_filter, luma.view(), (L0_FROM_L2, L0_FROM_L2), width, height))
    }

    /// A decoded residual at L0 size, added to a prediction.
    fn add_residual(&self, coding: &Coding, luma: &mut Plane, coded: &Plane) {
        if (coded.width(), coded.height()) == (luma.width(), luma.height()) {
            residual::apply(luma, coded.view());
        } else {
            let full = self.scale(coding.upsample_filter, coded.view(), luma.width(), luma.height());
            residual::apply(luma, full.view());
        }
    }

    fn base_one(&self, params: &EncodeParams, source: &SourceFamily) -> Ycc {
        let filter = params.downsample_filter;
        let image = &source.image;
        let mut luma = self.down(filter, image.luma.view(), (L0_FROM_L2, L0_FROM_L2));
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
            let mut small = self.down(filter, plane.view(), factors);
            if params.subsamp == Subsamp::S420Opt {
                self.optimise(params.upsample_filter, plane.view(), factors, params.max_delta, &mut small);
            }
            small
        });
        Ycc { luma, chroma: Some(chroma), sampling }
    }

    fn reconstruct_one(&self, coding: &Coding, family: &DecodedFamily, want: Want) -> Result<Reconstruction> {
        let (width, height) = (family.width, family.height);
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let mut luma = self.predict(coding, &family.baseline.luma, width, height)?;
        self.add_residual(coding, &mut luma, &family.residual);
        let l1_luma = self.down(coding.downsample_filter, luma.view(), (2, 2));
        let (Some(chroma), false) = (&family.baseline.chroma, want.sampling == Sampling::Gray) else {
            return Ok(Reconstruction { l0: Ycc::gray(luma), l1: Ycc::gray(l1_luma) });
        };
        // Each output plane straight from the L2 plane, in one step, at the size it is needed at.
        let ((bx, by), (ox, oy)) = (family.baseline.sampling.factors(), want.sampling.factors());
        let raise = |plane: &Plane, from_l2: usize, (w, h): (usize, usize)| {
            let (cw, ch) = want.sampling.chroma_size(w, h);
            self.up(coding.upsample_filter, plane.view(), (from_l2 * bx / ox, from_l2 * by / oy), cw, ch)
        };
        let at = |from_l2, size| Some(chroma.each_ref().map(|plane| raise(plane, from_l2, size)));
        Ok(Reconstruction {
            l0: Ycc { luma, chroma: at(L0_FROM_L2, (width, height)), sampling: want.sampling },
            l1: Ycc {
                luma: l1_luma,
                chroma: at(L0_FROM_L2 / 2, (half_width, half_height)),
                sampling: want.sampling,
            },
        })
    }
}

impl Backend for CpuBackend {
    fn name(&self) -> String {
        format!("cpu ({})", Level::current().name())
    }

    fn base(&self, params: &EncodeParams, batch: Vec<SourceFamily>) -> Result<(Ticket, Vec<Ycc>)> {
        let planes = each(&batch, |source| Ok(self.base_one(params, source)))?;
        Ok((Ticket { families: batch, predictions: Vec::new() }, planes))
    }

    fn residual(&self, params: &EncodeParams, ticket: &mut Ticket, coded: &[Ycc]) -> Result<Vec<Plane>> {
        let coding = params.coding();
        let pairs: Vec<_> = ticket.families.iter().zip(coded).collect();
        let made = each(&pairs, |(source, l2)| {
            let original = &source.image.luma;
            let prediction = self.predict(&coding, &l2.luma, original.width(), original.height())?;
            let mut residual = Plane::default();
            residual::make(original.view(), prediction.view(), &mut residual);
            let (width, height) = coding.residual_size(original.width(), original.height());
            if (width, height) != (residual.width(), residual.height()) {
                residual = self.scale(params.downsample_filter, residual.view(), width, height);
            }
            if let Some(strength) = Strength::new(params.l0_sharpen) {
                sharpen(&mut residual, strength);
            }
            Ok((prediction, residual))
        })?;
        let (predictions, residuals) = made.into_iter().unzip();
        ticket.predictions = predictions;
        Ok(residuals)
    }

    fn correct(&self, params: &EncodeParams, ticket: &mut Ticket, residuals: &[Plane]) -> Result<Vec<Plane>> {
        let coding = params.coding();
        let pairs: Vec<_> = ticket.predictions.iter().zip(residuals).collect();
        each(&pairs, |(prediction, residual)| {
            let mut luma = (*prediction).clone();
            self.add_residual(&coding, &mut luma, residual);
            Ok(luma)
        })
    }

    fn reconstruct(
        &self,
        coding: &Coding,
        batch: &[DecodedFamily],
        want: Want,
    ) -> Result<Vec<Reconstruction>> {
        each(batch, |family| self.reconstruct_one(coding, family, want))
    }
}

/// Runs over a batch, in parallel where there is more than one.
fn each<T: Sync, R: Send>(batch: &[T], work: impl Fn(&T) -> Result<R> + Sync + Send) -> Result<Vec<R>> {
    match batch {
        [one] => Ok(vec![work(one)?]),
        many => many.par_iter().map(work).collect(),
    }
}

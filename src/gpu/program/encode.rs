//! Both crossings of an encode: L0 to L2, and the decoded L2 to prediction and residual.

use super::super::shader::Pass;
use super::{Form, Job, Phase, Place, Program, Programs, Room, Steps, alongside, descent, sharpened};
use crate::backend::chroma::{L0_FROM_L2, half_from_l2, half_from_source};
use crate::backend::error::Result;
use crate::image::family::{Pixels, SourceFamily};
use crate::image::ycc::Sampling;
use crate::kernels::optl2::Extent;
use crate::kernels::sharpen::Strength;
use crate::params::{EncodeParams, Subsamp};

impl Programs {
    /// Encode: `base`, then `residual`. Planes up: those of the source, or one of RGB; then the decoded L2, of which only luma where
    /// chroma has no residual. Planes down: L2; then prediction and residual, plane by plane.
    ///
    /// # Errors
    /// A recorded sharpening out of range.
    pub fn encode(&self, params: &EncodeParams, source: &SourceFamily) -> Result<Program> {
        let (width, height) = (source.image.width(), source.image.height());
        let mut room = Room::default();
        let sampling = match &source.image {
            Pixels::Ycc(image) => image.sampling,
            Pixels::Rgb(_) => Sampling::S444,
        };
        // What residuals are made of is at the front and stays until they are: luma of L0, and its chroma at half size.
        let luma = room.plane(width, height, Form::U8);
        let mut kept = vec![luma];
        let halves = half_from_source(sampling);
        let corrects_chroma = params.coding().chroma_residual && sampling != Sampling::Gray;
        if corrects_chroma {
            let (cw, ch) = Sampling::S420.chroma_size(width, height);
            kept.extend((0..2).map(|_| room.plane(cw, ch, Form::U8)));
        }
        let after_kept = room.next;
        let (mut up, mut steps, mut chroma) = (vec![luma], Steps::new(), Vec::new());
        if sampling == Sampling::S420 && corrects_chroma {
            chroma = kept[1..].to_vec();
        } else if sampling != Sampling::Gray {
            let (cw, ch) = sampling.chroma_size(width, height);
            chroma = (0..2).map(|_| room.plane(cw, ch, Form::U8)).collect();
        }
        match &source.image {
            Pixels::Ycc(_) => up.extend(&chroma),
            Pixels::Rgb(_) => {
                let rgb = room.plane(width, height, Form::Rgb);
                up = vec![rgb];
                steps.push((Pass::ToYcc, vec![Job::to_ycc(rgb, [luma, chroma[0], chroma[1]])]));
            }
        }
        let to_half: Vec<Job> = kept
            .iter()
            .skip(1)
            .zip(&chroma)
            .filter(|(half, plane)| half != plane)
            .map(|(&half, &plane)| self.down(params.downsample_filter, plane, half, halves))
            .collect();
        let l2 = self.base(params, luma, &chroma, sampling, &mut room, &mut steps);
        // Beside the planes of L2, which are made of the same ones.
        if let Some((_, jobs)) = steps.iter_mut().find(|(pass, _)| *pass == Pass::Resample) {
            jobs.extend(to_half);
        }
        let base = Phase { up, steps, down: l2 };

        // The second crossing has the region to itself but for those.
        room.next = after_kept;
        let residual = self.residual(params, &kept, &mut room)?;
        Ok(Program { phases: vec![base, residual], words: room.most })
    }

    fn base(
        &self,
        params: &EncodeParams,
        luma: Place,
        chroma: &[Place],
        sampling: Sampling,
        room: &mut Room,
        steps: &mut Steps,
    ) -> Vec<Place> {
        let factors = |plane: usize| {
            if plane == 0 {
                return (L0_FROM_L2, L0_FROM_L2);
            }
            let (baseline, source) =
                (params.coding().baseline_subsamp.sampling().factors(), sampling.factors());
            (L0_FROM_L2 * baseline.0 / source.0, L0_FROM_L2 * baseline.1 / source.1)
        };
        let planes: Vec<(Place, (usize, usize))> = std::iter::once(luma)
            .chain(chroma.iter().copied())
            .enumerate()
            .map(|(i, plane)| (plane, factors(i)))
            .collect();
        // What comes back lies together.
        let done: Vec<Place> = planes
            .iter()
            .map(|(plane, (fx, fy))| {
                room.plane(plane.width.div_ceil(*fx), plane.height.div_ceil(*fy), Form::U8)
            })
            .collect();
        let sharpening = params.save_sharpened.then(|| Strength::new(params.sharpen)).flatten();
        let (mut downs, mut descents, mut sharpens) = (Vec::new(), Steps::new(), Vec::new());
        for (i, (&(plane, (fx, fy)), &done)) in planes.iter().zip(&done).enumerate() {
            let optimise = if i == 0 { params.optl2 } else { params.subsamp == Subsamp::S420Opt };
            let sharpening = sharpening.filter(|_| i == 0);
            // A stage leaves its result in `done` if it is the plane's last one.
            let result = |room: &mut Room, last| {
                if last { done } else { room.plane(done.width, done.height, Form::U8) }
            };
            let small = result(room, !optimise && sharpening.is_none());
            downs.push(self.down(params.downsample_filter, plane, small, (fx, fy)));
            let mut latest = small;
            if optimise {
                latest = result(room, sharpening.is_none());
                let h = Extent { small: small.width, large: plane.width, factor: fx };
                let v = Extent { small: small.height, large: plane.height, factor: fy };
                let problem = self.problems.get(params.upsample_filter, h, v);
                let wide = [(); 3].map(|()| room.plane(small.width, small.height, Form::Q6));
                alongside(&mut descents, descent(&problem, params.max_delta, [plane, small, latest], wide));
            }
            if let Some(strength) = sharpening {
                sharpens.push(Job::sharpen(latest, done, strength));
            }
        }
        steps.push((Pass::Resample, downs));
        steps.extend(descents);
        if !sharpens.is_empty() {
            steps.push((Pass::Sharpen, sharpens));
        }
        done
    }

    /// `originals` are luma of L0 and, where they have a residual, its Cb and Cr at half size.
    fn residual(&self, params: &EncodeParams, originals: &[Place], room: &mut Room) -> Result<Phase> {
        let coding = params.coding();
        let luma = originals[0];
        let (rw, rh) = coding.residual_size(luma.width, luma.height);
        let coded_size = |i: usize| if i == 0 { (rw, rh) } else { Sampling::S420.chroma_size(rw, rh) };
        let factors = |i: usize| {
            let chroma = half_from_l2(coding.baseline_subsamp.sampling());
            if i == 0 { (L0_FROM_L2, L0_FROM_L2) } else { chroma }
        };
        // What comes back lies together, and so does what goes up.
        let mut down = Vec::new();
        for (i, original) in originals.iter().enumerate() {
            let (width, height) = coded_size(i);
            down.push(room.plane(original.width, original.height, Form::U8));
            down.push(room.plane(width, height, Form::U8));
        }
        let l2_size = (luma.width.div_ceil(L0_FROM_L2), luma.height.div_ceil(L0_FROM_L2));
        let l2_chroma_size = coding.baseline_subsamp.sampling().chroma_size(l2_size.0, l2_size.1);
        let up: Vec<Place> = (0..originals.len())
            .map(|i| if i == 0 { l2_size } else { l2_chroma_size })
            .map(|(width, height)| room.plane(width, height, Form::U8))
            .collect();
        let mut steps = Steps::new();
        let l2 = sharpened(coding.sharpen()?, up[0], room, &mut steps);

        let (mut predicts, mut scalings, mut sharpens) = (Vec::new(), Vec::new(), Vec::new());
        for (i, (&original, places)) in originals.iter().zip(down.chunks_exact(2)).enumerate() {
            let (prediction, done) = (places[0], places[1]);
            let scales = (done.width, done.height) != (original.width, original.height);
            let sharpening = Strength::new(params.l0_sharpen).filter(|_| i == 0);
            let mut like = |plane: Place| room.plane(plane.width, plane.height, Form::U8);
            let full = if scales || sharpening.is_some() { like(original) } else { done };
            let from = if i == 0 { l2 } else { up[i] };
            predicts.push(self.up(params.upsample_filter, from, prediction, factors(i)).with(original, full));
            let mut last = full;
            if scales {
                let scaled = if sharpening.is_some() { like(done) } else { done };
                scalings.push(self.scale(params.downsample_filter, full, scaled));
                last = scaled;
            }
            sharpens.extend(sharpening.map(|strength| Job::sharpen(last, done, strength)));
        }
        let passes = [(Pass::Predict, predicts), (Pass::Resample, scalings), (Pass::Sharpen, sharpens)];
        steps.extend(passes.into_iter().filter(|(_, jobs)| !jobs.is_empty()));
        Ok(Phase { up, steps, down })
    }
}

//! Both round trips of an encode: L0 to L2, then the decoded L2 to prediction and residual.

use super::super::pass::Pass;
use super::{
    Job, PassList, PlaneAllocator, PlaneLayout, Program, Programs, RoundTrip, SampleFormat, gradient_descent,
    merge_passes, sharpened_l2,
};
use crate::backend::chroma::{L0_FROM_L2, half_from_l2, half_from_source};
use crate::backend::error::Result;
use crate::image::family::{Pixels, SourceFamily};
use crate::image::ycc::Sampling;
use crate::kernels::optl2::Extent;
use crate::kernels::sharpen::Strength;
use crate::params::{EncodeParams, Subsamp};

impl Programs {
    /// The program of `base`, then `residual`. Uploads the planes of the source, or one of RGB; then the
    /// decoded L2, of which only luma where chroma has no residual. Downloads L2; then prediction and
    /// residual, plane by plane.
    ///
    /// # Errors
    /// A recorded sharpening out of range.
    pub fn encode(&self, params: &EncodeParams, source: &SourceFamily) -> Result<Program> {
        let (width, height) = (source.image.width(), source.image.height());
        let mut planes = PlaneAllocator::default();
        let sampling = match &source.image {
            Pixels::Ycc(image) => image.sampling,
            Pixels::Rgb(_) => Sampling::S444,
        };
        // The second round trip reads luma of L0 and its chroma at half size. They come first, and stay.
        let luma = planes.allocate(width, height, SampleFormat::U8);
        let mut kept = vec![luma];
        let halves = half_from_source(sampling);
        let corrects_chroma = params.coding().chroma_residual && sampling != Sampling::Gray;
        if corrects_chroma {
            let (cw, ch) = Sampling::S420.chroma_size(width, height);
            kept.extend((0..2).map(|_| planes.allocate(cw, ch, SampleFormat::U8)));
        }
        let after_kept = planes.next;
        let (mut upload, mut passes, mut chroma) = (vec![luma], PassList::new(), Vec::new());
        if sampling == Sampling::S420 && corrects_chroma {
            chroma = kept[1..].to_vec();
        } else if sampling != Sampling::Gray {
            let (cw, ch) = sampling.chroma_size(width, height);
            chroma = (0..2).map(|_| planes.allocate(cw, ch, SampleFormat::U8)).collect();
        }
        match &source.image {
            Pixels::Ycc(_) => upload.extend(&chroma),
            Pixels::Rgb(_) => {
                let rgb = planes.allocate(width, height, SampleFormat::Rgb);
                upload = vec![rgb];
                passes.push((Pass::ToYcc, vec![Job::to_ycc(rgb, [luma, chroma[0], chroma[1]])]));
            }
        }
        let to_half: Vec<Job> = kept
            .iter()
            .skip(1)
            .zip(&chroma)
            .filter(|(half, plane)| half != plane)
            .map(|(&half, &plane)| self.down(params.downsample_filter, plane, half, halves))
            .collect();
        let l2 = self.base(params, luma, &chroma, sampling, &mut planes, &mut passes);
        // In the pass that makes the planes of L2: both read the same source planes.
        if let Some((_, jobs)) = passes.iter_mut().find(|(pass, _)| *pass == Pass::Resample) {
            jobs.extend(to_half);
        }
        let base = RoundTrip { upload, passes, download: l2 };

        // The second round trip reuses the region after the planes that are kept.
        planes.next = after_kept;
        let residual = self.residual(params, &kept, &mut planes)?;
        Ok(Program { round_trips: vec![base, residual], words: planes.peak })
    }

    fn base(
        &self,
        params: &EncodeParams,
        luma: PlaneLayout,
        chroma: &[PlaneLayout],
        sampling: Sampling,
        planes: &mut PlaneAllocator,
        passes: &mut PassList,
    ) -> Vec<PlaneLayout> {
        let factors = |plane: usize| {
            if plane == 0 {
                return (L0_FROM_L2, L0_FROM_L2);
            }
            let (baseline, source) =
                (params.coding().baseline_subsamp.sampling().factors(), sampling.factors());
            (L0_FROM_L2 * baseline.0 / source.0, L0_FROM_L2 * baseline.1 / source.1)
        };
        let sources: Vec<(PlaneLayout, (usize, usize))> = std::iter::once(luma)
            .chain(chroma.iter().copied())
            .enumerate()
            .map(|(i, plane)| (plane, factors(i)))
            .collect();
        // Downloaded planes are contiguous.
        let results: Vec<PlaneLayout> = sources
            .iter()
            .map(|(plane, (fx, fy))| {
                planes.allocate(plane.width.div_ceil(*fx), plane.height.div_ceil(*fy), SampleFormat::U8)
            })
            .collect();
        let sharpening = params.save_sharpened.then(|| Strength::new(params.sharpen)).flatten();
        let (mut downs, mut descents, mut sharpens) = (Vec::new(), PassList::new(), Vec::new());
        for (i, (&(plane, (fx, fy)), &result)) in sources.iter().zip(&results).enumerate() {
            let optimise = if i == 0 { params.optl2 } else { params.subsamp == Subsamp::S420Opt };
            let sharpening = sharpening.filter(|_| i == 0);
            // The last pass of a plane writes `result`, the ones before it a temporary plane.
            let output = |planes: &mut PlaneAllocator, last| {
                if last { result } else { planes.allocate(result.width, result.height, SampleFormat::U8) }
            };
            let small = output(planes, !optimise && sharpening.is_none());
            downs.push(self.down(params.downsample_filter, plane, small, (fx, fy)));
            let mut latest = small;
            if optimise {
                latest = output(planes, sharpening.is_none());
                let h = Extent { small: small.width, large: plane.width, factor: fx };
                let v = Extent { small: small.height, large: plane.height, factor: fy };
                let problem = self.problems.get(params.upsample_filter, h, v);
                let wide = [(); 3].map(|()| planes.allocate(small.width, small.height, SampleFormat::Q6));
                let descent = gradient_descent(&problem, params.max_delta, [plane, small, latest], wide);
                merge_passes(&mut descents, descent);
            }
            if let Some(strength) = sharpening {
                sharpens.push(Job::sharpen(latest, result, strength));
            }
        }
        passes.push((Pass::Resample, downs));
        passes.extend(descents);
        if !sharpens.is_empty() {
            passes.push((Pass::Sharpen, sharpens));
        }
        results
    }

    /// `originals` are luma of L0 and, where they have a residual, its Cb and Cr at half size.
    fn residual(
        &self,
        params: &EncodeParams,
        originals: &[PlaneLayout],
        planes: &mut PlaneAllocator,
    ) -> Result<RoundTrip> {
        let coding = params.coding();
        let luma = originals[0];
        let (rw, rh) = coding.residual_size(luma.width, luma.height);
        let coded_size = |i: usize| if i == 0 { (rw, rh) } else { Sampling::S420.chroma_size(rw, rh) };
        let factors = |i: usize| {
            let chroma = half_from_l2(coding.baseline_subsamp.sampling());
            if i == 0 { (L0_FROM_L2, L0_FROM_L2) } else { chroma }
        };
        // Downloaded planes are contiguous, and so are uploaded ones.
        let mut download = Vec::new();
        for (i, original) in originals.iter().enumerate() {
            let (width, height) = coded_size(i);
            download.push(planes.allocate(original.width, original.height, SampleFormat::U8));
            download.push(planes.allocate(width, height, SampleFormat::U8));
        }
        let l2_size = (luma.width.div_ceil(L0_FROM_L2), luma.height.div_ceil(L0_FROM_L2));
        let l2_chroma_size = coding.baseline_subsamp.sampling().chroma_size(l2_size.0, l2_size.1);
        let upload: Vec<PlaneLayout> = (0..originals.len())
            .map(|i| if i == 0 { l2_size } else { l2_chroma_size })
            .map(|(width, height)| planes.allocate(width, height, SampleFormat::U8))
            .collect();
        let mut passes = PassList::new();
        let l2 = sharpened_l2(coding.sharpen()?, upload[0], planes, &mut passes);

        let (mut predicts, mut scalings, mut sharpens) = (Vec::new(), Vec::new(), Vec::new());
        for (i, (&original, results)) in originals.iter().zip(download.chunks_exact(2)).enumerate() {
            let (prediction, result) = (results[0], results[1]);
            let scales = (result.width, result.height) != (original.width, original.height);
            let sharpening = Strength::new(params.l0_sharpen).filter(|_| i == 0);
            let mut like = |plane: PlaneLayout| planes.allocate(plane.width, plane.height, SampleFormat::U8);
            let full = if scales || sharpening.is_some() { like(original) } else { result };
            let from = if i == 0 { l2 } else { upload[i] };
            predicts.push(self.up(params.upsample_filter, from, prediction, factors(i)).with(original, full));
            let mut last = full;
            if scales {
                let scaled = if sharpening.is_some() { like(result) } else { result };
                scalings.push(self.scale(params.downsample_filter, full, scaled));
                last = scaled;
            }
            sharpens.extend(sharpening.map(|strength| Job::sharpen(last, result, strength)));
        }
        let all = [(Pass::Predict, predicts), (Pass::Resample, scalings), (Pass::Sharpen, sharpens)];
        passes.extend(all.into_iter().filter(|(_, jobs)| !jobs.is_empty()));
        Ok(RoundTrip { upload, passes, download })
    }
}

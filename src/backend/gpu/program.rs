//! What a family's work on a device consists of: where its planes lie and which passes run over them, as plain data.
//!
//! Offsets are in words from the start of the family's own region; the batch adds where the region lies. Knows no device.

use std::ops::Range;
use std::sync::Arc;

use super::shader::Pass;
use crate::backend::chroma::{L0_FROM_L2, half_from_l2, half_from_source};
use crate::codec::Sampling;
use crate::coding::{Coding, EncodeParams, Subsamp};
use crate::error::Result;
use crate::family::{DecodedFamily, Pixels, SourceFamily, Want};
use crate::kernels::optl2::{Extent, Problem, ProblemCache};
use crate::kernels::sharpen::Strength;
use crate::kernels::taps::{Axis, Filter, TapCache, Taps};

/// Planes begin at multiples of this many words.
pub const PLANE_ALIGN_WORDS: u32 = 16;

/// How samples lie in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Four 8-bit samples a word.
    U8,
    /// Two Q6 samples a word.
    Q6,
    /// Four interleaved RGB pixels in three words.
    Rgb,
}

/// A plane on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// First word.
    pub at: u32,
    /// Width in samples, or in pixels of RGB.
    pub width: usize,
    /// Height.
    pub height: usize,
    /// How its samples lie.
    pub form: Form,
}

impl Place {
    /// Words a row.
    pub fn stride(&self) -> u32 {
        let quads = self.width.div_ceil(4) as u32;
        match self.form {
            Form::U8 => quads,
            Form::Q6 => 2 * quads,
            Form::Rgb => 3 * quads,
        }
    }

    /// Words in all.
    pub fn words(&self) -> u32 {
        self.stride() * self.height as u32
    }

    /// Bytes of a row that hold samples, for planes that travel.
    pub fn row_bytes(&self) -> usize {
        if self.form == Form::Rgb { 3 * self.width } else { self.width }
    }

    fn end(&self) -> u32 {
        self.at + self.words()
    }
}

/// One plane to make.
#[derive(Clone, Debug)]
pub struct Job {
    /// Plane to read.
    pub src: Place,
    /// Plane to make.
    pub dst: Place,
    /// Horizontal and vertical table, for the kernels that filter.
    pub tables: Option<[Arc<Taps>; 2]>,
    /// Further planes, as the shader says.
    pub planes: [u32; 2],
    /// Numbers, as the shader says.
    pub numbers: [i32; 2],
}

impl Job {
    fn new(src: Place, dst: Place) -> Self {
        Self { src, dst, tables: None, planes: [0; 2], numbers: [0; 2] }
    }

    /// Filters `src` to `dst` by two tables.
    pub fn filter(src: Place, dst: Place, h: Arc<Taps>, v: Arc<Taps>) -> Self {
        Self { tables: Some([h, v]), ..Self::new(src, dst) }
    }

    /// Sharpens.
    pub fn sharpen(src: Place, dst: Place, strength: Strength) -> Self {
        Self { numbers: [strength.q8() as i32, 0], ..Self::new(src, dst) }
    }

    /// With further planes.
    pub fn with(self, a: Place, b: Place) -> Self {
        Self { planes: [a.at, b.at], ..self }
    }

    /// Interleaved RGB to planes.
    pub fn to_ycc(rgb: Place, planes: [Place; 3]) -> Self {
        Self::new(rgb, planes[0]).with(planes[1], planes[2])
    }

    /// Planes to interleaved RGB.
    pub fn to_rgb(planes: [Place; 3], rgb: Place) -> Self {
        Self::new(planes[0], rgb).with(planes[1], planes[2])
    }
}

/// Passes in their order; the jobs of one pass do not depend on each other.
pub type Steps = Vec<(Pass, Vec<Job>)>;

/// The gradient descent of one plane as steps: `right` and the two `wide` planes are room for it.
pub fn descent(
    problem: &Problem,
    delta: u8,
    [target, start, result]: [Place; 3],
    [right, wide, other]: [Place; 3],
) -> Steps {
    let [h, v] = problem.right().clone();
    let mut steps = vec![(Pass::ResampleToQ6, vec![Job::filter(target, right, h, v)])];
    let (mut from, mut to, mut next) = (start, wide, other);
    for i in 0..problem.steps() {
        let last = i + 1 == problem.steps();
        let pass = match i {
            0 => Pass::Optl2First,
            _ if last => Pass::Optl2Last,
            _ => Pass::Optl2,
        };
        let [h, v] = problem.gram().clone();
        let mut job = Job::filter(from, if last { result } else { to }, h, v).with(right, start);
        job.numbers = [i32::from(problem.step()), i32::from(delta)];
        steps.push((pass, vec![job]));
        from = to;
        std::mem::swap(&mut to, &mut next);
    }
    steps
}

/// Merges steps that may run at the same time: the same passes in the same order.
fn alongside(steps: &mut Steps, more: Steps) {
    if steps.is_empty() {
        *steps = more;
        return;
    }
    debug_assert_eq!(steps.len(), more.len(), "descents of one filter have the same steps");
    for ((_, jobs), (_, others)) in steps.iter_mut().zip(more) {
        jobs.extend(others);
    }
}

/// Hands out places one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    next: u32,
    most: u32,
}

impl Room {
    /// Words that were ever in use.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// The next plane.
    pub fn plane(&mut self, width: usize, height: usize, form: Form) -> Place {
        let place = Place { at: self.next, width, height, form };
        self.next = place.end().next_multiple_of(PLANE_ALIGN_WORDS);
        self.most = self.most.max(self.next);
        place
    }
}

/// One crossing: what goes up, what runs, what comes back.
#[derive(Clone, Debug)]
pub struct Phase {
    /// Planes from the host, in the order in which they are handed in.
    pub up: Vec<Place>,
    /// What runs.
    pub steps: Steps,
    /// Planes for the host.
    pub down: Vec<Place>,
}

impl Phase {
    /// Words from the first plane to the end of the last.
    pub fn span(planes: &[Place]) -> Range<u32> {
        let first = planes.first().map_or(0, |p| p.at);
        first..planes.last().map_or(first, Place::end).next_multiple_of(PLANE_ALIGN_WORDS)
    }

    /// The pipelines in their order: families with equal ones can share a batch.
    pub fn passes(&self) -> impl Iterator<Item = Pass> + '_ {
        self.steps.iter().map(|&(pass, _)| pass)
    }
}

/// All the work of a family in one direction.
#[derive(Clone, Debug)]
pub struct Program {
    /// One crossing, or two for an encode: L0 to L2, and the decoded L2 to prediction and residual.
    pub phases: Vec<Phase>,
    /// Words of the family's region.
    pub words: u32,
}

/// Tables that programs are made of.
#[derive(Debug, Default)]
pub struct Programs {
    taps: TapCache,
    problems: ProblemCache,
}

impl Programs {
    fn down(&self, filter: Filter, src: Place, dst: Place, (fx, fy): (usize, usize)) -> Job {
        let axis = |in_len, factor| self.taps.get(Axis::Down { filter, in_len, factor });
        Job::filter(src, dst, axis(src.width, fx), axis(src.height, fy))
    }

    fn up(&self, filter: Filter, src: Place, dst: Place, factor: (usize, usize)) -> Job {
        let axis = |in_len, factor, out_len| self.taps.get(Axis::Up { filter, in_len, factor, out_len });
        Job::filter(src, dst, axis(src.width, factor.0, dst.width), axis(src.height, factor.1, dst.height))
    }

    fn scale(&self, filter: Filter, src: Place, dst: Place) -> Job {
        let axis = |in_len, out_len| self.taps.get(Axis::Scale { filter, in_len, out_len });
        Job::filter(src, dst, axis(src.width, dst.width), axis(src.height, dst.height))
    }

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
        let mut downs: Vec<Job> = kept
            .iter()
            .skip(1)
            .zip(&chroma)
            .filter(|(half, plane)| half != plane)
            .map(|(&half, &plane)| self.down(params.downsample_filter, plane, half, halves))
            .collect();
        let l2 = self.base(params, luma, &chroma, sampling, &mut room, &mut downs, &mut steps);
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
        downs: &mut Vec<Job>,
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
        let (mut descents, mut sharpens) = (Steps::new(), Vec::new());
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
        steps.push((Pass::Resample, std::mem::take(downs)));
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

    /// Decode. Planes up: those of L2, then those of the residual, without chroma where none is wanted. Planes down: those of L0, then
    /// those of L1, without the chroma of L1 where that is the L2 plane itself; or one of RGB each.
    ///
    /// # Errors
    /// A recorded sharpening out of range.
    pub fn reconstruct(&self, coding: &Coding, family: &DecodedFamily, want: Want) -> Result<Program> {
        let (width, height) = (family.width, family.height);
        let half = (width.div_ceil(2), height.div_ceil(2));
        let baseline = &family.baseline;
        let mut room = Room::default();
        let mut up = vec![room.plane(baseline.luma.width(), baseline.luma.height(), Form::U8)];
        let sampling = match want {
            Want::Planes(sampling) => sampling,
            Want::Rgb => Sampling::S444,
        };
        if let Some(chroma) = baseline.chroma.as_ref().filter(|_| sampling != Sampling::Gray) {
            up.extend(chroma.iter().map(|plane| room.plane(plane.width(), plane.height(), Form::U8)));
        }
        let colour = up.len() == 3;
        let corrects_chroma = colour && family.residual.chroma.is_some();
        let missed = std::iter::once(&family.residual.luma)
            .chain(family.residual.chroma.iter().flatten().filter(|_| corrects_chroma));
        let coded: Vec<Place> =
            missed.map(|plane| room.plane(plane.width(), plane.height(), Form::U8)).collect();
        let mut steps = Steps::new();
        let l2 = sharpened(coding.sharpen()?, up[0], &mut room, &mut steps);

        let mut resamples = Vec::new();
        let chroma_size = Sampling::S420.chroma_size(width, height);
        let residuals: Vec<Place> = coded
            .iter()
            .enumerate()
            .map(|(i, &coded)| {
                let (w, h) = if i == 0 { (width, height) } else { chroma_size };
                if (coded.width, coded.height) == (w, h) {
                    return coded;
                }
                let full = room.plane(w, h, Form::U8);
                resamples.push(self.scale(coding.upsample_filter, coded, full));
                full
            })
            .collect();
        // What comes back lies together.
        let levels = [((width, height), L0_FROM_L2), (half, L0_FROM_L2 / 2)];
        let mut made = [const { Vec::new() }; 2];
        let mut raises = Vec::new();
        for (planes, &((w, h), from_l2)) in made.iter_mut().zip(&levels) {
            planes.push(room.plane(w, h, Form::U8));
            let (bx, by) = baseline.sampling.factors();
            let (ox, oy) = sampling.factors();
            let factor = (from_l2 * bx / ox, from_l2 * by / oy);
            if !colour || (factor == (1, 1) && !corrects_chroma) {
                continue;
            }
            let (cw, ch) = sampling.chroma_size(w, h);
            for &small in &up[1..] {
                let large = room.plane(cw, ch, Form::U8);
                if !corrects_chroma {
                    raises.push(self.up(coding.upsample_filter, small, large, factor));
                }
                planes.push(large);
            }
        }
        resamples.extend(raises);
        if !resamples.is_empty() {
            steps.push((Pass::Resample, resamples));
        }
        let [l0, l1] = made;
        let apply = self.up(coding.upsample_filter, l2, l0[0], (L0_FROM_L2, L0_FROM_L2));
        let mut applies = vec![apply.with(residuals[0], residuals[0])];
        let mut reductions = vec![self.down(coding.downsample_filter, l0[0], l1[0], (2, 2))];
        if corrects_chroma {
            // Chroma at half size is L0's 4:2:0 plane or L1's 4:4:4 plane; the other one is made of it.
            for i in 1..3 {
                let (corrected, other) =
                    if sampling == Sampling::S420 { (l0[i], l1[i]) } else { (l1[i], l0[i]) };
                let apply =
                    self.up(coding.upsample_filter, up[i], corrected, half_from_l2(baseline.sampling));
                applies.push(apply.with(residuals[i], residuals[i]));
                reductions.push(match sampling {
                    Sampling::S420 => self.down(coding.downsample_filter, corrected, other, (2, 2)),
                    _ => self.up(coding.upsample_filter, corrected, other, (2, 2)),
                });
            }
        }
        steps.push((Pass::Apply, applies));
        steps.push((Pass::Resample, reductions));
        let mut down: Vec<Place> = [l0, l1].concat();
        if want == Want::Rgb && colour {
            let rgb = levels.map(|((w, h), _)| room.plane(w, h, Form::Rgb));
            let jobs = down.chunks_exact(3).zip(rgb);
            let jobs = jobs.map(|(planes, rgb)| Job::to_rgb([planes[0], planes[1], planes[2]], rgb));
            steps.push((Pass::ToRgb, jobs.collect()));
            down = rgb.to_vec();
        }
        up.extend(coded);
        Ok(Program { phases: vec![Phase { up, steps, down }], words: room.most })
    }
}

/// L2 luma as the prediction reads it: sharpened, if the decoder is to do that.
fn sharpened(strength: Option<Strength>, luma: Place, room: &mut Room, steps: &mut Steps) -> Place {
    let Some(strength) = strength else { return luma };
    let sharp = room.plane(luma.width, luma.height, Form::U8);
    steps.push((Pass::Sharpen, vec![Job::sharpen(luma, sharp, strength)]));
    sharp
}

//! The work of one family on a device, as plain data: where its planes lie and which passes run over them.
//!
//! Offsets are in words from the start of the family's own region; the batch adds the region's offset. Knows
//! no device.

mod coefficients;
mod encode;
mod layout;
mod plane_job;
mod reconstruct;
mod trellis;

use std::ops::Range;

pub use self::layout::{PLANE_ALIGN_WORDS, PlaneAllocator, PlaneLayout, SampleFormat};
pub use self::plane_job::{Job, JobTables};
pub use self::trellis::COST_WORDS;
use super::pass::Pass;
use super::tables::StepTables;
use crate::kernels::optl2::{Problem, ProblemCache};
use crate::kernels::sharpen::Strength;
use crate::kernels::taps::{Axis, Filter, TapCache};

/// Passes in the order in which they run; the jobs of one pass are independent of each other.
pub type PassList = Vec<(Pass, Vec<Job>)>;

/// The passes of optL2's gradient descent on one plane. `right` and the two `wide` planes are temporary.
pub fn gradient_descent(
    problem: &Problem,
    delta: u8,
    [target, start, result]: [PlaneLayout; 3],
    [right, wide, other]: [PlaneLayout; 3],
) -> PassList {
    let [h, v] = problem.right().clone();
    let mut passes = vec![(Pass::ResampleToQ6, vec![Job::filter(target, right, h, v)])];
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
        passes.push((pass, vec![job]));
        from = to;
        std::mem::swap(&mut to, &mut next);
    }
    passes
}

/// Adds the jobs of `more` to `passes`. Both must have the same passes in the same order.
fn merge_passes(passes: &mut PassList, more: PassList) {
    if passes.is_empty() {
        *passes = more;
        return;
    }
    debug_assert_eq!(passes.len(), more.len(), "gradient descents of one filter have the same passes");
    for ((_, jobs), (_, others)) in passes.iter_mut().zip(more) {
        jobs.extend(others);
    }
}

/// Host to device and back: what is uploaded, which passes run, what is downloaded.
#[derive(Clone, Debug)]
pub struct RoundTrip {
    /// Planes from the host, in the order in which the caller passes them.
    pub upload: Vec<PlaneLayout>,
    /// What runs.
    pub passes: PassList,
    /// Planes for the host.
    pub download: Vec<PlaneLayout>,
}

impl RoundTrip {
    /// Words from the first plane to the end of the last.
    pub fn span(planes: &[PlaneLayout]) -> Range<u32> {
        let first = planes.first().map_or(0, |p| p.offset);
        first..planes.last().map_or(first, PlaneLayout::end).next_multiple_of(PLANE_ALIGN_WORDS)
    }

    /// The pipelines in their order: families with equal ones can share a batch.
    pub fn pipelines(&self) -> impl Iterator<Item = Pass> + '_ {
        self.passes.iter().map(|&(pass, _)| pass)
    }
}

/// All the work of a family in one direction.
#[derive(Clone, Debug)]
pub struct Program {
    /// One for a decode, and for an encode whose coefficients come down. Two for an encode whose planes come down: L0 to L2, then the
    /// decoded L2 to prediction and residual.
    pub round_trips: Vec<RoundTrip>,
    /// Words of the family's region.
    pub words: u32,
}

/// Makes programs; caches the tables that they need.
#[derive(Debug, Default)]
pub struct Programs {
    taps: TapCache,
    problems: ProblemCache,
    steps: StepTables,
}

impl Programs {
    fn down(&self, filter: Filter, src: PlaneLayout, dst: PlaneLayout, (fx, fy): (usize, usize)) -> Job {
        let axis = |in_len, factor| self.taps.get(Axis::Down { filter, in_len, factor });
        Job::filter(src, dst, axis(src.width, fx), axis(src.height, fy))
    }

    fn up(&self, filter: Filter, src: PlaneLayout, dst: PlaneLayout, factor: (usize, usize)) -> Job {
        let axis = |in_len, factor, out_len| self.taps.get(Axis::Up { filter, in_len, factor, out_len });
        Job::filter(src, dst, axis(src.width, factor.0, dst.width), axis(src.height, factor.1, dst.height))
    }

    fn scale(&self, filter: Filter, src: PlaneLayout, dst: PlaneLayout) -> Job {
        let axis = |in_len, out_len| self.taps.get(Axis::Scale { filter, in_len, out_len });
        Job::filter(src, dst, axis(src.width, dst.width), axis(src.height, dst.height))
    }
}

/// The L2 luma that the prediction reads: sharpened if the decoder sharpens.
fn sharpened_l2(
    strength: Option<Strength>,
    luma: PlaneLayout,
    planes: &mut PlaneAllocator,
    passes: &mut PassList,
) -> PlaneLayout {
    let Some(strength) = strength else { return luma };
    let sharp = planes.allocate(luma.width, luma.height, SampleFormat::U8);
    passes.push((Pass::Sharpen, vec![Job::sharpen(luma, sharp, strength)]));
    sharp
}

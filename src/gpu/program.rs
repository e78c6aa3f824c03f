//! What a family's work on a device consists of: where its planes lie and which passes run over them, as plain data.
//!
//! Offsets are in words from the start of the family's own region; the batch adds where the region lies. Knows no device.

mod encode;
mod reconstruct;

use std::ops::Range;
use std::sync::Arc;

use super::shader::Pass;
use crate::kernels::optl2::{Problem, ProblemCache};
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
}

/// L2 luma as the prediction reads it: sharpened, if the decoder is to do that.
fn sharpened(strength: Option<Strength>, luma: Place, room: &mut Room, steps: &mut Steps) -> Place {
    let Some(strength) = strength else { return luma };
    let sharp = room.plane(luma.width, luma.height, Form::U8);
    steps.push((Pass::Sharpen, vec![Job::sharpen(luma, sharp, strength)]));
    sharp
}

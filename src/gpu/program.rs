//! The work of one family on a device, as plain data: where its planes lie and which passes run over them.
//!
//! Offsets are in words from the start of the family's own region; the batch adds the region's offset. Knows
//! no device.

mod coefficients;
mod encode;
mod reconstruct;

use std::ops::Range;
use std::sync::Arc;

use super::job::RECORD_WORDS;
use super::shader::Pass;
use super::tables::{DeviceTable, StepTables};
use crate::kernels::optl2::{Problem, ProblemCache};
use crate::kernels::sharpen::Strength;
use crate::kernels::taps::{Axis, Filter, TapCache, Taps};

/// Planes begin at multiples of this many words.
pub const PLANE_ALIGN_WORDS: u32 = 16;

/// How samples are packed into 32-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleFormat {
    /// Four 8-bit samples a word.
    U8,
    /// Two Q6 samples a word.
    Q6,
    /// Four interleaved RGB pixels in three words.
    Rgb,
    /// Records of blocks of 8 x 8 samples, whose number counts for width and height.
    Blocks,
}

/// Samples of a block along a side.
const BLOCK: usize = 8;

/// Offset, size and format of a plane in device memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneLayout {
    /// First word.
    pub offset: u32,
    /// Width in samples, or in pixels of RGB.
    pub width: usize,
    /// Height.
    pub height: usize,
    /// How its samples are packed.
    pub format: SampleFormat,
}

impl PlaneLayout {
    /// Words a row.
    pub fn stride(&self) -> u32 {
        let quads = self.width.div_ceil(4) as u32;
        match self.format {
            SampleFormat::U8 => quads,
            SampleFormat::Q6 => 2 * quads,
            SampleFormat::Rgb => 3 * quads,
            SampleFormat::Blocks => RECORD_WORDS * self.width.div_ceil(BLOCK) as u32,
        }
    }

    /// Words in all.
    pub fn words(&self) -> u32 {
        let rows =
            if self.format == SampleFormat::Blocks { self.height.div_ceil(BLOCK) } else { self.height };
        self.stride() * rows as u32
    }

    /// Blocks of 8 x 8 samples that it has.
    pub fn blocks(&self) -> usize {
        self.width.div_ceil(BLOCK) * self.height.div_ceil(BLOCK)
    }

    /// Its memory as one row of bytes, in which form it comes down.
    pub fn as_bytes(&self) -> Self {
        Self { width: 4 * self.words() as usize, height: 1, format: SampleFormat::U8, ..*self }
    }

    /// Its memory for the records of blocks of so many samples.
    fn over(&self, samples: Self) -> Self {
        Self { offset: self.offset, format: SampleFormat::Blocks, ..samples }
    }

    /// Bytes of a row that hold samples, for planes that are uploaded or downloaded.
    pub fn row_bytes(&self) -> usize {
        if self.format == SampleFormat::Rgb { 3 * self.width } else { self.width }
    }

    fn end(&self) -> u32 {
        self.offset + self.words()
    }
}

/// Tables of a job.
#[derive(Clone, Debug)]
pub enum JobTables {
    /// None.
    None,
    /// Horizontal and vertical taps, for the kernels that filter.
    Taps([Arc<Taps>; 2]),
    /// The steps of a quantiser.
    Steps(Arc<DeviceTable>),
}

/// One plane to compute.
#[derive(Clone, Debug)]
pub struct Job {
    /// Plane to read.
    pub src: PlaneLayout,
    /// Plane to write.
    pub dst: PlaneLayout,
    /// The tables that the kernel reads.
    pub tables: JobTables,
    /// Offsets of further planes: `a` and `b` of the shader.
    pub planes: [u32; 2],
    /// Numbers: `p` and `q` of the shader.
    pub numbers: [i32; 2],
}

impl Job {
    fn new(src: PlaneLayout, dst: PlaneLayout) -> Self {
        Self { src, dst, tables: JobTables::None, planes: [0; 2], numbers: [0; 2] }
    }

    /// Filters `src` to `dst` by two tables.
    pub fn filter(src: PlaneLayout, dst: PlaneLayout, h: Arc<Taps>, v: Arc<Taps>) -> Self {
        Self { tables: JobTables::Taps([h, v]), ..Self::new(src, dst) }
    }

    /// Sharpens `src` to `dst`.
    pub fn sharpen(src: PlaneLayout, dst: PlaneLayout, strength: Strength) -> Self {
        Self { numbers: [strength.q8() as i32, 0], ..Self::new(src, dst) }
    }

    /// Samples to the records of their blocks, or back.
    pub fn transform(src: PlaneLayout, dst: PlaneLayout, steps: Arc<DeviceTable>) -> Self {
        Self { tables: JobTables::Steps(steps), ..Self::new(src, dst) }
    }

    /// Records of blocks to `packed`, which has room for so many words of values.
    pub fn pack(records: PlaneLayout, packed: PlaneLayout, value_words: u32) -> Self {
        let numbers = [i32::try_from(value_words).unwrap_or(i32::MAX), 0];
        Self { numbers, ..Self::new(records, packed.over(records)) }
    }

    /// The flags of packed blocks to one word.
    pub fn gather(blocks: PlaneLayout, word: PlaneLayout) -> Self {
        Self::new(blocks, word.over(blocks))
    }

    /// One plane, or two of one size, to the sums of their proof.
    pub fn proof(planes: &[PlaneLayout], sums: PlaneLayout) -> Self {
        let (first, last) = (planes[0], planes[planes.len() - 1]);
        let all = PlaneLayout { offset: sums.offset, height: planes.len() * first.height, ..first };
        Self { numbers: [planes.len() as i32, 0], ..Self::new(first, all).with(last, last) }
    }

    /// Adds two further planes.
    pub fn with(self, a: PlaneLayout, b: PlaneLayout) -> Self {
        Self { planes: [a.offset, b.offset], ..self }
    }

    /// Interleaved RGB to planes.
    pub fn to_ycc(rgb: PlaneLayout, planes: [PlaneLayout; 3]) -> Self {
        Self::new(rgb, planes[0]).with(planes[1], planes[2])
    }

    /// Planes to interleaved RGB.
    pub fn to_rgb(planes: [PlaneLayout; 3], rgb: PlaneLayout) -> Self {
        Self::new(planes[0], rgb).with(planes[1], planes[2])
    }
}

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

/// Allocates the planes of a family's region one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlaneAllocator {
    next: u32,
    peak: u32,
}

impl PlaneAllocator {
    /// The largest number of words that were ever allocated.
    pub fn peak_words(&self) -> u32 {
        self.peak
    }

    /// Goes on after so many words.
    fn after(words: u32) -> Self {
        Self { next: words, peak: words }
    }

    /// Allocates words that come down as bytes.
    fn allocate_words(&mut self, words: u32) -> PlaneLayout {
        self.allocate(4 * words as usize, 1, SampleFormat::U8)
    }

    /// Allocates a plane.
    pub fn allocate(&mut self, width: usize, height: usize, format: SampleFormat) -> PlaneLayout {
        let plane = PlaneLayout { offset: self.next, width, height, format };
        self.next = plane.end().next_multiple_of(PLANE_ALIGN_WORDS);
        self.peak = self.peak.max(self.next);
        plane
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

//! Entry points into the entropy-coded data of a JPEG: places from which it can be decoded without what lies before.
//!
//! A Huffman code has to be read from the beginning of its interval, because a symbol begins where the one before ends and a DC coefficient is
//! stored as a difference. Whoever has read it once knows both for every MCU. They are kept for a few of them, so that later reads of other
//! parts begin near those.

use std::sync::{OnceLock, PoisonError, RwLock};

use super::lookup::Bits;

/// Pixels from one entry point of a row of MCUs to the next.
const STEP_PX: usize = 128;
/// Height of the lowest row of MCUs.
const ROW_PX: usize = 8;

/// Where an MCU begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// In bits from the beginning of the interval, with the zeros behind bytes of ones.
    pub bits: u32,
    /// The DC coefficient before, of each component.
    pub before: [i16; 3],
}

/// What is known of an image, which grows with each read of a part. Threads share it.
#[derive(Debug, Default)]
pub struct EntryPoints {
    /// Those of each interval, row by row, and the end of the last row.
    intervals: OnceLock<Box<[RwLock<Vec<Point>>]>>,
}

impl EntryPoints {
    /// Most bytes that those of an image of this size take.
    pub fn bytes(width: usize, height: usize) -> usize {
        size_of::<Point>() * (width.div_ceil(STEP_PX) * height.div_ceil(ROW_PX) + 1)
    }

    /// How many are known.
    #[cfg(test)]
    pub fn taken(&self) -> usize {
        let known = |interval: &RwLock<Vec<Point>>| interval.read().map_or(0, |points| points.len());
        self.intervals.get().into_iter().flatten().map(known).sum()
    }

    /// An interval of an image that has `count` of them.
    fn interval(&self, index: usize, count: usize) -> Option<&RwLock<Vec<Point>>> {
        self.intervals.get_or_init(|| (0..count).map(|_| RwLock::default()).collect()).get(index)
    }
}

/// The entry points of an interval while it is read.
pub struct Trail<'a> {
    kept: Option<&'a RwLock<Vec<Point>>>,
    points: Vec<Point>,
    /// How many were known before.
    known: usize,
    /// MCUs from one point to the next, and in a row.
    step: usize,
    columns: usize,
    /// Points of a row.
    in_row: usize,
}

impl<'a> Trail<'a> {
    /// Of interval `index` of `count`, whose rows have so many MCUs of `mcu_px` pixels across.
    pub fn new(
        points: Option<&'a EntryPoints>,
        (index, count): (usize, usize),
        columns: usize,
        mcu_px: usize,
    ) -> Self {
        let kept = points.and_then(|points| points.interval(index, count));
        let mut points =
            kept.map(|kept| kept.read().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default();
        let known = points.len();
        if kept.is_some() && points.is_empty() {
            points.push(Point::default());
        }
        let step = (STEP_PX / mcu_px).max(1);
        Self { kept, points, known, step, columns, in_row: columns.div_ceil(step) }
    }

    /// Rows of MCUs whose entry points are all known.
    pub fn rows(&self) -> usize {
        self.points.len().saturating_sub(1) / self.in_row
    }

    /// Where to begin to read a row: of one whose points are known the last before `column`, else its beginning, if that is known.
    pub fn enter(&self, row: usize, column: usize) -> Option<(usize, Point)> {
        let first = row * self.in_row;
        let index = if row < self.rows() { column / self.step } else { 0 };
        self.points.get(first + index).map(|&point| (index * self.step, point))
    }

    /// Called behind each MCU that was read; what follows it may be an entry point that was not known.
    #[inline(always)]
    pub fn pass<const N: usize>(&mut self, row: usize, column: usize, bits: &Bits<'_>, before: [i32; N]) {
        let next = column + 1;
        if self.kept.is_some() && (next.is_multiple_of(self.step) || next == self.columns) {
            self.add(row * self.in_row + next.div_ceil(self.step), bits, &before);
        }
    }

    #[inline(never)]
    fn add(&mut self, index: usize, bits: &Bits<'_>, before: &[i32]) {
        if index != self.points.len() {
            return;
        }
        let mut point = Point { bits: bits.position(), ..Point::default() };
        // A DC coefficient was checked to fit where its block was read.
        point.before.iter_mut().zip(before).for_each(|(to, &from)| *to = from as i16);
        self.points.push(point);
    }

    /// Keeps what was learnt for later reads.
    pub fn keep(self) {
        let Some(kept) = self.kept.filter(|_| self.points.len() > self.known) else { return };
        let mut kept = kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < self.points.len() {
            *kept = self.points;
        }
    }
}

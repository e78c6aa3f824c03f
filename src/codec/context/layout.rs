//! The sizes of an image in blocks, units and cells.
//!
//! A unit is what JPEG calls an MCU: one block of each plane, or four of luma for 4:2:0.

use std::ops::Range;

use crate::image::ycc::{Sampling, Ycc};

/// Side of a block in samples.
pub const BLOCK: usize = 8;

/// Sizes of an image in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub width: usize,
    pub height: usize,
    /// Gray or 4:2:0.
    pub sampling: Sampling,
    /// Columns and rows of units in a cell, at least 1 each. Cells at the right and lower edge may be smaller.
    pub cell: (usize, usize),
}

impl Layout {
    /// Number of planes, 1 or 3.
    pub fn planes(&self) -> usize {
        if self.sampling == Sampling::Gray { 1 } else { 3 }
    }

    /// Columns and rows of blocks of a plane in a unit.
    fn unit_blocks(&self, plane: usize) -> (usize, usize) {
        if plane == 0 { self.sampling.factors() } else { (1, 1) }
    }

    /// Width and height of a unit in pixels.
    pub fn unit(&self) -> (usize, usize) {
        let (across, down) = self.unit_blocks(0);
        (BLOCK * across, BLOCK * down)
    }

    /// Columns and rows of units of the image.
    pub fn units(&self) -> (usize, usize) {
        let (width, height) = self.unit();
        (self.width.div_ceil(width), self.height.div_ceil(height))
    }

    fn size(&self, plane: usize) -> (usize, usize) {
        if plane == 0 {
            (self.width, self.height)
        } else {
            self.sampling.chroma_size(self.width, self.height)
        }
    }

    /// Columns and rows of blocks of a plane.
    pub fn blocks(&self, plane: usize) -> (usize, usize) {
        let (width, height) = self.size(plane);
        (width.div_ceil(BLOCK), height.div_ceil(BLOCK))
    }

    /// Gives `image` this shape; its samples are then unspecified.
    pub fn shape(&self, image: &mut Ycc) {
        image.lay_out(self.sampling, self.width, self.height);
    }

    /// Columns and rows of cells.
    pub fn cells(&self) -> (usize, usize) {
        let (across, down) = self.units();
        (across.div_ceil(self.cell.0), down.div_ceil(self.cell.1))
    }

    /// Columns and rows of blocks of a plane in the cell of this column and row.
    pub fn blocks_of(&self, plane: usize, (column, row): (usize, usize)) -> [Range<usize>; 2] {
        let (unit, blocks) = (self.unit_blocks(plane), self.blocks(plane));
        let range = |at: usize, side: usize, end: usize| (at * side).min(end)..((at + 1) * side).min(end);
        [range(column, self.cell.0 * unit.0, blocks.0), range(row, self.cell.1 * unit.1, blocks.1)]
    }

    /// Columns and rows of the cells that hold samples of a part of the image, in pixels.
    pub fn cells_of(&self, columns: &Range<usize>, rows: &Range<usize>) -> [Range<usize>; 2] {
        let unit = self.unit();
        let range = |of: &Range<usize>, side: usize| of.start / side..of.end.div_ceil(side);
        [range(columns, self.cell.0 * unit.0), range(rows, self.cell.1 * unit.1)]
    }
}

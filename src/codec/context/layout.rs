//! The sizes of an image in blocks, units and stripes.
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
    /// Rows of units in a stripe, at least 1.
    pub stripe: usize,
}

impl Layout {
    /// Number of planes, 1 or 3.
    pub fn planes(&self) -> usize {
        if self.sampling == Sampling::Gray { 1 } else { 3 }
    }

    /// Rows of blocks of a plane in a unit.
    fn unit_rows(&self, plane: usize) -> usize {
        if plane == 0 { self.sampling.factors().1 } else { 1 }
    }

    /// Pixel rows of a unit.
    pub fn unit(&self) -> usize {
        BLOCK * self.unit_rows(0)
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
        image.luma.reset(self.width, self.height);
        image.sampling = self.sampling;
        if self.sampling == Sampling::Gray {
            image.chroma = None;
        } else {
            let (width, height) = self.size(1);
            image.chroma.get_or_insert_default().iter_mut().for_each(|plane| plane.reset(width, height));
        }
    }

    /// Number of stripes.
    pub fn stripes(&self) -> usize {
        self.height.div_ceil(self.unit()).div_ceil(self.stripe)
    }

    /// Rows of blocks of a plane in a stripe.
    pub fn rows(&self, plane: usize, stripe: usize) -> Range<usize> {
        let rows = self.stripe * self.unit_rows(plane);
        let end = self.blocks(plane).1;
        (stripe * rows).min(end)..((stripe + 1) * rows).min(end)
    }
}

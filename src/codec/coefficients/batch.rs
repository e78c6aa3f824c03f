//! From decoded coefficients to the samples of a plane. Blocks are collected, since transforming two at once is quicker.

use super::block::{Block, Factors, SIDE, Samples};
use super::dct::{CENTER, MAX_SAMPLE, inverse, inverse_two};
use super::vector::{Vector, by_level};
use crate::image::plane::Plane;

/// Blocks that are collected.
const SIZE: usize = 16;

/// Blocks of a plane that wait for their transform.
pub struct Batch<'a> {
    factors: &'a Factors,
    blocks: [Block; SIZE],
    /// The column and row of blocks of each.
    places: [(usize, usize); SIZE],
    count: usize,
}

impl<'a> Batch<'a> {
    /// An empty batch of blocks whose coefficients are multiplied with `factors`, each at most 255.
    pub fn new(factors: &'a Factors) -> Self {
        Self { factors, blocks: [[0; SIDE * SIDE]; SIZE], places: [(0, 0); SIZE], count: 0 }
    }

    /// The next block, of zeros. It counts after [`Self::push`].
    #[inline(always)]
    pub fn free(&mut self) -> &mut Block {
        let block = &mut self.blocks[self.count % SIZE];
        *block = [0; SIDE * SIDE];
        block
    }

    /// Adds the [`Self::free`] block, whose samples belong to this column and row of blocks. Returns whether the batch is full and must be
    /// written.
    #[inline(always)]
    pub fn push(&mut self, place: (usize, usize)) -> bool {
        self.places[self.count % SIZE] = place;
        self.count += 1;
        self.count == SIZE
    }

    /// Writes a block whose only coefficient that is not zero is the first; clears `good` as the inverse transform.
    #[inline(always)]
    pub fn write_mean(&self, dc: i16, place: (usize, usize), plane: &mut Plane, good: &mut bool) {
        // The result of both passes.
        let mean = (i32::from(dc) * i32::from(self.factors[0]) + 4) >> 3;
        *good &= mean.abs() <= MAX_SAMPLE;
        store(&[[(mean + CENTER).clamp(0, 255) as u8; SIDE]; SIDE], plane, place);
    }
}

#[inline(always)]
fn write_with<V: Vector>(batch: &mut Batch<'_>, plane: &mut Plane, good: &mut bool) {
    let mut samples = [Samples::default(); 2];
    let count = batch.count.min(SIZE);
    for (blocks, places) in batch.blocks[..count].chunks(2).zip(batch.places[..count].chunks(2)) {
        *good &= match blocks {
            [first, second] => inverse_two::<V>([first, second], batch.factors, &mut samples),
            [one, ..] => inverse::<V>(one, batch.factors, &mut samples[0]),
            [] => true,
        };
        for (&place, samples) in places.iter().zip(&samples) {
            store(samples, plane, place);
        }
    }
    batch.count = 0;
}

by_level! {
    /// Writes the samples of all blocks to their plane, and empties the batch; clears `good` where the inverse transform does.
    pub fn write => write_with(batch: &mut Batch<'_>, plane: &mut Plane, good: &mut bool)
}

/// Writes the samples of a block where they lie inside their plane.
#[inline(always)]
pub fn store(samples: &Samples, plane: &mut Plane, place: (usize, usize)) {
    let (left, top) = (SIDE * place.0, SIDE * place.1);
    let (width, height, stride) = (plane.width(), plane.height(), plane.stride());
    if left >= width || top >= height {
        return;
    }
    let rows = plane.data_mut()[top * stride + left..].chunks_mut(stride).take(height - top);
    for (row, samples) in rows.zip(samples) {
        match row.first_chunk_mut::<SIDE>() {
            Some(whole) if width - left >= SIDE => *whole = *samples,
            _ => row[..width - left].copy_from_slice(&samples[..width - left]),
        }
    }
}

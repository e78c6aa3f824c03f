//! Quantisation that weighs error against bits, in integers, so that every machine writes the same bytes.
//!
//! | file | what it holds |
//! |---|---|
//! | `rates` | what symbols cost |
//! | `lambda` | what an error is worth |
//! | `ac`, `dc` | the best coefficients of a block, and of an interval |
//!
//! Costs are those of Huffman codes, made from the symbols that rounding would give in every fourth row of blocks. Knows no files.

mod ac;
mod dc;
mod lambda;
mod rates;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::ops::Range;

pub use self::ac::Scale;
use self::ac::{ALWAYS, LARGE, LEAST, RECIPROCAL_BITS, RUN, STEP};
pub use self::lambda::Weights;
use self::lambda::{ERROR_BITS, FRACTION, Lambda, VARIANCE_BITS};
use self::rates::{COST_BITS, MAX_BITS, UNSEEN};
pub use self::rates::{COSTS, Rates};
use super::block::{Block, SIDE};
use super::dct::forward_exact;
use super::huffman::{Counts, END, SYMBOLS, Symbols, Table, ZERO_RUN};
use super::vector::{Vector, by_level};
use super::{Coefficients, Component};
use crate::image::plane::PlaneRef;
use crate::image::ycc::YccRef;

thread_local! {
    /// Memory for DC coefficients.
    static DC: RefCell<dc::Buffers> = RefCell::default();
}

/// Most blocks whose memory is used again.
const MOST_KEPT: usize = 1 << 18;

/// Of so many rows of blocks, one is counted for the costs.
pub const SAMPLED: usize = 4;

/// A number by its name in shaders.
type Named<T> = (&'static str, T);

/// What shaders need of the trellis, by name: numbers of things and bits, then values that are compared with coefficients and costs.
pub const OF_TRELLIS: ([Named<u32>; 12], [Named<i32>; 5]) = (
    [
        ("SYMBOLS", SYMBOLS as u32),
        ("COSTS", COSTS as u32),
        ("SAMPLED", SAMPLED as u32),
        ("ZERO_RUN", ZERO_RUN),
        ("END", END),
        ("RUN", RUN as u32),
        ("UNSEEN", UNSEEN as u32),
        ("FRACTION", FRACTION),
        ("COST_BITS", COST_BITS),
        ("RECIPROCAL_BITS", RECIPROCAL_BITS),
        ("VARIANCE_BITS", VARIANCE_BITS),
        ("ERROR_BITS", ERROR_BITS),
    ],
    [("STEP", STEP), ("LEAST", LEAST), ("LARGE", LARGE), ("ALWAYS", ALWAYS), ("MAX_BITS", MAX_BITS)],
);

impl Coefficients {
    /// Transforms an image of 1 to 65,535 pixels a side and quantises it by the steps of luma and of chroma, row by row.
    pub fn optimised(image: YccRef<'_>, steps: [[u8; SIDE * SIDE]; 2], weights: Weights) -> Self {
        let mut coefficients = Self::exact(image, steps);
        // Components that share their steps and codes.
        for which in [0..1, 1..coefficients.components.len()].into_iter().filter(|which| !which.is_empty()) {
            let [dc, ac] = coefficients.sampled(which.clone()).map(|counts| Rates::of(&counts));
            coefficients.choose_ac(which.clone(), weights, &ac);
            coefficients.choose_dc(which, weights, &dc);
        }
        coefficients.fill();
        coefficients
    }

    /// Eight times the coefficients of an image, exactly. Blocks without samples are unspecified.
    pub fn exact(image: YccRef<'_>, steps: [[u8; SIDE * SIDE]; 2]) -> Self {
        Self::transformed(image, steps, transform_exact)
    }

    /// How often the DC and the AC symbols of these components occur in the rows of blocks that are counted, rounded.
    pub fn sampled(&self, which: Range<usize>) -> [[u32; SYMBOLS]; 2] {
        let mut counts = Counts::NONE;
        for component in &self.components[which] {
            count(component, &component.scale(), &mut counts);
        }
        let [dc, ac, ..] = counts.0;
        [dc, ac]
    }

    /// Chooses the AC coefficients of these components, of which there are eight times the exact values.
    pub fn choose_ac(&mut self, which: Range<usize>, weights: Weights, rates: &Rates) {
        for component in &mut self.components[which] {
            let scale = component.scale();
            quantise(component, &scale, weights, rates);
        }
    }

    /// Chooses the DC coefficients of these components, of which there are eight times the exact values.
    pub fn choose_dc(&mut self, which: Range<usize>, weights: Weights, rates: &Rates) {
        for component in &mut self.components[which] {
            let scale = component.scale();
            optimise_dc(component, &scale, weights, rates);
        }
    }
}

impl Component {
    fn scale(&self) -> Scale {
        Scale::new(&self.steps.steps)
    }
}

#[inline(always)]
fn count_with<V: Vector>(component: &Component, scale: &Scale, counts: &mut Counts) {
    let rows = component.blocks.chunks_exact(component.columns).take(component.filled.1);
    for row in rows.step_by(SAMPLED) {
        let mut before = 0;
        for exact in &row[..component.filled.0] {
            let mut rounded: Block = [0; SIDE * SIDE];
            for (place, (rounded, &exact)) in rounded.iter_mut().zip(exact).enumerate() {
                let size = ((scale.steps(exact, place) + STEP / 2) / STEP) as i16;
                *rounded = if exact < 0 { -size } else { size };
            }
            counts.block::<V>(&rounded, before, Table::Luma);
            before = rounded[0];
        }
    }
}

by_level! {
    /// Counts the symbols of some rows of blocks, rounded, as those of luma.
    fn count => count_with(component: &Component, scale: &Scale, counts: &mut Counts)
}

/// Quantises the DC coefficients in the order of a file without restart markers, so that stripes change no coefficient. Blocks without
/// samples take no part: they repeat others.
fn optimise_dc(component: &mut Component, scale: &Scale, weights: Weights, rates: &Rates) {
    let mut buffers = DC.take();
    let dc::Buffers { places, exact, .. } = &mut buffers;
    places.clear();
    let (across, down) = component.per_mcu;
    for row in 0..component.filled.1.div_ceil(down) {
        for column in 0..component.columns / across {
            for index in 0..across * down {
                let (x, y) = (column * across + index % across, row * down + index / across);
                if x < component.filled.0 && y < component.filled.1 {
                    places.push(y * component.columns + x);
                }
            }
        }
    }
    exact.clear();
    exact.extend(places.iter().map(|&place| {
        let exact = component.blocks[place][0];
        scale.steps(exact, 0) * i32::from(exact.signum())
    }));
    buffers.quantise(Lambda::flat(weights), rates);
    for (&place, &value) in buffers.places.iter().zip(&buffers.chosen) {
        component.blocks[place][0] = value;
    }
    if buffers.places.capacity() <= MOST_KEPT {
        DC.set(buffers);
    }
}

#[inline(always)]
fn transform_exact_with<V: Vector>(plane: PlaneRef<'_>, component: &mut Component) {
    let Component { columns, filled, blocks, .. } = component;
    for (index, line) in blocks.chunks_exact_mut(*columns).take(filled.1).enumerate() {
        let rows: [&[[u8; SIDE]]; SIDE] = std::array::from_fn(|y| plane.row(SIDE * index + y).as_chunks().0);
        for (x, block) in line[..filled.0].iter_mut().enumerate() {
            forward_exact::<V>(rows.map(|row| &row[x]), block);
        }
    }
}

by_level! {
    /// Transforms the blocks of a plane of whole blocks: eight times the coefficients.
    fn transform_exact => transform_exact_with(plane: PlaneRef<'_>, component: &mut Component)
}

#[inline(always)]
fn quantise_with<V: Vector>(component: &mut Component, scale: &Scale, weights: Weights, rates: &Rates) {
    for row in component.blocks.chunks_exact_mut(component.columns).take(component.filled.1) {
        for block in &mut row[..component.filled.0] {
            let lambda = Lambda::of(block, weights);
            ac::quantise::<V>(block, scale, lambda, rates);
        }
    }
}

by_level! {
    /// Quantises the AC coefficients of all blocks that hold samples.
    fn quantise => quantise_with(component: &mut Component, scale: &Scale, weights: Weights, rates: &Rates)
}

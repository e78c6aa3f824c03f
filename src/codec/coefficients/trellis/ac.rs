//! The AC coefficients of a block: which are coded, and how large, so that bits and error together cost least.
//!
//! A coefficient is rounded or left out; one whose size needs a bit more than the next smaller may also be that. The cost of a path through
//! the coefficients in zigzag order is the bits of its runs and sizes, less what its coefficients save of the error of an empty block. The
//! best path to each coefficient is one step from the best path to one before it: after Crouse and Ramchandran, "Joint thresholding and
//! quantizer selection for transform image coding", 1997.

use super::lambda::{FRACTION, Lambda};
use super::rates::{COST_BITS, Rates};
use crate::codec::coefficients::block::{Block, SIDE};
use crate::codec::coefficients::huffman::{END, NATURAL, ZERO_RUN, non_zero};
use crate::codec::coefficients::vector::Vector;

/// A step.
pub const STEP: i32 = 1 << FRACTION;
/// Fraction bits of [`Scale`].
pub const RECIPROCAL_BITS: u32 = 20;
/// Coefficients below are zero: what they save never pays for the bits of a symbol.
pub const LEAST: i32 = STEP / 2 + 6;
/// From this size on, in steps, a coefficient is never left out, and what it saves is not computed.
pub const LARGE: i32 = 12;
/// A coefficient that saves more than so many bits is never left out: no code of JPEG costs as much.
pub const ALWAYS: i32 = 24 << COST_BITS;
/// Zeros in a row that a symbol has.
pub const RUN: i32 = 16;

/// The reciprocals of eight times the steps of a component, row by row, with `RECIPROCAL_BITS`.
pub struct Scale([u32; SIDE * SIDE]);

impl Scale {
    /// Of these steps, row by row.
    pub fn new(steps: &[u8; SIDE * SIDE]) -> Self {
        Self(steps.map(|step| {
            let divisor = 8 * u32::from(step);
            ((1 << RECIPROCAL_BITS) + divisor / 2) / divisor
        }))
    }

    /// The reciprocals, row by row.
    pub fn reciprocals(&self) -> &[u32; SIDE * SIDE] {
        &self.0
    }

    /// Eight times a coefficient, at most 2^14, as a number of steps in `STEP`s, without its sign.
    #[inline(always)]
    pub fn steps(&self, exact: i16, place: usize) -> i32 {
        const SHIFT: u32 = RECIPROCAL_BITS - FRACTION;
        ((u32::from(exact.unsigned_abs()) * self.0[place % 64] + (1 << (SHIFT - 1))) >> SHIFT) as i32
    }
}

/// A coefficient that may be coded, and the best path to it.
#[derive(Clone, Copy, Default)]
struct Node {
    /// Place in zigzag order.
    place: i32,
    cost: i32,
    /// The least cost of all from which a path may come, up to this one.
    least: i32,
    /// Size that it has on this path.
    size: i32,
    /// The coefficient before it on this path.
    before: usize,
}

/// The paths through the coefficients of a block.
struct Paths<'a> {
    rates: &'a Rates,
    /// The first is the DC coefficient.
    nodes: [Node; SIDE * SIDE],
    count: usize,
    /// The first that a path may come from: the last that is never left out.
    first: usize,
    /// Least cost of a whole block, and its last coefficient.
    best: (i32, usize),
}

/// Quantises the AC coefficients of a block of which `block` has eight times the exact values; leaves the DC coefficient as it is.
#[inline(always)]
pub fn quantise<V: Vector>(block: &mut Block, scale: &Scale, lambda: Lambda, rates: &Rates) {
    let (mut steps, mut rounded) = ([0; SIDE * SIDE], [0; SIDE * SIDE]);
    for (place, ((steps, rounded), &exact)) in steps.iter_mut().zip(&mut rounded).zip(&*block).enumerate() {
        *steps = scale.steps(exact, place);
        *rounded = if *steps < LEAST { 0 } else { ((*steps + STEP / 2) >> FRACTION) as i16 };
    }
    let mut set = non_zero::<V>(&rounded) & !1;
    let mut chosen = [0; SIDE * SIDE];
    chosen[0] = block[0];
    if set != 0 {
        let mut paths = Paths {
            rates,
            nodes: [Node::default(); SIDE * SIDE],
            count: 1,
            first: 0,
            best: (rates.of_symbol(END), 0),
        };
        while set != 0 {
            let place = set.trailing_zeros();
            set &= set - 1;
            let at = usize::from(NATURAL[place as usize % 64]) % 64;
            paths.extend(place as i32, steps[at], i32::from(rounded[at]), lambda);
        }
        let mut node = paths.best.1;
        while node > 0 {
            let Node { place, size, before, .. } = paths.nodes[node % 64];
            let at = usize::from(NATURAL[place as usize % 64]) % 64;
            chosen[at] = if block[at] < 0 { -size as i16 } else { size as i16 };
            node = before;
        }
    }
    *block = chosen;
}

impl Paths<'_> {
    /// Adds a coefficient of so many steps, rounded and exact.
    #[inline(always)]
    fn extend(&mut self, place: i32, steps: i32, rounded: i32, lambda: Lambda) {
        // Saved by `rounded` instead of the size below it, and instead of nothing. Both are below 2^23.
        let above = STEP * (2 * (steps - rounded * STEP) + STEP);
        let (saved, kept) = if rounded < LARGE {
            let saved = lambda.cost(rounded * STEP * (2 * steps - rounded * STEP));
            (saved, saved > ALWAYS)
        } else {
            (0, true)
        };
        let bits = i32::BITS - rounded.leading_zeros();
        let mut node = Node { place, cost: i32::MAX, ..Node::default() };
        self.improve(&mut node, rounded, bits, 0);
        if rounded > 1 && rounded & (rounded - 1) == 0 {
            self.improve(&mut node, rounded - 1, bits - 1, lambda.cost(above));
        }
        node.cost -= saved;
        node.least = node.cost;
        if kept {
            self.first = self.count;
            self.best.0 = i32::MAX;
        } else {
            node.least = node.least.min(self.nodes[(self.count - 1) % 64].least);
        }
        let end = if place < 63 { self.rates.of_symbol(END) } else { 0 };
        if node.cost + end < self.best.0 {
            self.best = (node.cost + end, self.count);
        }
        self.nodes[self.count % 64] = node;
        self.count += 1;
    }

    /// Looks for a better path to a coefficient that has this size, of so many bits, and an error of this cost.
    #[inline(always)]
    fn improve(&self, node: &mut Node, size: i32, bits: u32, error: i32) {
        let own = error + self.rates.least_of(bits);
        for before in (self.first..self.count).rev() {
            if self.nodes[before % 64].least + own >= node.cost {
                break;
            }
            let cost = self.cost_after(before, node.place, bits) + error;
            if cost < node.cost {
                (node.cost, node.before, node.size) = (cost, before, size);
            }
        }
    }

    /// The cost of a path to a coefficient of so many bits, from one before it.
    #[inline(always)]
    fn cost_after(&self, before: usize, place: i32, bits: u32) -> i32 {
        let before = &self.nodes[before % 64];
        let mut run = place - before.place - 1;
        let mut cost = before.cost;
        while run >= RUN {
            cost += self.rates.of_symbol(ZERO_RUN);
            run -= RUN;
        }
        cost + self.rates.of_symbol((run as u32) << 4 | bits)
    }
}

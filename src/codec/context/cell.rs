//! One cell, block by block, in either direction.

use super::arithmetic::Coder;
use super::layout::Layout;
use super::model::{self, Block, Model, Neighbours, Sizes};

/// The place of a block: plane, column, row.
pub type BlockPlace = (usize, usize, usize);

/// The blocks that an encoder reads or a decoder fills.
pub trait Blocks {
    /// Reads the block that an encoder codes. A decoder leaves the zeros that are there.
    fn load(&mut self, at: BlockPlace, block: &mut Block);
    /// Takes a decoded block of which `count` coefficients are not zero. An encoder ignores it.
    fn store(&mut self, at: BlockPlace, block: &Block, count: u8);
}

/// Codes the cell of a column and a row with contexts that begin as those of `start`: luma, row by row, then Cb, then Cr. `None` where a
/// decoder's bytes end early: each coefficient that is not zero has a plain bit, so a few bytes cannot cost more time than a blank image does.
pub fn code_cell<C: Coder>(
    coder: &mut C,
    layout: &Layout,
    cell: (usize, usize),
    start: &Model,
    blocks: &mut impl Blocks,
) -> Option<()> {
    const NOTHING: Sizes = [0; 64];
    let mut model = start.clone();
    // Coefficients that are not zero in each block of the cell, plane by plane: hints for later blocks and planes.
    let mut counts: [Vec<u8>; 3] = Default::default();
    for plane in 0..layout.planes() {
        let [across, rows] = layout.blocks_of(plane, cell);
        let columns = across.len();
        if plane == 1 {
            model.clone_from(start);
        }
        let mut own = vec![0u8; columns * rows.len()];
        let (mut above, mut current) = (vec![NOTHING; columns + 1], vec![NOTHING; columns + 1]);
        for (y, row) in rows.enumerate() {
            for (x, column) in across.clone().enumerate() {
                let at = y * columns + x;
                let up = if y > 0 { Some(own[at - columns]) } else { None };
                let back = if x > 0 { Some(own[at - 1]) } else { None };
                let beside = match (up, back) {
                    (Some(up), Some(back)) => (up + back).div_ceil(2),
                    (one, other) => one.or(other).unwrap_or(0),
                };
                let hint = match plane {
                    0 if y > 0 && x + 1 < columns => own[at - columns + 1],
                    0 => up.or(back).unwrap_or(0),
                    1 => mean_of_four(&counts[0], layout.blocks_of(0, cell)[0].len(), x, y),
                    _ => counts[1][at],
                };
                // Shifted by one: the first entry is the empty block left of the edge.
                let (before, now) = current.split_at_mut(x + 1);
                let neighbours =
                    Neighbours { above: &above[x + 1], left: &before[x], corner: &above[x], beside, hint };
                let mut block = [0; 64];
                blocks.load((plane, column, row), &mut block);
                own[at] = model::code(coder, &mut model, &neighbours, &mut block, &mut now[0]);
                blocks.store((plane, column, row), &block, own[at]);
            }
            if coder.is_past_end() {
                return None;
            }
            std::mem::swap(&mut above, &mut current);
        }
        counts[plane] = own;
    }
    Some(())
}

/// Mean count of the luma blocks that a chroma block covers; blocks beyond the edge count as empty.
fn mean_of_four(luma: &[u8], columns: usize, x: usize, y: usize) -> u8 {
    let count = |x: usize, y: usize| {
        let of = if x < columns { luma.get(y * columns + x) } else { None };
        u16::from(of.copied().unwrap_or(0))
    };
    let sum =
        count(2 * x, 2 * y) + count(2 * x + 1, 2 * y) + count(2 * x, 2 * y + 1) + count(2 * x + 1, 2 * y + 1);
    ((sum + 2) / 4) as u8
}

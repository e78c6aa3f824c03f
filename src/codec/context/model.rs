//! The probability model of quantised DCT coefficients: the contexts in which a residual's blocks are coded.
//!
//! A residual is noise with islands of structure, so the best predictor of a coefficient is the size of its neighbours: in the blocks
//! above and to the left at the same frequency, and in this block at lower ones. A block is coded as the number of its coefficients
//! that are not zero; then, in zigzag order up to the last of these, whether each is zero, its size in unary code, and its sign.
//! One function over [`Coder`] serves both directions. After Marpe et al., "Context-based adaptive binary arithmetic coding in the H.264/AVC video
//! compression standard", 2003, and Horn et al., "The design, implementation, and deployment of a system to transparently compress
//! hundreds of petabytes of image files", 2017. The normative text is section 7.1 of `docs/format.md`.

use super::arithmetic::{Coder, Context};

/// Coefficients of a block, row by row.
pub type Block = [i16; 64];
/// Sizes of the coefficients of a block in zigzag order, at most [`MAX_SIZE`].
pub type Sizes = [u8; 64];

/// Sizes above this count as this for their neighbours.
const MAX_SIZE: u16 = 31;
/// Sizes from here on are coded as this size and the difference as a number.
const ESCAPE: usize = 15;
/// Most bits of such a number, which is below 2 to the power of this, less one.
const ESCAPE_BITS: usize = 11;
/// The largest coefficient that can be coded; JPEG's are at most 2047.
pub const MAX_COEFFICIENT: u16 = (ESCAPE + (1 << (ESCAPE_BITS + 1)) - 2) as u16;

/// Index in a block, row by row, of each coefficient in zigzag order.
pub static ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Class of a weighted sum of neighbours' sizes.
static NEARBY: [u8; 256] = classes([0, 2, 4, 6, 10, 16, 30]);
/// Class of a number of coefficients that are not zero.
static COUNT: [u8; 256] = classes([0, 1, 2, 3, 4, 6, 9, 13, 19, 28, 40]);
/// Class of the number of coefficients still to code, or of those among them that are not zero.
static LEFT: [u8; 256] = classes([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 17, 23, 31, 43]);

/// A table from a number to its class: the first class whose end is not below the number.
const fn classes<const N: usize>(ends: [u8; N]) -> [u8; 256] {
    let (mut of, mut number) = ([N as u8; 256], 0);
    while number < 256 {
        let mut class = 0;
        while class < N && number > ends[class] as usize {
            class += 1;
        }
        of[number] = class as u8;
        number += 1;
    }
    of
}

/// The adaptive contexts of luma or of chroma.
#[derive(Clone)]
pub struct Model {
    /// Nodes of the binary tree of counts, by the class of the mean count of the neighbours, and by that of the hint.
    count_beside: [[Context; 64]; 12],
    count_hint: [[Context; 64]; 12],
    /// Whether a coefficient is zero, by its frequency and the class of the neighbouring blocks' sizes.
    zero_beside: [[Context; 8]; 64],
    /// The same by the number of coefficients left, the number of these that are not zero, and the class of the sizes in this block.
    zero_left: [[[Context; 16]; 16]; 16],
    /// Whether a size is larger, by frequency and the size so far.
    more_frequency: [[Context; 8]; 64],
    /// The same by the size so far and the classes of neighbouring blocks and of this block.
    more_nearby: [[[Context; 8]; 8]; 8],
    /// Bits of sizes over [`ESCAPE`].
    escape: [Context; ESCAPE_BITS],
}

impl Model {
    /// Contexts that have seen nothing.
    pub const NEW: Self = Self {
        count_beside: [[Context::NEW; 64]; 12],
        count_hint: [[Context::NEW; 64]; 12],
        zero_beside: [[Context::NEW; 8]; 64],
        zero_left: [[[Context::NEW; 16]; 16]; 16],
        more_frequency: [[Context::NEW; 8]; 64],
        more_nearby: [[[Context::NEW; 8]; 8]; 8],
        escape: [Context::NEW; ESCAPE_BITS],
    };

    /// All contexts, in the order of the fields and of their indices.
    pub fn contexts(&mut self) -> impl Iterator<Item = &mut Context> {
        let counts = [&mut self.count_beside, &mut self.count_hint];
        let by_frequency = [&mut self.zero_beside, &mut self.more_frequency].map(|of| of.as_flattened_mut());
        let [zero_beside, more_frequency] = by_frequency;
        let zero_left = self.zero_left.as_flattened_mut().as_flattened_mut();
        let more_nearby = self.more_nearby.as_flattened_mut().as_flattened_mut();
        let parts = [zero_beside, zero_left, more_frequency, more_nearby, &mut self.escape];
        counts.map(|of| of.as_flattened_mut()).into_iter().chain(parts).flatten()
    }
}

/// The neighbours of a block; zeros beyond the edges of the cell.
pub struct Neighbours<'a> {
    /// The block above.
    pub above: &'a Sizes,
    /// The block to the left.
    pub left: &'a Sizes,
    /// The block above the left one.
    pub corner: &'a Sizes,
    /// Mean count of the blocks above and to the left.
    pub beside: u8,
    /// The count of another block that correlates with this one's.
    pub hint: u8,
}

/// Codes a block. Sets `sizes` to the sizes of its coefficients and returns the number of those that are not zero. A decoder's `block`
/// must hold zeros.
#[inline(always)]
pub fn code<C: Coder>(
    coder: &mut C,
    model: &mut Model,
    neighbours: &Neighbours<'_>,
    block: &mut Block,
    sizes: &mut Sizes,
) -> u8 {
    *sizes = [0; 64];
    let wanted = if C::ENCODES { block.iter().filter(|&&v| v != 0).count() } else { 0 };
    let count = code_count(coder, model, neighbours, wanted);
    if count == 0 {
        return 0;
    }
    let mut beside = [0u8; 64];
    for (k, beside) in beside.iter_mut().enumerate() {
        *beside = 2 * (neighbours.above[k] + neighbours.left[k]) + neighbours.corner[k];
    }
    // Weighted sizes of lower frequencies, in a grid of 10 columns: sums beyond the right edge need no check.
    let mut inside = [0u8; 128];
    let mut left = count;
    for k in 0..64 {
        if left == 0 {
            break;
        }
        let place = usize::from(ZIGZAG[k]);
        let at = (place / 8 * 10 + place % 8) & 127;
        let beside = usize::from(NEARBY[usize::from(beside[k])]);
        let within = usize::from(NEARBY[usize::from(inside[at])]);
        let all_left = 64 - k;
        if left < all_left {
            let many = usize::from(LEFT[left & 0xFF]);
            let of = usize::from(LEFT[all_left & 0xFF]);
            let nearby = 2 * within + usize::from(beside > 1);
            let a = &mut model.zero_beside[k & 63][beside & 7];
            let b = &mut model.zero_left[many & 15][of & 15][nearby & 15];
            if !coder.coded(a, b, block[place] != 0) {
                continue;
            }
        }
        left -= 1;
        let (contexts, nearby) = (&mut model.more_frequency[k & 63], &mut model.more_nearby);
        let wanted = usize::from(block[place].unsigned_abs());
        let mut size = 1;
        while size < ESCAPE {
            let so_far = size.min(8) - 1;
            let b = &mut nearby[so_far & 7][beside & 7][within & 7];
            if !coder.coded(&mut contexts[so_far & 7], b, wanted > size) {
                break;
            }
            size += 1;
        }
        if size == ESCAPE {
            size += code_escape(coder, &mut model.escape, wanted.saturating_sub(ESCAPE));
        }
        let negative = coder.plain(1, u32::from(block[place] < 0)) != 0;
        block[place] = if negative { -(size as i16) } else { size as i16 };
        sizes[k] = size.min(usize::from(MAX_SIZE)) as u8;
        let size = size.min(8) as u8;
        for (step, weight) in [(1, 2), (10, 2), (11, 1), (2, 1), (20, 1)] {
            inside[(at + step) & 127] += weight * size;
        }
    }
    count as u8
}

/// Codes the number of coefficients that are not zero: one bit for none, then six bits of the number less one.
#[inline(always)]
fn code_count<C: Coder>(
    coder: &mut C,
    model: &mut Model,
    neighbours: &Neighbours<'_>,
    wanted: usize,
) -> usize {
    let beside = &mut model.count_beside[usize::from(COUNT[usize::from(neighbours.beside)])];
    let hint = &mut model.count_hint[usize::from(COUNT[usize::from(neighbours.hint)])];
    if !coder.coded(&mut beside[0], &mut hint[0], wanted != 0) {
        return 0;
    }
    let mut node = 1;
    for i in (0..6).rev() {
        let bit = wanted.wrapping_sub(1) >> i & 1 != 0;
        node = 2 * node + usize::from(coder.coded(&mut beside[node & 63], &mut hint[node & 63], bit));
    }
    node - 64 + 1
}

/// Codes a number by Elias' gamma code of its successor; the bits below the highest are plain.
#[inline(always)]
fn code_escape<C: Coder>(coder: &mut C, contexts: &mut [Context; ESCAPE_BITS], wanted: usize) -> usize {
    let wanted = wanted + 1;
    let mut bits = 0;
    while bits < ESCAPE_BITS && coder.coded_alone(&mut contexts[bits], wanted >> (bits + 1) != 0) {
        bits += 1;
    }
    let low = coder.plain(bits as u32, wanted as u32 & ((1 << bits) - 1));
    (1 << bits) + low as usize - 1
}

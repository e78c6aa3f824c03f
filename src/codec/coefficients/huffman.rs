//! Huffman codes of JPEG: what is coded, as symbols with extra bits; the best code for it; its bits.
//!
//! The code is libjpeg's (`jpeg_gen_optimal_table`, by the procedure of T.81, annex K.2), to the last tie.

use std::cell::Cell;

use super::block::Block;
use super::vector::Vector;

/// Zigzag order: the place in a block, row by row, of each coefficient as it is coded.
#[rustfmt::skip]
pub const NATURAL: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// For each row of a block and each set of its columns, the same set in zigzag order.
static ZIGZAG: [[u64; 256]; 8] = zigzag_sets();

const fn zigzag_sets() -> [[u64; 256]; 8] {
    let mut sets = [[0; 256]; 8];
    let mut place = 0;
    while place < 64 {
        let (row, column) = (NATURAL[place] as usize / 8, NATURAL[place] as usize % 8);
        let mut set = 0;
        while set < 256 {
            if set >> column & 1 == 1 {
                sets[row][set] |= 1 << place;
            }
            set += 1;
        }
        place += 1;
    }
    sets
}

/// The non-zero coefficients of a block as bits, in zigzag order.
#[inline(always)]
pub fn non_zero<V: Vector>(block: &Block) -> u64 {
    let mut set = 0;
    for (columns, sets) in V::non_zero(block).to_le_bytes().into_iter().zip(&ZIGZAG) {
        set |= sets[usize::from(columns)];
    }
    set
}

/// The tables of a scan: luma has the first of each, chroma the second.
#[derive(Clone, Copy)]
pub enum Table {
    Luma = 0,
    Chroma = 1,
}

/// Tables of DC and AC codes of luma, then of chroma.
pub const TABLES: usize = 4;
pub const SYMBOLS: usize = 256;
/// A run of sixteen zeros, and the end of a block.
pub const ZERO_RUN: u32 = 0xF0;
pub const END: u32 = 0;

/// Takes what a scan codes, in order.
pub trait Symbols {
    /// A symbol of a table and its extra bits.
    fn push(&mut self, table: usize, symbol: u32, bits: u32);

    /// A block whose DC coefficient follows `before`.
    #[inline(always)]
    fn block<V: Vector>(&mut self, block: &Block, before: i16, table: Table) {
        let (dc, ac) = (2 * table as usize, 2 * table as usize + 1);
        let (size, bits) = extra(i32::from(block[0]) - i32::from(before));
        self.push(dc, size, bits);
        let mut set = non_zero::<V>(block) & !1;
        let mut last = 0;
        while set != 0 {
            let place = set.trailing_zeros();
            set &= set - 1;
            let mut run = place - last - 1;
            last = place;
            while run > 15 {
                self.push(ac, ZERO_RUN, 0);
                run -= 16;
            }
            let (size, bits) = extra(i32::from(block[usize::from(NATURAL[place as usize % 64]) % 64]));
            self.push(ac, run << 4 | size, bits);
        }
        if last < 63 {
            self.push(ac, END, 0);
        }
    }
}

/// How often each symbol of each table occurs.
pub struct Counts(pub [[u32; SYMBOLS]; TABLES]);

impl Counts {
    /// None yet.
    pub const NONE: Self = Self([[0; SYMBOLS]; TABLES]);
}

impl Symbols for Counts {
    #[inline(always)]
    fn push(&mut self, table: usize, symbol: u32, _: u32) {
        self.0[table % TABLES][symbol as usize % SYMBOLS] += 1;
    }
}

/// What a scan codes. A token is a symbol with its table in the upper half, and its extra bits in the lower.
pub struct Tokens {
    tokens: Vec<u32>,
    counts: Counts,
}

thread_local! {
    /// The memory of the last tokens of this thread.
    static MEMORY: Cell<Vec<u32>> = const { Cell::new(Vec::new()) };
}

/// Most tokens whose memory is used again.
const MOST_TOKENS: usize = 4 << 20;

impl Drop for Tokens {
    fn drop(&mut self) {
        let tokens = std::mem::take(&mut self.tokens);
        if tokens.capacity() <= MOST_TOKENS {
            // Where the thread ends the system takes it.
            let _ = MEMORY.try_with(|memory| memory.set(tokens));
        }
    }
}

/// Stands for a restart marker.
const RESTART: u32 = u32::MAX;

/// How many extra bits a value has, and which: as they stand above 0, less one below.
#[inline(always)]
fn extra(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    // Shifts in the sign.
    let bits = (value + (value >> 31)) as u32 & ((1 << size) - 1);
    (size, bits)
}

impl Symbols for Tokens {
    #[inline(always)]
    fn push(&mut self, table: usize, symbol: u32, bits: u32) {
        self.counts.push(table, symbol, bits);
        self.tokens.push((table as u32) << 24 | symbol << 16 | bits);
    }
}

impl Tokens {
    /// None yet.
    pub fn new() -> Self {
        let mut tokens = MEMORY.take();
        tokens.clear();
        Self { tokens, counts: Counts::NONE }
    }

    /// A restart marker.
    pub fn restart(&mut self) {
        self.tokens.push(RESTART);
    }

    /// The best code of a table. `None`: there is none that JPEG has.
    pub fn code(&self, table: usize) -> Option<Code> {
        Code::best(&self.counts.0[table])
    }

    /// About how many bytes [`Self::write`] will write: more only where many bytes are all ones.
    pub fn bytes(&self, codes: &[Code; TABLES]) -> usize {
        let of = |(code, counts): (&Code, &[u32; SYMBOLS])| {
            let bits = |(symbol, (word, &count)): (usize, (u32, &u32))| {
                u64::from(count) * (u64::from(word & 31) + (symbol as u64 & 15))
            };
            code.words.into_iter().zip(counts).enumerate().map(bits).sum::<u64>()
        };
        let bytes = codes.iter().zip(&self.counts.0).map(of).sum::<u64>() as usize / 8;
        bytes + bytes / 64
    }

    /// The bits of the scan, from the codes of all tables that it uses.
    pub fn write(&self, codes: &[Code; TABLES], out: &mut Vec<u8>) {
        let mut words = [[0; SYMBOLS]; TABLES];
        words.iter_mut().zip(codes).for_each(|(words, code)| *words = code.words);
        let codes = words.as_flattened();
        let mut bits = BitWriter { held: 0, count: 0, out };
        let mut restarts = 0;
        for &token in &self.tokens {
            if token == RESTART {
                bits.align();
                bits.out.extend([0xFF, 0xD0 + restarts % 8]);
                restarts = restarts.wrapping_add(1);
                continue;
            }
            let (word, size) = (codes[(token >> 16) as usize % (TABLES * SYMBOLS)], token >> 16 & 15);
            bits.push(word >> 5 << size | token & 0xFFFF, (word & 31) + size);
        }
        bits.align();
    }
}

/// A Huffman code.
#[derive(Clone)]
pub struct Code {
    /// How many codes have 1 to 16 bits.
    pub lengths: [u8; 16],
    /// Symbols by their codes.
    pub symbols: Vec<u8>,
    /// For each symbol its code and, in the lowest five bits, its length.
    words: [u32; SYMBOLS],
}

impl Code {
    /// A code of no symbol, for a table that is not used.
    pub fn empty() -> Self {
        Self { lengths: [0; 16], symbols: Vec::new(), words: [0; SYMBOLS] }
    }

    /// The best code for symbols that occur so often. `None`: it has codes of more than 32 bits, which libjpeg refuses.
    pub fn best(counts: &[u32; SYMBOLS]) -> Option<Self> {
        let depths = depths(counts)?;
        let mut lengths = [0u8; MAX_DEPTH + 1];
        depths.iter().filter(|&&depth| depth > 0).for_each(|&depth| lengths[depth] += 1);
        // No code has more than 16 bits: two of a length become one a bit shorter, and beneath a shorter one two come to lie.
        for length in (17..=MAX_DEPTH).rev() {
            while lengths[length] > 0 {
                let shorter = (1..length - 1).rev().find(|&shorter| lengths[shorter] > 0)?;
                lengths[length] -= 2;
                lengths[length - 1] += 1;
                lengths[shorter + 1] += 2;
                lengths[shorter] -= 1;
            }
        }
        // The code of all ones is not used: it is that of the symbol that nothing has.
        let longest = (1..=16).rev().find(|&length| lengths[length] > 0)?;
        lengths[longest] -= 1;
        let mut symbols: Vec<u8> = (0..=255).filter(|&symbol| depths[usize::from(symbol)] > 0).collect();
        symbols.sort_by_key(|&symbol| depths[usize::from(symbol)]);
        let mut code = Self { lengths: [0; 16], symbols, words: [0; SYMBOLS] };
        code.lengths.copy_from_slice(&lengths[1..=16]);
        let (mut next, mut coded) = (0u32, code.symbols.iter());
        for (length, &count) in (1u32..).zip(&code.lengths) {
            for &symbol in coded.by_ref().take(count.into()) {
                code.words[usize::from(symbol)] = next << 5 | length;
                next += 1;
            }
            next <<= 1;
        }
        Some(code)
    }
}

/// Longest code before it is shortened to 16 bits; libjpeg refuses more.
const MAX_DEPTH: usize = 32;
/// Symbols and the one that stands for no symbol.
const LEAVES: usize = SYMBOLS + 1;

/// Bits of a node's place among those of equal counts.
const ORDER_BITS: u32 = 9;

/// The depth of each symbol in Huffman's tree, 0 for one that is not there; the last is that of no symbol. Of equal counts the larger
/// symbol is taken first, and a branch stands where the first of its two parts stood.
fn depths(counts: &[u32; SYMBOLS]) -> Option<[usize; LEAVES]> {
    // A count and, in the lowest bits, the place. The least stands last.
    let (mut nodes, mut left) = ([0u64; LEAVES], 0);
    for (symbol, count) in counts.iter().copied().chain([1]).enumerate().filter(|&(_, count)| count > 0) {
        nodes[left] = u64::from(count) << ORDER_BITS | (LEAVES - symbol) as u64;
        left += 1;
    }
    nodes[..left].sort_unstable_by_key(|&node| std::cmp::Reverse(node));
    // Per symbol: the node of the tree that it is in; per node: the one above, 0 for none.
    let mut node_at: [usize; LEAVES] = std::array::from_fn(|symbol| symbol);
    let (mut above, mut branch) = ([0; 2 * LEAVES], LEAVES);
    while left >= 2 {
        let (first, second) = (nodes[left - 1], nodes[left - 2]);
        let [place, other] = [first, second].map(|node| LEAVES - (node as usize & ((1 << ORDER_BITS) - 1)));
        (above[node_at[place]], above[node_at[other]]) = (branch, branch);
        node_at[place] = branch;
        branch += 1;
        let both = first + (second >> ORDER_BITS << ORDER_BITS);
        left -= 1;
        let at = nodes[..left - 1].partition_point(|&node| node > both);
        nodes.copy_within(at..left - 1, at + 1);
        nodes[at] = both;
    }
    let mut depth_of = [0; 2 * LEAVES];
    for node in (0..branch).rev().filter(|&node| above[node] > 0) {
        depth_of[node] = depth_of[above[node]] + 1;
    }
    let depths: [usize; LEAVES] = std::array::from_fn(|symbol| depth_of[symbol]);
    depths.iter().all(|&depth| depth <= MAX_DEPTH).then_some(depths)
}

/// Bits to bytes; after a byte of ones follows one of zeros.
struct BitWriter<'a> {
    /// The last `count` bits are not written yet: fewer than 32.
    held: u64,
    count: u32,
    out: &'a mut Vec<u8>,
}

impl BitWriter<'_> {
    /// At most 32 bits.
    #[inline(always)]
    fn push(&mut self, bits: u32, count: u32) {
        self.held = self.held << count | u64::from(bits);
        self.count += count;
        if self.count >= 32 {
            self.count -= 32;
            self.word((self.held >> self.count) as u32);
        }
    }

    #[inline(always)]
    fn word(&mut self, word: u32) {
        let bytes = word.to_be_bytes();
        // Whether a byte is all ones.
        if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
            self.out.extend_from_slice(&bytes);
        } else {
            bytes.iter().for_each(|&byte| self.byte(byte));
        }
    }

    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
        if byte == 0xFF {
            self.out.push(0);
        }
    }

    /// Fills the last byte with ones.
    fn align(&mut self) {
        let missing = self.count.wrapping_neg() % 8;
        self.push((1 << missing) - 1, missing);
        while self.count > 0 {
            self.count -= 8;
            self.byte((self.held >> self.count) as u8);
        }
    }
}

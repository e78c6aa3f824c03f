//! Huffman codes of JPEG, from bits to coefficients. What is coded: T.81, F.1.2; how codes follow from lengths: annex C.

use super::block::Block;
use super::huffman::NATURAL;

/// Bits that a look into the table takes.
const PEEK: u32 = 10;
/// Longest code.
const LONGEST: usize = 16;
/// Flag of an [`Entry`].
const KNOWN: u32 = 1 << 7;

/// What some bits begin with, 0 for a code that is longer than [`PEEK`]: in bits 0 to 5 how many belong to it, in bits 8 to 15 the symbol. With
/// the flag [`KNOWN`] the extra bits of the symbol are among them, and bits 16 to 31 are the value.
type Entry = u32;

/// A code, prepared for decoding.
pub struct Lookup {
    entries: [Entry; 1 << PEEK],
    /// For each length, what lies above its codes, followed by zeros up to 16 bits.
    ends: [u32; LONGEST + 1],
    /// For each length, the place in `symbols` of its first code, less that code.
    offsets: [i32; LONGEST + 1],
    symbols: [u8; 256],
}

/// The value of extra bits: T.81, table F.1.
#[inline(always)]
fn value(bits: u32, size: u32) -> i32 {
    // Without a leading one it is negative.
    let negative = (bits >> (size.wrapping_sub(1) & 31)) ^ 1;
    bits as i32 - (((1 << size) - 1) & (negative as i32).wrapping_neg())
}

/// A code of no symbol.
impl Default for Lookup {
    fn default() -> Self {
        Self { entries: [0; 1 << PEEK], ends: [0; LONGEST + 1], offsets: [0; LONGEST + 1], symbols: [0; 256] }
    }
}

impl Lookup {
    /// Becomes the code of `symbols`, of which `lengths` have 1 to 16 bits. `None`: there is no such code, or a coefficient of more than 15
    /// bits in it.
    pub fn fill(&mut self, lengths: &[u8; LONGEST], symbols: &[u8], dc: bool) -> Option<()> {
        if symbols.len() > 256 || (dc && symbols.iter().any(|&symbol| symbol > 15)) {
            return None;
        }
        *self = Self::default();
        self.symbols[..symbols.len()].copy_from_slice(symbols);
        let (mut code, mut place) = (0u32, 0);
        for (length, &count) in (1..=LONGEST as u32).zip(lengths) {
            self.offsets[length as usize] = place as i32 - code as i32;
            for &symbol in &symbols[place..place + usize::from(count)] {
                // The code of all ones is none.
                if code + 1 >= 1 << length {
                    return None;
                }
                if length <= PEEK {
                    self.enter(code, length, symbol, dc);
                }
                code += 1;
            }
            place += usize::from(count);
            self.ends[length as usize] = code << (LONGEST as u32 - length);
            code <<= 1;
        }
        Some(())
    }

    /// Fills the entries whose bits begin with a code.
    fn enter(&mut self, code: u32, length: u32, symbol: u8, dc: bool) {
        let (size, free) = (u32::from(symbol & 15), PEEK - length);
        let first = (code << free) as usize;
        for (rest, entry) in (0u32..).zip(&mut self.entries[first..first + (1 << free)]) {
            *entry = u32::from(symbol) << 8 | length;
            if size <= free && (dc || size > 0) {
                let value = value(rest >> (free - size), size);
                *entry = (value as u32) << 16 | u32::from(symbol) << 8 | KNOWN | (length + size);
            }
        }
    }
}

/// The bits of an interval of a scan.
pub struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, from the highest on. Below the lowest of `count` bits stand zeros, or bits that are read once more.
    held: u64,
    count: u32,
    /// Zeros that were read behind the end.
    invented: u32,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, held: 0, count: 0, invented: 0 }
    }

    /// Reads until there are at least 56 bits.
    #[inline(always)]
    fn fill(&mut self) {
        let next = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk());
        let word = next.map_or(u64::MAX, |&bytes| u64::from_be_bytes(bytes));
        // Whether no byte is all ones.
        if (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
            self.held |= word >> self.count;
            self.at += (63 - self.count as usize) / 8;
            self.count |= 56;
        } else {
            self.fill_slowly();
        }
    }

    /// Leaves out the zero behind each byte of ones, and reads zeros behind the end.
    #[cold]
    fn fill_slowly(&mut self) {
        while self.count < 56 {
            let byte = self.bytes.get(self.at).copied();
            self.at += if byte == Some(0xFF) { 2 } else { 1 };
            self.invented += if byte.is_none() { 8 } else { 0 };
            self.held |= u64::from(byte.unwrap_or(0)) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next bits; fewer than 32.
    #[inline(always)]
    fn peek(&self, bits: u32) -> u32 {
        (self.held >> 1 >> (63 - bits)) as u32
    }

    #[inline(always)]
    fn skip(&mut self, bits: u32) {
        self.held <<= bits;
        self.count -= bits;
    }

    /// Where the next bit lies: its number, with the zeros behind bytes of ones.
    pub fn position(&self) -> u32 {
        let mut at = self.at;
        for _ in 0..self.count.div_ceil(8) {
            let is_stuffed = at >= 2 && self.bytes.get(at - 2..at) == Some(&[0xFF, 0]);
            at = at.saturating_sub(if is_stuffed { 2 } else { 1 });
        }
        8 * at as u32 + self.count.wrapping_neg() % 8
    }

    /// Goes on at a place that [`Self::position`] gave.
    pub fn go_to(&mut self, position: u32) {
        *self = Self::new(self.bytes);
        self.at = position as usize / 8;
        self.fill();
        self.skip(position % 8);
    }

    /// Whether no more was read than there is.
    pub fn is_inside(&self) -> bool {
        self.count >= self.invented
    }

    /// Whether all was read but what fills the last byte.
    pub fn is_at_end(&self) -> bool {
        let rest = self.bytes.get(self.at.min(self.bytes.len())..).unwrap_or_default();
        let unread =
            8 * rest.len().min(16) - 8 * rest.windows(2).take(16).filter(|pair| *pair == [0xFF, 0]).count();
        self.is_inside() && rest.len() < 16 && self.count as usize + unread - (self.invented as usize) < 8
    }

    /// A symbol whose code is longer than [`PEEK`], or whose extra bits are: the symbol, without its extra bits.
    #[inline(never)]
    fn symbol(&mut self, code: &Lookup, entry: Entry) -> Option<u8> {
        if entry != 0 {
            self.skip(entry & 63);
            return Some((entry >> 8) as u8);
        }
        let next = self.peek(LONGEST as u32);
        let length = (PEEK as usize + 1..=LONGEST).find(|&length| next < code.ends[length])?;
        self.skip(length as u32);
        let place = (next >> (LONGEST - length)) as i32 + code.offsets[length];
        code.symbols.get(usize::try_from(place).ok()?).copied()
    }

    /// Extra bits, at most 15.
    #[inline(always)]
    fn extra(&mut self, size: u32) -> i32 {
        let bits = self.peek(size);
        self.skip(size);
        value(bits, size)
    }

    /// The difference of a DC coefficient to the one before. `None`: bits that no code begins with.
    #[inline(always)]
    pub fn dc(&mut self, code: &Lookup) -> Option<i32> {
        self.fill();
        let entry = code.entries[self.peek(PEEK) as usize];
        if entry & KNOWN != 0 {
            self.skip(entry & 63);
            return Some(entry as i32 >> 16);
        }
        let size = self.symbol(code, entry)?;
        Some(self.extra(u32::from(size)))
    }

    /// The AC coefficients of a block, which holds zeros; they are only passed over if `KEEP` is not set. Returns whether any is not zero.
    /// `None`: bits that no code begins with, or more than 63 coefficients.
    #[inline(always)]
    pub fn ac<const KEEP: bool>(&mut self, code: &Lookup, block: &mut Block) -> Option<bool> {
        let mut place = 1;
        while place < 64 {
            if self.count < 32 {
                self.fill();
            }
            let entry = code.entries[self.peek(PEEK) as usize];
            let value = if entry & KNOWN != 0 {
                self.skip(entry & 63);
                place += (entry >> 12 & 15) as usize;
                entry as i32 >> 16
            } else {
                let symbol = self.symbol(code, entry)?;
                place += usize::from(symbol >> 4);
                match symbol & 15 {
                    // A run of sixteen zeros; all else without a size ends the block.
                    0 if symbol >> 4 == 15 => {
                        place += 1;
                        continue;
                    }
                    0 => return Some(place > 1),
                    size => self.extra(u32::from(size)),
                }
            };
            if place > 63 {
                return None;
            }
            if KEEP {
                block[usize::from(NATURAL[place & 63]) & 63] = value as i16;
            }
            place += 1;
        }
        // A run of zeros may not reach beyond the block.
        (place == 64).then_some(true)
    }
}

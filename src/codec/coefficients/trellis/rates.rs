//! What symbols cost: bits in units of 1/64, from how often the symbols occur.

use crate::codec::coefficients::huffman::SYMBOLS;

/// Fraction bits of a cost.
pub const COST_BITS: u32 = 6;
/// A symbol that does not occur counts as much as this part of one that occurs once.
pub const UNSEEN: u64 = 64;
/// Longest code of JPEG, and a bit for what a rare symbol takes from all others.
pub const MAX_BITS: i32 = 17;

/// Numbers of extra bits.
const SIZES: usize = 16;
/// Costs of a table: those of the symbols, then for each number of extra bits the least.
pub const COSTS: usize = SYMBOLS + SIZES;

/// The cost of each symbol of a table with its extra bits.
pub struct Rates {
    symbols: [i32; SYMBOLS],
    /// The least of the symbols with so many extra bits.
    least: [i32; SIZES],
}

impl Rates {
    /// The costs of symbols that occur so often.
    pub fn of(counts: &[u32; SYMBOLS]) -> Self {
        let weight = |count: u32| UNSEEN * u64::from(count) + 1;
        let all = log2(counts.iter().map(|&count| weight(count)).sum());
        let mut symbol = 0;
        let symbols = counts.map(|count| {
            let bits = (all - log2(weight(count))).clamp(1 << COST_BITS, MAX_BITS << COST_BITS);
            // The lower half of a symbol is the number of its extra bits.
            let cost = bits + ((symbol & 15) << COST_BITS);
            symbol += 1;
            cost
        });
        let of_bits = |bits: usize| symbols.iter().skip(bits).step_by(SIZES).copied().min().unwrap_or(0);
        Self { symbols, least: std::array::from_fn(of_bits) }
    }

    /// All costs, in the order of [`COSTS`].
    pub fn all(&self) -> impl Iterator<Item = i32> {
        self.symbols.into_iter().chain(self.least)
    }

    /// The cost of a symbol.
    #[inline(always)]
    pub fn of_symbol(&self, symbol: u32) -> i32 {
        self.symbols[symbol as usize % SYMBOLS]
    }

    /// The least cost of a symbol with so many extra bits.
    #[inline(always)]
    pub fn least_of(&self, bits: u32) -> i32 {
        self.least[bits as usize % SIZES]
    }
}

/// The logarithm to base 2 of a number over 0, rounded down to 1/64.
fn log2(number: u64) -> i32 {
    let whole = number.ilog2();
    // The number over its highest bit, with 31 fraction bits: from 1 to below 2.
    let mut rest = if whole > 31 { number >> (whole - 31) } else { number << (31 - whole) };
    let mut log = whole as i32;
    for _ in 0..COST_BITS {
        rest = (rest * rest) >> 31;
        let above = rest >> 32 != 0;
        log = log << 1 | i32::from(above);
        rest >>= u32::from(above);
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_exact_to_a_64th() {
        for number in (1..5000u64).chain([u64::from(u32::MAX), 1 << 40, (1 << 40) - 1]) {
            let wanted = 64.0 * (number as f64).log2();
            let log = f64::from(log2(number));
            assert!(log <= wanted + 1e-6 && log > wanted - 1.01, "{number}: {log}, not {wanted}");
        }
    }

    #[test]
    fn rare_symbols_cost_more_and_unseen_ones_most() {
        let mut counts = [0; SYMBOLS];
        counts[0x01] = 96;
        counts[0x11] = 24;
        counts[0x02] = 8;
        let rates = Rates::of(&counts);
        let bits = |symbol| f64::from(rates.of_symbol(symbol)) / 64.0;
        // A code of 1 bit at least, and an extra bit.
        assert_eq!(bits(0x01), 2.0);
        assert!((bits(0x11) - 3.4).abs() < 0.1 && (bits(0x02) - 6.0).abs() < 0.1);
        assert!(bits(0xF0) > 12.0 && bits(0xF0) <= 17.0);
    }
}

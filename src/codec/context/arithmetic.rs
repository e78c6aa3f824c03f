//! Adaptive binary arithmetic coding, with one trait for both directions.
//!
//! The model is written once, over [`Coder`]: the encoder codes the bits that it gets, the decoder ignores them and returns its own.
//! Integers throughout, so that every machine decodes the same. Knows nothing of coefficients.
//!
//! A range coder with 64 bits of range, of which 32 are written at a time (Martin, "Range encoding", 1979). Bits that no model
//! predicts, such as signs, go uncoded into a stream of their own.

/// Bits of a probability.
const BITS: u32 = 16;
/// Smallest probability of a bit, a tenth of a percent: it limits the cost of a wrong prediction.
const MIN_PROBABILITY: u32 = 64;
/// Most bits that a context counts: later ones are averaged over this many.
const MAX_SEEN: u16 = 250;

/// The probability of a bit in one context, estimated from the bits coded there so far.
#[derive(Clone, Copy)]
pub struct Context {
    /// Probability of 1, of 65536.
    one: u16,
    /// Bits seen, up to [`MAX_SEEN`].
    seen: u16,
}

impl Context {
    /// The state before the first bit: both values are as likely.
    pub const NEW: Self = Self { one: 1 << (BITS - 1), seen: 0 };

    /// As after `seen` bits, of which as large a part was 1 as `one` is of 65536.
    pub const fn after(one: u16, seen: u16) -> Self {
        Self { one, seen }
    }

    /// The probability of 1, of 65536.
    #[cfg(test)]
    pub fn one(&self) -> u16 {
        self.one
    }

    /// Moves towards `bit` by `1 / (seen + 1.6)`: a mean at first, a moving average from [`MAX_SEEN`] bits on.
    #[inline(always)]
    fn learn(&mut self, bit: bool) {
        let target = if bit { 0xFFFF } else { 0 };
        let one = i32::from(self.one);
        let step = i32::from(STEPS[usize::from(self.seen & 0xFF)]);
        self.one = (one + (((target - one) * step) >> 15)) as u16;
        self.seen += u16::from(self.seen < MAX_SEEN);
    }
}

/// `1 / (seen + 1.6)` in Q15.
static STEPS: [u16; 256] = {
    let (mut steps, mut seen) = ([0; 256], 0);
    while seen < 256 {
        steps[seen] = (327_680 / (10 * seen + 16)) as u16;
        seen += 1;
    }
    steps
};

/// An encoder or a decoder.
pub trait Coder {
    /// Whether this is an encoder: only then are the bits passed in used.
    const ENCODES: bool;

    /// Codes a bit that is 1 with a probability of `one` of 65536, and returns it.
    fn bit(&mut self, one: u32, bit: bool) -> bool;

    /// Codes `count` bits, up to 16, without a model, and returns them.
    fn plain(&mut self, count: u32, bits: u32) -> u32;

    /// Whether more plain bits were read than there are.
    fn is_past_end(&self) -> bool {
        false
    }

    /// Codes a bit with the mean of two contexts' probabilities.
    #[inline(always)]
    fn coded(&mut self, a: &mut Context, b: &mut Context, bit: bool) -> bool {
        let one = (u32::from(a.one) + u32::from(b.one)) >> 1;
        let bit = self.bit(one.clamp(MIN_PROBABILITY, (1 << BITS) - MIN_PROBABILITY), bit);
        a.learn(bit);
        b.learn(bit);
        bit
    }

    /// Codes a bit in one context.
    #[inline(always)]
    fn coded_alone(&mut self, a: &mut Context, bit: bool) -> bool {
        let bit = self.bit(u32::from(a.one).clamp(MIN_PROBABILITY, (1 << BITS) - MIN_PROBABILITY), bit);
        a.learn(bit);
        bit
    }
}

/// Bits to bytes.
pub struct Encoder {
    low: u64,
    range: u64,
    coded: Vec<u8>,
    plain: Vec<u8>,
    waiting: u64,
    waits: u32,
}

impl Encoder {
    /// An encoder without output yet.
    pub fn new() -> Self {
        Self { low: 0, range: u64::MAX, coded: Vec::new(), plain: Vec::new(), waiting: 0, waits: 0 }
    }

    /// Adds one to the bytes written: `low` has overflowed.
    fn carry(&mut self) {
        for byte in self.coded.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }

    /// The coded bytes, and the plain ones. Zeros at the end of the coded bytes are left out: a decoder reads zeros past the end.
    pub fn finish(mut self) -> (Vec<u8>, Vec<u8>) {
        // The number in the range with most zeros at its end.
        for zeros in (0..u64::BITS).rev() {
            let mask = (1u64 << zeros) - 1;
            let (up, over) = self.low.overflowing_add(mask);
            let number = up & !mask;
            if number.wrapping_sub(self.low) < self.range {
                self.low = number;
                if over {
                    self.carry();
                }
                break;
            }
        }
        self.coded.extend(self.low.to_be_bytes());
        while self.coded.last() == Some(&0) {
            self.coded.pop();
        }
        let left = self.waiting.to_le_bytes();
        self.plain.extend(&left[..self.waits.div_ceil(8) as usize]);
        (self.coded, self.plain)
    }
}

impl Coder for Encoder {
    const ENCODES: bool = true;

    fn bit(&mut self, one: u32, bit: bool) -> bool {
        let bound = (self.range >> BITS) * u64::from(one);
        if bit {
            self.range = bound;
        } else {
            let (low, over) = self.low.overflowing_add(bound);
            (self.low, self.range) = (low, self.range - bound);
            if over {
                self.carry();
            }
        }
        if self.range < 1 << 32 {
            self.coded.extend(((self.low >> 32) as u32).to_be_bytes());
            self.low <<= 32;
            self.range <<= 32;
        }
        bit
    }

    fn plain(&mut self, count: u32, bits: u32) -> u32 {
        self.waiting |= u64::from(bits) << self.waits;
        self.waits += count;
        while self.waits >= 8 {
            self.plain.push(self.waiting as u8);
            self.waiting >>= 8;
            self.waits -= 8;
        }
        bits
    }
}

/// Bytes to bits. Never fails: it reads zeros past the end. [`Coder::is_past_end`] tells of plain bits that are not there; coded bytes
/// may end early, because an encoder leaves zeros out.
pub struct Decoder<'a> {
    code: u64,
    range: u64,
    coded: Bytes<'a>,
    plain: Bytes<'a>,
    waiting: u64,
    waits: u32,
}

impl<'a> Decoder<'a> {
    /// A decoder of the two results of [`Encoder::finish`].
    pub fn new(coded: &'a [u8], plain: &'a [u8]) -> Self {
        let (coded, plain) = (Bytes { bytes: coded, at: 0 }, Bytes { bytes: plain, at: 0 });
        let mut new = Self { code: 0, range: u64::MAX, coded, plain, waiting: 0, waits: 0 };
        new.code = u64::from(new.coded.word().swap_bytes()) << 32;
        new.code |= u64::from(new.coded.word().swap_bytes());
        new
    }
}

impl Coder for Decoder<'_> {
    const ENCODES: bool = false;

    #[inline(always)]
    fn bit(&mut self, one: u32, _: bool) -> bool {
        let bound = (self.range >> BITS) * u64::from(one);
        let bit = self.code < bound;
        let (above, beyond) = (self.range - bound, self.code.wrapping_sub(bound));
        self.range = if bit { bound } else { above };
        self.code = if bit { self.code } else { beyond };
        if self.range < 1 << 32 {
            self.range <<= 32;
            self.code = self.code << 32 | u64::from(self.coded.word().swap_bytes());
        }
        bit
    }

    #[inline(always)]
    fn plain(&mut self, count: u32, _: u32) -> u32 {
        if self.waits < count {
            self.waiting |= u64::from(self.plain.word()) << self.waits;
            self.waits += u32::BITS;
        }
        let bits = self.waiting as u32 & ((1 << count) - 1);
        self.waiting >>= count;
        self.waits -= count;
        bits
    }

    fn is_past_end(&self) -> bool {
        8 * self.plain.at as u64 - u64::from(self.waits) > 8 * self.plain.bytes.len() as u64
    }
}

/// Bytes, followed by zeros without end.
#[derive(Clone, Copy)]
struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bytes<'_> {
    /// The next four bytes, little-endian.
    #[inline(always)]
    fn word(&mut self) -> u32 {
        let word = match self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<4>) {
            Some(word) => u32::from_le_bytes(*word),
            None => last_word(*self),
        };
        self.at += 4;
        word
    }
}

/// Takes its argument by value: a decoder whose address is never taken stays in registers.
#[cold]
fn last_word(bytes: Bytes<'_>) -> u32 {
    let mut word = [0; 4];
    let rest = bytes.bytes.get(bytes.at..).unwrap_or_default();
    word[..rest.len()].copy_from_slice(rest);
    u32::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes bits of several probabilities in turn with plain ones.
    fn run<C: Coder>(coder: &mut C, wanted: &[(bool, u32)]) -> Vec<(bool, u32)> {
        let mut contexts = [Context::NEW; 5];
        let each = |(i, &(bit, plain)): (usize, &(bool, u32))| {
            let [a, b] = contexts.get_disjoint_mut([i % 2, 2 + i % 3]).unwrap();
            let bit = if i % 7 == 3 { coder.coded_alone(a, bit) } else { coder.coded(a, b, bit) };
            (bit, coder.plain(1 + i as u32 % 13, plain))
        };
        wanted.iter().enumerate().map(each).collect()
    }

    #[test]
    fn every_sequence_comes_back() {
        for rare in [2, 3, 50, 5000] {
            for count in [0, 1, 2, 31, 4000] {
                let mut state = 7u32;
                let wanted: Vec<_> = (0..count)
                    .map(|i| {
                        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        ((state >> 8).is_multiple_of(rare), (state >> 9) & ((1 << (1 + i % 13)) - 1))
                    })
                    .collect();
                let mut encoder = Encoder::new();
                run(&mut encoder, &wanted);
                let (coded, plain) = encoder.finish();
                assert_ne!(coded.last(), Some(&0));
                let mut decoder = Decoder::new(&coded, &plain);
                assert!(run(&mut decoder, &wanted.iter().map(|_| (false, 0)).collect::<Vec<_>>()) == wanted);
                assert!(!decoder.is_past_end());
                decoder.plain(8, 0);
                assert!(decoder.is_past_end(), "{count}");
            }
        }
    }

    #[test]
    fn a_rare_bit_costs_little_and_an_even_one_a_bit() {
        let bytes = |period: usize| {
            let (mut encoder, mut context) = (Encoder::new(), Context::NEW);
            (0..80_000).for_each(|i| {
                encoder.coded_alone(&mut context, (i * i / 3 + i) % period == 0);
            });
            encoder.finish().0.len()
        };
        // The entropy of 1 in 100 is 0.081 bits.
        assert!((700..1100).contains(&bytes(100)), "{}", bytes(100));
        assert!(bytes(2) < 10_200);
    }

    #[test]
    fn carries_run_through_written_bytes() {
        let mut encoder = Encoder::new();
        // Zeros of the upper end of the range push `low` up against its end.
        let bits: Vec<bool> = (0..3000).map(|i| i % 97 == 96).collect();
        bits.iter().for_each(|&bit| {
            encoder.bit(3, bit);
        });
        let (coded, plain) = encoder.finish();
        let mut decoder = Decoder::new(&coded, &plain);
        assert!(bits.iter().all(|&bit| decoder.bit(3, false) == bit));
    }
}

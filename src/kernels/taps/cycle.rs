//! The part of a table that repeats: of an enlargement by 2 or 4, all outputs but those near the edges.

use std::ops::Range;

/// Outputs whose coefficients repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Output `i + period` has the coefficients of output `i`, one input sample on; 1 where nothing repeats.
    pub period: usize,
    /// For which `i` and `i + period` that holds.
    pub outputs: Range<usize>,
}

impl Cycle {
    /// No output repeats.
    pub const NONE: Self = Self { period: 1, outputs: 0..0 };

    /// The longest repetition by 2 or 4 in a table of `outputs`; `repeats(i, j)` says whether output `j` is output `i` one sample on.
    pub fn find(outputs: usize, repeats: impl Fn(usize, usize) -> bool) -> Self {
        let mut best = Self::NONE;
        for period in [2, 4] {
            let mut from = 0;
            for end in period..=outputs {
                // Outputs `from..end` repeat so far.
                if end - from >= 2 * period && end - from > best.outputs.len() {
                    best = Self { period, outputs: from..end };
                }
                if end < outputs && !repeats(end - period, end) {
                    from = end + 1 - period;
                }
            }
        }
        best
    }

    /// What is left of it in a part of the table.
    pub fn part(&self, outputs: &Range<usize>) -> Self {
        let (start, end) = (self.outputs.start.max(outputs.start), self.outputs.end.min(outputs.end));
        if end < start + 2 * self.period {
            return Self::NONE;
        }
        Self { period: self.period, outputs: start - outputs.start..end - outputs.start }
    }
}

//! The part of a table that repeats with steps of several input samples: of a reduction by 2, 4 or 8, all outputs but those near the edges.

use std::ops::Range;

/// Outputs with equal coefficients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stride {
    /// Input samples from the first one of an output to that of the next.
    pub step: usize,
    /// Which outputs.
    pub outputs: Range<usize>,
}

impl Stride {
    /// No outputs.
    pub const NONE: Self = Self { step: 2, outputs: 0..0 };

    /// The longest run of equal steps of 2, 4 or 8 in a table of `outputs`; `repeats(i, step)` says whether output `i + 1` has the
    /// coefficients of output `i`, `step` input samples on.
    pub fn find(outputs: usize, repeats: impl Fn(usize, usize) -> bool) -> Self {
        let mut best = Self::NONE;
        for step in [2, 4, 8] {
            let mut from = 0;
            for i in 0..outputs {
                if i + 1 < outputs && repeats(i, step) {
                    continue;
                }
                if i > from && i + 1 - from > best.outputs.len() {
                    best = Self { step, outputs: from..i + 1 };
                }
                from = i + 1;
            }
        }
        best
    }

    /// What is left of it in a part of the table.
    pub fn part(&self, outputs: &Range<usize>) -> Self {
        let (start, end) = (self.outputs.start.max(outputs.start), self.outputs.end.min(outputs.end));
        if end <= start {
            return Self::NONE;
        }
        Self { step: self.step, outputs: start - outputs.start..end - outputs.start }
    }
}

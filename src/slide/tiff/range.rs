//! The values of samples that a file says are in use: SMinSampleValue and SMaxSampleValue, of which each sample has its own.

use super::super::window::Window;
use super::directory::Directory;
use super::tag;

/// What the tags say; nothing where they are missing or no whole numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    lows: Vec<u64>,
    highs: Vec<u64>,
}

impl Ranges {
    pub fn of(directory: &Directory<'_>) -> Self {
        let all = |tag| directory.numbers(tag).map(Option::unwrap_or_default);
        match (all(tag::S_MIN_SAMPLE_VALUE), all(tag::S_MAX_SAMPLE_VALUE)) {
            (Ok(lows), Ok(highs)) => Self { lows, highs },
            _ => Self::default(),
        }
    }

    /// The window of some samples of a pixel, from the lowest to the highest value of all of them, or all values of their `bits`;
    /// whether the file says so. An error of a range that is none.
    pub fn window(&self, bits: u32, samples: &[usize]) -> Result<(Window, bool), String> {
        let full = Window::of_bits(bits.max(8));
        // One value alone is about all samples.
        let of = |values: &[u64], sample: usize| match values {
            [one] => Some(*one),
            _ => values.get(sample).copied(),
        };
        let highs: Option<Vec<u64>> = samples.iter().map(|&sample| of(&self.highs, sample)).collect();
        let Some(high) = highs.and_then(|highs| highs.into_iter().max()) else {
            return Ok((full, bits > 8 && bits < 16));
        };
        let low = samples.iter().map(|&sample| of(&self.lows, sample).unwrap_or(0)).min().unwrap_or(0);
        match (u16::try_from(low), u16::try_from(high)) {
            (Ok(low), Ok(high)) if low < high && high <= full.high => {
                Ok((Window { low, high, ..full }, true))
            }
            _ => Err(format!("a range of {low} to {high}")),
        }
    }
}

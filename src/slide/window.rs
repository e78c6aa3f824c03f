//! Which stored values become black and white where samples have more than 8 bits.
//!
//! The rule: what the file declares; else, of RGB, the full range, or, where the largest value is below a quarter of it, the range of
//! as many bits as that value has; else, of single channels, the range that was measured without the lowest and highest
//! thousandth of the pixels. A window that the caller chooses comes before all of these. It deliberately does not know
//! file formats.

use super::error::SlideError;
use std::path::Path;

/// Of so many pixels, one may be darker and one brighter than the measured window.
const OUTLIERS: u64 = 1000;

/// The stored values of samples of more than 8 bits that become black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Black, and all values below.
    pub low: u16,
    /// White, and all values above; more than `low`.
    pub high: u16,
    /// The opacity that hides all behind it.
    pub opaque: u16,
}

impl Window {
    /// All values of samples of `bits` bits, 1 to 16.
    pub fn of_bits(bits: u32) -> Self {
        let high = ((1u32 << bits.clamp(1, 16)) - 1) as u16;
        Self { low: 0, high, opaque: high }
    }

    /// The window that a caller chose, for samples of `bits` bits; an error where it is none.
    pub fn chosen(path: &Path, (low, high): (u32, u32), bits: u32) -> Result<Self, SlideError> {
        let full = Self::of_bits(bits);
        if bits <= 8 {
            let reason = format!("its samples have {bits} bits, of which all are kept");
            return Err(SlideError::NothingToChoose {
                path: path.to_path_buf(),
                what: "window".into(),
                reason,
            });
        }
        match (u16::try_from(low), u16::try_from(high)) {
            (Ok(low), Ok(high)) if low < high && high <= full.high => Ok(Self { low, high, ..full }),
            _ => Err(SlideError::NoSuchWindow { path: path.to_path_buf(), low, high, most: full.high }),
        }
    }

    /// The window of the values' complements.
    pub fn complement(self) -> Self {
        Self { low: !self.high, high: !self.low, ..self }
    }

    /// The value's place between 0 for black and `white`, rounded to nearest.
    pub fn place(self, value: u16, white: u32) -> u32 {
        let range = u64::from(self.high.saturating_sub(self.low).max(1));
        let above = u64::from(value.clamp(self.low, self.high.max(self.low)) - self.low);
        // At most `white`, as `above` is at most `range`.
        ((above * u64::from(white) + range / 2) / range) as u32
    }

    /// The 8-bit level: of a window of all 16 bits, 65535 -> 255, 128 -> 0, 129 -> 1.
    pub fn level(self, value: u16) -> u8 {
        self.place(value, 255) as u8
    }

    /// What to tell about it. `why` says where it comes from.
    pub fn note(self, bits: u32, why: &str) -> String {
        let (low, high) = (self.low, self.high);
        format!(
            "its samples have {bits} bits; the values {low} to {high} were read as black to white ({why})"
        )
    }
}

/// What becomes of each level of samples of 8 bits.
#[derive(Clone)]
pub(super) struct Levels(Box<[u8; 256]>);

impl Levels {
    /// Those of a window that a caller chose.
    pub fn new(path: &Path, (low, high): (u32, u32)) -> Result<Self, SlideError> {
        match (u8::try_from(low), u8::try_from(high)) {
            (Ok(black), Ok(white)) if black < white => {
                let window = Window { low: black.into(), high: white.into(), opaque: 255 };
                Ok(Self(Box::new(std::array::from_fn(|level| window.level(level as u16)))))
            }
            _ => Err(SlideError::NoSuchWindow { path: path.to_path_buf(), low, high, most: 255 }),
        }
    }

    /// Replaces levels.
    pub fn apply(&self, levels: &mut [u8]) {
        for level in levels {
            *level = self.0[usize::from(*level)];
        }
    }
}

/// How often each value occurs.
pub(super) struct Histogram {
    counts: Vec<u64>,
}

impl Histogram {
    pub fn new() -> Self {
        Self { counts: vec![0; 1 << 16] }
    }

    pub fn add(&mut self, value: u16) {
        if let Some(count) = self.counts.get_mut(usize::from(value)) {
            *count += 1;
        }
    }

    /// The largest value; 0 of no pixels.
    fn largest(&self) -> u16 {
        self.counts.iter().rposition(|&count| count > 0).unwrap_or(0) as u16
    }

    /// Whether all values lie in the lowest quarter of `full`.
    pub fn is_dark(&self, full: Window) -> bool {
        self.largest() < full.high / 4
    }

    /// The window of RGB: `full`, or that of as many bits as the largest value has where all values lie in the lowest quarter.
    pub fn of_colors(&self, full: Window) -> Window {
        let largest = self.largest();
        match self.is_dark(full) && largest > 0 {
            true => Window::of_bits(16 - largest.leading_zeros()),
            false => full,
        }
    }

    /// The window of a single channel: the measured range, without the lowest and the highest thousandth; `full` of one value.
    pub fn of_channel(&self, full: Window) -> Window {
        let total: u64 = self.counts.iter().sum();
        let spare = total / OUTLIERS;
        let low = reach(self.counts.iter().enumerate(), spare);
        let high = reach(self.counts.iter().enumerate().rev(), spare);
        match (low, high) {
            (Some(low), Some(high)) if low < high => Window { low, high, ..full },
            _ => full,
        }
    }
}

/// The first value up to which there are more than `spare` pixels.
fn reach<'c>(mut counts: impl Iterator<Item = (usize, &'c u64)>, spare: u64) -> Option<u16> {
    let mut seen = 0;
    counts.find_map(|(value, count)| {
        seen += count;
        (seen > spare).then_some(value as u16)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_spans_black_to_white() {
        let window = Window { low: 100, high: 4195, opaque: 4095 };
        assert_eq!([0, 100, 2147, 4195, 65535].map(|value| window.level(value)), [0, 0, 127, 255, 255]);
        let full = Window::of_bits(16);
        assert_eq!(
            [0, 128, 129, 32767, 32768, 65406, 65407, 65535].map(|value| full.level(value)),
            [0, 0, 1, 127, 128, 254, 255, 255]
        );
        let inverse = window.complement();
        assert_eq!([!100, !4195].map(|value| inverse.level(value)), [255, 0]);
    }

    #[test]
    fn levels_of_8_bits_are_stretched() {
        let path = Path::new("a.tif");
        let mut levels = [0, 50, 51, 100, 150, 200, 255];
        Levels::new(path, (50, 150)).unwrap().apply(&mut levels);
        assert_eq!(levels, [0, 0, 3, 128, 255, 255, 255]);
        assert!(Levels::new(path, (50, 50)).is_err() && Levels::new(path, (0, 256)).is_err());
    }

    #[test]
    fn windows_follow_what_was_measured() {
        let of = |values: &[u16]| {
            let mut histogram = Histogram::new();
            values.iter().for_each(|&value| histogram.add(value));
            let full = Window::of_bits(16);
            let pair = |window: Window| (window.low, window.high);
            (pair(histogram.of_channel(full)), pair(histogram.of_colors(full)))
        };
        assert_eq!(of(&[100, 3000, 4000]), ((100, 4000), (0, 4095)));
        assert_eq!(of(&[100, 3000, 40000]), ((100, 40000), (0, 65535)));
        assert_eq!(of(&[7, 7]), ((0, 65535), (0, 7)));
        assert_eq!(of(&[0, 0]), ((0, 65535), (0, 65535)));
        assert_eq!(of(&[]), ((0, 65535), (0, 65535)));
        let mut many = vec![500; 1500];
        many.extend([0, 600, 65000]);
        assert_eq!(of(&many).0, (500, 600), "a thousandth may be brighter");
    }

    #[test]
    fn a_chosen_window_lies_in_the_range_of_the_samples() {
        let path = Path::new("a.tif");
        assert_eq!(
            Window::chosen(path, (10, 4000), 16).unwrap(),
            Window { low: 10, high: 4000, opaque: 65535 }
        );
        for (window, bits) in [((10, 5000), 12), ((10, 10), 16), ((0, 65536), 16)] {
            let error = Window::chosen(path, window, bits).unwrap_err();
            assert!(matches!(error, SlideError::NoSuchWindow { .. }), "{error}");
        }
        assert!(matches!(Window::chosen(path, (0, 9), 8), Err(SlideError::NothingToChoose { .. })));
    }
}

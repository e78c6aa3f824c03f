//! Channels put together: each in its colour, and the colours added.
//!
//! It deliberately does not know files, nor where a channel's colour comes from.

/// Colours of channels to which a file gives none, by their number.
const COLORS: [[u8; 3]; 7] =
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 255, 255], [255, 0, 255], [255, 255, 0]];

/// The colour of a channel to which its file gives none.
pub(super) fn color_of(channel: u32) -> [u8; 3] {
    COLORS[channel as usize % COLORS.len()]
}

/// The sum of some channels' pixels, 255 times as large.
pub(super) struct Sum(Vec<u32>);

impl Sum {
    /// For pixels of `bytes` bytes, three each.
    pub fn new(bytes: usize) -> Self {
        Self(vec![0; bytes])
    }

    /// Adds gray pixels in a colour.
    pub fn add_gray(&mut self, gray: &[u8], color: [u8; 3]) {
        for (sum, &level) in self.0.chunks_exact_mut(3).zip(gray) {
            for (sum, part) in sum.iter_mut().zip(color) {
                *sum += u32::from(level) * u32::from(part);
            }
        }
    }

    /// Adds pixels that have their colours.
    pub fn add_rgb(&mut self, rgb: &[u8]) {
        self.0.iter_mut().zip(rgb).for_each(|(sum, &part)| *sum += u32::from(part) * 255);
    }

    /// Writes the pixels; what is brighter than white is white.
    pub fn finish(self, out: &mut [u8]) {
        for (to, sum) in out.iter_mut().zip(self.0) {
            *to = ((sum + 127) / 255).min(255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_added_and_end_at_white() {
        let mut sum = Sum::new(6);
        sum.add_gray(&[100, 255], [255, 128, 0]);
        sum.add_gray(&[100, 255], [255, 0, 51]);
        sum.add_rgb(&[1, 2, 3, 0, 0, 255]);
        let mut out = [0; 6];
        sum.finish(&mut out);
        assert_eq!(out, [201, 52, 23, 255, 128, 255]);
        assert_eq!((color_of(0), color_of(8)), ([255, 0, 0], [0, 255, 0]));
    }
}

//! The markers of a JPEG as libjpeg-turbo writes them.

use super::huffman::{Code, NATURAL};
use crate::image::ycc::Sampling;

/// Steps of the standard (T.81, tables K.1 and K.2) at quality 50, row by row: luma, chroma.
#[rustfmt::skip]
const STANDARD: [[u8; 64]; 2] = [
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
        18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ],
    [
        17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    ],
];

/// The steps of luma or chroma at a quality from 1 to 100, as libjpeg scales those of the standard.
pub fn steps(quality: u8, chroma: bool) -> [u8; 64] {
    let quality = u32::from(quality.clamp(1, 100));
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    STANDARD[usize::from(chroma)].map(|step| ((u32::from(step) * percent + 50) / 100).clamp(1, 255) as u8)
}

/// What the header of a file says.
pub struct Header<'a> {
    /// Width and height in pixels.
    pub size: (u16, u16),
    /// How chroma is sampled.
    pub sampling: Sampling,
    /// Steps of luma and, if there is any, of chroma.
    pub steps: &'a [&'a [u8; 64]],
    /// MCUs from one restart marker to the next; 0 for none.
    pub interval: u16,
    /// Codes of DC and AC coefficients of luma and, if there is any, of chroma.
    pub codes: &'a [Code],
}

impl Header<'_> {
    /// All that stands before the data of the scan.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend([0xFF, 0xD8]);
        segment(out, 0xE0, b"JFIF\0\x01\x01\x00\x00\x01\x00\x01\x00\x00");
        for (number, steps) in (0..).zip(self.steps) {
            let zigzag = NATURAL.iter().map(|&place| steps[usize::from(place)]);
            segment(out, 0xDB, &[number].into_iter().chain(zigzag).collect::<Vec<_>>());
        }
        let (width, height) = (self.size.0.to_be_bytes(), self.size.1.to_be_bytes());
        let (fx, fy) = self.sampling.factors();
        let luma = [1, (fx << 4 | fy) as u8, 0];
        let mut frame = vec![8, height[0], height[1], width[0], width[1]];
        let mut scan = Vec::new();
        if self.sampling == Sampling::Gray {
            frame.push(1);
            frame.extend(luma);
            scan.extend([1, 1, 0x00]);
        } else {
            frame.push(3);
            frame.extend(luma.into_iter().chain([2, 0x11, 1, 3, 0x11, 1]));
            scan.extend([3, 1, 0x00, 2, 0x11, 3, 0x11]);
        }
        segment(out, 0xC0, &frame);
        for (code, class) in self.codes.iter().zip([0x00, 0x10, 0x01, 0x11]) {
            let content = [class].into_iter().chain(code.lengths).chain(code.symbols.iter().copied());
            segment(out, 0xC4, &content.collect::<Vec<_>>());
        }
        if self.interval > 0 {
            segment(out, 0xDD, &self.interval.to_be_bytes());
        }
        scan.extend([0, 63, 0]);
        segment(out, 0xDA, &scan);
    }
}

fn segment(out: &mut Vec<u8>, marker: u8, content: &[u8]) {
    out.extend([0xFF, marker]);
    out.extend((content.len() as u16 + 2).to_be_bytes());
    out.extend(content);
}

//! Stripes of a JPEG, by its restart markers.
//!
//! The entropy coder starts anew at a restart marker, so the data between two markers decode by themselves. Where an interval is a whole
//! number of MCU rows, some intervals under the same header, with the height of their rows, are a JPEG that decodes to these rows of
//! the whole. Knows markers, no coefficients. A file in any other form is left to the decoder of whole images, which says what is wrong.
//! Source: ITU-T T.81, annex B.

use std::ops::Range;

use crate::codec::image_codec::Shape;
use crate::image::ycc::Sampling;

/// Side of a block of samples.
const BLOCK: usize = 8;
/// Longest restart interval that a DRI segment can name.
const MAX_INTERVAL_MCUS: usize = 65_535;

const SOI: [u8; 2] = [0xFF, 0xD8];
const EOI: [u8; 2] = [0xFF, 0xD9];
const RST0: u8 = 0xD0;
const RESTARTS: usize = 8;

/// MCU rows from one restart marker to the next in an image with stripes of `rows` rows: those of a stripe, or the largest part of them
/// that divides a stripe and that a restart interval can have. `None` where a stripe is not whole MCU rows, or is the whole image.
pub fn restart_rows(width: usize, height: usize, sampling: Sampling, rows: usize) -> Option<usize> {
    let (fx, fy) = sampling.factors();
    if height <= rows || rows == 0 || !rows.is_multiple_of(fy * BLOCK) {
        return None;
    }
    let (stripe, mcus) = (rows / (fy * BLOCK), width.div_ceil(fx * BLOCK));
    (1..=stripe).rev().find(|&part| stripe.is_multiple_of(part) && part * mcus <= MAX_INTERVAL_MCUS)
}

/// A JPEG of one scan, as intervals of whole MCU rows: those between its restart markers, or all rows where there are none.
pub struct Striped<'a> {
    /// The bytes before the entropy-coded data.
    head: &'a [u8],
    /// Offset of the two bytes of the height in the head.
    height_at: usize,
    shape: Shape,
    /// Rows of a restart interval; the last one may have fewer.
    rows: usize,
    /// The entropy-coded data of each interval, without markers.
    intervals: Vec<&'a [u8]>,
}

/// The fields of SOF that stripes need.
struct Frame {
    shape: Shape,
    components: u8,
    mcu: (usize, usize),
}

impl Frame {
    fn parse(segment: &[u8]) -> Option<Self> {
        let (&[8, h1, h0, w1, w0, components], planes) = segment.split_first_chunk::<6>()? else {
            return None;
        };
        let (planes, rest) = planes.as_chunks::<3>();
        if planes.len() != usize::from(components) || !rest.is_empty() {
            return None;
        }
        let factors = |plane: &[u8; 3]| (usize::from(plane[1] >> 4), usize::from(plane[1] & 15));
        let sampling = match planes {
            [luma] => Some(Sampling::Gray).filter(|_| factors(luma) == (1, 1)),
            [luma, cb, cr] if factors(cb) == (1, 1) && factors(cr) == (1, 1) => {
                Sampling::YCC.into_iter().find(|sampling| sampling.factors() == factors(luma))
            }
            _ => None,
        }?;
        let (width, height) = (u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into());
        let (fx, fy) = sampling.factors();
        let shape = Shape { width, height, sampling: Some(sampling) };
        (width > 0 && height > 0).then_some(Self { shape, components, mcu: (fx * BLOCK, fy * BLOCK) })
    }

    /// Whether a SOS segment starts a scan of all components and coefficients.
    fn is_whole_scan(&self, segment: &[u8]) -> bool {
        segment.len() == 4 + 2 * usize::from(self.components)
            && segment.first() == Some(&self.components)
            && segment.ends_with(&[0, 63, 0])
    }
}

impl<'a> Striped<'a> {
    /// Finds the restart markers of a sequential JPEG. `None` where the file is damaged or has another form.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut at = bytes.starts_with(&SOI).then_some(SOI.len())?;
        let (mut frame, mut interval) = (None, 0);
        let (height_at, frame) = loop {
            let &[0xFF, marker, l1, l0] = bytes.get(at..)?.first_chunk()? else { return None };
            let next = at + 2 + usize::from(u16::from_be_bytes([l1, l0]));
            let segment = bytes.get(at + 4..next)?;
            match marker {
                // SOF0, SOF1: sequential, Huffman. The height follows the precision.
                0xC0 | 0xC1 if frame.is_none() => frame = Some((at + 5, Frame::parse(segment)?)),
                // DRI.
                0xDD => interval = usize::from(u16::from_be_bytes(segment.try_into().ok()?)),
                // SOS.
                0xDA => {
                    at = next;
                    break frame.filter(|(_, frame)| frame.is_whole_scan(segment))?;
                }
                // DHT, DQT, APPn, COM.
                0xC4 | 0xDB | 0xE0..=0xEF | 0xFE => {}
                _ => return None,
            }
            at = next;
        };
        let mcus = frame.shape.width.div_ceil(frame.mcu.0);
        if !interval.is_multiple_of(mcus) {
            return None;
        }
        let rows = match interval / mcus {
            0 => frame.shape.height.next_multiple_of(frame.mcu.1),
            rows => rows * frame.mcu.1,
        };
        let (head, data) = bytes.split_at(at);
        let intervals = intervals(data)?;
        let all = frame.shape.height.div_ceil(rows) == intervals.len();
        all.then_some(Self { head, height_at, shape: frame.shape, rows, intervals })
    }

    /// Size and sampling by the header.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The bytes before the entropy-coded data, from SOI to SOS.
    pub fn head(&self) -> &'a [u8] {
        self.head
    }

    /// Rows of an interval; the last one may have fewer.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The entropy-coded data of each interval. Every byte of 255 in them has a byte of 0 behind it.
    pub fn intervals(&self) -> &[&'a [u8]] {
        &self.intervals
    }

    /// A JPEG of the intervals that hold the rows `rows`, and the rows of these intervals.
    ///
    /// # Panics
    /// Where `rows` is empty or ends below the image: a mistake of the caller.
    pub fn cut(&self, rows: Range<usize>) -> (Range<usize>, Vec<u8>) {
        assert!(!rows.is_empty() && rows.end <= self.shape.height, "rows lie inside their image");
        let (first, end) = (rows.start / self.rows, rows.end.div_ceil(self.rows));
        let rows = first * self.rows..(end * self.rows).min(self.shape.height);
        let parts = &self.intervals[first..end];
        let bytes = parts.iter().map(|part| part.len() + 2).sum::<usize>();
        let mut jpeg = Vec::with_capacity(self.head.len() + bytes);
        jpeg.extend_from_slice(self.head);
        // At most the height of the whole, so it fits 16 bits.
        jpeg[self.height_at..self.height_at + 2].copy_from_slice(&(rows.len() as u16).to_be_bytes());
        for (i, part) in parts.iter().enumerate() {
            jpeg.extend_from_slice(part);
            let next = [0xFF, RST0 + (i % RESTARTS) as u8];
            jpeg.extend_from_slice(if i + 1 < parts.len() { &next } else { &EOI });
        }
        (rows, jpeg)
    }
}

/// Splits entropy-coded data at restart markers. `None` where the markers are not numbered in order, or EOI does not end the file.
fn intervals(data: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut intervals, mut begin, mut at) = (Vec::new(), 0, 0);
    loop {
        at = next_ff(data, at)?;
        match *data.get(at + 1)? {
            0 => {}
            marker if usize::from(marker) == usize::from(RST0) + intervals.len() % RESTARTS => {
                intervals.push(&data[begin..at]);
                begin = at + 2;
            }
            marker if marker == EOI[1] && at + 2 == data.len() => {
                intervals.push(&data[begin..at]);
                return Some(intervals);
            }
            _ => return None,
        }
        at += 2;
    }
}

/// The position of the next byte of 255 from `at` on. Such bytes are rare, so chunks of 32 are tested without a branch for each byte.
fn next_ff(data: &[u8], mut at: usize) -> Option<usize> {
    let (chunks, _) = data.get(at..)?.as_chunks::<32>();
    let is_free = |chunk: &&[u8; 32]| !chunk.iter().fold(false, |any, &byte| any | (byte == 0xFF));
    at += 32 * chunks.iter().take_while(is_free).count();
    data[at..].iter().position(|&byte| byte == 0xFF).map(|after| at + after)
}

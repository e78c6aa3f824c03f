//! The parts of a JPEG besides its coefficients and quantisation steps, as the JPEG bitstream reconstruction data of ISO/IEC 18181-2,
//! annex A.
//!
//! They are taken from a JPEG that libjpeg-turbo writes: its order of markers, and its standard Huffman tables, which have codes for all
//! coefficients of 8-bit samples. Only the quantisation tables differ: one for each component, because other encoders have that many.

use std::sync::OnceLock;

use super::error::failed;
use crate::codec::error::Result;
use crate::codec::image_codec::ImageEncoder;
use crate::codec::turbo::Encoder as JpegEncoder;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

/// The head of a Brotli stream: a window of 64 KiB, then an uncompressed block of 17 bytes.
const BROTLI_17_RAW_BYTES: [u8; 3] = [0x00, 0x01, 0x10];
/// Its end: an empty last block.
const BROTLI_END: u8 = 0x03;

/// The reconstruction data of gray or colour images.
pub fn data(sampling: Sampling) -> Result<&'static [u8]> {
    static GRAY: OnceLock<Vec<u8>> = OnceLock::new();
    static COLOUR: OnceLock<Vec<u8>> = OnceLock::new();
    let (cell, components) = if sampling == Sampling::Gray { (&GRAY, 1) } else { (&COLOUR, 3) };
    if cell.get().is_none() {
        let made = make(components)?;
        // A thread that comes second has made the same data.
        let _ = cell.set(made);
    }
    cell.get().map(Vec::as_slice).ok_or_else(|| failed("no reconstruction data"))
}

fn make(components: usize) -> Result<Vec<u8>> {
    let plane = || Plane::filled(8, 8, 128);
    let image = match components {
        1 => Ycc::gray(plane()),
        _ => Ycc { luma: plane(), chroma: Some([plane(), plane()]), sampling: Sampling::S444 },
    };
    let jpeg = JpegEncoder::new()?.encode(image.view(), 50.into())?;
    from_template(&jpeg, components)
        .ok_or_else(|| failed("libjpeg-turbo's JPEG has another form than expected"))
}

/// A marker segment: its code and what follows its length.
type Segment<'a> = (u8, &'a [u8]);

/// The segments up to and including the start of the scan.
fn segments(jpeg: &[u8]) -> Option<Vec<Segment<'_>>> {
    let mut rest = jpeg.strip_prefix(&[0xff, 0xd8])?;
    let mut segments = Vec::new();
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        segments.push((marker, rest.get(4..2 + length)?));
        rest = rest.get(2 + length..)?;
        if marker == 0xda {
            return Some(segments);
        }
    }
}

fn from_template(jpeg: &[u8], components: usize) -> Option<Vec<u8>> {
    let template = segments(jpeg)?;
    let of = |marker: u8| template.iter().filter(move |(m, _)| *m == marker).map(|(_, data)| *data);
    let (jfif, tables) = (of(0xe0).next()?, of(0xc4).collect::<Vec<_>>());
    let mut bits = Bits::default();
    bits.put((components == 1).into(), 1);
    // Markers, from APP0 to the end of the image.
    let order = [0xe0].into_iter().chain(vec![0xdb; components]).chain([0xc0]);
    for marker in order.chain(vec![0xc4; tables.len()]).chain([0xda, 0xd9]) {
        bits.put(marker - 0xc0, 6);
    }
    // APP0 is kept as it is, its code and length included.
    bits.put(0, 2);
    bits.put(jfif.len() as u32 + 2, 16);
    bits.put(components as u32 - 1, 2);
    for table in 0..components as u32 {
        // 8-bit steps; the table's number; the last table in its marker.
        bits.put(0, 1);
        bits.put(table, 2);
        bits.put(1, 1);
    }
    // Component numbers 1, or 1 2 3; each component has its own quantisation table.
    bits.put((components == 3).into(), 2);
    (0..components as u32).for_each(|table| bits.put(table, 2));
    match tables.len() {
        4 => bits.put(0, 2),
        2 => bits.put(1, 5),
        _ => return None,
    }
    for table in tables {
        huffman(&mut bits, table)?;
    }
    // One scan of all components and coefficients, complete with the last pass.
    bits.put(components as u32 - 1, 2);
    for (value, width) in [(0, 6), (63, 6), (0, 4), (0, 4)] {
        bits.put(value, width);
    }
    for component in 0..components as u32 {
        let tables = u32::from(component > 0);
        for value in [component, tables, tables] {
            bits.put(value, 2);
        }
    }
    bits.put(0, 2);
    // No reset points, no extra runs of zeros, nothing after the image, and ones as padding.
    for width in [2, 2, 2, 1] {
        bits.put(0, width);
    }
    let mut data = bits.bytes;
    data.extend_from_slice(&BROTLI_17_RAW_BYTES);
    data.push(0xe0);
    data.extend_from_slice(&(jfif.len() as u16 + 2).to_be_bytes());
    data.extend_from_slice(jfif);
    data.push(BROTLI_END);
    (jfif.len() == 14).then_some(data)
}

/// A DHT segment with one table: class and number, 16 counts, the symbols.
fn huffman(bits: &mut Bits, segment: &[u8]) -> Option<()> {
    let (&class, rest) = segment.split_first()?;
    let (counts, symbols) = rest.split_first_chunk::<16>()?;
    if counts.iter().map(|&n| usize::from(n)).sum::<usize>() != symbols.len() {
        return None;
    }
    bits.put((class >> 4).into(), 1);
    bits.put((class & 3).into(), 2);
    bits.put(1, 1);
    // No codes of length 0, then lengths 1 to 16. The code of all ones, which no symbol has, counts as one more of the greatest length.
    let longest = counts.iter().rposition(|&n| n > 0)?;
    bits.put(0, 2);
    for (length, &count) in counts.iter().enumerate() {
        match u32::from(count) + u32::from(length == longest) {
            count @ (0 | 1) => bits.put(count, 2),
            count @ 2..=9 => {
                bits.put(2, 2);
                bits.put(count - 2, 3);
            }
            count => {
                bits.put(3, 2);
                bits.put(count, 8);
            }
        }
    }
    for symbol in symbols.iter().map(|&s| u32::from(s)).chain([256]) {
        let (selector, base, width) = match symbol {
            0..=3 => (0, 0, 2),
            4..=7 => (1, 4, 2),
            8..=23 => (2, 8, 4),
            _ => (3, 1, 8),
        };
        bits.put(selector, 2);
        bits.put(symbol - base, width);
    }
    Some(())
}

/// Bits, packed from the lowest bit of each byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn put(&mut self, value: u32, width: usize) {
        for i in 0..width {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> i & 1) as u8) << (self.used % 8);
            }
            self.used += 1;
        }
    }
}

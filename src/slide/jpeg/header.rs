//! The markers of a JPEG up to its first scan: size, coding, colour, density, profile (ITU-T T.81, JFIF 1.02, ICC.1).
//!
//! Safe code reads them before the C library sees the data, so that sizes are checked first. It deliberately does not know
//! entropy coding.

use super::super::exif;
use std::io::{self, BufRead};

/// Largest colour profile; a JPEG can hold 255 chunks of 64 KiB.
const MAX_ICC_BYTES: usize = 16 << 20;
/// Stray bytes tolerated between two markers.
const MAX_STRAY_BYTES: u64 = 1 << 20;
/// Marker segments tolerated before the first scan.
const MAX_SEGMENTS: usize = 20_000;

/// One colour component of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    pub id: u8,
    pub horizontal: u8,
    pub vertical: u8,
}

/// What the three components of a colour JPEG are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorModel {
    Rgb,
    YCbCr,
}

/// The contents of the markers.
#[derive(Debug, Clone, Default)]
pub struct Header {
    pub width: u32,
    pub height: u32,
    /// Bits per sample.
    pub precision: u8,
    /// n of the start-of-frame marker SOFn: 0 baseline, 1 extended, 2 progressive, 3 lossless, 9 and up arithmetic.
    pub sof: u8,
    pub components: Vec<Component>,
    /// Components in the first scan; when it lacks some, more scans follow.
    pub first_scan_components: u8,
    pub jfif: bool,
    /// JFIF density: unit (1 inch, 2 centimetre), across, down.
    pub density: Option<(u8, u16, u16)>,
    /// Colour transform of an Adobe marker: 0 none, 1 YCbCr, 2 YCCK.
    pub adobe: Option<u8>,
    pub icc: Option<Vec<u8>>,
    /// Why there is no profile, where there are parts of one.
    pub icc_fault: Option<String>,
    /// The value of EXIF's orientation tag.
    pub orientation: Option<u64>,
}

impl Header {
    /// Reads markers up to the first scan. The error says what is wrong and where, in bytes from the start.
    pub fn parse(reader: impl BufRead) -> Result<Self, String> {
        Scanner { reader, offset: 0, icc: Vec::new() }.run()
    }

    /// The colour model of three components by the Adobe marker, the JFIF marker, then components named R, G and B, in this
    /// order; `None` if none of them decides. libjpeg takes a JPEG without any of them for YCbCr.
    pub fn color_model(&self) -> Option<ColorModel> {
        match self.adobe {
            Some(0) => return Some(ColorModel::Rgb),
            Some(_) => return Some(ColorModel::YCbCr),
            None if self.jfif => return Some(ColorModel::YCbCr),
            None => {}
        }
        let ids: Vec<u8> = self.components.iter().map(|component| component.id).collect();
        (ids == b"RGB").then_some(ColorModel::Rgb)
    }

    /// Whether its components differ in resolution.
    pub fn is_subsampled(&self) -> bool {
        let factors = |component: &Component| (component.horizontal, component.vertical);
        self.components
            .iter()
            .any(|component| Some(factors(component)) != self.components.first().map(factors))
    }

    /// True when no row is final before the last scan: progressive, or components in separate scans.
    pub fn multi_scan(&self) -> bool {
        matches!(self.sof, 2 | 6 | 10 | 14) || usize::from(self.first_scan_components) < self.components.len()
    }

    /// Bytes of all coefficients, two each, in whole blocks. Decoding a multi-scan image keeps them in memory.
    pub fn coefficient_bytes(&self) -> u64 {
        let max = |side: fn(&Component) -> u8| self.components.iter().map(side).max().unwrap_or(1).max(1);
        let (across, down) = (max(|c| c.horizontal), max(|c| c.vertical));
        let units = |size: u32, factor: u8| u64::from(size).div_ceil(u64::from(factor) * 8);
        let (columns, rows) = (units(self.width, across), units(self.height, down));
        // Sizes are 16-bit and factors 4-bit, so this stays below 2^45.
        let blocks = |c: &Component| columns * u64::from(c.horizontal) * rows * u64::from(c.vertical);
        self.components.iter().map(blocks).sum::<u64>() * 128
    }
}

struct Scanner<R> {
    reader: R,
    offset: u64,
    /// Chunks of the colour profile: sequence number, number of chunks, data.
    icc: Vec<(u8, u8, Vec<u8>)>,
}

impl<R: BufRead> Scanner<R> {
    fn run(mut self) -> Result<Header, String> {
        if [self.byte()?, self.byte()?] != [0xFF, 0xD8] {
            return Err("no start-of-image marker at byte 0".into());
        }
        let mut header = Header::default();
        for _ in 0..MAX_SEGMENTS {
            let marker = self.marker()?;
            match marker {
                0x01 | 0xD0..=0xD8 => {}
                0xD9 => return Err(format!("the image ends at byte {} before any scan", self.offset)),
                0xDA => {
                    let segment = self.segment()?;
                    header.first_scan_components = segment.first().copied().unwrap_or(0);
                    if header.components.is_empty() {
                        return Err(format!("a scan before any frame at byte {}", self.offset));
                    }
                    match assemble(std::mem::take(&mut self.icc)) {
                        Ok(icc) => header.icc = icc,
                        Err(fault) => header.icc_fault = Some(fault),
                    }
                    return Ok(header);
                }
                // DHT, JPG and DAC share the range of the frames.
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                    let start = self.offset;
                    let segment = self.segment()?;
                    if !header.components.is_empty() {
                        return Err(format!("a second frame at byte {start}"));
                    }
                    header.sof = marker - 0xC0;
                    read_frame(&mut header, &segment)
                        .ok_or(format!("a frame of a wrong length at byte {start}"))?;
                }
                _ => {
                    let segment = self.segment()?;
                    self.application(&mut header, marker, &segment);
                }
            }
        }
        Err(format!("more than {MAX_SEGMENTS} marker segments before the first scan"))
    }

    fn byte(&mut self) -> Result<u8, String> {
        let mut byte = [0];
        self.fill(&mut byte)?;
        Ok(byte[0])
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), String> {
        self.reader.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                format!("the file ends inside the header, after byte {}", self.offset)
            }
            _ => format!("cannot read at byte {}: {error}", self.offset),
        })?;
        self.offset += buffer.len() as u64;
        Ok(())
    }

    fn marker(&mut self) -> Result<u8, String> {
        let start = self.offset;
        let mut previous = 0;
        while self.offset - start < MAX_STRAY_BYTES {
            let byte = self.byte()?;
            if previous == 0xFF && byte != 0xFF && byte != 0 {
                return Ok(byte);
            }
            previous = byte;
        }
        Err(format!("no marker in {MAX_STRAY_BYTES} bytes after byte {start}"))
    }

    /// The body of a segment, after its length field: at most 65533 bytes.
    fn segment(&mut self) -> Result<Vec<u8>, String> {
        let length = usize::from(u16::from_be_bytes([self.byte()?, self.byte()?]));
        let body =
            length.checked_sub(2).ok_or(format!("a segment of length {length} at byte {}", self.offset))?;
        let mut segment = vec![0; body];
        self.fill(&mut segment)?;
        Ok(segment)
    }

    fn application(&mut self, header: &mut Header, marker: u8, segment: &[u8]) {
        match (marker, segment) {
            (0xE0, [b'J', b'F', b'I', b'F', 0, _, _, unit, x_high, x_low, y_high, y_low, ..]) => {
                header.jfif = true;
                let across = u16::from_be_bytes([*x_high, *x_low]);
                header.density = Some((*unit, across, u16::from_be_bytes([*y_high, *y_low])));
            }
            (0xEE, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                header.adobe = Some(*transform)
            }
            (0xE1, _) => {
                let exif = segment.strip_prefix(b"Exif\0\0");
                header.orientation = header.orientation.or(exif.and_then(exif::orientation));
            }
            (0xE2, _) => {
                let held: usize = self.icc.iter().map(|(_, _, data)| data.len()).sum();
                if let Some([number, count, data @ ..]) = segment.strip_prefix(b"ICC_PROFILE\0")
                    && held + data.len() <= MAX_ICC_BYTES
                {
                    self.icc.push((*number, *count, data.to_vec()));
                }
            }
            _ => {}
        }
    }
}

fn read_frame(header: &mut Header, segment: &[u8]) -> Option<()> {
    let (&[precision, y_high, y_low, x_high, x_low, count], rest) = segment.split_first_chunk::<6>()?;
    header.precision = precision;
    header.height = u32::from(u16::from_be_bytes([y_high, y_low]));
    header.width = u32::from(u16::from_be_bytes([x_high, x_low]));
    let parts = rest.chunks_exact(3);
    header.components = parts
        .filter_map(|part| match *part {
            [id, factors, _] => Some(Component { id, horizontal: factors >> 4, vertical: factors & 15 }),
            _ => None,
        })
        .collect();
    (count > 0 && header.components.len() == usize::from(count) && rest.len() == usize::from(count) * 3)
        .then_some(())
}

/// The profile, when all its chunks are there, each once. The error says what is wrong.
fn assemble(mut chunks: Vec<(u8, u8, Vec<u8>)>) -> Result<Option<Vec<u8>>, String> {
    chunks.sort_by_key(|(number, _, _)| *number);
    let Some(&(_, total, _)) = chunks.first() else { return Ok(None) };
    let whole = chunks.len() == usize::from(total)
        && chunks
            .iter()
            .zip(1..=255u8)
            .all(|((number, count, _), expected)| *number == expected && *count == total);
    match whole {
        true => Ok(Some(chunks.into_iter().flat_map(|(_, _, data)| data).collect())),
        false => Err(format!("of its {total} parts, {} are there", chunks.len())),
    }
}

//! The first page of an NDPI file: where its JPEG lies, and the starts of its restart intervals.
//!
//! NDPI is a TIFF of 32-bit values whose pointers to the next page have 64 bits. The upper halves of values follow that pointer.
//! Sources: OpenSlide's documentation of the format, TIFF 6.0.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::super::resolution;
use std::collections::BTreeMap;

/// Entries of a page; real ones have some 50.
const MAX_ENTRIES: u64 = 4096;
/// Restart intervals: rows of MCUs of the largest slide times a few columns.
const MAX_INTERVALS: u64 = 1 << 24;
const PAGES: usize = 64;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const COMPRESSION: u16 = 259;
const OFFSET: u16 = 273;
const BYTES: u16 = 279;
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const UNIT: u16 = 296;
const NDPI: u16 = 65420;
const LENS: u16 = 65421;
const STARTS: u16 = 65426;
const STARTS_HIGH: u16 = 65432;

/// The slide's page.
#[derive(Debug)]
pub struct Page {
    pub width: u32,
    pub height: u32,
    /// Offset of the JPEG in the file.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// Where its restart intervals begin, from the start of the JPEG.
    pub starts: Vec<u64>,
    pub microns_per_pixel: Option<(f64, f64)>,
    pub objective_power: Option<f64>,
}

impl Page {
    /// Reads the first page, which is the slide at full resolution.
    ///
    /// # Errors
    /// A damaged file; another kind of file; more than one focal plane.
    pub fn read(file: &PositionalFile) -> Result<Self, SlideError> {
        let reader = Reader { file };
        let mut next = reader.number(4, 8)?;
        let (first, after) = reader.entries(next)?;
        if !first.contains_key(&NDPI) {
            return Err(reader.corrupt("no mark of NDPI (tag 65420)"));
        }
        let lens =
            |entries: &Entries| entries.get(&LENS).map_or(0.0, |entry| f64::from(f32::from_bits(entry.low)));
        let (width, height) = (reader.value(&first, WIDTH)?, reader.value(&first, HEIGHT)?);
        let mut planes = 1;
        next = after;
        for _ in 0..PAGES {
            if next == 0 {
                break;
            }
            let (page, after) = reader.entries(next)?;
            let same = reader.value(&page, WIDTH)? == width && lens(&page) == lens(&first);
            planes += u32::from(same);
            next = after;
        }
        if planes > 1 {
            let what = format!("{planes} focal planes");
            return Err(SlideError::unsupported(file.path(), "NDPI", what, "export one of them"));
        }
        if reader.value(&first, COMPRESSION)? != 7 {
            return Err(SlideError::unsupported(
                file.path(),
                "NDPI",
                "pixels that are no JPEG",
                "use OpenSlide",
            ));
        }
        let side = |value: u64| u32::try_from(value).ok().filter(|&side| side > 0);
        let (Some(width), Some(height)) = (side(width), side(height)) else {
            return Err(reader.corrupt("a size of 0 or more than 32 bits"));
        };
        Ok(Self {
            width,
            height,
            offset: reader.value(&first, OFFSET)?,
            bytes: reader.value(&first, BYTES)?,
            starts: reader.starts(&first)?,
            microns_per_pixel: reader.microns(&first),
            objective_power: Some(lens(&first)).filter(|lens| *lens > 0.0 && lens.is_finite()),
        })
    }
}

type Entries = BTreeMap<u16, Entry>;

/// An entry; `value` is the value of a single number, else the offset of the values.
#[derive(Clone, Copy)]
struct Entry {
    count: u64,
    low: u32,
    value: u64,
}

struct Reader<'a> {
    file: &'a PositionalFile,
}

impl Reader<'_> {
    fn corrupt(&self, problem: impl Into<String>) -> SlideError {
        SlideError::corrupt(self.file.path(), "NDPI", "first page", problem)
    }

    fn bytes(&self, offset: u64, length: u64) -> Result<Vec<u8>, SlideError> {
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.file.len());
        if !inside {
            return Err(self.corrupt(format!("{length} bytes at byte {offset}, behind the end of the file")));
        }
        let mut bytes = vec![0; length as usize];
        let failed = |source| SlideError::io(self.file.path(), "cannot read it", source);
        self.file.read_exact_at(offset, &mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    fn number(&self, offset: u64, length: u64) -> Result<u64, SlideError> {
        Ok(number(&self.bytes(offset, length)?))
    }

    /// The entries of a page, and the offset of the next one.
    fn entries(&self, at: u64) -> Result<(Entries, u64), SlideError> {
        let count = self.number(at, 2)?;
        if count == 0 || count > MAX_ENTRIES {
            return Err(self.corrupt(format!("{count} entries, expected 1 to {MAX_ENTRIES}")));
        }
        let all = self.bytes(at + 2, count * 16 + 8)?;
        let (table, rest) = all.split_at((count * 12) as usize);
        let (next, highs) = rest.split_at(8);
        let mut entries = Entries::new();
        for (raw, high) in table.chunks_exact(12).zip(highs.chunks_exact(4)) {
            let part = |range: std::ops::Range<usize>| number(raw.get(range).unwrap_or_default());
            let (tag, low) = (part(0..2) as u16, part(8..12) as u32);
            let value = u64::from(low) | number(high) << 32;
            entries.entry(tag).or_insert(Entry { count: part(4..8), low, value });
        }
        Ok((entries, number(next)))
    }

    fn value(&self, entries: &Entries, tag: u16) -> Result<u64, SlideError> {
        entries.get(&tag).map(|entry| entry.value).ok_or_else(|| self.corrupt(format!("no tag {tag}")))
    }

    fn array(&self, entry: Entry) -> Result<Vec<u64>, SlideError> {
        if entry.count > MAX_INTERVALS {
            return Err(self.corrupt(format!("{} restart intervals", entry.count)));
        }
        if entry.count == 1 {
            return Ok(vec![u64::from(entry.low)]);
        }
        Ok(self.bytes(entry.value, 4 * entry.count)?.chunks_exact(4).map(number).collect())
    }

    fn starts(&self, entries: &Entries) -> Result<Vec<u64>, SlideError> {
        let Some(&entry) = entries.get(&STARTS) else { return Ok(Vec::new()) };
        let mut starts = self.array(entry)?;
        if let Some(&high) = entries.get(&STARTS_HIGH) {
            for (start, high) in starts.iter_mut().zip(self.array(high)?) {
                *start |= high << 32;
            }
        }
        Ok(starts)
    }

    fn microns(&self, entries: &Entries) -> Option<(f64, f64)> {
        let density = |tag: u16| {
            let bytes = self.bytes(entries.get(&tag)?.value, 8).ok()?;
            let (above, below) = bytes.split_at(4);
            Some(number(above) as f64 / number(below) as f64)
        };
        let unit_um = match entries.get(&UNIT)?.low {
            2 => 25_400.0,
            3 => 10_000.0,
            _ => return None,
        };
        resolution::from_density(density(X_RESOLUTION)?, density(Y_RESOLUTION)?, unit_um)
    }
}

/// An unsigned number, little-endian, of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

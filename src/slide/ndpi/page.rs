//! The page of an NDPI file that is the slide: where its JPEG lies, and the starts of its restart intervals.
//!
//! NDPI is a TIFF of 32-bit values whose pointers to the next page have 64 bits. The upper halves of values follow that pointer.
//! Sources: OpenSlide's documentation of the format, TIFF 6.0.

use super::super::error::{Axis, SlideError};
use super::super::options::Selection;
use super::super::positional::PositionalFile;
use super::super::resolution;
use super::super::tiff::tag;
use std::collections::BTreeMap;
use std::path::Path;

/// Entries of a page; real ones have some 50.
const MAX_ENTRIES: u64 = 4096;
/// Restart intervals: rows of MCUs of the largest slide times a few columns.
const MAX_INTERVALS: u64 = 1 << 24;
const PAGES: usize = 64;

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
    /// Reads the page of the slide at full resolution: the first one, or of several focal planes the one that was chosen, counted
    /// from the lowest depth on.
    ///
    /// # Errors
    /// A damaged file; another kind of file; several focal planes without a choice.
    pub fn read(file: &PositionalFile, selection: &Selection) -> Result<Self, SlideError> {
        let reader = Reader { file };
        let (first, mut next) = reader.entries(reader.number(4, 8)?)?;
        if !first.contains_key(&tag::NDPI_FORMAT) {
            return Err(reader.corrupt("no mark of NDPI (tag 65420)"));
        }
        let kind = |page: &Entries| {
            Ok::<_, SlideError>((reader.value(page, tag::IMAGE_WIDTH)?, lens(page).to_bits()))
        };
        let of_slide = kind(&first)?;
        let mut planes = vec![first];
        for _ in 0..PAGES {
            if next == 0 {
                break;
            }
            let (page, after) = reader.entries(next)?;
            if kind(&page)? == of_slide {
                planes.push(page);
            }
            next = after;
        }
        planes.sort_by_key(depth_nm);
        let plane = chosen(file.path(), planes.len() as u32, selection)?;
        let plane = planes.get(plane as usize).ok_or_else(|| reader.corrupt("no focal plane"))?;
        if reader.value(plane, tag::COMPRESSION)? != 7 {
            let what = "pixels that are no JPEG";
            return Err(SlideError::unsupported(file.path(), "NDPI", what, "use OpenSlide"));
        }
        let side =
            |tag| Ok::<_, SlideError>(u32::try_from(reader.value(plane, tag)?).ok().filter(|&side| side > 0));
        let (Some(width), Some(height)) = (side(tag::IMAGE_WIDTH)?, side(tag::IMAGE_LENGTH)?) else {
            return Err(reader.corrupt("a size of 0 or more than 32 bits"));
        };
        Ok(Self {
            width,
            height,
            offset: reader.value(plane, tag::STRIP_OFFSETS)?,
            bytes: reader.value(plane, tag::STRIP_BYTE_COUNTS)?,
            starts: reader.starts(plane)?,
            microns_per_pixel: reader.microns(plane),
            objective_power: Some(lens(plane)).filter(|lens| *lens > 0.0 && lens.is_finite()),
        })
    }
}

/// The magnification of a page; negative of images beside the slide.
fn lens(page: &Entries) -> f64 {
    page.get(&tag::NDPI_LENS).map_or(0.0, |entry| f64::from(f32::from_bits(entry.low)))
}

/// The depth of a page's focal plane, in nanometres.
fn depth_nm(page: &Entries) -> i32 {
    page.get(&tag::NDPI_Z_OFFSET).map_or(0, |entry| entry.low as i32)
}

/// The number of the focal plane.
fn chosen(path: &Path, count: u32, selection: &Selection) -> Result<u32, SlideError> {
    let (path, what) = (path.to_path_buf(), Axis::FocalPlane);
    match selection.z {
        Some(z) if z < count => Ok(z),
        Some(given) => Err(SlideError::NoSuchPlane { path, what, given, count }),
        None if count > 1 => Err(SlideError::ChoosePlane { path, what, count }),
        None => Ok(0),
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
        let Some(&entry) = entries.get(&tag::NDPI_STARTS) else { return Ok(Vec::new()) };
        let mut starts = self.array(entry)?;
        if let Some(&high) = entries.get(&tag::NDPI_STARTS_HIGH) {
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
        let unit_um = match entries.get(&tag::RESOLUTION_UNIT)?.low {
            2 => 25_400.0,
            3 => 10_000.0,
            _ => return None,
        };
        resolution::from_density(density(tag::X_RESOLUTION)?, density(tag::Y_RESOLUTION)?, unit_um)
    }
}

/// An unsigned number, little-endian, of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

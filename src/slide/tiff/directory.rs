//! An image file directory of a TIFF or BigTIFF: tags to values, every offset checked against the file.
//!
//! Source: TIFF 6.0 (Adobe, 1992) and the BigTIFF design of libtiff. It deliberately does not know what tags mean, nor how the
//! directories of a file hang together.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use std::collections::BTreeMap;

/// Entries of one directory; real ones have a few dozen.
const MAX_ENTRIES: u64 = 4096;
/// Bytes of one tag's values: the 64-bit offsets of 20 million tiles.
const MAX_VALUE_BYTES: u64 = 160 << 20;

/// Byte order of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// An unsigned number of up to eight bytes.
    pub fn number(self, bytes: &[u8]) -> u64 {
        let push = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, push),
            Self::Big => bytes.iter().fold(0, push),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: u16,
    count: u64,
    /// Byte offset of the value, in the entry itself or elsewhere in the file.
    offset: u64,
}

/// The header of a file: what is needed to read its directories.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    order: ByteOrder,
    big: bool,
    /// Byte offset of the first directory.
    pub first: u64,
}

impl Header {
    pub fn read(file: &PositionalFile) -> Result<Self, SlideError> {
        let corrupt = |problem: String| SlideError::corrupt(file.path(), "TIFF", "header", problem);
        let head = bytes_at(file, "header", 0, 8)?;
        let order = match head.get(..2) {
            Some(b"II") => ByteOrder::Little,
            Some(b"MM") => ByteOrder::Big,
            _ => return Err(corrupt("no byte order mark".into())),
        };
        let field = |from: usize, to: usize| order.number(head.get(from..to).unwrap_or_default());
        let (big, first) = match (field(2, 4), field(4, 6), field(6, 8)) {
            (42, _, _) => (false, field(4, 8)),
            (43, 8, 0) => (true, order.number(&bytes_at(file, "header", 8, 8)?)),
            (version, _, _) => return Err(corrupt(format!("version {version}, expected 42 or 43"))),
        };
        Ok(Self { order, big, first })
    }
}

/// One directory of a file.
#[derive(Debug)]
pub(super) struct Directory<'f> {
    file: &'f PositionalFile,
    pub order: ByteOrder,
    entries: BTreeMap<u16, Entry>,
    /// Byte offset of the directory that follows; 0 after the last one.
    pub next: u64,
}

impl<'f> Directory<'f> {
    /// Reads the directory at byte `at`.
    pub fn read(file: &'f PositionalFile, header: Header, at: u64) -> Result<Self, SlideError> {
        let Header { order, big, .. } = header;
        // Bytes of the number of entries, of one entry, and of its count and its value field.
        let (number_size, entry_size, word) = if big { (8, 20, 8) } else { (2, 12, 4) };
        let place = format!("directory at byte {at}");
        let number = order.number(&bytes_at(file, &place, at, number_size)?);
        if number == 0 || number > MAX_ENTRIES {
            let problem = format!("{number} entries, expected 1 to {MAX_ENTRIES}");
            return Err(SlideError::corrupt(file.path(), "TIFF", place, problem));
        }
        // No overflow: `bytes_at` checked that at + number_size lies in the file.
        let start = at + number_size;
        let table = bytes_at(file, &place, start, number * entry_size)?;
        let mut entries = BTreeMap::new();
        for (index, raw) in (0u64..).zip(table.chunks_exact(entry_size as usize)) {
            let part = |from: usize, length: usize| raw.get(from..from + length).unwrap_or_default();
            let kind = order.number(part(2, 2)) as u16;
            let count = order.number(part(4, word));
            let inline = start + index * entry_size + 4 + word as u64;
            let size = kind_size(kind).and_then(|size| size.checked_mul(count));
            let offset = if size.is_some_and(|size| size <= word as u64) {
                inline
            } else {
                order.number(part(4 + word, word))
            };
            entries.entry(order.number(part(0, 2)) as u16).or_insert(Entry { kind, count, offset });
        }
        // A file that ends with its last entry has no directory after it.
        let next = bytes_at(file, &place, start + number * entry_size, word as u64);
        let next = next.map_or(0, |bytes| order.number(&bytes));
        Ok(Self { file, order, entries, next })
    }

    /// The entry of a tag, and the bytes that its values take. They lie in the file.
    fn located(&self, tag: u16) -> Result<Option<(Entry, u64)>, SlideError> {
        let Some(&entry) = self.entries.get(&tag) else { return Ok(None) };
        let size = kind_size(entry.kind).and_then(|size| size.checked_mul(entry.count));
        match size {
            Some(size) if size <= MAX_VALUE_BYTES => {
                check_range(self.file, &format!("tag {tag}"), entry.offset, size)?;
                Ok(Some((entry, size)))
            }
            _ => Err(self.corrupt(tag, format!("{} values of type {}", entry.count, entry.kind))),
        }
    }

    /// The entry of a tag, and the bytes of its values as stored.
    fn raw(&self, tag: u16) -> Result<Option<(Entry, Vec<u8>)>, SlideError> {
        let Some((entry, size)) = self.located(tag)? else { return Ok(None) };
        bytes_at(self.file, &format!("tag {tag}"), entry.offset, size).map(|bytes| Some((entry, bytes)))
    }

    /// Bytes of an unsigned integer of a type.
    fn unsigned_size(&self, tag: u16, kind: u16) -> Result<usize, SlideError> {
        match kind {
            1 | 7 => Ok(1),
            3 => Ok(2),
            4 | 13 => Ok(4),
            16 | 18 => Ok(8),
            kind => Err(self.corrupt(tag, format!("type {kind}, expected an unsigned integer"))),
        }
    }

    /// The number of tags.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of a tag's values; 0 without the tag, or where they cannot be read.
    pub fn value_bytes(&self, tag: u16) -> u64 {
        self.located(tag).ok().flatten().map_or(0, |(_, size)| size)
    }

    /// An error about a tag.
    pub fn corrupt(&self, tag: u16, problem: impl Into<String>) -> SlideError {
        SlideError::corrupt(self.file.path(), "TIFF", format!("tag {tag}"), problem)
    }

    /// All values of a tag of unsigned integers; `None` without the tag.
    pub fn numbers(&self, tag: u16) -> Result<Option<Vec<u64>>, SlideError> {
        let Some((entry, _)) = self.located(tag)? else { return Ok(None) };
        let size = self.unsigned_size(tag, entry.kind)?;
        // Offsets of chunks have 8 bytes here, whatever they have in the file.
        if entry.count > MAX_VALUE_BYTES / 8 {
            return Err(self.corrupt(tag, format!("{} values", entry.count)));
        }
        let bytes = self.raw(tag)?.map(|(_, bytes)| bytes).unwrap_or_default();
        Ok(Some(bytes.chunks_exact(size).map(|part| self.order.number(part)).collect()))
    }

    /// The first value of a tag of unsigned integers; the others are not read.
    pub fn number(&self, tag: u16) -> Result<Option<u64>, SlideError> {
        let Some((entry, _)) = self.located(tag)? else { return Ok(None) };
        let size = self.unsigned_size(tag, entry.kind)?;
        if entry.count == 0 {
            return Err(self.corrupt(tag, "no value"));
        }
        let first = bytes_at(self.file, &format!("tag {tag}"), entry.offset, size as u64)?;
        Ok(Some(self.order.number(&first)))
    }

    /// The bytes of a tag of signed, unsigned or undefined bytes, or of text.
    pub fn bytes(&self, tag: u16) -> Result<Option<Vec<u8>>, SlideError> {
        match self.raw(tag)? {
            Some((entry, bytes)) if matches!(entry.kind, 1 | 2 | 6 | 7) => Ok(Some(bytes)),
            Some((entry, _)) => Err(self.corrupt(tag, format!("type {}, expected bytes", entry.kind))),
            None => Ok(None),
        }
    }

    /// The text of a tag, up to its last zero byte; empty without the tag or where it is no text.
    pub fn text(&self, tag: u16) -> String {
        let bytes = self.bytes(tag).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_string()
    }

    /// The values of a tag of rationals or floats; none of another type or without the tag.
    pub fn rationals(&self, tag: u16) -> Vec<f64> {
        let Some((entry, bytes)) = self.raw(tag).ok().flatten() else { return Vec::new() };
        let word = |part: &[u8], from: usize| self.order.number(part.get(from..from + 4).unwrap_or_default());
        match entry.kind {
            5 => bytes.chunks_exact(8).map(|part| word(part, 0) as f64 / word(part, 4) as f64).collect(),
            11 => bytes.chunks_exact(4).map(|part| f64::from(f32::from_bits(word(part, 0) as u32))).collect(),
            12 => bytes.chunks_exact(8).map(|part| f64::from_bits(self.order.number(part))).collect(),
            _ => Vec::new(),
        }
    }

    /// The first of them, where it is finite.
    pub fn rational(&self, tag: u16) -> Option<f64> {
        self.rationals(tag).first().copied().filter(|value| value.is_finite())
    }

    /// The number of a tag's values.
    pub fn count(&self, tag: u16) -> Option<u64> {
        self.entries.get(&tag).map(|entry| entry.count)
    }

    /// Whether the directory has the tag.
    pub fn has(&self, tag: u16) -> bool {
        self.entries.contains_key(&tag)
    }
}

/// Bytes of one element of a type; `None` for an undefined type.
fn kind_size(kind: u16) -> Option<u64> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => return None,
    })
}

/// Checks that a range lies in the file. Its length.
fn check_range(file: &PositionalFile, place: &str, offset: u64, length: u64) -> Result<usize, SlideError> {
    let inside = offset.checked_add(length).is_some_and(|end| end <= file.len());
    usize::try_from(length).ok().filter(|_| inside).ok_or_else(|| {
        let end = file.len();
        let problem = format!(
            "the file ends at byte {end}, and {length} bytes at byte {offset} are missing: it was cut short"
        );
        SlideError::corrupt(file.path(), "TIFF", place, problem)
    })
}

/// Reads a range of the file. A range outside it is an error before anything is allocated.
pub(super) fn bytes_at(
    file: &PositionalFile,
    place: &str,
    offset: u64,
    length: u64,
) -> Result<Vec<u8>, SlideError> {
    let size = check_range(file, place, offset, length)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).map_err(|_| {
        SlideError::corrupt(file.path(), "TIFF", place, format!("no memory for its {length} bytes"))
    })?;
    bytes.resize(size, 0);
    file.read_exact_at(offset, &mut bytes)
        .map_err(|source| SlideError::io(file.path(), format!("cannot read {place}"), source))?;
    Ok(bytes)
}

//! Where the frames of a file lie, and their stored bytes (PS3.5 section 8.2 and annex A.4).
//!
//! Frames of fixed size follow each other. Coded ones lie in fragments, found by the extended offset table, the basic offset table
//! or, where neither can be right, by the fragments' own headers. Pixels are deliberately not decoded here.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::super::region::allocate;
use super::elements::Element;
use super::elements::FORMAT;
use std::ops::Range;
use std::sync::Arc;

const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
const SEQUENCE_END: [u8; 4] = [0xFE, 0xFF, 0xDD, 0xE0];
/// Bytes of the header of a fragment.
const HEAD: u64 = 8;
const ADVICE: &str = "allow more memory";

/// The frames of one file.
#[derive(Debug)]
pub(super) struct Frames {
    file: Arc<PositionalFile>,
    place: Place,
    count: u32,
}

#[derive(Debug)]
enum Place {
    /// Frames of a fixed size, one after the other.
    Native { at: u64, frame_bytes: u64 },
    /// Where each frame's first fragment begins, and at last where all end.
    Fragments { bounds: Vec<u64> },
}

/// What is needed to find frames.
pub(super) struct Wanted {
    pub count: u32,
    /// Bytes of a frame without coding; `None` of coded ones.
    pub native_bytes: Option<u64>,
    pub pixels: Element,
    pub extended_offsets: Option<Element>,
}

impl Frames {
    pub fn locate(file: Arc<PositionalFile>, wanted: &Wanted, limit_bytes: u64) -> Result<Self, SlideError> {
        let place = match (wanted.native_bytes, wanted.pixels.length) {
            (Some(frame_bytes), Some(length)) => native(&file, wanted, frame_bytes, length)?,
            (None, None) => {
                Place::Fragments { bounds: Fragments { file: &file, limit_bytes }.bounds(wanted)? }
            }
            (Some(_), None) => {
                return Err(corrupt(&file, "pixel data", "in fragments, and the transfer syntax has none"));
            }
            (None, Some(_)) => {
                return Err(corrupt(&file, "pixel data", "without fragments, which coded frames have"));
            }
        };
        Ok(Self { file, place, count: wanted.count })
    }

    pub fn file(&self) -> &PositionalFile {
        &self.file
    }

    /// Where a frame lies in the file; `None` for one that it does not hold.
    pub fn range(&self, frame: u32) -> Option<Range<u64>> {
        match &self.place {
            _ if frame >= self.count => None,
            Place::Native { at, frame_bytes } => {
                let start = at.checked_add(u64::from(frame).checked_mul(*frame_bytes)?)?;
                Some(start..start.checked_add(*frame_bytes)?)
            }
            Place::Fragments { bounds } => match bounds.get(frame as usize..frame as usize + 2) {
                Some(&[start, end]) => Some(start..end),
                _ => None,
            },
        }
    }

    /// The stored bytes of a frame, at most `limit_bytes`.
    pub fn read(&self, frame: u32, limit_bytes: u64) -> Result<Vec<u8>, SlideError> {
        let name = format!("frame {}", u64::from(frame) + 1);
        let read = |at: u64, length: u64| {
            let mut bytes = allocate(self.file.path(), &name, length, limit_bytes, ADVICE)?;
            let failed = |source| SlideError::io(self.file.path(), format!("cannot read {name}"), source);
            self.file.read_exact_at(at, &mut bytes).map_err(failed)?;
            Ok::<_, SlideError>(bytes)
        };
        if frame >= self.count {
            return Err(corrupt(&self.file, &name, "it is not in the file"));
        }
        match &self.place {
            Place::Native { at, frame_bytes } => read(at + u64::from(frame) * frame_bytes, *frame_bytes),
            Place::Fragments { bounds } => {
                let Some(&[start, end]) = bounds.get(frame as usize..frame as usize + 2) else {
                    return Err(corrupt(&self.file, &name, "it is not in the file's list"));
                };
                join(read(start, end.saturating_sub(start))?)
                    .map_err(|problem| corrupt(&self.file, &name, problem))
            }
        }
    }
}

fn corrupt(file: &PositionalFile, place: &str, problem: impl Into<String>) -> SlideError {
    SlideError::corrupt(file.path(), FORMAT, place, problem)
}

fn native(
    file: &PositionalFile,
    wanted: &Wanted,
    frame_bytes: u64,
    length: u32,
) -> Result<Place, SlideError> {
    let at = wanted.pixels.at;
    let needed = frame_bytes.checked_mul(u64::from(wanted.count));
    let stored = u64::from(length).min(file.len().saturating_sub(at));
    if needed.is_none_or(|needed| needed > stored) {
        let needed = needed.map_or_else(|| "more than any file holds".into(), |bytes| bytes.to_string());
        let problem = format!("{stored} bytes, where {} frames need {needed}", wanted.count);
        return Err(corrupt(file, "pixel data", problem));
    }
    Ok(Place::Native { at, frame_bytes })
}

/// The data of the fragments in `bytes`, which are whole fragments with their headers.
fn join(mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let length =
        |head: &[u8]| head.get(4..8).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
    let single = length(&bytes).is_some_and(|length| u64::from(length) + HEAD == bytes.len() as u64);
    if single && bytes.starts_with(&ITEM) {
        bytes.drain(..HEAD as usize);
        return Ok(bytes);
    }
    let (mut joined, mut rest) = (Vec::new(), bytes.as_slice());
    while !rest.is_empty() {
        let length =
            length(rest).filter(|_| rest.starts_with(&ITEM)).ok_or("no fragment where one should begin")?;
        let end = length as usize + HEAD as usize;
        joined
            .extend_from_slice(rest.get(HEAD as usize..end).ok_or("a fragment reaches into the next frame")?);
        rest = rest.get(end..).unwrap_or_default();
    }
    Ok(joined)
}

/// The fragments of a file.
struct Fragments<'a> {
    file: &'a PositionalFile,
    limit_bytes: u64,
}

impl Fragments<'_> {
    /// Where each frame begins, and where the last one ends.
    fn bounds(&self, wanted: &Wanted) -> Result<Vec<u64>, SlideError> {
        let (table_at, table_bytes) = self.fragment(wanted.pixels.at)?.ok_or_else(|| {
            corrupt(self.file, "pixel data", "no basic offset table, not even an empty one")
        })?;
        let first = table_at + table_bytes;
        for (at, length, width) in [
            wanted
                .extended_offsets
                .map_or((0, 0, 8), |table| (table.at, table.length.unwrap_or(0).into(), 8)),
            (table_at, table_bytes, 4),
        ] {
            if length == u64::from(wanted.count) * width
                && let Some(bounds) = self.by_table(at, length, width as usize, first)?
            {
                return Ok(bounds);
            }
        }
        self.by_headers(wanted.count, first)
    }

    /// Offset and length of the data of the fragment at `at`; `None` for the end of all.
    fn fragment(&self, at: u64) -> Result<Option<(u64, u64)>, SlideError> {
        let mut head = [0; HEAD as usize];
        let place = format!("fragment at byte {at}");
        self.file
            .read_exact_at(at, &mut head)
            .map_err(|_| corrupt(self.file, &place, "the file ends before it"))?;
        let [a, b, c, d, length @ ..] = head;
        if [a, b, c, d] == SEQUENCE_END {
            return Ok(None);
        }
        let (data, length) = (at + HEAD, u64::from(u32::from_le_bytes(length)));
        if [a, b, c, d] != ITEM {
            return Err(corrupt(self.file, &place, "no fragment begins there"));
        }
        if length > self.file.len().saturating_sub(data) {
            return Err(corrupt(
                self.file,
                &place,
                format!("its {length} bytes reach past the end of the file"),
            ));
        }
        Ok(Some((data, length)))
    }

    /// The frames by a table of offsets from `first`. `None` where the table cannot be right: tables of files over 4 GiB overflow.
    fn by_table(
        &self,
        at: u64,
        length: u64,
        width: usize,
        first: u64,
    ) -> Result<Option<Vec<u64>>, SlideError> {
        if length == 0 || length > self.file.len().saturating_sub(at) {
            return Ok(None);
        }
        let mut table = allocate(self.file.path(), "the offset table", length, self.limit_bytes, ADVICE)?;
        let failed = |source| SlideError::io(self.file.path(), "cannot read the offset table", source);
        self.file.read_exact_at(at, &mut table).map_err(failed)?;
        let offset = |entry: &[u8]| {
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(entry).for_each(|(to, from)| *to = *from);
            first.saturating_add(u64::from_le_bytes(bytes))
        };
        let mut bounds: Vec<u64> = table.chunks_exact(width).map(offset).collect();
        let rising = bounds.first() == Some(&first) && bounds.is_sorted_by(|one, next| one < next);
        let Some(&last) = bounds.last().filter(|&&last| rising && last < self.file.len()) else {
            return Ok(None);
        };
        let mut end = last;
        while let Some((data, length)) = self.fragment(end)? {
            end = data + length;
        }
        bounds.push(end);
        Ok(Some(bounds))
    }

    /// The frames by the headers of their fragments: one fragment a frame, or all of them for one frame.
    fn by_headers(&self, count: u32, first: u64) -> Result<Vec<u64>, SlideError> {
        let (mut bounds, mut end) = (vec![first], first);
        while let Some((data, length)) = self.fragment(end)? {
            end = data + length;
            bounds.push(end);
            let needed = bounds.len() as u64 * 8;
            if needed > self.limit_bytes {
                let what = "the list of fragments";
                return Err(SlideError::too_large(self.file.path(), what, needed, self.limit_bytes, ADVICE));
            }
        }
        let fragments = bounds.len() - 1;
        if count == 1 && fragments > 0 {
            return Ok(vec![first, end]);
        }
        if fragments != count as usize {
            let problem = format!("{fragments} fragments for {count} frames, and no offset table");
            return Err(corrupt(self.file, "pixel data", problem));
        }
        Ok(bounds)
    }
}

//! The data elements of a DICOM file, one after the other, without their values (PS3.5 section 7, PS3.10 section 7).
//!
//! A value is read only when it is asked for, within a limit, and pixel data never: a slide's file may hold gigabytes. Sequences
//! are followed with a stack of bounded depth instead of recursion. `dicom-object`, which does neither, does not serve here.
//! What elements mean is deliberately left to the caller.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::value::Value;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_encoding::decode::Decode;
use dicom_encoding::decode::explicit_le::ExplicitVRLittleEndianDecoder;
use dicom_encoding::decode::implicit_le::StandardImplicitVRLittleEndianDecoder;
use std::io::{self, Read};

/// The name in errors.
pub(super) const FORMAT: &str = "DICOM";
/// What to do about frames that cannot be decoded.
pub(super) const ADVICE: &str = "convert it to uncompressed or JPEG frames, for example with gdcmconv";
const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
/// Sequences inside each other. Real slides have about five.
const MAX_DEPTH: usize = 32;
/// Bytes read at once.
const WINDOW_BYTES: u64 = 64 << 10;

/// How elements are written: with their type, or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    ExplicitVr,
    ImplicitVr,
}

/// An element that is no sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub tag: Tag,
    pub vr: VR,
    /// Offset of the value in the file.
    pub at: u64,
    /// Bytes of the value; `None` for pixel data in fragments.
    pub length: Option<u32>,
}

/// What comes next in a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// An item of the innermost sequence of [`Elements::path`] begins.
    Item,
    /// A value, not read yet.
    Element(Element),
}

/// A sequence, or an item of one, that is not closed yet.
struct Open {
    is_item: bool,
    /// Where it ends; `None` if a delimiter ends it.
    end: Option<u64>,
    /// How the enclosing elements are encoded.
    outer: Encoding,
}

/// Reads elements from an offset to the end of the file, or to pixel data.
pub(super) struct Elements<'a> {
    source: Cursor<'a>,
    encoding: Encoding,
    open: Vec<Open>,
    path: Vec<Tag>,
}

impl<'a> Elements<'a> {
    pub fn new(file: &'a PositionalFile, at: u64, encoding: Encoding) -> Self {
        let source = Cursor { file, at, window: Vec::new(), window_at: 0 };
        Self { source, encoding, open: Vec::new(), path: Vec::new() }
    }

    /// Tags of the sequences around the last event, the outermost first.
    pub fn path(&self) -> &[Tag] {
        &self.path
    }

    /// Offset of what comes next.
    pub fn position(&self) -> u64 {
        self.source.at
    }

    /// The next event; `None` at the end of the file.
    pub fn next(&mut self) -> Result<Option<Event>, SlideError> {
        loop {
            self.close_ended()?;
            if self.open.is_empty() && self.source.at >= self.source.file.len() {
                return Ok(None);
            }
            let start = self.source.at;
            let in_item = self.open.last().is_none_or(|open| open.is_item);
            let element = self.header()?;
            let length = u64::from(element.length.unwrap_or(0));
            match element.tag {
                ITEM if !in_item => {
                    self.push(true, element)?;
                    return Ok(Some(Event::Item));
                }
                ITEM_END if in_item && self.ends_by_delimiter() => self.pop(),
                SEQUENCE_END if !in_item && self.ends_by_delimiter() => self.pop(),
                Tag(0xFFFE, _) => return Err(self.corrupt(start, "a delimiter that closes nothing")),
                _ if !in_item => {
                    return Err(self.corrupt(start, "an element between the items of a sequence"));
                }
                tags::PIXEL_DATA if self.open.is_empty() => return Ok(Some(Event::Element(element))),
                tag if element.vr == VR::SQ || element.length.is_none() => {
                    self.push(false, element)?;
                    self.path.push(tag);
                }
                _ => {
                    let end = element.at + length;
                    if end > self.limit() {
                        let problem = format!("a value of {length} bytes reaches past its end");
                        return Err(self.corrupt(start, problem));
                    }
                    self.source.at = end;
                    return Ok(Some(Event::Element(element)));
                }
            }
        }
    }

    /// The value of an element, if it has at most `limit_bytes`.
    pub fn value(&self, element: Element, limit_bytes: u32) -> Result<Option<Value>, SlideError> {
        let Some(length) = element.length.filter(|&length| length <= limit_bytes) else { return Ok(None) };
        let mut bytes = vec![0; length as usize];
        self.source.fill(element.at, &mut bytes).map_err(|source| self.unreadable(element.at, source))?;
        Ok(Some(Value { vr: element.vr, bytes }))
    }

    fn header(&mut self) -> Result<Element, SlideError> {
        let start = self.source.at;
        let decoded = match self.encoding {
            Encoding::ExplicitVr => ExplicitVRLittleEndianDecoder::default().decode_header(&mut self.source),
            Encoding::ImplicitVr => {
                StandardImplicitVRLittleEndianDecoder::new().decode_header(&mut self.source)
            }
        };
        let (header, _) = decoded.map_err(|_| self.corrupt(start, "the file ends inside an element"))?;
        if self.source.at > self.limit() {
            return Err(self.corrupt(start, "an element reaches past the end of its sequence"));
        }
        Ok(Element { tag: header.tag, vr: header.vr, at: self.source.at, length: header.len.get() })
    }

    /// Where what is open must end: the nearest known end.
    fn limit(&self) -> u64 {
        let nearest = self.open.iter().rev().find_map(|open| open.end);
        nearest.unwrap_or_else(|| self.source.file.len())
    }

    fn ends_by_delimiter(&self) -> bool {
        self.open.last().is_some_and(|open| open.end.is_none())
    }

    fn push(&mut self, is_item: bool, element: Element) -> Result<(), SlideError> {
        let end = element.length.map(|length| element.at + u64::from(length));
        if end.is_some_and(|end| end > self.limit()) {
            let what = if is_item { "an item" } else { "a sequence" };
            return Err(self.corrupt(element.at, format!("{what} reaches past the end of what holds it")));
        }
        if self.path.len() >= MAX_DEPTH {
            return Err(
                self.corrupt(element.at, format!("more than {MAX_DEPTH} sequences inside each other"))
            );
        }
        self.open.push(Open { is_item, end, outer: self.encoding });
        // A sequence of unknown type and length is written without types (PS3.5 section 6.2.2, note 2).
        if !is_item && element.vr == VR::UN {
            self.encoding = Encoding::ImplicitVr;
        }
        Ok(())
    }

    fn pop(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.encoding = open.outer;
        if !open.is_item {
            self.path.pop();
        }
    }

    /// Closes items and sequences of known length that end here.
    fn close_ended(&mut self) -> Result<(), SlideError> {
        while let Some(end) = self.open.last().and_then(|open| open.end) {
            if self.source.at < end {
                break;
            }
            self.pop();
        }
        Ok(())
    }

    pub fn corrupt(&self, at: u64, problem: impl Into<String>) -> SlideError {
        SlideError::corrupt(self.source.file.path(), FORMAT, format!("byte {at}"), problem)
    }

    fn unreadable(&self, at: u64, source: io::Error) -> SlideError {
        SlideError::io(self.source.file.path(), format!("cannot read at byte {at}"), source)
    }
}

/// A place in the file, with the bytes around it.
struct Cursor<'a> {
    file: &'a PositionalFile,
    at: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl Cursor<'_> {
    /// The bytes from `at` that are in memory.
    fn ready(&self) -> &[u8] {
        let skip = self.at.checked_sub(self.window_at).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.window.get(skip..)).unwrap_or_default()
    }

    fn fill(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let inside = at.checked_sub(self.window_at).and_then(|skip| {
            let skip = usize::try_from(skip).ok()?;
            self.window.get(skip..skip.checked_add(buffer.len())?)
        });
        match inside {
            Some(bytes) => buffer.copy_from_slice(bytes),
            None => self.file.read_exact_at(at, buffer)?,
        }
        Ok(())
    }
}

impl Read for Cursor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready().is_empty() {
            let length = self.file.len().saturating_sub(self.at).min(WINDOW_BYTES);
            self.window.resize(length as usize, 0);
            self.window_at = self.at;
            self.file.read_exact_at(self.at, &mut self.window)?;
        }
        let count = self.ready().len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(self.ready()) {
            *to = *from;
        }
        self.at += count as u64;
        Ok(count)
    }
}

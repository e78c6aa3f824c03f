//! Positional reads of a file or of the object at an address: at given offsets, from many threads at once, without a shared cursor.
//!
//! It deliberately does not know what the bytes mean.

use super::error::SlideError;
use crate::store::{self, Arrival, ReadAt};
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// An open file with its path, for messages, and its length at opening.
pub(super) struct PositionalFile {
    path: PathBuf,
    length: u64,
    bytes: Box<dyn ReadAt>,
}

impl fmt::Debug for PositionalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PositionalFile").field("path", &self.path).field("length", &self.length).finish()
    }
}

impl PositionalFile {
    pub fn open(path: &Path) -> Result<Self, SlideError> {
        let bytes = store::open(path).map_err(|source| SlideError::io(path, "cannot open it", source))?;
        let length = bytes.size().map_err(|source| SlideError::io(path, "cannot get the size", source))?;
        Ok(Self { path: path.to_path_buf(), length, bytes })
    }

    /// The same file with other bytes.
    pub fn with_bytes(self, bytes: Vec<u8>) -> Self {
        Self { length: bytes.len() as u64, bytes: Box::new(bytes), ..self }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in the file.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` from `offset`. A range beyond the end is an `UnexpectedEof`.
    pub fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.bytes.read_exact_at(buffer, offset)
    }

    /// Whether it lies at an address, so that reading ahead is worth while.
    pub fn is_far(&self) -> bool {
        store::is_address(&self.path)
    }

    /// Says which bytes will be read soon: see [`ReadAt::will_read`].
    pub fn will_read(&self, ranges: &[Range<u64>]) -> Arrival {
        self.bytes.will_read(ranges)
    }
}

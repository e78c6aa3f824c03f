//! Positional reads of a file or of the object at an address: at given offsets, from many threads at once, without a shared cursor.
//!
//! It deliberately does not know what the bytes mean.

use super::error::SlideError;
use crate::store::{self, Arrival, ReadAt};
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// An open file with its path, for messages, and its length at opening.
pub(super) struct PositionalFile {
    path: PathBuf,
    length: u64,
    bytes: Box<dyn ReadAt>,
    /// A read that failed, other than at the file's end.
    failure: Mutex<Option<io::Error>>,
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
        Ok(Self { path: path.to_path_buf(), length, bytes, failure: Mutex::default() })
    }

    /// The same file with other bytes.
    pub fn with_bytes(self, bytes: Vec<u8>) -> Self {
        Self { length: bytes.len() as u64, bytes: Box::new(bytes), ..self }
    }

    /// Bytes of a file that are in memory, and are not copied.
    pub fn of_bytes(path: &Path, bytes: &Arc<Vec<u8>>) -> Self {
        let (length, bytes) = (bytes.len() as u64, Box::new(InMemory(bytes.clone())));
        Self { path: path.to_path_buf(), length, bytes, failure: Mutex::default() }
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
        self.bytes.read_exact_at(buffer, offset).inspect_err(|error| {
            if error.kind() != io::ErrorKind::UnexpectedEof {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy(error));
            }
        })
    }

    /// Fails where a read has failed since the last call, whatever was made of it: what could not be read is not what a file lacks.
    pub fn all_read(&self) -> Result<(), SlideError> {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(source) => Err(SlideError::io(&self.path, "cannot read it", source)),
            None => Ok(()),
        }
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

/// Bytes that somebody else has as well.
struct InMemory(Arc<Vec<u8>>);

impl ReadAt for InMemory {
    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

/// The same error once more.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends before its first byte, and fails at every other.
    struct Failing;

    impl ReadAt for Failing {
        fn size(&self) -> io::Result<u64> {
            Ok(8)
        }
        fn read_exact_at(&self, _: &mut [u8], offset: u64) -> io::Result<()> {
            let kind = if offset == 0 { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::TimedOut };
            Err(kind.into())
        }
    }

    #[test]
    fn a_read_that_failed_is_remembered_and_the_end_of_the_file_is_no_failure() {
        let failure = Mutex::default();
        let file = PositionalFile { path: "a.tif".into(), length: 8, bytes: Box::new(Failing), failure };
        assert!(file.read_exact_at(0, &mut [0]).is_err());
        file.all_read().unwrap();
        assert!(file.read_exact_at(4, &mut [0]).is_err());
        let said = file.all_read().unwrap_err().to_string();
        assert!(said.starts_with("a.tif: cannot read it: timed out"), "{said}");
        file.all_read().unwrap();
    }
}

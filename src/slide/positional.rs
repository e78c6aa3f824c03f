//! Positional file reads: at given offsets, from many threads at once, without a shared cursor.
//!
//! It deliberately does not know what the bytes mean.

use super::error::SlideError;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// An open file with its path, for messages, and its length at opening.
#[derive(Debug)]
pub(super) struct PositionalFile {
    path: PathBuf,
    length: u64,
    /// What stands for the file's bytes, where they were compressed as a whole.
    unpacked: Option<Vec<u8>>,
    #[cfg(any(unix, windows))]
    file: File,
    #[cfg(not(any(unix, windows)))]
    file: std::sync::Mutex<File>,
}

impl PositionalFile {
    pub fn open(path: &Path) -> Result<Self, SlideError> {
        let file = File::open(path).map_err(|source| SlideError::io(path, "cannot open it", source))?;
        let length =
            file.metadata().map_err(|source| SlideError::io(path, "cannot get the size", source))?.len();
        #[cfg(not(any(unix, windows)))]
        let file = std::sync::Mutex::new(file);
        Ok(Self { path: path.to_path_buf(), length, unpacked: None, file })
    }

    /// The same file with other bytes.
    pub fn with_bytes(self, bytes: Vec<u8>) -> Self {
        Self { length: bytes.len() as u64, unpacked: Some(bytes), ..self }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in the file.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` from `offset`. A range beyond the end is an `UnexpectedEof`.
    pub fn read_exact_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        if let Some(bytes) = &self.unpacked {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let found = start.checked_add(buffer.len()).and_then(|end| bytes.get(start..end));
            let found = found.ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(found);
            return Ok(());
        }
        while !buffer.is_empty() {
            match self.read_some_at(offset, buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    buffer = buffer.get_mut(count..).unwrap_or_default();
                    offset = offset.saturating_add(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    #[cfg(unix)]
    fn read_some_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_some_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)
    }

    #[cfg(not(any(unix, windows)))]
    fn read_some_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read(buffer)
    }
}

//! A file that grows at its end and gets its name when it is whole.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::archive::part_file::{PartFile, sync_parent};
use crate::error::{Error, Result};
use crate::pyramid::write::Existing;
use crate::pyramid::{self, Refusal};
use crate::store::LockFile;

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// A file under a temporary name. Dropped before [`Self::publish`], it is removed.
pub struct OutFile {
    target: PathBuf,
    part: PartFile,
    /// What comes behind the first `written` bytes.
    buffer: Vec<u8>,
    written: u64,
    /// Keeps other writers of this file out; dropped last.
    _lock: LockFile,
}

impl OutFile {
    /// Begins the file that will be `target`.
    ///
    /// # Errors
    /// A file of that name, with [`Existing::Keep`]; a directory that cannot be written; another run that writes it.
    pub fn create(target: &Path, existing: Existing) -> Result<Self> {
        let refused = |refusal| Error::from(pyramid::Error::refused(target, refusal));
        if target.is_dir() || (existing == Existing::Keep && target.symlink_metadata().is_ok()) {
            return Err(refused(Refusal::Exists));
        }
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        if let Some(dir) = target.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        }
        let lock_path = target.with_file_name(format!(".{name}.lock.part"));
        let Some(lock) = LockFile::acquire(&lock_path).map_err(Error::io("create", &lock_path))? else {
            return Err(refused(Refusal::AnotherRun { name: name.into_owned() }));
        };
        let part = PartFile::create(target.with_file_name(format!(".{name}.part")))?;
        Ok(Self { target: target.into(), part, buffer: Vec::new(), written: 0, _lock: lock })
    }

    /// Its final name.
    pub fn path(&self) -> &Path {
        &self.target
    }

    /// Where the next bytes will be.
    pub fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Adds bytes at the end; returns where they begin.
    ///
    /// # Errors
    /// A full disk or another file error.
    pub fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        let start = self.end();
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(start)
    }

    /// Adds zeros up to a multiple of `step` bytes.
    ///
    /// # Errors
    /// As of [`Self::append`].
    pub fn align(&mut self, step: u64) -> Result<()> {
        let zeros = self.end().next_multiple_of(step) - self.end();
        self.append(&vec![0; zeros as usize]).map(drop)
    }

    /// Replaces bytes that are there.
    ///
    /// # Errors
    /// As of [`Self::append`].
    pub fn replace(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.flush()?;
        let replaced =
            self.part.file.seek(SeekFrom::Start(offset)).and_then(|_| self.part.file.write_all(bytes));
        replaced.map_err(Error::io("write", &self.part.path))
    }

    /// Bytes that are there.
    ///
    /// # Errors
    /// A file that cannot be written or read.
    pub fn read(&mut self, offset: u64, bytes: u64) -> Result<Vec<u8>> {
        self.flush()?;
        let mut read = || -> io::Result<Vec<u8>> {
            let mut found = vec![0; bytes as usize];
            self.part.file.seek(SeekFrom::Start(offset))?;
            self.part.file.read_exact(&mut found)?;
            Ok(found)
        };
        let found = read();
        found.map_err(Error::io("read", &self.part.path))
    }

    fn flush(&mut self) -> Result<()> {
        let end = self.part.file.seek(SeekFrom::Start(self.written));
        end.and_then(|_| self.part.file.write_all(&self.buffer))
            .map_err(Error::io("write", &self.part.path))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// As of [`Self::append`]. Then a file that had the name is unchanged.
    pub fn publish(mut self) -> Result<()> {
        self.flush()?;
        let Self { target, part, _lock: lock, .. } = self;
        part.publish(&target)?;
        sync_parent(&target)?;
        drop(lock);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_once_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("new/a.tiff");
        let mut file = OutFile::create(&target, Existing::Keep).unwrap();
        assert!(OutFile::create(&target, Existing::Keep).is_err(), "two writers of one file");
        assert_eq!(file.append(b"abc").unwrap(), 0);
        file.align(8).unwrap();
        let large = vec![7; BUFFER_BYTES];
        assert_eq!(file.append(&large).unwrap(), 8);
        file.replace(1, b"B").unwrap();
        assert_eq!(file.append(b"end").unwrap(), 8 + BUFFER_BYTES as u64);
        assert_eq!(file.read(0, 4).unwrap(), b"aBc\0");
        assert!(!target.exists());
        file.publish().unwrap();
        let bytes = fs::read(&target).unwrap();
        assert_eq!(
            (&bytes[..3], &bytes[8..12], &bytes[8 + BUFFER_BYTES..]),
            (&b"aBc"[..], &[7; 4][..], &b"end"[..])
        );
        let named = |error: Error| error.to_string().contains("it is there already");
        assert!(OutFile::create(&target, Existing::Keep).err().is_some_and(named));
        // Dropped, it leaves what was there.
        OutFile::create(&target, Existing::Replace).unwrap().append(b"x").unwrap();
        assert_eq!(fs::read(&target).unwrap(), bytes);
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 1);
    }
}

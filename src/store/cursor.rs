//! Files and objects for readers that read on from a place of their own, such as that of zip files.

use std::io::{self, Read, Seek, SeekFrom};

use super::read_at::ReadAt;

/// A file or object, and the place from which it is read.
pub struct Cursor {
    file: Box<dyn ReadAt>,
    size: u64,
    at: u64,
}

impl Cursor {
    /// From the start.
    ///
    /// # Errors
    /// The error of the system.
    pub fn new(file: Box<dyn ReadAt>) -> io::Result<Self> {
        Ok(Self { size: file.size()?, file, at: 0 })
    }
}

impl Read for Cursor {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.at);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let buf = buf.get_mut(..count).unwrap_or_default();
        self.file.read_exact_at(buf, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::FileStore;

    #[test]
    fn it_reads_as_the_file_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, b"0123456789").unwrap();
        let mut cursor = Cursor::new(Box::new(FileStore::open(&path).unwrap())).unwrap();
        let mut buf = [0; 4];
        for (to, want) in
            [(SeekFrom::Start(2), &b"2345"[..]), (SeekFrom::Current(-5), b"1234"), (SeekFrom::End(-2), b"89")]
        {
            cursor.seek(to).unwrap();
            let count = cursor.read(&mut buf).unwrap();
            assert_eq!(&buf[..count], want, "{to:?}");
        }
        assert_eq!(cursor.read(&mut buf).unwrap(), 0);
        assert!(cursor.seek(SeekFrom::Current(-11)).is_err());
        cursor.seek(SeekFrom::Start(u64::MAX)).unwrap();
        assert_eq!(cursor.read(&mut buf).unwrap(), 0);
    }
}

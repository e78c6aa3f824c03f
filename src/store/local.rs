//! Files on a local disk, and bytes in memory.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use xxhash_rust::xxh3::xxh3_64;

use super::read_at::ReadAt;

/// Opens a file for reading: a regular one, since a pipe or a device may block for ever, or has no end.
///
/// # Errors
/// `IsADirectory`, `InvalidInput`; the error of the system.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // To open a pipe would wait for its writer. Regular files do not know the flag.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory; give a file"));
    }
    if !kind.is_file() {
        let problem = "it is a pipe, a socket or a device; give a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    Ok(file)
}

/// A file on a local disk.
pub struct FileStore(File);

impl FileStore {
    /// Opens a file for reading. It never waits: a pipe, which would wait for its other end, is refused.
    ///
    /// # Errors
    /// As [`open_regular`].
    pub fn open(path: &Path) -> io::Result<Self> {
        open_regular(path).map(Self)
    }

    /// A file that is open already.
    pub fn from_file(file: File) -> Self {
        Self(file)
    }
}

impl ReadAt for FileStore {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn modified(&self) -> Option<SystemTime> {
        self.0.metadata().and_then(|meta| meta.modified()).ok()
    }

    #[cfg(unix)]
    fn stamp(&self) -> u64 {
        use std::os::unix::fs::MetadataExt;
        let fields = |meta: std::fs::Metadata| {
            [meta.dev(), meta.ino(), meta.len(), meta.mtime() as u64, meta.mtime_nsec() as u64]
        };
        self.0.metadata().map_or(0, |meta| xxh3_64(&fields(meta).map(u64::to_le_bytes).concat()))
    }

    #[cfg(unix)]
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, buf, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.0, buf, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => {
                    buf = &mut buf[n..];
                    offset += n as u64;
                }
            }
        }
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = start.checked_add(buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(self.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [&pipe, &link] {
            let error = FileStore::open(path).err().unwrap();
            assert!(error.to_string().contains("regular file"), "{error}");
        }
    }
}

//! A lock file: one writer at a time under a name.
//!
//! Knows nothing of what is written. The system releases the lock when the process ends, in whatever way; the holder removes the file.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::create::create;
use super::local::open_regular;

/// A locked file, removed when dropped.
pub struct LockFile {
    path: PathBuf,
    file: File,
}

impl LockFile {
    /// Creates and locks `path`; `None` where another process or thread holds the lock.
    ///
    /// # Errors
    /// The error of the system.
    pub fn acquire(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = create(path, false)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                // A file system without locks: work without one.
                Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(e)) => return Err(e),
            }
            // The last holder may have removed the file between open and lock. The name then belongs to another file, or to none.
            if names(path, &file)? {
                return Ok(Some(Self { path: path.to_path_buf(), file }));
            }
        }
    }

    /// Whether somebody holds it now, in this process or another one. Where that cannot be known, nobody does.
    pub fn is_held(path: &Path) -> bool {
        // Shared, and let go of at once: whoever holds it keeps it.
        let tried = open_regular(path).map(|file| file.try_lock_shared());
        matches!(tried, Ok(Err(TryLockError::WouldBlock)))
    }

    /// The file, for the use of the holder.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Removed while still locked. A file that cannot be removed does no harm: the next run locks it again.
        drop(fs::remove_file(&self.path));
    }
}

/// Whether `path` still names `file`.
#[cfg(unix)]
fn names(path: &Path, file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (own.dev(), own.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// The standard library cannot tell here, so this is not checked.
#[cfg(not(unix))]
fn names(_: &Path, _: &File) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_no_file_after_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let (held, tried) = (std::sync::atomic::AtomicUsize::new(0), std::sync::atomic::AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        tried.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        let Some(lock) = LockFile::acquire(&path).unwrap() else { continue };
                        assert_eq!(held.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        held.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert!(!path.exists());
    }
}

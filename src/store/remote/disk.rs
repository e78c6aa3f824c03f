//! Blocks on disk, which outlive the process: what was fetched once is not fetched again after a restart.
//!
//! A block is a file of its own, named by a hash of address, version and number, so a replaced object never finds the old one's. It
//! begins with a checksum over name and bytes: a file that a kill or a crash cut short is no block. A cache that fails is a slow one,
//! never an error of a read.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::fetch::Version;
use crate::store::create::create;
use crate::store::lock::LockFile;

/// Bytes of the checksum before those of the block.
const CHECK_BYTES: usize = 8;
/// Name of the directory that holds the blocks; another layout gets another one.
const LAYOUT: &str = "blocks-1";
/// A block that is read is marked as used, at most once in this time.
const TOUCH_AGE: Duration = Duration::from_secs(60);

/// A directory of blocks.
pub struct Disk {
    dir: PathBuf,
    max_bytes: u64,
    used_bytes: AtomicU64,
    parts: AtomicU64,
    /// Held while old blocks are removed.
    sweep: Mutex<()>,
    /// Keeps other processes out: each bounds the directory by its own count.
    _lock: LockFile,
}

/// The object that blocks belong to.
#[derive(Clone, Copy)]
pub struct Owner(u128);

impl Owner {
    /// Of an object at an address; `None` for a version that no ETag names.
    pub fn of(address: &str, version: &Version) -> Option<Self> {
        let etag = version.etag.as_deref()?;
        Some(Self(xxh3_128(format!("{address}\n{etag}\n{}", version.size).as_bytes())))
    }
}

impl Disk {
    /// Opens `dir`, or makes it; counts the blocks that are there, and removes what earlier processes left half-written.
    ///
    /// # Errors
    /// A directory that cannot be written, or that another process uses.
    pub fn open(dir: &Path, max_bytes: u64) -> io::Result<Self> {
        let dir = dir.join(LAYOUT);
        fs::create_dir_all(&dir)?;
        let lock = LockFile::acquire(&dir.join("lock"))?;
        let lock = lock.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another process uses it; give this one a directory of its own",
            )
        })?;
        let disk = Self {
            dir,
            max_bytes,
            used_bytes: AtomicU64::new(0),
            parts: AtomicU64::new(0),
            sweep: Mutex::default(),
            _lock: lock,
        };
        let files = disk.files()?;
        disk.used_bytes.store(files.iter().map(|file| file.bytes).sum(), Relaxed);
        disk.make_room();
        Ok(disk)
    }

    /// The block of an object, if it is there and whole.
    pub fn get(&self, owner: Owner, block: u64) -> Option<Vec<u8>> {
        let path = self.path(owner, block);
        let mut file = File::open(&path).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let (check, data) = bytes.split_first_chunk::<CHECK_BYTES>()?;
        if u64::from_le_bytes(*check) != checksum(owner, block, data) {
            self.remove(&path, bytes.len() as u64);
            return None;
        }
        let unused = file.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if unused.is_some_and(|age| age > TOUCH_AGE) {
            // A block that is not marked goes earlier: no fault.
            drop(file.set_modified(SystemTime::now()));
        }
        bytes.drain(..CHECK_BYTES);
        Some(bytes)
    }

    /// Keeps a block. One that cannot be written is not kept.
    pub fn put(&self, owner: Owner, block: u64, data: &[u8]) {
        let path = self.path(owner, block);
        let part = self.dir.join(format!("{}.part", self.parts.fetch_add(1, Relaxed)));
        let write = || {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut file = create(&part, true)?;
            file.write_all(&checksum(owner, block, data).to_le_bytes())?;
            file.write_all(data)?;
            // Not synced: after a power cut the checksum tells.
            let replaced = fs::metadata(&path).map_or(0, |meta| meta.len());
            fs::rename(&part, &path)?;
            io::Result::Ok(replaced)
        };
        match write() {
            Ok(replaced) => {
                self.used_bytes.fetch_add((CHECK_BYTES + data.len()) as u64, Relaxed);
                self.forget(replaced);
                self.make_room();
            }
            Err(e) => {
                drop(fs::remove_file(&part));
                tracing::debug!("a block is not kept in {}: {e}", self.dir.display());
            }
        }
    }

    fn path(&self, Owner(owner): Owner, block: u64) -> PathBuf {
        let name = format!("{owner:032x}");
        self.dir.join(&name[..2]).join(format!("{name}-{block:x}"))
    }

    fn forget(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        // It always gives a new value, so it cannot fail.
        let _ = self.used_bytes.fetch_update(Relaxed, Relaxed, less);
    }

    fn remove(&self, path: &Path, bytes: u64) {
        if fs::remove_file(path).is_ok() {
            self.forget(bytes);
        }
    }

    /// Removes the blocks that were not used for the longest time, until a tenth is free. One thread does it; others go on.
    fn make_room(&self) {
        if self.used_bytes.load(Relaxed) <= self.max_bytes {
            return;
        }
        let Ok(_sweep) = self.sweep.try_lock() else { return };
        let Ok(mut files) = self.files() else { return };
        files.sort_by_key(|file| file.used);
        self.used_bytes.store(files.iter().map(|file| file.bytes).sum(), Relaxed);
        for file in files {
            if self.used_bytes.load(Relaxed) <= self.max_bytes / 10 * 9 {
                return;
            }
            self.remove(&file.path, file.bytes);
        }
    }

    /// The blocks on disk. Parts of earlier processes are removed on the way; those of this one are renamed within moments.
    fn files(&self) -> io::Result<Vec<Kept>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "part") && self.parts.load(Relaxed) == 0 {
                drop(fs::remove_file(&path));
            }
            for file in fs::read_dir(&path).into_iter().flatten().flatten() {
                if let Ok(meta) = file.metadata() {
                    let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                    files.push(Kept { path: file.path(), bytes: meta.len(), used });
                }
            }
        }
        Ok(files)
    }
}

/// A block on disk.
struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

fn checksum(Owner(owner): Owner, block: u64, data: &[u8]) -> u64 {
    let mut state = Xxh3::new();
    state.update(&owner.to_le_bytes());
    state.update(&block.to_le_bytes());
    state.update(data);
    state.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(etag: &str) -> Owner {
        let version = Version { size: 9, etag: Some(etag.into()), modified_us: 0 };
        Owner::of("s3://bucket/a", &version).unwrap()
    }

    #[test]
    fn a_block_outlives_the_process_and_only_for_its_version() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path(), 1 << 20).unwrap();
        disk.put(owner("one"), 3, b"bytes");
        assert!(Disk::open(dir.path(), 1 << 20).is_err(), "one process at a time");
        drop(disk);
        let disk = Disk::open(dir.path(), 1 << 20).unwrap();
        assert_eq!(disk.get(owner("one"), 3).unwrap(), b"bytes");
        assert!(disk.get(owner("two"), 3).is_none() && disk.get(owner("one"), 4).is_none());
        let unnamed = Version { size: 9, etag: None, modified_us: 0 };
        assert!(Owner::of("s3://bucket/a", &unnamed).is_none());
    }

    #[test]
    fn what_a_kill_left_is_no_block() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path(), 1 << 20).unwrap();
        disk.put(owner("one"), 0, &[7; 1000]);
        let path = disk.path(owner("one"), 0);
        fs::write(dir.path().join(LAYOUT).join("5.part"), b"half").unwrap();
        drop(disk);
        for len in [0, 7, 8, 500, 1007] {
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..len]).unwrap();
            let disk = Disk::open(dir.path(), 1 << 20).unwrap();
            assert!(!dir.path().join(LAYOUT).join("5.part").exists());
            assert!(disk.get(owner("one"), 0).is_none(), "cut to {len}");
            disk.put(owner("one"), 0, &[7; 1000]);
            assert_eq!(disk.get(owner("one"), 0).unwrap(), [7; 1000]);
        }
        // A block of another name is none either.
        let disk = Disk::open(dir.path(), 1 << 20).unwrap();
        fs::copy(&path, disk.path(owner("one"), 1)).unwrap();
        assert!(disk.get(owner("one"), 1).is_none());
    }

    #[test]
    fn the_directory_stays_within_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path(), 10_000).unwrap();
        for block in 0..50 {
            disk.put(owner("one"), block, &[1; 1000]);
            let used: u64 = disk.files().unwrap().iter().map(|file| file.bytes).sum();
            assert!(used <= 10_000 && used == disk.used_bytes.load(Relaxed), "{used}");
        }
        assert!(disk.get(owner("one"), 49).is_some(), "the last one is kept");
        disk.put(owner("one"), 49, &[2; 1000]);
        let used: u64 = disk.files().unwrap().iter().map(|file| file.bytes).sum();
        assert_eq!(used, disk.used_bytes.load(Relaxed), "a replaced block counts once");
    }
}

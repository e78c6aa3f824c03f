//! Detects changed files.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use xxhash_rust::xxh3::xxh3_128;

/// Inode, length and times of a file: it changes with the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stamp([i64; 6]);

impl Stamp {
    /// The stamp of a file.
    pub fn of(meta: &Metadata) -> Self {
        let (ino, len) = (meta.ino() as i64, meta.len() as i64);
        Self([ino, len, meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()])
    }

    /// 32 hexadecimal digits.
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.0.iter().flat_map(|n| n.to_le_bytes()).collect();
        format!("{:032x}", xxh3_128(&bytes))
    }
}

//! What `warm` is in a build without RocksDB: nothing that can be opened.

use std::path::Path;

use bytes::Bytes;

use super::tiles::TileKey;
use crate::error::{Error, Result};

/// What a look into the cache gave.
pub enum Found {
    Hit(Bytes),
    Miss,
    Damaged,
}

/// Its size now.
#[derive(Clone, Copy, Debug, Default)]
pub struct WarmFigures {
    pub disk_bytes: u64,
    pub memory_bytes: u64,
    pub files: u64,
}

/// There is none.
pub enum Warm {}

impl Warm {
    /// # Errors
    /// Always.
    pub fn open(_: &Path, _: u64) -> Result<Self> {
        let problem = "--cache-dir: this build has no RocksDB, which keeps the tiles on disk; build with \
            `cargo build --release --features rocksdb`, or leave the flag out";
        Err(Error::Usage(problem.into()))
    }
    pub fn is_quick(&self) -> bool {
        match *self {}
    }
    pub fn get(&self, _: &str, _: &TileKey) -> Found {
        match *self {}
    }
    pub fn put<'a>(&self, _: &str, _: impl IntoIterator<Item = (TileKey, &'a Bytes)>) -> bool {
        match *self {}
    }
    pub fn figures(&self) -> WarmFigures {
        match *self {}
    }
    pub fn flush(&self) {
        match *self {}
    }
}

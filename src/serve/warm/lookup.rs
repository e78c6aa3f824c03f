//! Results of the warm cache, the same in every build.

use bytes::Bytes;

/// The result of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "rocksdb"), allow(dead_code, reason = "without RocksDB there are no reads"))]
pub enum Lookup {
    /// The tile.
    Hit(Bytes),
    /// There is none.
    Miss,
    /// There is one, but its hash does not match.
    Damaged,
}

/// Size of the cache.
#[derive(Clone, Copy, Debug, Default)]
pub struct WarmStats {
    /// Bytes of its files.
    pub disk_bytes: u64,
    /// Bytes of memory: tables that are being filled, indexes and filters.
    pub memory_bytes: u64,
    /// Files with tiles.
    pub files: u64,
}

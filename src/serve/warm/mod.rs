//! The warm cache: tiles on disk that outlive the server.
//!
//! `rocksdb` is the cache, `tuning` its database options. A build without the feature `rocksdb` has `disabled` instead, which cannot
//! be opened.

#[cfg(not(feature = "rocksdb"))]
mod disabled;
mod lookup;
#[cfg(feature = "rocksdb")]
mod rocksdb;
#[cfg(feature = "rocksdb")]
mod tuning;

#[cfg(not(feature = "rocksdb"))]
pub use disabled::WarmCache;
pub use lookup::{Lookup, WarmStats};
#[cfg(feature = "rocksdb")]
pub use rocksdb::WarmCache;

//! The warm cache of a build without RocksDB: a type without values, which [`WarmCache::open`] refuses to make.

use std::path::Path;

use bytes::Bytes;

use super::lookup::{Lookup, WarmStats};
use crate::serve::error::StartError;
use crate::serve::tile_key::TileKey;

/// Has no values.
pub enum WarmCache {}

impl WarmCache {
    /// # Errors
    /// Always.
    pub fn open(_: &Path, _: u64) -> Result<Self, StartError> {
        Err(StartError::NoDiskCache)
    }
    pub fn is_quick(&self) -> bool {
        match *self {}
    }
    pub fn get(&self, _: &str, _: &TileKey) -> Lookup {
        match *self {}
    }
    pub fn put<'a>(&self, _: &str, _: impl IntoIterator<Item = (TileKey, &'a Bytes)>) -> bool {
        match *self {}
    }
    pub fn stats(&self) -> WarmStats {
        match *self {}
    }
    pub fn close(&self) {
        match *self {}
    }
}

//! The caches in memory and on disk.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Tiles;
use crate::image::geometry::TileId;
use crate::serve::metrics::WarmRead;
use crate::serve::slide::Slide;
use crate::serve::tile_key::TileKey;
use crate::serve::warm::{Lookup, WarmCache};
use crate::span::span;
use crate::web::blocking;
use crate::web::error::ServeError;

/// By itself the cache lets go from time to time, and in between holds up to 64 tiles beyond its bound. Of tiles that take more than this
/// part of it, it holds none.
const LARGE_PART: u64 = 4096;

impl Tiles {
    /// Looks a tile up in the hot cache, for a request.
    pub(super) fn look_up(&self, key: TileKey) -> Option<Bytes> {
        let span = span!("cache", origami.cache = "memory", origami.hit = tracing::field::Empty);
        let found = span.run(|| self.hot.get(&key));
        span.record("origami.hit", found.is_some());
        found
    }

    /// Keeps a tile in the hot cache.
    pub(super) fn keep_hot(&self, key: TileKey, bytes: Bytes) {
        let is_large = bytes.len() as u64 > self.options.cache.max_memory_bytes / LARGE_PART;
        self.hot.insert(key, bytes);
        if is_large {
            self.hot.run_pending_tasks();
        }
    }

    /// A tile of the hot cache; not of the tree's own tiles.
    pub(super) fn hot(&self, slide: &Slide, tile: TileId) -> Option<Bytes> {
        self.hot.get(&TileKey { slide: slide.identity, tile })
    }

    /// A tile from the warm cache, if there is one.
    pub(super) async fn from_warm(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        key: TileKey,
    ) -> Result<Option<Bytes>, ServeError> {
        let Some(warm) = &self.warm else { return Ok(None) };
        let span = span!("cache", origami.cache = "disk", origami.hit = tracing::field::Empty);
        let found = match self.quick_read(warm) {
            Some(_permit) => span.run(|| self.read_warm(slide, key)),
            None => {
                let (this, of) = (self.clone(), slide.clone());
                let read = blocking::run(self.options.limits.read_timeout, move || this.read_warm(&of, key));
                span.around(read).await?
            }
        };
        span.record("origami.hit", found.is_some());
        Ok(found)
    }

    /// Permission to read the warm cache on this thread, which is one for connections. Half of these do so at most: where the disk hangs
    /// without a warning, the others go on.
    pub(super) fn quick_read(&self, warm: &WarmCache) -> Option<SemaphorePermit<'_>> {
        let most = || Semaphore::new(Handle::current().metrics().num_workers() / 2);
        let permits = self.quick_reads.get_or_init(most);
        warm.is_quick().then(|| permits.try_acquire().ok()).flatten()
    }

    /// Reads the warm cache and copies a hit to the hot one.
    fn read_warm(&self, slide: &Slide, key: TileKey) -> Option<Bytes> {
        match self.warm.as_ref()?.get(&slide.name, &key) {
            Lookup::Hit(bytes) => {
                self.metrics.warm_read(WarmRead::Hit);
                self.keep_hot(key, bytes.clone());
                return Some(bytes);
            }
            Lookup::Miss => self.metrics.warm_read(WarmRead::Miss),
            Lookup::Damaged => self.metrics.warm_read(WarmRead::Damaged),
        }
        None
    }

    /// Writes a tile to the warm cache, if there is one. The response does not wait for it.
    pub(super) fn keep_warm(self: &Arc<Self>, slide: &Arc<Slide>, key: TileKey, bytes: Bytes) {
        if self.warm.is_none() {
            return;
        }
        let (this, of) = (self.clone(), slide.clone());
        tokio::task::spawn_blocking(move || {
            let Some(warm) = &this.warm else { return };
            let stored = warm.put(&of.name, std::iter::once((key, &bytes)));
            this.metrics.warm_written(1, stored);
        });
    }
}

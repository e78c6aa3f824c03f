//! Decoded families and tiles, bounded in bytes: of one slide, or of many that share the memory.
//!
//! Threads that ask for the same part at once share one decode.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error as Library;
use crate::image::geometry::{FamilyId, TileId};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::{ReadError, Result, Rgb};

/// L0 and L1 of a family.
pub struct Family {
    /// L0, then L1.
    pub levels: [Rgb; 2],
}

/// A number that a slide has in a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlideKey(u64);

/// What was decoded.
pub struct Decoded {
    families: Cache<(SlideKey, FamilyId), Arc<Family>>,
    tiles: Cache<(SlideKey, TileId), Arc<Rgb>>,
    slides: AtomicU64,
}

impl Decoded {
    /// At most `bytes`: three quarters for families, a quarter for tiles.
    pub fn new(bytes: u64) -> Self {
        let size = |rgb: &Rgb| u32::try_from(rgb.data.len()).unwrap_or(u32::MAX);
        // By time of use. By default a cache keeps what was used often, and new families would be decoded again and again.
        let families =
            Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(bytes / 4 * 3).weigher(
                move |_, family: &Arc<Family>| family.levels.iter().map(size).fold(0, u32::saturating_add),
            );
        let tiles = Cache::builder()
            .eviction_policy(EvictionPolicy::lru())
            .max_capacity(bytes / 4)
            .weigher(move |_, tile: &Arc<Rgb>| size(tile));
        Self { families: families.build(), tiles: tiles.build(), slides: AtomicU64::new(0) }
    }

    /// The key of another slide.
    pub fn slide(&self) -> SlideKey {
        SlideKey(self.slides.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether a family is there.
    pub fn has_family(&self, slide: SlideKey, id: FamilyId) -> bool {
        self.families.contains_key(&(slide, id))
    }

    /// A family, decoded if it is not there.
    ///
    /// # Errors
    /// That of `decode`, which the threads that waited for it share. It is not kept.
    pub fn family(
        &self,
        slide: SlideKey,
        id: FamilyId,
        decode: impl FnOnce() -> Result<Family, Library>,
    ) -> Result<Arc<Family>> {
        self.families.try_get_with((slide, id), || decode().map(Arc::new)).map_err(ReadError::Failed)
    }

    /// A tile; otherwise as [`Self::family`].
    ///
    /// # Errors
    /// As of `family`.
    pub fn tile(
        &self,
        slide: SlideKey,
        id: TileId,
        decode: impl FnOnce() -> Result<Rgb, Library>,
    ) -> Result<Arc<Rgb>> {
        self.tiles.try_get_with((slide, id), || decode().map(Arc::new)).map_err(ReadError::Failed)
    }
}

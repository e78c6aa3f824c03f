//! From a tile's address to its bytes: memory, then disk, then what is stored, then a reconstruction.

mod originals;
mod work;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ServeOptions;
use super::buffers::Buffers;
use super::error::ServeError;
use super::flight::{Boarding, Flights};
use super::metrics::{Metrics, Outcome, TileGauges, WarmRead};
use super::slide::{Origin, Slide};
use super::threads::Threads;
use super::travel::Trail;
use super::warm::{Found, Warm};
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::image::geometry::{FamilyId, TileId};
use crate::output::tile::OutputFormat;

/// A tile as it is sent: the slide's identity and the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileKey {
    /// [`Slide::identity`] or [`Slide::original`].
    pub slide: u128,
    /// Which tile.
    pub tile: TileId,
}

/// Images of any size that are made at a time, at most; no more than there are threads.
const MOST_IMAGES: usize = 8;
/// Viewers whose way is followed at a time.
const MOST_TRAILS: u64 = 4096;
/// How long after its last request a viewer is forgotten.
const TRAIL_TIME: Duration = Duration::from_secs(30);

/// All tiles of all slides.
pub struct Tiles {
    options: Arc<ServeOptions>,
    hot: Cache<TileKey, Bytes>,
    warm: Option<Warm>,
    flights: Flights,
    permits: Arc<Semaphore>,
    /// Images of any size that are made at a time.
    images: Arc<Semaphore>,
    backend: Arc<dyn Backend>,
    buffers: Arc<Buffers>,
    threads: Threads,
    trails: Cache<(IpAddr, u128), Arc<Mutex<Trail>>>,
    metrics: Arc<Metrics>,
}

impl Tiles {
    /// With threads of its own for decoding and coding.
    ///
    /// # Errors
    /// Where the system gives no threads; a cache on disk that cannot be had.
    pub fn new(
        options: Arc<ServeOptions>,
        backend: Arc<dyn Backend>,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>> {
        let bytes = options.cache_mb << 20;
        // Every tile weighs its bytes, and at least so much that no more than `cache_entries` fit.
        let least = (bytes / options.cache_entries.max(1)).max(1);
        let hot = Cache::builder()
            .max_capacity(bytes)
            // Frequency decides nothing: the rest of a family, and what is made ahead, has not been asked for yet.
            .eviction_policy(EvictionPolicy::lru())
            .weigher(move |_, tile: &Bytes| (tile.len() as u64).max(least).try_into().unwrap_or(u32::MAX))
            .build();
        let warm = options.cache_dir.as_deref().map(|dir| Warm::open(dir, options.cache_dir_mb << 20));
        let threads = Threads::new(options.rayon_threads)?;
        Ok(Arc::new(Self {
            hot,
            images: Arc::new(Semaphore::new(threads.count().min(MOST_IMAGES))),
            warm: warm.transpose()?,
            flights: Flights::default(),
            permits: Arc::new(Semaphore::new(options.max_inflight_families)),
            backend,
            buffers: Buffers::new(options.buffer_pool_size),
            threads,
            trails: Cache::builder().max_capacity(MOST_TRAILS).time_to_idle(TRAIL_TIME).build(),
            metrics,
            options,
        }))
    }

    /// How full everything is.
    pub fn gauges(&self) -> TileGauges {
        TileGauges {
            tiles: self.hot.entry_count(),
            bytes: self.hot.weighted_size(),
            families: self.flights.len() as u64,
            buffers: self.buffers.counts(),
            warm: self.warm.as_ref().map(Warm::figures),
        }
    }

    /// Before an orderly end: what is only in memory goes to disk.
    pub fn close(&self) {
        if let Some(warm) = &self.warm {
            warm.flush();
        }
    }

    /// Leave to make an image of any size, for as long as it is held: such images take much memory and time.
    ///
    /// # Errors
    /// Too many are being made for too long.
    pub async fn place_for_image(&self) -> Result<OwnedSemaphorePermit, ServeError> {
        let wait = tokio::time::timeout(self.options.queue_timeout, self.images.clone().acquire_owned());
        wait.await.ok().and_then(Result::ok).ok_or(ServeError::Busy)
    }

    /// The threads that decode and code.
    pub fn threads(&self) -> &Threads {
        &self.threads
    }

    /// A tile of an archive that is in memory.
    fn hot(&self, slide: &Slide, tile: TileId) -> Option<Bytes> {
        self.hot.get(&TileKey { slide: slide.identity, tile })
    }

    /// The bytes of a tile, and where they came from.
    ///
    /// # Errors
    /// No such tile; more work than the server takes on; damage.
    pub async fn get(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        tile: TileId,
    ) -> Result<(Bytes, Outcome), ServeError> {
        let (origin, identity) = slide.source(tile).ok_or(ServeError::NotFound)?;
        let key = TileKey { slide: identity, tile };
        if let Some(bytes) = self.hot.get(&key) {
            return Ok((bytes, Outcome::Hot));
        }
        if let Origin::Original(id) = origin {
            return self.of_originals(slide, id, key).await;
        }
        let Origin::Family(id) = origin else {
            let bytes = self.stored(slide, key, origin).await?;
            if let (Origin::Baseline(id), true) = (origin, self.options.prewarm_on_l2) {
                self.ahead(slide, id);
            }
            return Ok((bytes, Outcome::Stored));
        };
        if let Some(bytes) = self.from_disk(slide, tile).await? {
            return Ok((bytes, Outcome::Warm));
        }
        self.reconstructed(slide, id, tile).await
    }

    /// A tile from the cache on disk, if there is one and it is there.
    async fn from_disk(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        tile: TileId,
    ) -> Result<Option<Bytes>, ServeError> {
        let Some(warm) = &self.warm else { return Ok(None) };
        if warm.is_quick() {
            return Ok(self.warm(slide, tile));
        }
        let (this, of) = (self.clone(), slide.clone());
        tokio::task::spawn_blocking(move || this.warm(&of, tile)).await.map_err(|_| ServeError::Broken)
    }

    /// A tile from the cache on disk, which goes to memory.
    fn warm(&self, slide: &Slide, tile: TileId) -> Option<Bytes> {
        let key = TileKey { slide: slide.identity, tile };
        match self.warm.as_ref()?.get(&slide.name, &key) {
            Found::Hit(bytes) => {
                self.metrics.warm_read(WarmRead::Hit);
                self.hot.insert(key, bytes.clone());
                return Some(bytes);
            }
            Found::Miss => self.metrics.warm_read(WarmRead::Miss),
            Found::Damaged => self.metrics.warm_read(WarmRead::Damaged),
        }
        None
    }

    /// As [`Self::get`], for those who decode it again.
    ///
    /// # Errors
    /// As [`Self::get`]; tiles that are no JPEG.
    pub async fn jpeg(self: &Arc<Self>, slide: &Arc<Slide>, tile: TileId) -> Result<Bytes, ServeError> {
        if self.options.format != OutputFormat::Jpeg {
            return Err(ServeError::Unsupported(
                "images of any size are only made with --output-format jpeg".into(),
            ));
        }
        self.get(slide, tile).await.map(|(bytes, _)| bytes)
    }

    /// As [`Self::get`], of the slide's own tree.
    ///
    /// # Errors
    /// No tree or no such tile in it; damage.
    pub async fn original(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        tile: TileId,
    ) -> Result<(Bytes, Outcome), ServeError> {
        let identity = slide.original.ok_or(ServeError::NotFound)?;
        let key = TileKey { slide: identity, tile };
        if let Some(bytes) = self.hot.get(&key) {
            return Ok((bytes, Outcome::Hot));
        }
        Ok((self.stored(slide, key, Origin::Tree).await?, Outcome::Stored))
    }

    async fn stored(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        key: TileKey,
        origin: Origin,
    ) -> Result<Bytes, ServeError> {
        let (this, slide) = (self.clone(), slide.clone());
        let read = move || {
            // Equal requests at the same time read once.
            let made = this.hot.try_get_with(key, || slide.stored(key.tile, origin).map(Bytes::from));
            made.map_err(|e| broken(&slide, &e))
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| ServeError::Broken)?
    }

    async fn reconstructed(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        id: FamilyId,
        tile: TileId,
    ) -> Result<(Bytes, Outcome), ServeError> {
        let (take, outcome) = match self.flights.board((slide.identity, id), tile, || self.hot(slide, tile)) {
            Err(bytes) => return Ok((bytes, Outcome::Hot)),
            Ok(Boarding::Joined(take)) => (take, Outcome::Joined),
            Ok(Boarding::First(take, flight)) => {
                tokio::spawn(self.clone().fly(slide.clone(), id, flight));
                (take, Outcome::Cold)
            }
        };
        // A flight that ends without a word has panicked.
        take.await.unwrap_or(Err(ServeError::Broken)).map(|bytes| (bytes, outcome))
    }

    /// A viewer has asked for a tile of L0 or L1: makes the families that it is about to see, if there is nothing else to do.
    pub fn travelled(self: &Arc<Self>, client: IpAddr, slide: &Arc<Slide>, tile: TileId) {
        if self.options.no_prefetch {
            return;
        }
        let Some((Origin::Family(id) | Origin::Original(id), _)) = slide.source(tile) else { return };
        let trail = self.trails.get_with((client, slide.identity), Arc::default);
        let step = trail.lock().unwrap_or_else(|e| e.into_inner()).step(id, Instant::now());
        if step == (0, 0) {
            return;
        }
        let next = |(dx, dy): (i64, i64)| {
            let at = |from: u32, by: i64| u32::try_from(i64::from(from) + by).ok();
            slide.geometry.family(at(id.x(), dx)?, at(id.y(), dy)?).filter(|&id| slide.has_family(id))
        };
        let (dx, dy) = step;
        // Across a corner the two beside it come into view as well.
        let mut steps = vec![step, (dx, 0), (0, dy)];
        steps.dedup();
        for id in steps.into_iter().filter(|&step| step != (0, 0)).filter_map(next) {
            self.ahead(slide, id);
        }
    }

    /// Reconstructs a family that will be asked for, if there is nothing else to do.
    fn ahead(self: &Arc<Self>, slide: &Arc<Slide>, id: FamilyId) {
        let idle = self.flights.len() < self.threads.count();
        let cached = |tile| {
            let on_disk = |warm: &Warm| {
                let key = TileKey { slide: slide.identity, tile };
                warm.is_quick() && matches!(warm.get(&slide.name, &key), Found::Hit(_))
            };
            self.hot(slide, tile).is_some() || self.warm.as_ref().is_some_and(on_disk)
        };
        if !idle || slide.renderer().tiles(id).next().is_some_and(cached) {
            return;
        }
        if let Some(flight) = self.flights.ahead((slide.identity, id)) {
            self.metrics.prefetched();
            tokio::spawn(self.clone().fly(slide.clone(), id, flight));
        }
    }
}

fn broken(slide: &Slide, error: &Error) -> ServeError {
    tracing::error!(slide = slide.name, "{error}");
    ServeError::Broken
}

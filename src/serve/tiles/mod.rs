//! From a tile's address to its bytes: the caches, then stored bytes or a reconstruction.

mod family;
mod finer;
mod originals;
mod prefetch;
mod stopwatch;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::buffers::BufferPool;
use super::error::StartError;
use super::metrics::{Gauges, Metrics, Outcome, WarmRead};
use super::options::ServeOptions;
use super::pan::PanHistory;
use super::singleflight::{Group, Joined};
use super::slide::{Slide, TileSource};
use super::threads::Threads;
use super::tile_key::TileKey;
use super::turns::Turns;
use super::warm::{Lookup, WarmCache};
use crate::backend::Backend;
use crate::error::Error;
use crate::error::diagnosis::{Diagnose, Diagnosis, FaultKind};
use crate::image::geometry::{FamilyId, TileId};
use crate::output::tile::OutputFormat;
use crate::store::is_address;
use crate::web::error::ServeError;

/// Most images of any size that are rendered at the same time; never more than there are threads.
const MAX_IMAGES: usize = 8;
/// Most viewers whose panning is followed.
const MAX_VIEWERS: u64 = 4096;
/// Time after its last request at which a viewer is forgotten.
const VIEWER_IDLE_TIME: Duration = Duration::from_secs(30);

/// All tiles of all slides.
pub struct Tiles {
    options: Arc<ServeOptions>,
    hot: Cache<TileKey, Bytes>,
    warm: Option<WarmCache>,
    calls: Group,
    /// Tiles that are made of finer ones.
    turns: Turns,
    /// Permits to reconstruct a family.
    family_permits: Arc<Semaphore>,
    /// Permits to render an image of any size.
    image_permits: Arc<Semaphore>,
    backend: Arc<dyn Backend>,
    buffers: Arc<BufferPool>,
    threads: Threads,
    /// By client and slide.
    viewers: Cache<(IpAddr, u128), Arc<Mutex<PanHistory>>>,
    metrics: Arc<Metrics>,
}

impl Tiles {
    /// Starts the threads that decode and encode, and opens the warm cache.
    ///
    /// # Errors
    /// Threads that cannot be started; a warm cache that cannot be opened.
    pub fn new(
        options: Arc<ServeOptions>,
        backend: Arc<dyn Backend>,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, StartError> {
        let cache = &options.cache;
        let bytes = cache.max_memory_bytes;
        // A tile weighs its bytes, and at least so much that no more than `max_tiles` fit.
        let min_weight = (bytes / cache.max_tiles.max(1)).max(1);
        let hot = Cache::builder()
            .max_capacity(bytes)
            // LRU, not LFU: most tiles of a family are cached before they are requested.
            .eviction_policy(EvictionPolicy::lru())
            .weigher(move |_, tile: &Bytes| {
                (tile.len() as u64).max(min_weight).try_into().unwrap_or(u32::MAX)
            })
            .build();
        let warm = cache.dir.as_deref().map(|dir| WarmCache::open(dir, cache.max_disk_bytes));
        let threads = Threads::new(options.limits.threads)?;
        Ok(Arc::new(Self {
            hot,
            image_permits: Arc::new(Semaphore::new(threads.count().min(MAX_IMAGES))),
            warm: warm.transpose()?,
            calls: Group::default(),
            turns: Turns::default(),
            family_permits: Arc::new(Semaphore::new(options.limits.max_inflight_families)),
            backend,
            buffers: BufferPool::new(options.limits.buffer_pool_size, options.limits.max_inflight_families),
            threads,
            viewers: Cache::builder().max_capacity(MAX_VIEWERS).time_to_idle(VIEWER_IDLE_TIME).build(),
            metrics,
            options,
        }))
    }

    /// Current sizes of caches and queues.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            tiles: self.hot.entry_count(),
            bytes: self.hot.weighted_size(),
            families: self.calls.len() as u64,
            buffers: self.buffers.counts(),
            warm: self.warm.as_ref().map(WarmCache::stats),
        }
    }

    /// Writes buffered tiles of the warm cache to disk; for an orderly shutdown.
    pub fn close(&self) {
        if let Some(warm) = &self.warm {
            warm.flush();
        }
    }

    /// A permit to render an image of any size, which takes much memory and time. Hold it until the image is done.
    ///
    /// # Errors
    /// [`ServeError::Busy`] after the queue timeout.
    pub async fn image_permit(&self) -> Result<OwnedSemaphorePermit, ServeError> {
        let wait = tokio::time::timeout(
            self.options.limits.queue_timeout,
            self.image_permits.clone().acquire_owned(),
        );
        wait.await.ok().and_then(Result::ok).ok_or(ServeError::Busy)
    }

    /// A permit to reconstruct a family. Hold it until the family is done.
    ///
    /// # Errors
    /// [`ServeError::Busy`] after the queue timeout.
    async fn family_permit(&self) -> Result<OwnedSemaphorePermit, ServeError> {
        let permit = self.family_permits.clone().acquire_owned();
        let wait = tokio::time::timeout(self.options.limits.queue_timeout, permit);
        wait.await.ok().and_then(Result::ok).ok_or_else(|| {
            self.metrics.refused();
            ServeError::Busy
        })
    }

    /// The threads that decode and encode.
    pub fn threads(&self) -> &Threads {
        &self.threads
    }

    /// A tile of the hot cache; not of the tree's own tiles.
    fn hot(&self, slide: &Slide, tile: TileId) -> Option<Bytes> {
        self.hot.get(&TileKey { slide: slide.identity, tile })
    }

    /// The bytes of a tile, and where they came from.
    ///
    /// # Errors
    /// No such tile; too much work; damage.
    pub async fn get(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        tile: TileId,
    ) -> Result<(Bytes, Outcome), ServeError> {
        let (source, identity) = slide.source(tile).ok_or(ServeError::NotFound)?;
        let key = TileKey { slide: identity, tile };
        if let Some(bytes) = self.hot.get(&key) {
            return Ok((bytes, Outcome::Hot));
        }
        let id = match source {
            TileSource::Family(id) => id,
            TileSource::Original(id) => {
                return self.single(slide, key, source, move |of| of.original(id, key.tile)).await;
            }
            TileSource::Scan => {
                return self
                    .single(slide, key, source, move |of| of.code(of.pixels(key.tile, source)?))
                    .await;
            }
            TileSource::Finer => return self.of_finer(slide, key).await,
            TileSource::Baseline(_) | TileSource::Archived | TileSource::Tree => {
                let bytes = self.stored(slide, key, source).await?;
                if let (TileSource::Baseline(id), true) = (source, self.options.cache.prewarm_on_l2) {
                    self.prefetch(slide, id);
                }
                return Ok((bytes, Outcome::Stored));
            }
        };
        if let Some(bytes) = self.from_warm(slide, key).await? {
            return Ok((bytes, Outcome::Warm));
        }
        self.reconstructed(slide, id, tile).await
    }

    /// A tile from the warm cache, if there is one.
    async fn from_warm(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        key: TileKey,
    ) -> Result<Option<Bytes>, ServeError> {
        let Some(warm) = &self.warm else { return Ok(None) };
        if warm.is_quick() {
            return Ok(self.read_warm(slide, key));
        }
        let (this, of) = (self.clone(), slide.clone());
        tokio::task::spawn_blocking(move || this.read_warm(&of, key)).await.map_err(|_| ServeError::Broken)
    }

    /// Reads the warm cache and copies a hit to the hot one.
    fn read_warm(&self, slide: &Slide, key: TileKey) -> Option<Bytes> {
        match self.warm.as_ref()?.get(&slide.name, &key) {
            Lookup::Hit(bytes) => {
                self.metrics.warm_read(WarmRead::Hit);
                self.hot.insert(key, bytes.clone());
                return Some(bytes);
            }
            Lookup::Miss => self.metrics.warm_read(WarmRead::Miss),
            Lookup::Damaged => self.metrics.warm_read(WarmRead::Damaged),
        }
        None
    }

    /// Writes a tile to the warm cache, if there is one. The response does not wait for it.
    fn keep_warm(self: &Arc<Self>, slide: &Arc<Slide>, key: TileKey, bytes: Bytes) {
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

    /// As [`Self::get`], for callers that decode the tile.
    ///
    /// # Errors
    /// As [`Self::get`]; an output format other than JPEG.
    pub async fn jpeg(self: &Arc<Self>, slide: &Arc<Slide>, tile: TileId) -> Result<Bytes, ServeError> {
        if self.options.output.format != OutputFormat::Jpeg {
            return Err(ServeError::Unsupported(
                "images of any size are only made where the output format is jpeg".into(),
            ));
        }
        self.get(slide, tile).await.map(|(bytes, _)| bytes)
    }

    /// As [`Self::get`], for a tile of the slide's original: its own tree, else the slide that its archive was made of.
    ///
    /// # Errors
    /// No original, or no such tile in it; too much work; damage.
    pub async fn original(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        tile: TileId,
    ) -> Result<(Bytes, Outcome), ServeError> {
        let identity = slide.original_identity().ok_or(ServeError::NotFound)?;
        let key = TileKey { slide: identity, tile };
        if let Some(bytes) = self.hot.get(&key) {
            return Ok((bytes, Outcome::Hot));
        }
        if slide.has_tree() {
            return Ok((self.stored(slide, key, TileSource::Tree).await?, Outcome::Stored));
        }
        if !slide.is_cut(tile) {
            return self.get(slide, tile).await;
        }
        let _permit = self.family_permit().await?;
        let (this, of) = (self.clone(), slide.clone());
        // Concurrent requests for the same tile cut it once.
        let made =
            self.threads.run(async move { this.hot.try_get_with(key, || of.cut(tile).map(Bytes::from)) });
        Ok((made.await?.map_err(|e| broken(slide, &e))?, Outcome::Cold))
    }

    async fn stored(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        key: TileKey,
        source: TileSource,
    ) -> Result<Bytes, ServeError> {
        slide.arrives(key.tile, source).await;
        let (this, slide) = (self.clone(), slide.clone());
        let read = move || {
            // Concurrent requests for the same tile read it once.
            let made = this.hot.try_get_with(key, || slide.stored(key.tile, source).map(Bytes::from));
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
        let (receiver, outcome) = match self.calls.join((slide.identity, id), tile, || self.hot(slide, tile))
        {
            Err(bytes) => return Ok((bytes, Outcome::Hot)),
            Ok(Joined::Follower(receiver)) => (receiver, Outcome::Joined),
            Ok(Joined::Leader(receiver, call)) => {
                tokio::spawn(self.clone().run_call(slide.clone(), id, call));
                (receiver, Outcome::Cold)
            }
        };
        // A call that drops its senders has panicked.
        receiver.await.unwrap_or(Err(ServeError::Broken)).map(|bytes| (bytes, outcome))
    }
}

/// Logs a fault of the slide.
fn broken(slide: &Slide, error: &Error) -> ServeError {
    tracing::error!(slide = slide.name, "{error}");
    let Diagnosis { kind, path, .. } = error.diagnosis();
    let is_away = kind == FaultKind::MayPass && path.as_deref().is_some_and(is_address);
    if is_away { ServeError::Away } else { ServeError::Broken }
}

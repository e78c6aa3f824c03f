//! From a tile's address to its bytes: the caches, then stored bytes or a reconstruction.

mod alone;
mod caches;
mod family;
mod finer;
mod frames;
mod prefetch;
mod stopwatch;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::buffers::BufferPool;
use super::error::StartError;
use super::faults::Faults;
use super::metrics::{Gauges, Metrics, Outcome};
use super::options::{Limits, ServeOptions};
use super::pan::PanHistory;
use super::reads::slow;
use super::recent::recent;
use super::singleflight::{Group, Joined};
use super::slide::{Slide, TileSource};
use super::threads::Threads;
use super::tile_key::TileKey;
use super::turns::{Held, Turns};
use super::warm::WarmCache;
use crate::backend::Backend;
use crate::error::Error;
use crate::error::diagnosis::{Diagnose, Diagnosis, FaultKind};
use crate::image::geometry::{FamilyId, TileId};
use crate::output::tile::OutputFormat;
use crate::pyramid;
use crate::span::{Place, span};
use crate::store::is_address;
use crate::web::budget::{Budget, Charge, Purpose};
use crate::web::error::ServeError;

/// Most viewers whose panning is followed.
const MAX_VIEWERS: u64 = 4096;
/// Time after its last request at which a viewer is forgotten.
const VIEWER_IDLE_TIME: Duration = Duration::from_secs(30);

/// All tiles of all slides.
pub struct Tiles {
    options: Arc<ServeOptions>,
    hot: Cache<TileKey, Bytes>,
    warm: Option<WarmCache>,
    /// Permits to read the warm cache on a thread for connections.
    quick_reads: OnceLock<Semaphore>,
    calls: Group,
    /// Tiles that are made alone, or of finer ones.
    turns: Turns,
    /// Permits to reconstruct a family.
    family_permits: Arc<Semaphore>,
    /// The memory of all requests.
    budget: Arc<Budget>,
    backend: Arc<dyn Backend>,
    buffers: Arc<BufferPool>,
    threads: Threads,
    /// By client and slide.
    viewers: Cache<(IpAddr, u128), Arc<Mutex<PanHistory>>>,
    metrics: Arc<Metrics>,
    faults: Faults,
}

/// One of the two sets of tiles of a slide.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TileSet {
    /// What the server makes of archive and tree.
    Served,
    /// Those of the slide's original, its tree or its source, in the geometry of the served ones.
    Original,
}

/// A tile that a slide has.
pub struct Found {
    source: TileSource,
    key: TileKey,
    /// Where it is one of a tree, what its file holds, and the memory to make it.
    file: Option<(Vec<u8>, Charge)>,
}

impl Found {
    /// Hash of everything that its bytes depend on but its address.
    pub fn identity(&self) -> u128 {
        self.key.slide
    }
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
        let (threads, limits) =
            (Threads::new(options.limits.threads, slow(options.limits.read_timeout))?, &options.limits);
        let budget = Arc::new(Budget::new(limits.max_request_bytes, limits.queue_timeout));
        let (idle, families) = (limits.buffer_pool_size, limits.max_inflight_families);
        Ok(Arc::new(Self {
            hot,
            warm: warm.transpose()?,
            quick_reads: OnceLock::new(),
            calls: Group::default(),
            turns: Turns::default(),
            family_permits: Arc::new(Semaphore::new(families)),
            backend,
            buffers: BufferPool::new(idle, families, budget.clone()),
            budget,
            threads,
            viewers: recent(MAX_VIEWERS, VIEWER_IDLE_TIME),
            metrics,
            faults: Faults::default(),
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
            request_bytes: self.budget.taken_bytes(),
            warm: self.warm.as_ref().map(WarmCache::stats),
        }
    }

    /// Whether there is a warm cache.
    pub fn has_disk_cache(&self) -> bool {
        self.warm.is_some()
    }

    /// Writes buffered tiles of the warm cache to disk and ends its work; for an orderly shutdown.
    pub fn close(&self) {
        if let Some(warm) = &self.warm {
            warm.close();
        }
    }

    /// Takes bytes of the memory that all requests share. They return when the charge is dropped.
    ///
    /// # Errors
    /// [`ServeError::Busy`] after the queue timeout.
    pub async fn charge(&self, purpose: Purpose, bytes: u64) -> Result<Charge, ServeError> {
        let charge = self.budget.take(purpose, bytes).await?;
        self.buffers.make_room(0);
        Ok(charge)
    }

    /// The bytes of a body, which count as held until the client has taken them.
    ///
    /// # Errors
    /// [`ServeError::Busy`] after the queue timeout.
    pub async fn to_send(&self, body: Bytes) -> Result<Bytes, ServeError> {
        Ok(self.charge(Purpose::Tile, body.len() as u64).await?.hold(body))
    }

    /// The bytes of a body that was made within `charge`, which was estimated before: what is too much of it is given back. A larger body waits
    /// for what it takes.
    ///
    /// # Errors
    /// [`ServeError::Busy`] after the queue timeout.
    pub async fn to_send_within(&self, mut charge: Charge, body: Bytes) -> Result<Bytes, ServeError> {
        let bytes = body.len() as u64;
        if !charge.covers(bytes) {
            // Who waits for more of the same holds none of it.
            let purpose = charge.purpose();
            drop(charge);
            charge = self.charge(purpose, bytes).await?;
        }
        charge.shrink_to(bytes);
        Ok(charge.hold(body))
    }

    /// Waits until nobody else makes a tile.
    ///
    /// # Errors
    /// [`ServeError::Busy`] where that takes longer than a tile may.
    async fn turn(&self, key: TileKey) -> Result<Held<'_>, ServeError> {
        let Limits { queue_timeout, read_timeout, .. } = self.options.limits;
        let turn = timeout(2 * queue_timeout + read_timeout, self.turns.take(key));
        span!("turn").around(turn).await.map_err(|_| ServeError::Busy)
    }

    /// Waits for work that reads files.
    ///
    /// # Errors
    /// [`ServeError::Away`] where it is not done in time.
    pub async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, ServeError>>,
    ) -> Result<T, ServeError> {
        timeout(self.options.limits.read_timeout, work).await.unwrap_or(Err(ServeError::Away))
    }

    /// Waits until a slide can be read, for a permit to reconstruct a family of it, or to make a tile alone, and for the memory. Hold both
    /// until it is done.
    ///
    /// # Errors
    /// [`ServeError::Away`] where its storage hangs; [`ServeError::Busy`] after the queue timeout.
    async fn admitted(
        &self,
        slide: &Slide,
        bytes: u64,
    ) -> Result<(OwnedSemaphorePermit, Charge), ServeError> {
        let admitted = async {
            slide.reads().answer().await?;
            let permit = self.family_permit().await?;
            Ok((permit, self.charge(Purpose::Tile, bytes).await?))
        };
        span!("queue").around(admitted).await
    }

    async fn family_permit(&self) -> Result<OwnedSemaphorePermit, ServeError> {
        let permit = self.family_permits.clone().acquire_owned();
        let wait = timeout(self.options.limits.queue_timeout, permit);
        wait.await.ok().and_then(Result::ok).ok_or_else(|| {
            self.metrics.refused();
            ServeError::Busy
        })
    }

    /// The threads that decode and encode.
    pub fn threads(&self) -> &Threads {
        &self.threads
    }

    /// What a tile is made of, and the hash of all that it depends on. The file of a tree's tile is read for that: it may have been written
    /// anew since the tree was opened.
    ///
    /// # Errors
    /// No such tile; a file that cannot be read.
    pub async fn find(&self, slide: &Arc<Slide>, tile: TileId, of: TileSet) -> Result<Found, ServeError> {
        let found = match of {
            TileSet::Served => slide.source(tile),
            TileSet::Original => slide.original_source(tile),
        };
        let (source, identity) = found.ok_or(ServeError::NotFound)?;
        if source != TileSource::Tree || !slide.reads_files_of(tile.level) {
            return Ok(Found { source, key: TileKey { slide: identity, tile }, file: None });
        }
        let (file, charge) = self.tree_file(slide, tile).await?;
        let key = TileKey { slide: slide.identity_of_file(identity, &file), tile };
        Ok(Found { source, key, file: Some((file, charge)) })
    }

    /// The bytes of a tile, and where they came from.
    ///
    /// # Errors
    /// Too much work; damage.
    pub async fn make(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        found: Found,
    ) -> Result<(Bytes, Outcome), ServeError> {
        let Found { source, key, file } = found;
        if let Some(bytes) = self.look_up(key) {
            return Ok((bytes, Outcome::Hot));
        }
        let tile = key.tile;
        let id = match source {
            TileSource::Family(id) => id,
            TileSource::Original(id) => {
                return self.single(slide, key, source, move |of| of.original(id, tile)).await;
            }
            TileSource::Scan => {
                return self.single(slide, key, source, move |of| of.code(of.pixels(tile, source)?)).await;
            }
            TileSource::Cut => return self.single(slide, key, source, move |of| of.cut(tile)).await,
            TileSource::Finer => return self.of_finer(slide, key).await,
            TileSource::Baseline(_) | TileSource::Archived | TileSource::Tree => {
                let bytes = self.stored(slide, key, source, file).await?;
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

    /// The bytes of a tile, for callers that decode it.
    ///
    /// # Errors
    /// As [`Self::find`] and [`Self::make`]; an output format other than JPEG.
    pub async fn jpeg(self: &Arc<Self>, slide: &Arc<Slide>, tile: TileId) -> Result<Bytes, ServeError> {
        if self.options.output.format != OutputFormat::Jpeg {
            return Err(ServeError::Unsupported(
                "images of any size are only made where the output format is jpeg".into(),
            ));
        }
        let found = self.find(slide, tile, TileSet::Served).await?;
        self.make(slide, found).await.map(|(bytes, _)| bytes)
    }

    async fn reconstructed(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        id: FamilyId,
        tile: TileId,
    ) -> Result<(Bytes, Outcome), ServeError> {
        let joined = self.calls.join((slide.identity, id), tile, || self.hot(slide, tile));
        // A call that drops its senders has panicked.
        let received = |sent: Result<_, _>| sent.unwrap_or(Err(ServeError::Broken));
        match joined {
            Err(bytes) => Ok((bytes, Outcome::Hot)),
            Ok(Joined::Follower(receiver, call)) => {
                let span = span!("join");
                let sent = span.around(receiver).await;
                // The family belongs to the trace of the request that came first.
                span.link(&call.place.get());
                Ok((received(sent)?, Outcome::Joined))
            }
            Ok(Joined::Leader(receiver, call)) => {
                tokio::spawn(Place::here().around(self.clone().run_call(slide.clone(), id, call)));
                Ok((received(receiver.await)?, Outcome::Cold))
            }
        }
    }

    /// What a client is told of a fault of the slide, which is logged.
    pub fn broken(&self, slide: &Slide, error: &Error) -> ServeError {
        if is_missing_tile(error) {
            return ServeError::NotFound;
        }
        self.faults.log(&slide.name, error);
        let Diagnosis { kind, path, .. } = error.diagnosis();
        let is_away = kind == FaultKind::MayPass && path.as_deref().is_some_and(is_address);
        if is_away { ServeError::Away } else { ServeError::Broken }
    }

    /// The faults of slides that are logged.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// Whether a tree lacks the tile.
fn is_missing_tile(error: &Error) -> bool {
    let (Error::Pyramid(pyramid::Error::File(file)) | Error::File(file)) = error else { return false };
    file.source.kind() == std::io::ErrorKind::NotFound
}

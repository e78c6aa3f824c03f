//! From a tile's address to its bytes: cache, then what is stored, then a reconstruction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::sync::Cache;
use tokio::sync::{Semaphore, oneshot};

use super::ServeOptions;
use super::error::ServeError;
use super::flight::{Boarding, Flight, Flights};
use super::metrics::{Metrics, Outcome};
use super::slide::{Origin, Slide};
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::geometry::{FamilyId, TileId};
use crate::tile::OutputFormat;

/// A tile as it is sent: the slide's identity and the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileKey {
    /// [`Slide::identity`] or [`Slide::original`].
    pub slide: u128,
    /// Which tile.
    pub tile: TileId,
}

/// All tiles of all slides.
pub struct Tiles {
    options: Arc<ServeOptions>,
    hot: Cache<TileKey, Bytes>,
    flights: Flights,
    permits: Arc<Semaphore>,
    backend: Arc<dyn Backend>,
    pool: rayon::ThreadPool,
    metrics: Arc<Metrics>,
}

impl Tiles {
    /// With threads of its own for decoding and coding.
    ///
    /// # Errors
    /// Where the system gives no threads.
    pub fn new(
        options: Arc<ServeOptions>,
        backend: Arc<dyn Backend>,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.rayon_threads)
            .thread_name(|i| format!("origami-tiles-{i}"))
            .build()
            .map_err(|e| Error::Usage(format!("cannot start threads: {e}")))?;
        let bytes = options.cache_mb << 20;
        // Every tile weighs its bytes, and at least so much that no more than `cache_entries` fit.
        let least = (bytes / options.cache_entries.max(1)).max(1);
        let hot = Cache::builder()
            .max_capacity(bytes)
            .weigher(move |_, tile: &Bytes| (tile.len() as u64).max(least).try_into().unwrap_or(u32::MAX))
            .build();
        let permits = Arc::new(Semaphore::new(options.max_inflight_families));
        Ok(Arc::new(Self { options, hot, flights: Flights::default(), permits, backend, pool, metrics }))
    }

    /// Tiles and bytes in the hot cache, and families on their way.
    pub fn gauges(&self) -> (u64, u64, u64) {
        (self.hot.entry_count(), self.hot.weighted_size(), self.flights.len() as u64)
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
        let Some(origin) = slide.origin(tile) else { return Err(ServeError::NotFound) };
        let key = TileKey { slide: slide.identity, tile };
        if let Some(bytes) = self.hot.get(&key) {
            return Ok((bytes, Outcome::Hot));
        }
        match origin {
            Origin::Family(id) => self.reconstructed(slide, id, tile).await,
            _ => {
                let bytes = self.stored(slide, key, origin).await?;
                if let (Origin::Baseline(id), true) = (origin, self.options.prewarm_on_l2) {
                    self.prewarm(slide, id);
                }
                Ok((bytes, Outcome::Stored))
            }
        }
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
        let key = (slide.identity, id);
        let cached = || self.hot.get(&TileKey { slide: slide.identity, tile });
        let (take, outcome) = match self.flights.board(key, tile, cached) {
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

    /// Reconstructs a family that will be asked for, if there is nothing else to do.
    fn prewarm(self: &Arc<Self>, slide: &Arc<Slide>, id: FamilyId) {
        let idle = self.permits.available_permits() > self.options.max_inflight_families / 2;
        let known = slide.renderer().tiles(id).next();
        let cached =
            known.is_some_and(|tile| self.hot.contains_key(&TileKey { slide: slide.identity, tile }));
        if let (true, false, Some(flight)) = (idle, cached, self.flights.ahead((slide.identity, id))) {
            tokio::spawn(self.clone().fly(slide.clone(), id, flight));
        }
    }

    /// A family from its archive to all of its tiles.
    async fn fly(self: Arc<Self>, slide: Arc<Slide>, id: FamilyId, flight: Arc<Flight>) {
        let ended = self.work(&slide, id, &flight).await;
        self.flights.land((slide.identity, id), &flight, ended.err());
    }

    async fn work(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        id: FamilyId,
        flight: &Arc<Flight>,
    ) -> Result<(), ServeError> {
        let queued = Instant::now();
        let wait = tokio::time::timeout(self.options.queue_timeout, self.permits.clone().acquire_owned());
        let Ok(Ok(_permit)) = wait.await else {
            self.metrics.refused();
            return Err(ServeError::Busy);
        };
        self.metrics.queued(queued.elapsed());
        if flight.abandoned() {
            return Ok(());
        }
        let mut laps = Laps::new();
        let failed = |e: &Error| broken(slide, e);
        let of = slide.clone();
        let decoded = self.on_pool(move || of.decode(id)).await?.map_err(|e| failed(&e))?;
        laps.lap("decode");
        let (of, backend) = (slide.clone(), self.backend.clone());
        let reconstruct = move || match of.coding() {
            Some(coding) => block_on(backend.reconstruct(coding, &decoded, of.renderer().want())),
            None => Err(Error::Usage("no archive".into())),
        };
        let made = Arc::new(self.on_pool(reconstruct).await?.map_err(|e| failed(&e))?);
        laps.lap("reconstruct");
        flight.load(slide.renderer().tiles(id));
        let coders = self.pool.current_num_threads().min(20);
        let coding: Vec<_> = (0..coders)
            .map(|_| {
                let (this, of, flight, made) = (self.clone(), slide.clone(), flight.clone(), made.clone());
                self.on_pool(move || {
                    while let Some(tile) = flight.next() {
                        let bytes = Bytes::from(of.renderer().cut(id, &made, tile)?);
                        this.hot.insert(TileKey { slide: of.identity, tile }, bytes.clone());
                        flight.publish(tile, &bytes);
                    }
                    Ok(())
                })
            })
            .collect();
        for coder in coding {
            coder.await?.map_err(|e: Error| failed(&e))?;
        }
        laps.lap("encode");
        self.metrics.family(laps.total());
        if self.options.timing_breakdown {
            tracing::info!(slide = slide.name, family = %id, "{}", laps.text());
        }
        Ok(())
    }

    /// Runs work on the threads for it.
    pub fn on_pool<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Result<T, ServeError>> {
        // Begun at once, not when it is first polled.
        let (give, take) = oneshot::channel();
        self.pool.spawn_fifo(move || drop(give.send(work())));
        async { take.await.map_err(|_| ServeError::Broken) }
    }
}

fn broken(slide: &Slide, error: &Error) -> ServeError {
    tracing::error!(slide = slide.name, "{error}");
    ServeError::Broken
}

/// Waits on this thread: a backend on the CPU is done at once.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    pollster::block_on(work)
}

/// Where the time of a family went.
struct Laps {
    started: Instant,
    last: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Laps {
    fn new() -> Self {
        let now = Instant::now();
        Self { started: now, last: now, laps: Vec::new() }
    }

    fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        self.laps.push((name, now - std::mem::replace(&mut self.last, now)));
    }

    fn total(&self) -> Duration {
        self.last - self.started
    }

    fn text(&self) -> String {
        let laps = self.laps.iter().map(|(name, time)| format!("{name} {} us", time.as_micros()));
        laps.collect::<Vec<_>>().join(", ")
    }
}

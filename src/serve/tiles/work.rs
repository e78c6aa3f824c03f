//! A family from its archive to all of its tiles: the queue, the first tile, the rest, and the caches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{TileKey, Tiles, broken};
use crate::backend::cpu;
use crate::error::{Error, Result};
use crate::image::geometry::{FamilyId, TileId};
use crate::serve::buffers::{FamilyBuffers, Lent};
use crate::serve::error::ServeError;
use crate::serve::flight::{Flight, FlightKey};
use crate::serve::slide::Slide;

impl Tiles {
    /// A family from its archive to all of its tiles.
    pub(super) async fn fly(self: Arc<Self>, slide: Arc<Slide>, id: FamilyId, flight: Arc<Flight>) {
        let mut landing = Landing { this: &self, key: (slide.identity, id), flight: &flight, ended: None };
        let ended = self.work(&slide, id, &flight).await;
        let whole = ended.is_ok();
        landing.ended = Some(ended.err());
        drop(landing);
        if whole && self.warm.is_some() {
            // Nobody waits for this.
            tokio::task::spawn_blocking(move || self.keep(&slide, &flight));
        }
    }

    /// Hands the tiles of a flight to the cache on disk.
    fn keep(&self, slide: &Slide, flight: &Flight) {
        let (Some(warm), made) = (&self.warm, flight.made()) else { return };
        if made.is_empty() {
            return;
        }
        let key = |tile| TileKey { slide: slide.identity, tile };
        let kept = warm.put(&slide.name, made.iter().map(|(&tile, bytes)| (key(tile), bytes)));
        self.metrics.warm_written(made.len() as u64, kept);
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
        if slide.keeps_originals() {
            return self.all_originals(slide, id, flight).await;
        }
        let (this, of, on) = (self.clone(), slide.clone(), flight.clone());
        let first = self.threads.run(async move { this.begin(&of, id, &on).await });
        let Some((made, mut laps)) = first.await?.map_err(|e| broken(slide, &e))? else { return Ok(()) };
        let made = Arc::new(made);
        let coding: Vec<_> = (0..self.threads.count().min(20))
            .map(|_| {
                let (this, of, on, made) = (self.clone(), slide.clone(), flight.clone(), made.clone());
                self.threads.run(async move {
                    while let Some(tile) = on.next() {
                        this.publish(&of, tile, of.renderer().cut(id, &made.made, tile)?, &on);
                    }
                    Ok(())
                })
            })
            .collect();
        for coder in coding {
            coder.await?.map_err(|e: Error| broken(slide, &e))?;
        }
        laps.lap("encode");
        self.metrics.family(laps.total());
        if self.options.timing_breakdown {
            tracing::info!(slide = slide.name, family = %id, "{}", laps.text());
        }
        Ok(())
    }

    /// The way of a family to the first tile that somebody waits for. `None` where nobody does any more.
    async fn begin(&self, slide: &Slide, id: FamilyId, flight: &Arc<Flight>) -> Result<Option<(Lent, Laps)>> {
        let key = (slide.identity, id);
        if self.flights.give_up(key, flight) {
            return Ok(None);
        }
        let Some(coding) = slide.coding() else { return Err(Error::Usage("no archive".into())) };
        let mut laps = Laps::new();
        let mut lent = self.buffers.take();
        let FamilyBuffers { decoded, made } = &mut *lent;
        let record = slide.read(id)?;
        let renderer = slide.renderer();
        flight.load(renderer.tiles(id));
        // Somebody waits: this tile alone first, and of the residual only what it takes.
        let first = flight.next_wanted(slide.geometry.top_level());
        let first = first.map(|tile| renderer.place(id, tile).map(|part| (tile, part))).transpose()?;
        let rect = slide.geometry.family_rect(id);
        let size = (rect.width as usize, rect.height as usize);
        let rows =
            first.map_or(0..size.1, |(_, part)| cpu::rows_of_part(coding, size, renderer.want(), part));
        let done = slide.decode(id, &record, rows, decoded)?;
        laps.lap("decode");
        if self.flights.give_up(key, flight) {
            return Ok(None);
        }
        if let Some((tile, part)) = first {
            let part = cpu::reconstruct_part(coding, decoded, renderer.want(), part)?;
            self.publish(slide, tile, renderer.code(part.view())?, flight);
            laps.lap("first tile");
            slide.decode_rest(id, &record, &done, decoded)?;
            laps.lap("rest");
        }
        let used = std::mem::take(made);
        *made = self.backend.reconstruct_into(coding, decoded, renderer.want(), used).await?;
        laps.lap("reconstruct");
        Ok(Some((lent, laps)))
    }

    /// A tile, to whoever waits for it and to the cache.
    pub(super) fn publish(&self, slide: &Slide, tile: TileId, bytes: Vec<u8>, flight: &Flight) {
        let bytes = Bytes::from(bytes);
        self.hot.insert(TileKey { slide: slide.identity, tile }, bytes.clone());
        flight.publish(tile, &bytes);
    }
}

/// Ends a flight however its work ends, also by a panic: nobody must wait for ever.
struct Landing<'a> {
    this: &'a Tiles,
    key: FlightKey,
    flight: &'a Arc<Flight>,
    /// The end of the work, with its error; `None` where it did not come to one.
    ended: Option<Option<ServeError>>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let error = self.ended.take().unwrap_or(Some(ServeError::Broken));
        self.this.flights.land(self.key, self.flight, error);
    }
}

/// Where the time of a family went.
pub(super) struct Laps {
    started: Instant,
    last: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Laps {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { started: now, last: now, laps: Vec::new() }
    }

    pub(super) fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        self.laps.push((name, now - std::mem::replace(&mut self.last, now)));
    }

    pub(super) fn total(&self) -> Duration {
        self.last - self.started
    }

    pub(super) fn text(&self) -> String {
        let laps = self.laps.iter().map(|(name, time)| format!("{name} {} us", time.as_micros()));
        laps.collect::<Vec<_>>().join(", ")
    }
}

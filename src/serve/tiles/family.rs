//! Runs a call: tiles of a family, from its archive. It waits for its turn, and makes the awaited tiles first, each of no more than it needs.
//! The rest follows into the caches while no request waits for another family. What was decoded stays in the buffers for a while.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Tiles;
use super::stopwatch::Stopwatch;
use crate::archive::FamilyRecord;
use crate::backend::cpu;
use crate::error::{Error, Result, ServedFault};
use crate::image::family::DecodedFamily;
use crate::image::geometry::{FamilyId, Rect, TileId};
use crate::serve::buffers::{FamilyBuffers, PooledBuffers, State};
use crate::serve::singleflight::{Call, CallKey};
use crate::serve::slide::Slide;
use crate::serve::threads::Progress;
use crate::serve::tile_key::TileKey;
use crate::span::{Place, span};
use crate::web::error::ServeError;

/// How long nobody may ask for a tile of a family before what nobody has asked for is made.
const PAUSE_MS: u32 = 5;

/// How far a call is.
enum Reached {
    /// The awaited tiles are delivered.
    Delivered,
    /// The family is reconstructed.
    Made(Box<PooledBuffers>, Stopwatch),
    /// Nobody waits, and nothing more is made.
    Ended,
}

impl Tiles {
    /// Reconstructs a family, delivers its tiles to the requests of `call`, and ends the call.
    pub(super) async fn run_call(self: Arc<Self>, slide: Arc<Slide>, id: FamilyId, call: Arc<Call>) {
        let mut guard = FinishGuard { tiles: &self, key: (slide.identity, id), call: &call, result: None };
        let span = span!(
            "family",
            origami.slide = slide.name,
            origami.family = %id,
            origami.prefetch = call.prefetch,
        );
        let result = span.around(self.make_family(&slide, id, &call)).await;
        span.end();
        let complete = result.is_ok();
        guard.result = Some(result);
        drop(guard);
        if complete && self.warm.is_some() {
            // No request waits for this.
            tokio::task::spawn_blocking(move || self.write_warm(&slide, &call));
        }
    }

    /// Writes the tiles of a call to the warm cache.
    fn write_warm(&self, slide: &Slide, call: &Call) {
        let (Some(warm), tiles) = (&self.warm, call.finished()) else { return };
        if tiles.is_empty() {
            return;
        }
        let key = |tile| TileKey { slide: slide.identity, tile };
        let stored = warm.put(&slide.name, tiles.iter().map(|(&tile, bytes)| (key(tile), bytes)));
        self.metrics.warm_written(tiles.len() as u64, stored);
    }

    async fn make_family(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        id: FamilyId,
        call: &Arc<Call>,
    ) -> Result<(), ServeError> {
        call.place.set(Place::here());
        let queued = Instant::now();
        let need = slide.family_bytes(id);
        let (_permit, charge) = self.admitted(slide, need).await?;
        let charge = Arc::new(charge);
        self.metrics.queued(queued.elapsed());
        if slide.keeps_originals() {
            return self.original_family(slide, id, call).await;
        }
        call.add_pending(slide.renderer().tiles(id));
        let mut is_quiet = false;
        let (buffers, mut stopwatch) = loop {
            let (this, of, on) = (self.clone(), slide.clone(), call.clone());
            let (held, progress) = (charge.clone(), self.threads.progress(slide.reads()));
            let made = self.threads.run(async move {
                // Of a read that hangs the bytes stay taken.
                let _charge = held;
                this.reconstruct((&of, id), &on, need, is_quiet, &progress).await
            });
            match self.in_time(made).await?.map_err(|e| self.broken(slide, &e))? {
                Reached::Made(buffers, stopwatch) => break (*buffers, stopwatch),
                Reached::Ended => return Ok(()),
                Reached::Delivered => {
                    is_quiet = self.is_quiet(call).await;
                    if !is_quiet && self.calls.leave((slide.identity, id), call) {
                        return Ok(());
                    }
                }
            }
        };
        let (key, buffers) = ((slide.identity, id), Arc::new(buffers));
        loop {
            let encoders: Vec<_> = (0..self.threads.count().min(20))
                .map(|_| {
                    let (this, of, on, buffers) =
                        (self.clone(), slide.clone(), call.clone(), buffers.clone());
                    self.threads.run(async move {
                        while let Some(tile) = this.next_tile(&of, &on) {
                            this.publish(&of, tile, of.renderer().cut(id, &buffers.made, tile)?, &on);
                        }
                        Ok(())
                    })
                })
                .collect();
            for encoder in encoders {
                encoder.await?.map_err(|e: Error| self.broken(slide, &e))?;
            }
            if self.calls.leave(key, call) {
                break;
            }
        }
        stopwatch.lap("encode");
        self.count_family(slide, id, &stopwatch);
        Ok(())
    }

    /// Counts a family that is complete, and logs its times if the options say so.
    pub(super) fn count_family(&self, slide: &Slide, id: FamilyId, stopwatch: &Stopwatch) {
        self.metrics.family(stopwatch.total());
        if self.options.logging.timing_breakdown {
            tracing::info!(slide = slide.name, family = %id, "{}", stopwatch.text());
        }
    }

    /// The next tile of a reconstructed family: one that a request waits for, else any that is not cached, unless a request waits for another
    /// family.
    fn next_tile(&self, slide: &Slide, call: &Arc<Call>) -> Option<TileId> {
        loop {
            if let Some(tile) = call.take_awaited_next() {
                return Some(tile);
            }
            if self.calls.awaits_another(call) {
                return None;
            }
            let tile = call.take_next()?;
            let Some(bytes) = self.hot(slide, tile) else { return Some(tile) };
            call.publish(tile, &bytes);
        }
    }

    /// Waits whether more is asked for. False as soon as a request came for any family: it must not wait for what nobody asked for.
    async fn is_quiet(&self, call: &Arc<Call>) -> bool {
        let before = self.calls.requests();
        for _ in 0..PAUSE_MS {
            if call.awaits_pending() || self.calls.awaits_another(call) || self.calls.requests() != before {
                return false;
            }
            // A request for this family ends the wait at once.
            let _ = tokio::time::timeout(Duration::from_millis(1), call.asked()).await;
        }
        !call.awaits_pending() && self.calls.requests() == before
    }

    /// Makes the awaited tiles of L0, each from no more of the residual than it needs. Then, if it is quiet or a tile of L1 is awaited,
    /// reconstructs the family, unless a request waits for another one meanwhile. It has `need` bytes for that.
    async fn reconstruct(
        &self,
        (slide, id): (&Arc<Slide>, FamilyId),
        call: &Arc<Call>,
        need: u64,
        is_quiet: bool,
        progress: &Progress,
    ) -> Result<Reached> {
        let key = (slide.identity, id);
        if !is_quiet && self.calls.cancel_if_abandoned(key, call) {
            return Ok(Reached::Ended);
        }
        let Some(coding) = slide.coding() else {
            return Err(Error::served(&slide.name, ServedFault::NoArchive));
        };
        let (mut stopwatch, renderer) = (Stopwatch::start(), slide.renderer());
        let mut buffers = self.buffers.acquire(key, need);
        let FamilyBuffers { decoded, made, state, .. } = &mut *buffers;
        if state.is_made {
            return Ok(Reached::Made(Box::new(buffers), stopwatch));
        }
        // Planes that an error leaves half-written belong to no family.
        let mut family = Family { slide, id, progress, record: None, decoded, state: std::mem::take(state) };
        let size = family.size();
        while let Some(tile) = call.take_awaited(slide.geometry.top_level()) {
            let part = renderer.place(id, tile)?;
            family.decode(cpu::residual_of_part(coding, size, renderer.want(), part)).await?;
            stopwatch.lap("decode");
            if self.calls.cancel_if_abandoned(key, call) {
                *state = family.state;
                return Ok(Reached::Ended);
            }
            let part = cpu::reconstruct_part(coding, family.decoded, renderer.want(), part)?;
            self.publish(slide, tile, renderer.code(part.view())?, call);
            stopwatch.lap("tile");
        }
        if !is_quiet && !call.awaits_pending() {
            *state = family.state;
            return Ok(Reached::Delivered);
        }
        for whole in [false, true] {
            if whole {
                family.decode_all().await?;
                stopwatch.lap("rest");
            }
            if self.calls.awaits_another(call) && self.calls.leave(key, call) {
                *state = family.state;
                return Ok(Reached::Ended);
            }
        }
        let used = std::mem::take(made);
        *made = self.backend.reconstruct_into(coding, family.decoded, renderer.want(), used).await?;
        *state = State { is_made: true, ..family.state };
        stopwatch.lap("reconstruct");
        Ok(Reached::Made(Box::new(buffers), stopwatch))
    }

    /// Adds a finished tile to the hot cache and delivers it.
    pub(super) fn publish(&self, slide: &Slide, tile: TileId, bytes: Vec<u8>, call: &Call) {
        let bytes = Bytes::from(bytes);
        self.keep_hot(TileKey { slide: slide.identity, tile }, bytes.clone());
        let awaited = call.publish(tile, &bytes);
        self.metrics.family_tile(awaited);
    }
}

/// A family that is being decoded.
struct Family<'a> {
    slide: &'a Arc<Slide>,
    id: FamilyId,
    progress: &'a Progress,
    record: Option<FamilyRecord>,
    decoded: &'a mut DecodedFamily,
    state: State,
}

impl Family<'_> {
    /// All of L0, in pixels of the family.
    fn whole(&self) -> Rect {
        Rect { x: 0, y: 0, ..self.slide.geometry.family_rect(self.id) }
    }

    fn size(&self) -> (usize, usize) {
        let Rect { width, height, .. } = self.whole();
        (width as usize, height as usize)
    }

    /// Decodes a part of the residual, and the baseline, unless they are decoded.
    async fn decode(&mut self, part: Rect) -> Result<()> {
        if self.state.residual.iter().any(|done| holds(done, &part)) {
            return Ok(());
        }
        let whole = self.whole();
        let record = record(&mut self.record, self.slide, self.id, self.progress).await?;
        let (has_baseline, is_first) = (self.state.family.is_some(), self.state.residual.is_empty());
        let family = &mut *self.decoded;
        let done = self.slide.decode(self.id, record, |decoder| {
            if !has_baseline {
                decoder.decode_baseline(family)?;
            }
            // Of the first tile its columns alone. Who comes back needs their neighbours.
            let columns = if is_first { part } else { Rect { x: 0, width: whole.width, ..part } };
            decoder.decode_residual_part(columns, family)
        })?;
        self.state.family = Some((self.slide.identity, self.id));
        self.state.residual.push(done);
        Ok(())
    }

    /// Decodes what is left.
    async fn decode_all(&mut self) -> Result<()> {
        let whole = self.whole();
        let rows = self.state.residual.iter().find(|done| done.width == whole.width && **done != whole);
        let Some(&done) = rows else { return self.decode(whole).await };
        let record = record(&mut self.record, self.slide, self.id, self.progress).await?;
        let family = &mut *self.decoded;
        self.slide.decode(self.id, record, |decoder| decoder.decode_rest(done, family))?;
        self.state.residual = vec![whole];
        Ok(())
    }
}

/// The record of a family, which is read when something of it must be decoded.
async fn record<'a>(
    known: &'a mut Option<FamilyRecord>,
    slide: &Arc<Slide>,
    id: FamilyId,
    progress: &Progress,
) -> Result<&'a FamilyRecord> {
    let record = match known.take() {
        Some(record) => record,
        None => slide.load(id, progress).await?,
    };
    Ok(known.insert(record))
}

/// Whether a part lies in another.
fn holds(done: &Rect, part: &Rect) -> bool {
    let inside = |done: Range<usize>, part: Range<usize>| done.start <= part.start && part.end <= done.end;
    inside(done.columns(), part.columns()) && inside(done.rows(), part.rows())
}

/// Ends a call even if its work panics, so that no request waits for ever.
struct FinishGuard<'a> {
    tiles: &'a Tiles,
    key: CallKey,
    call: &'a Arc<Call>,
    /// `None` after a panic.
    result: Option<Result<(), ServeError>>,
}

impl Drop for FinishGuard<'_> {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or(Err(ServeError::Broken));
        self.tiles.calls.finish(self.key, self.call, result.err());
    }
}

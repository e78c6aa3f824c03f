//! Runs a call: a family from its archive to all of its tiles. It waits for its turn, makes the awaited tile first, then the rest, and
//! fills the caches.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::stopwatch::Stopwatch;
use super::{Tiles, broken};
use crate::backend::cpu;
use crate::error::{Error, Result, ServedFault};
use crate::image::geometry::{FamilyId, Rect, TileId};
use crate::serve::buffers::{FamilyBuffers, PooledBuffers};
use crate::serve::singleflight::{Call, CallKey};
use crate::serve::slide::Slide;
use crate::serve::tile_key::TileKey;
use crate::web::error::ServeError;

impl Tiles {
    /// Reconstructs a family, delivers its tiles to the requests of `call`, and ends the call.
    pub(super) async fn run_call(self: Arc<Self>, slide: Arc<Slide>, id: FamilyId, call: Arc<Call>) {
        let mut guard = FinishGuard { tiles: &self, key: (slide.identity, id), call: &call, result: None };
        let result = self.make_family(&slide, id, &call).await;
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
        let queued = Instant::now();
        let _permit = self.family_permit().await?;
        self.metrics.queued(queued.elapsed());
        if slide.keeps_originals() {
            return self.original_family(slide, id, call).await;
        }
        let (this, of, on) = (self.clone(), slide.clone(), call.clone());
        let reconstructed = self.threads.run(async move { this.reconstruct(&of, id, &on).await });
        let Some((buffers, mut stopwatch)) = reconstructed.await?.map_err(|e| broken(slide, &e))? else {
            return Ok(());
        };
        let buffers = Arc::new(buffers);
        let encoders: Vec<_> = (0..self.threads.count().min(20))
            .map(|_| {
                let (this, of, on, buffers) = (self.clone(), slide.clone(), call.clone(), buffers.clone());
                self.threads.run(async move {
                    while let Some(tile) = on.take_next() {
                        this.publish(&of, tile, of.renderer().cut(id, &buffers.made, tile)?, &on);
                    }
                    Ok(())
                })
            })
            .collect();
        for encoder in encoders {
            encoder.await?.map_err(|e: Error| broken(slide, &e))?;
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

    /// Reads, decodes and reconstructs a family. An awaited tile of L0 is made and delivered first, from no more of the residual than it
    /// needs. `None` if the call was abandoned.
    async fn reconstruct(
        &self,
        slide: &Slide,
        id: FamilyId,
        call: &Arc<Call>,
    ) -> Result<Option<(PooledBuffers, Stopwatch)>> {
        let key = (slide.identity, id);
        if self.calls.cancel_if_abandoned(key, call) {
            return Ok(None);
        }
        let Some(coding) = slide.coding() else {
            return Err(Error::served(&slide.name, ServedFault::NoArchive));
        };
        let mut stopwatch = Stopwatch::start();
        let mut buffers = self.buffers.acquire();
        let FamilyBuffers { decoded, made } = &mut *buffers;
        let record = slide.load(id).await?;
        let renderer = slide.renderer();
        call.add_pending(renderer.tiles(id));
        let first = call.take_awaited(slide.geometry.top_level());
        let first = first.map(|tile| renderer.place(id, tile).map(|part| (tile, part))).transpose()?;
        let rect = slide.geometry.family_rect(id);
        let size = (rect.width as usize, rect.height as usize);
        let whole = Rect { x: 0, y: 0, ..rect };
        // All columns: the family's other tiles follow, and rows are decoded once.
        let part = first.map_or(whole, |(_, part)| {
            let read = cpu::residual_of_part(coding, size, renderer.want(), part);
            Rect { x: 0, width: whole.width, ..read }
        });
        let done = slide.decode(id, &record, part, decoded)?;
        stopwatch.lap("decode");
        if self.calls.cancel_if_abandoned(key, call) {
            return Ok(None);
        }
        if let Some((tile, part)) = first {
            let part = cpu::reconstruct_part(coding, decoded, renderer.want(), part)?;
            self.publish(slide, tile, renderer.code(part.view())?, call);
            stopwatch.lap("first tile");
            slide.decode_rest(id, &record, done, decoded)?;
            stopwatch.lap("rest");
        }
        let used = std::mem::take(made);
        *made = self.backend.reconstruct_into(coding, decoded, renderer.want(), used).await?;
        stopwatch.lap("reconstruct");
        Ok(Some((buffers, stopwatch)))
    }

    /// Adds a finished tile to the hot cache and delivers it.
    pub(super) fn publish(&self, slide: &Slide, tile: TileId, bytes: Vec<u8>, call: &Call) {
        let bytes = Bytes::from(bytes);
        self.hot.insert(TileKey { slide: slide.identity, tile }, bytes.clone());
        call.publish(tile, &bytes);
    }
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

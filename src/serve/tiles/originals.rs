//! Tiles of archives that hold the source's own: each is made by itself; a family only where it is made ahead.

use std::sync::Arc;

use bytes::Bytes;

use super::work::Laps;
use super::{TileKey, Tiles, broken};
use crate::error::Error;
use crate::image::geometry::FamilyId;
use crate::serve::error::ServeError;
use crate::serve::flight::Flight;
use crate::serve::metrics::Outcome;
use crate::serve::slide::Slide;

impl Tiles {
    /// A tile of L0 or L1: from disk, or from its payloads.
    pub(super) async fn of_originals(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        id: FamilyId,
        key: TileKey,
    ) -> Result<(Bytes, Outcome), ServeError> {
        if let Some(bytes) = self.from_disk(slide, key.tile).await? {
            return Ok((bytes, Outcome::Warm));
        }
        let wait = tokio::time::timeout(self.options.queue_timeout, self.permits.clone().acquire_owned());
        let Ok(Ok(_permit)) = wait.await else {
            self.metrics.refused();
            return Err(ServeError::Busy);
        };
        let (this, of) = (self.clone(), slide.clone());
        let made = self.threads.run(async move {
            // Equal requests at the same time make it once.
            this.hot.try_get_with(key, || of.original(id, key.tile).map(Bytes::from))
        });
        let bytes = made.await?.map_err(|e| broken(slide, &e))?;
        if self.warm.is_some() {
            let (this, of, bytes) = (self.clone(), slide.clone(), bytes.clone());
            // Nobody waits for this.
            tokio::task::spawn_blocking(move || {
                let Some(warm) = &this.warm else { return };
                let kept = warm.put(&of.name, std::iter::once((key, &bytes)));
                this.metrics.warm_written(1, kept);
            });
        }
        Ok((bytes, Outcome::Cold))
    }

    /// All tiles of a family that will be asked for, each L1 tile with what it is made of.
    pub(super) async fn all_originals(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        id: FamilyId,
        flight: &Arc<Flight>,
    ) -> Result<(), ServeError> {
        let mut laps = Laps::new();
        let quads: Vec<_> = slide
            .geometry
            .family_tiles(id, 1)
            .map(|l1| {
                let (this, of, on) = (self.clone(), slide.clone(), flight.clone());
                self.threads.run(async move {
                    for (tile, bytes) in of.original_quad(id, l1)? {
                        this.publish(&of, tile, bytes, &on);
                    }
                    Ok(())
                })
            })
            .collect();
        for quad in quads {
            quad.await?.map_err(|e: Error| broken(slide, &e))?;
        }
        laps.lap("tiles");
        self.metrics.family(laps.total());
        if self.options.timing_breakdown {
            tracing::info!(slide = slide.name, family = %id, "{}", laps.text());
        }
        Ok(())
    }
}

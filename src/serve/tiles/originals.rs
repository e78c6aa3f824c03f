//! Tiles that are made alone: those of archives that hold the source slide's own tiles, and of scanned slides. Families of originals are
//! made whole only by prefetching.

use std::sync::Arc;

use bytes::Bytes;

use super::stopwatch::Stopwatch;
use super::{Tiles, broken};
use crate::error::{Error, Result};
use crate::image::geometry::FamilyId;
use crate::serve::metrics::Outcome;
use crate::serve::singleflight::Call;
use crate::serve::slide::{Slide, TileSource};
use crate::serve::tile_key::TileKey;
use crate::web::error::ServeError;

impl Tiles {
    /// A tile that is made alone: from the warm cache, or by `make`.
    pub(super) async fn single(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        key: TileKey,
        source: TileSource,
        make: impl FnOnce(&Slide) -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<(Bytes, Outcome), ServeError> {
        if let Some(bytes) = self.from_warm(slide, key).await? {
            return Ok((bytes, Outcome::Warm));
        }
        let _permit = self.family_permit().await?;
        let (this, of) = (self.clone(), slide.clone());
        let made = self.threads.run(async move {
            of.arrives(key.tile, source).await;
            // Concurrent requests for the same tile make it once.
            this.hot.try_get_with(key, || make(&of).map(Bytes::from))
        });
        let bytes = made.await?.map_err(|e| broken(slide, &e))?;
        self.keep_warm(slide, key, bytes.clone());
        Ok((bytes, Outcome::Cold))
    }

    /// All tiles of a family, each L1 tile together with the L0 tiles that it is made of.
    pub(super) async fn original_family(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        id: FamilyId,
        call: &Arc<Call>,
    ) -> Result<(), ServeError> {
        let mut stopwatch = Stopwatch::start();
        let quads: Vec<_> = slide
            .geometry
            .family_tiles(id, 1)
            .map(|l1| {
                let (this, of, call) = (self.clone(), slide.clone(), call.clone());
                self.threads.run(async move {
                    of.arrives(l1, TileSource::Original(id)).await;
                    for (tile, bytes) in of.original_quad(id, l1)? {
                        this.publish(&of, tile, bytes, &call);
                    }
                    Ok(())
                })
            })
            .collect();
        for quad in quads {
            quad.await?.map_err(|e: Error| broken(slide, &e))?;
        }
        stopwatch.lap("tiles");
        self.count_family(slide, id, &stopwatch);
        Ok(())
    }
}

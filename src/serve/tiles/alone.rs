//! Tiles that are made alone: stored ones, those of archives that hold the source slide's own tiles, and of scanned slides. Families of
//! originals are made whole only by prefetching.

use std::sync::Arc;

use bytes::Bytes;

use super::Tiles;
use super::stopwatch::Stopwatch;
use crate::error::{Error, Result};
use crate::image::geometry::{FamilyId, TileId};
use crate::serve::metrics::Outcome;
use crate::serve::singleflight::Call;
use crate::serve::slide::{Slide, TileSource, TreeFile};
use crate::serve::tile_key::TileKey;
use crate::span::span;
use crate::web::budget::{Charge, Purpose};
use crate::web::error::ServeError;

/// Most bytes of the file of a tile that is read at once.
const SMALL_FILE_BYTES: u64 = 64 << 10;

impl Tiles {
    /// A tile that is made alone: from the warm cache, or by `make`, which computes.
    pub(super) async fn single(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        key: TileKey,
        source: TileSource,
        make: impl FnOnce(&Slide) -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<(Bytes, Outcome), ServeError> {
        let is_cut = source == TileSource::Cut;
        if !is_cut && let Some(bytes) = self.from_warm(slide, key).await? {
            return Ok((bytes, Outcome::Warm));
        }
        let _turn = self.turn(key).await?;
        if let Some(bytes) = self.hot.get(&key) {
            return Ok((bytes, Outcome::Joined));
        }
        let (_permit, charge) = self.admitted(slide, slide.tile_bytes(key.tile, source)).await?;
        let of = slide.clone();
        let made = self.threads.read(slide.reads(), move |_| async move {
            // Of work that hangs the bytes stay taken.
            let _charge = charge;
            span!("fetch").around(of.arrives(key.tile, source)).await;
            make(&of)
        });
        let bytes = Bytes::from(self.in_time(made).await?.map_err(|e| self.broken(slide, &e))?);
        self.keep_hot(key, bytes.clone());
        if !is_cut {
            self.keep_warm(slide, key, bytes.clone());
        }
        Ok((bytes, Outcome::Cold))
    }

    /// What the file of a tree's tile holds, and the memory to make the tile. Tiles are small, so its length is not asked for first.
    pub(super) async fn tree_file(
        &self,
        slide: &Arc<Slide>,
        tile: TileId,
    ) -> Result<(Vec<u8>, Charge), ServeError> {
        let mut most = SMALL_FILE_BYTES;
        for _ in 0..2 {
            slide.reads().answer().await?;
            let charge = self.charge(Purpose::Tile, most + slide.tile_bytes(tile, TileSource::Tree)).await?;
            let from = slide.clone();
            let read = move || (from.tree_file(tile, most), charge);
            let reading = slide.reads().run(read);
            let (read, charge) = span!("read").around(reading).await?;
            match read.map_err(|e| self.broken(slide, &e))? {
                TreeFile::Read(file) => return Ok((file, charge)),
                TreeFile::Larger(bytes) => most = bytes,
            }
        }
        // It grows while it is read.
        Err(ServeError::Busy)
    }

    /// A stored tile; of a tree's, what its file holds may be at hand.
    pub(super) async fn stored(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        key: TileKey,
        source: TileSource,
        file: Option<(Vec<u8>, Charge)>,
    ) -> Result<Bytes, ServeError> {
        let _turn = self.turn(key).await?;
        if let Some(bytes) = self.hot.get(&key) {
            return Ok(bytes);
        }
        span!("fetch").around(slide.arrives(key.tile, source)).await;
        let made = match file {
            Some(file) => self.of_file(slide, key.tile, file).await?,
            None => self.of_stored(slide, key.tile, source).await?,
        };
        let bytes = Bytes::from(made.map_err(|e| self.broken(slide, &e))?);
        self.keep_hot(key, bytes.clone());
        Ok(bytes)
    }

    /// A tile of a tree, of what its file holds. Its pixels are made on the threads that compute: the allocator keeps memory for every
    /// thread that makes some.
    async fn of_file(
        &self,
        slide: &Arc<Slide>,
        tile: TileId,
        (file, charge): (Vec<u8>, Charge),
    ) -> Result<Result<Vec<u8>>, ServeError> {
        let of = slide.clone();
        let make = async move {
            let _charge = charge;
            of.stored_file(tile, file)
        };
        self.threads.run(make).await
    }

    /// The same of a stored tile that is no such file.
    async fn of_stored(
        &self,
        slide: &Arc<Slide>,
        tile: TileId,
        source: TileSource,
    ) -> Result<Result<Vec<u8>>, ServeError> {
        slide.reads().answer().await?;
        let charge = self.charge(Purpose::Tile, slide.tile_bytes(tile, source)).await?;
        let (from, of) = (slide.clone(), slide.clone());
        if source == TileSource::Tree {
            // Its bytes have arrived, and what is read of a tree is cut, which is to make pixels.
            let make = move |_| async move {
                let _charge = charge;
                of.stored(tile, source, of.stored_bytes(tile, source)?)
            };
            return self.in_time(self.threads.read(slide.reads(), make)).await;
        }
        // Of a read that hangs the bytes stay taken.
        let read = move || (from.stored_bytes(tile, source), charge);
        let reading = slide.reads().run(read);
        let (stored, charge) = span!("read").around(reading).await?;
        let make = async move {
            let _charge = charge;
            of.stored(tile, source, stored?)
        };
        self.threads.run(make).await
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
                self.threads.read(slide.reads(), move |_| async move {
                    span!("fetch").around(of.arrives(l1, TileSource::Original(id))).await;
                    for (tile, bytes) in of.original_quad(id, l1)? {
                        this.publish(&of, tile, bytes, &call);
                    }
                    Ok(())
                })
            })
            .collect();
        for quad in quads {
            quad.await?.map_err(|e: Error| self.broken(slide, &e))?;
        }
        stopwatch.lap("tiles");
        self.count_family(slide, id, &stopwatch);
        Ok(())
    }
}

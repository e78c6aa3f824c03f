//! Tiles made of the four finer ones below them, where neither file nor tree has their level.
//!
//! A coarse tile may need all pixels of a slide. They are read one region at a time, each with a permit of its own, and what they are
//! reduced to is kept in the hot cache: memory is bounded, requests for neighbours share the work, and a request that is dropped stops
//! it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::Tiles;
use crate::codec::{ImageEncoder, JpegEncoder, decode_foreign};
use crate::error::{Error, Result};
use crate::image::geometry::TileId;
use crate::pyramid::samples::Samples;
use crate::serve::metrics::Outcome;
use crate::serve::slide::{Slide, TileSource};
use crate::serve::tile_key::TileKey;
use crate::web::budget::{Charge, Purpose};
use crate::web::error::ServeError;

/// JPEG quality of the reduced tiles in the cache.
const QUALITY: u8 = 95;

impl Tiles {
    /// A tile of a level that is made of the next finer one, in the output's format.
    pub(super) async fn of_finer(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        key: TileKey,
    ) -> Result<(Bytes, Outcome), ServeError> {
        if let Some(bytes) = self.from_warm(slide, key).await? {
            return Ok((bytes, Outcome::Warm));
        }
        // Every piece of work holds it: one that has begun goes on when the request is gone.
        let charge = Arc::new(self.charge(Purpose::Assembled, slide.finer_bytes(key.tile)).await?);
        let samples = self.reduced(slide.clone(), key.tile, charge.clone()).await?;
        let of = slide.clone();
        let work = async move {
            let _charge = charge;
            of.code(samples)
        };
        let coded = self.threads.run(work).await?;
        let bytes = Bytes::from(coded.map_err(|e| self.broken(slide, &e))?);
        self.keep_hot(key, bytes.clone());
        self.keep_warm(slide, key, bytes.clone());
        Ok((bytes, Outcome::Cold))
    }

    /// The pixels of such a tile, at 4:4:4.
    fn reduced(
        self: &Arc<Self>,
        slide: Arc<Slide>,
        tile: TileId,
        charge: Arc<Charge>,
    ) -> impl Future<Output = Result<Samples, ServeError>> + Send {
        let this = self.clone();
        // Boxed, because it calls itself.
        let work: std::pin::Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(async move {
            let key = TileKey { slide: slide.reduced_identity(), tile };
            let _turn = this.turns.take(key).await;
            if let Some(bytes) = this.hot.get(&key) {
                let work = async move {
                    let _charge = charge;
                    decode(&bytes)
                };
                let decoded = this.threads.run(work).await?;
                return decoded.map_err(|e| this.broken(&slide, &e));
            }
            let samples = this.halved(&slide, tile, &charge).await?;
            // Decoded again: what is made of it must be the same with and without the cache.
            let work = async move {
                let _charge = charge;
                let bytes = encode(samples)?;
                let samples = decode(&bytes)?;
                Ok((bytes, samples))
            };
            let made = this.threads.run(work).await?;
            let (bytes, samples) = made.map_err(|e: Error| this.broken(&slide, &e))?;
            this.keep_hot(key, bytes);
            Ok(samples)
        });
        work
    }

    /// The tiles below a tile, put together and halved.
    async fn halved(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        tile: TileId,
        charge: &Arc<Charge>,
    ) -> Result<Samples, ServeError> {
        let g = &slide.geometry;
        let Some(rect) = g.tile_rect(tile) else { return Err(ServeError::NotFound) };
        let (columns, rows) = g.tiles(tile.level + 1);
        let below = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| (2 * tile.x + dx, 2 * tile.y + dy));
        let below = below.into_iter().filter(|&(x, y)| x < columns && y < rows);
        let mut parts = Vec::new();
        // Dropped with the request, and its tasks with it.
        let mut reads = JoinSet::new();
        for (x, y) in below {
            let finer = TileId { level: tile.level + 1, x, y };
            match slide.source(finer).ok_or(ServeError::NotFound)?.0 {
                // One after the other: each reads many regions itself.
                TileSource::Finer => {
                    parts.push((finer, self.reduced(slide.clone(), finer, charge.clone()).await?));
                }
                source => {
                    let (this, of) = (self.clone(), slide.clone());
                    reads.spawn(async move { Ok((finer, this.read_pixels(&of, finer, source).await?)) });
                }
            }
        }
        while let Some(read) = reads.join_next().await {
            parts.push(read.map_err(|_| ServeError::Broken)??);
        }
        let (x, y, side) = (2 * rect.x, 2 * rect.y, g.tile());
        let (width, height) = g.level_size(tile.level + 1);
        let (w, h) = ((2 * rect.width).min(width - x), (2 * rect.height).min(height - y));
        let charge = charge.clone();
        let work = async move {
            let _charge = charge;
            let channels = parts.iter().map(|(_, part)| part.channels).max().unwrap_or(1);
            let mut whole = Samples::new(w as usize, h as usize, channels);
            for (id, part) in parts {
                whole.paste((id.x * side - x) as usize, (id.y * side - y) as usize, &part);
            }
            whole.halved()
        };
        self.threads.run(work).await
    }

    async fn read_pixels(
        self: &Arc<Self>,
        slide: &Arc<Slide>,
        tile: TileId,
        source: TileSource,
    ) -> Result<Samples, ServeError> {
        let (_permit, charge) = self.admitted(slide, slide.tile_bytes(tile, source)).await?;
        let of = slide.clone();
        let work = move |_| async move {
            let _charge = charge;
            of.arrives(tile, source).await;
            of.pixels(tile, source)
        };
        let read = self.in_time(self.threads.read(slide.reads(), work)).await?;
        read.map_err(|e| self.broken(slide, &e))
    }
}

fn encode(samples: Samples) -> Result<Bytes> {
    let pixels = samples.into_pixels();
    Ok(JpegEncoder::new()?.encode(pixels.ycc().view(), QUALITY.into())?.into())
}

fn decode(bytes: &[u8]) -> Result<Samples> {
    Ok(Samples::of_planes(&decode_foreign(bytes, None)?))
}

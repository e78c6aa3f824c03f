//! Tiles of levels that a tree does not have, made from the next finer level by the mean of 2x2 pixels, as those of a slide are.
//!
//! Writers leave levels out: all but the finest, or those below one tile.

use std::sync::Arc;

use super::Tree;
use super::samples::halved;
use crate::image::family::Pixels;
use crate::image::geometry::TileId;
use crate::lossless::tiles_below;
use crate::pyramid::error::Result;
use crate::pyramid::samples::Samples;

/// Made tiles are kept where their level has at most so many pixels, so that the levels below need not read all of L0 once more.
const MAX_KEPT_PX: u64 = 4 << 20;

impl Tree {
    /// The pixels of a tile of a level without tiles.
    pub(super) fn made_pixels(&self, id: TileId) -> Result<Pixels> {
        Ok(Samples::clone(&*self.made(id)?).into_pixels())
    }

    fn made(&self, id: TileId) -> Result<Arc<Samples>> {
        if !self.absent_levels().contains(&id.level) {
            return Ok(Arc::new(Samples::of(self.tile_pixels(id)?)));
        }
        if let Some(made) = self.made.get(id) {
            return Ok(made);
        }
        let below = tiles_below(self.geometry(), id).map(|tile| Ok((tile, self.made(tile)?)));
        let below = below.collect::<Result<Vec<_>>>()?;
        let made = Arc::new(halved(self.geometry().tile() as usize, &below));
        let (w, h) = self.geometry().level_size(id.level);
        if u64::from(w) * u64::from(h) <= MAX_KEPT_PX {
            self.made.keep(id, made.clone());
        }
        Ok(made)
    }
}

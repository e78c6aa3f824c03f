//! The made tiles that are kept, and how one is made of those below it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::image::geometry::TileId;
use crate::pyramid::samples::Samples;

/// Made tiles of small levels.
#[derive(Default)]
pub struct Made(Mutex<HashMap<TileId, Arc<Samples>>>);

impl Made {
    pub fn get(&self, id: TileId) -> Option<Arc<Samples>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub fn keep(&self, id: TileId, samples: Arc<Samples>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, samples);
    }
}

/// Up to four tiles of one level, put together and halved.
pub fn halved(side: usize, tiles: &[(TileId, Arc<Samples>)]) -> Samples {
    let place = |tile: &TileId| ((tile.x % 2) as usize * side, (tile.y % 2) as usize * side);
    let channels = tiles.iter().map(|(_, samples)| samples.channels).max().unwrap_or(1);
    let width = tiles.iter().map(|(tile, samples)| place(tile).0 + samples.width).max().unwrap_or(1);
    let height = tiles.iter().map(|(tile, samples)| place(tile).1 + samples.height).max().unwrap_or(1);
    let mut all = Samples::new(width, height, channels);
    for (tile, samples) in tiles {
        let (x, y) = place(tile);
        all.paste(x, y, samples);
    }
    all.halved()
}

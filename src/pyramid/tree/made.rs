//! Tiles of levels that a tree does not have, made from the next finer level by the mean of 2x2 pixels, as those of a slide are.
//!
//! Writers leave levels out: only the finest, or none below one tile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Tree;
use crate::image::family::Pixels;
use crate::image::geometry::TileId;
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;
use crate::lossless::tiles_below;
use crate::pyramid::error::Result;
use crate::pyramid::levels::halve;

/// Made tiles are kept where their level has at most so many pixels, so that the levels below need not read all of L0 once more.
const MAX_KEPT_PX: u64 = 4 << 20;

/// Made tiles of small levels.
#[derive(Default)]
pub(super) struct Made(Mutex<HashMap<TileId, Arc<Samples>>>);

/// Interleaved samples: 1 or 3 channels.
struct Samples {
    data: Vec<u8>,
    width: usize,
    height: usize,
    channels: usize,
}

impl Samples {
    fn of(pixels: Pixels) -> Self {
        let (width, height) = (pixels.width(), pixels.height());
        let (data, channels) = match &pixels {
            Pixels::Rgb(rgb) => (rgb.view().to_plane().data().to_vec(), 3),
            Pixels::Ycc(planes) if planes.chroma.is_none() => {
                (planes.luma.view().to_plane().data().to_vec(), 1)
            }
            Pixels::Ycc(planes) => (planes.to_rgb().data().to_vec(), 3),
        };
        Self { data, width, height, channels }
    }

    /// Copies the samples to a place in an image of `channels` whose rows are `row_px` pixels long.
    fn paste(&self, to: &mut [u8], row_px: usize, channels: usize, (x, y): (usize, usize)) {
        for (row, from) in self.data.chunks_exact(self.width * self.channels).enumerate() {
            let at = ((y + row) * row_px + x) * channels;
            let to = &mut to[at..][..self.width * channels];
            match self.channels == channels {
                true => to.copy_from_slice(from),
                false => to.chunks_exact_mut(channels).zip(from).for_each(|(px, &v)| px.fill(v)),
            }
        }
    }
}

impl Tree {
    /// The pixels of a tile of a level without tiles.
    pub(super) fn made_pixels(&self, id: TileId) -> Result<Pixels> {
        let Samples { data, width, height, channels } = &*self.made(id)?;
        Ok(match channels {
            1 => Pixels::Ycc(Ycc::gray(Plane::from_vec(*width, *height, data.clone()))),
            _ => Pixels::Rgb(Plane::from_vec(3 * width, *height, data.clone())),
        })
    }

    fn made(&self, id: TileId) -> Result<Arc<Samples>> {
        if !self.absent_levels().contains(&id.level) {
            return Ok(Arc::new(Samples::of(self.tile_pixels(id)?)));
        }
        let known = |tile| self.made.0.lock().unwrap_or_else(PoisonError::into_inner).get(tile).cloned();
        if let Some(made) = known(&id) {
            return Ok(made);
        }
        let below = tiles_below(&self.geometry, id).map(|tile| Ok((tile, self.made(tile)?)));
        let below = below.collect::<Result<Vec<_>>>()?;
        let made = Arc::new(halved(self.geometry.tile() as usize, &below));
        let (w, h) = self.geometry.level_size(id.level);
        if u64::from(w) * u64::from(h) <= MAX_KEPT_PX {
            let mut kept = self.made.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(id, made.clone());
        }
        Ok(made)
    }
}

/// Up to four tiles of one level, put together and halved.
fn halved(side: usize, tiles: &[(TileId, Arc<Samples>)]) -> Samples {
    let place = |tile: &TileId| ((tile.x % 2) as usize * side, (tile.y % 2) as usize * side);
    let channels = tiles.iter().map(|(_, samples)| samples.channels).max().unwrap_or(1);
    let width = tiles.iter().map(|(tile, samples)| place(tile).0 + samples.width).max().unwrap_or(1);
    let height = tiles.iter().map(|(tile, samples)| place(tile).1 + samples.height).max().unwrap_or(1);
    let mut all = vec![0; width * height * channels];
    for (tile, samples) in tiles {
        samples.paste(&mut all, width, channels, place(tile));
    }
    let (data, width, height) = halve(&all, width, height, channels);
    Samples { data, width, height, channels }
}

//! Interleaved samples of tiles, put together and halved, and the ones that are kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::image::family::Pixels;
use crate::image::geometry::TileId;
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;
use crate::pyramid::levels::halve;

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

/// Interleaved samples: 1 or 3 channels.
pub struct Samples {
    data: Vec<u8>,
    width: usize,
    height: usize,
    channels: usize,
}

impl Samples {
    pub fn of(pixels: Pixels) -> Self {
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

    /// As planes or RGB.
    pub fn pixels(&self) -> Pixels {
        let (width, height, data) = (self.width, self.height, self.data.clone());
        match self.channels {
            1 => Pixels::Ycc(Ycc::gray(Plane::from_vec(width, height, data))),
            _ => Pixels::Rgb(Plane::from_vec(3 * width, height, data)),
        }
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

/// Up to four tiles of one level, put together and halved.
pub fn halved(side: usize, tiles: &[(TileId, Arc<Samples>)]) -> Samples {
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

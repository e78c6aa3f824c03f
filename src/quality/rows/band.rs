//! Rows at full width, and how tiles become such rows.

use crate::backend::scheduler::{Scheduler, tile_bytes};
use crate::error::{Error, Result};
use crate::image::family::Pixels;
use crate::image::geometry::{Geometry, TileId};
use crate::kernels::color::rgb_to_ycc;

/// Height of a band in pixels; the last one of a slide may be lower.
pub const BAND_PX: u32 = 512;

/// Rows of an image at full width, without gaps.
pub struct Band {
    /// Luma of the pixels (integer BT.601), one byte a pixel.
    pub luma: Vec<u8>,
    /// Red, green and blue, three bytes a pixel.
    pub rgb: Vec<u8>,
}

impl Band {
    /// The rows of interleaved RGB.
    pub(super) fn of_rgb(rgb: Vec<u8>) -> Self {
        let n = rgb.len() / 3;
        let (mut luma, mut cb, mut cr) = (vec![0; n], vec![0; n], vec![0; n]);
        rgb_to_ycc(&rgb, &mut luma, &mut cb, &mut cr);
        Self { luma, rgb }
    }
}

/// A band of tiles of L0, which `tile` gives in RGB, 4:4:4 or gray.
pub(super) fn tile_band(
    geometry: &Geometry,
    top: u32,
    height: u32,
    scheduler: &Scheduler,
    tile: impl Fn(TileId) -> Result<Pixels> + Sync,
) -> Result<Band> {
    let width = geometry.width() as usize;
    let n = width * height as usize;
    let mut band = vec![0; 3 * n];
    let (cols, tile_rows) = geometry.tiles(geometry.top_level());
    let (first, last) = (top / geometry.tile(), (top + height - 1) / geometry.tile());
    let ids = (first..=last.min(tile_rows - 1))
        .flat_map(|y| (0..cols).map(move |x| TileId { level: geometry.top_level(), x, y }));
    scheduler.ordered(
        tile_bytes(geometry),
        ids.map(Ok::<_, Error>),
        |id| {
            let rgb = match tile(id)? {
                Pixels::Rgb(rgb) => rgb,
                Pixels::Ycc(planes) => planes.to_rgb(),
            };
            Ok((id, rgb))
        },
        |(id, rgb)| {
            let Some(rect) = geometry.tile_rect(id) else { return Ok(()) };
            let w = rect.width as usize;
            for y in 0..rect.height {
                if !(top..top + height).contains(&(rect.y + y)) {
                    continue;
                }
                let at = (rect.y + y - top) as usize * width + rect.x as usize;
                band[3 * at..][..3 * w].copy_from_slice(rgb.row(y as usize));
            }
            Ok(())
        },
    )?;
    Ok(Band::of_rgb(band))
}

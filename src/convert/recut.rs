//! Tiles of another size than the source has: cut from its pixels and coded.

use std::path::Path;

use super::options::{Made, Put};
use super::tiles::all_tiles;
use crate::backend::scheduler::{Scheduler, family_bytes};
use crate::codec::{ImageEncoder, JpegEncoder};
use crate::error::{Error, Result};
use crate::image::geometry::{Geometry, GeometryError, TileId};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::pixels::{Layout, Patch, Reading, Shared, open_alone};

/// Memory for decoded families, of which each is needed for several tiles.
const CACHE_BYTES: u64 = 256 << 20;

/// The tiles of the pyramid `geometry`, from the finest level to the coarsest that the source has; JPEG 4:2:0, or gray where all of the slide is.
///
/// # Errors
/// A source that cannot be read; those of `put`.
pub fn tiles(
    path: &Path,
    geometry: &Geometry,
    (quality, is_gray): (u8, bool),
    scheduler: &Scheduler,
    put: &mut Put<'_>,
) -> Result<()> {
    let source = &open_alone(path, CACHE_BYTES).map_err(|e| e.into_error(path))?;
    let levels = source.levels().len() as u32;
    let top = geometry.top_level();
    let wanted = all_tiles(*geometry).take_while(|id| top - id.level < levels);
    scheduler.pipelined(
        0,
        family_bytes(geometry),
        wanted.map(Ok),
        |id| async move { Ok::<_, Error>((id, tile(path, source, geometry, (quality, is_gray), id)?)) },
        |tile| put(Made::new(tile)),
    )
}

fn tile(
    path: &Path,
    source: &Shared,
    geometry: &Geometry,
    (quality, is_gray): (u8, bool),
    id: TileId,
) -> Result<Vec<u8>> {
    let rect = geometry.tile_rect(id).ok_or(GeometryError::NoTile(id))?;
    let (width, height) = (rect.width as usize, rect.height as usize);
    let mut data = vec![255; 3 * width * height];
    let (x, y) = (rect.x.into(), rect.y.into());
    let mut patch = Patch { x, y, width, height, layout: Layout::Interleaved, data: &mut data };
    let level = (geometry.top_level() - id.level) as usize;
    let goes_on = || true;
    let how = Reading { alone: false, goes_on: &goes_on };
    source.read(level, &mut patch, how).map_err(|e| e.into_error(path))?;
    if is_gray {
        let luma = data.chunks_exact(3).map(|pixel| pixel[0]).collect();
        let image = Ycc::gray(Plane::from_vec(width, height, luma));
        return Ok(JpegEncoder::new()?.encode(image.view(), quality.into())?);
    }
    Ok(JpegEncoder::new()?.encode_rgb(&data, width, height, quality, Sampling::S420)?)
}

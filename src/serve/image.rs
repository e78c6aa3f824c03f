//! Any region of a slide at any size: tiles of the level that suits, put together, resampled, turned.

use std::sync::Arc;

use super::error::ServeError;
use super::iiif::{Format, Quality, Region, Wanted};
use super::slide::Slide;
use super::tiles::Tiles;
use crate::codec::{ImageEncoder, JpegDecoder, JpegEncoder, Sampling, Ycc, encode_png};
use crate::error::Result;
use crate::geometry::TileId;
use crate::kernels::resample::{Scratch, resample};
use crate::kernels::taps::{Filter, TapCache, Taps};
use crate::plane::Plane;
use crate::tile::raise_444;

/// The bytes of an image.
///
/// # Errors
/// As those of its tiles.
pub async fn render(
    tiles: &Arc<Tiles>,
    slide: &Arc<Slide>,
    wanted: Wanted,
    quality: u8,
) -> Result<Vec<u8>, ServeError> {
    let (level, part) = source(slide, &wanted);
    let side = slide.geometry.tile();
    let columns = part.x / side..(part.x + part.width).div_ceil(side);
    let rows = part.y / side..(part.y + part.height).div_ceil(side);
    let mut whole = [(); 3].map(|()| Plane::filled(part.width as usize, part.height as usize, 128));
    let mut colour = false;
    for y in rows {
        for x in columns.clone() {
            let id = TileId { level, x, y };
            let bytes = tiles.jpeg(slide, id).await?;
            let tile = tiles.threads().run(async move { decode(&bytes) }).await?.map_err(|e| {
                tracing::error!(slide = slide.name, tile = %id, "{e}");
                ServeError::Broken
            })?;
            colour |= tile.chroma.is_some();
            paste(&mut whole, &tile, (x * side, y * side), part);
        }
    }
    let made = tiles.threads().run(async move { finish(whole, colour, wanted, quality) }).await?;
    made.map_err(|e| {
        tracing::error!(slide = slide.name, "{e}");
        ServeError::Broken
    })
}

/// The coarsest level that has enough pixels, and the part of it that is needed.
fn source(slide: &Slide, wanted: &Wanted) -> (u32, Region) {
    let (geometry, region) = (&slide.geometry, wanted.region);
    let shrink = (region.width / wanted.size.0.max(1)).min(region.height / wanted.size.1.max(1)).max(1);
    let down = shrink.ilog2().min(geometry.top_level());
    let (width, height) = geometry.level_size(geometry.top_level() - down);
    let x = (region.x >> down).min(width - 1);
    let y = (region.y >> down).min(height - 1);
    let right = (region.x + region.width).div_ceil(1 << down).clamp(x + 1, width);
    let bottom = (region.y + region.height).div_ceil(1 << down).clamp(y + 1, height);
    (geometry.top_level() - down, Region { x, y, width: right - x, height: bottom - y })
}

fn decode(bytes: &[u8]) -> Result<Ycc> {
    Ok(raise_444(JpegDecoder::open(bytes)?.planes()?, Filter::Bilinear, &TapCache::default()))
}

/// Copies what a tile has of `part` into place.
fn paste(whole: &mut [Plane; 3], tile: &Ycc, (left, top): (u32, u32), part: Region) {
    let from = |start: u32, origin: u32| start.saturating_sub(origin) as usize;
    let (sx, sy) = (from(part.x, left), from(part.y, top));
    let (dx, dy) = (from(left, part.x), from(top, part.y));
    let planes = [Some(&tile.luma), tile.chroma.as_ref().map(|c| &c[0]), tile.chroma.as_ref().map(|c| &c[1])];
    for (to, plane) in whole.iter_mut().zip(planes) {
        if let Some(plane) = plane {
            to.paste(dx, dy, plane.view().part(sx, sy, plane.width() - sx, plane.height() - sy));
        }
    }
}

fn finish(whole: [Plane; 3], colour: bool, wanted: Wanted, quality: u8) -> Result<Vec<u8>> {
    let (width, height) = (wanted.size.0 as usize, wanted.size.1 as usize);
    let h = Taps::scale(Filter::Bicubic, whole[0].width(), width);
    let v = Taps::scale(Filter::Bicubic, whole[0].height(), height);
    let mut scratch = Scratch::default();
    let gray = !colour || wanted.quality != Quality::Color;
    let mut planes = Vec::new();
    for plane in whole.into_iter().take(if gray { 1 } else { 3 }) {
        let mut scaled = Plane::default();
        if (plane.width(), plane.height()) == (width, height) {
            scaled = plane;
        } else {
            resample(plane.view(), &h, &v, &mut scaled, &mut scratch);
        }
        if wanted.quality == Quality::Bitonal {
            scaled.data_mut().iter_mut().for_each(|sample| *sample = if *sample < 128 { 0 } else { 255 });
        }
        planes.push(turn(scaled, wanted.turns));
    }
    let image = match <[Plane; 3]>::try_from(planes) {
        Ok([luma, cb, cr]) => Ycc { luma, chroma: Some([cb, cr]), sampling: Sampling::S444 },
        Err(mut one) => Ycc::gray(one.pop().unwrap_or_default()),
    };
    let (width, height) = (image.luma.width(), image.luma.height());
    match wanted.format {
        Format::Jpg => JpegEncoder::new()?.encode(image.view(), quality),
        Format::Png if gray => encode_png(image.luma.data(), 1, width, height),
        Format::Png => encode_png(image.to_rgb().data(), 3, width, height),
    }
}

/// Quarter turns clockwise.
fn turn(plane: Plane, turns: u32) -> Plane {
    let (w, h) = (plane.width(), plane.height());
    let made = |width: usize, height: usize, at: &dyn Fn(usize, usize) -> (usize, usize)| {
        let samples = (0..width * height).map(|i| {
            let (x, y) = at(i % width, i / width);
            plane.row(y)[x]
        });
        Plane::from_vec(width, height, samples.collect())
    };
    match turns {
        1 => made(h, w, &|x, y| (y, h - 1 - x)),
        2 => made(w, h, &|x, y| (w - 1 - x, h - 1 - y)),
        3 => made(h, w, &|x, y| (w - 1 - y, x)),
        _ => plane,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_turn_is_clockwise() {
        let plane = Plane::from_vec(3, 2, vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(turn(plane.clone(), 1), Plane::from_vec(2, 3, vec![4, 1, 5, 2, 6, 3]));
        assert_eq!(turn(plane.clone(), 2), Plane::from_vec(3, 2, vec![6, 5, 4, 3, 2, 1]));
        assert_eq!(turn(plane.clone(), 3), Plane::from_vec(2, 3, vec![3, 6, 2, 5, 1, 4]));
        assert_eq!(turn(turn(plane.clone(), 1), 3), plane);
    }
}

//! Renders any region of a slide at any size: assembles tiles of the best level, resamples and rotates.

use std::sync::Arc;

use super::iiif::{Format, ImageRequest, MAX_AREA, Quality, Region};
use super::slide::Slide;
use super::tiles::Tiles;
use crate::codec::{decode_foreign, foreign_pixels};
use crate::error::{Error, Result};
use crate::image::family::{Pixels, PixelsRef};
use crate::image::geometry::{Geometry, TileId};
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::Ycc;
use crate::kernels::resample::{Scratch, resample};
use crate::kernels::taps::{Filter, Taps};
use crate::output::icc::Colour;
use crate::output::tile::{OutputFormat, TileCoder};
use crate::web::budget::{Charge, Purpose};
use crate::web::error::ServeError;

/// The encoded image, and the memory of requests that it takes until it is sent.
///
/// # Errors
/// Those of its tiles; too much work.
pub async fn render(
    tiles: &Arc<Tiles>,
    slide: &Arc<Slide>,
    request: ImageRequest,
    quality: u8,
) -> Result<(Vec<u8>, Charge), ServeError> {
    let (level, part) = source_region(&slide.geometry, &request);
    let need = peak_bytes(part, &request, slide.geometry.tile());
    let charge = tiles.charge(Purpose::Image, need).await?;
    let side = slide.geometry.tile();
    let columns = part.x / side..(part.x + part.width).div_ceil(side);
    let rows = part.y / side..(part.y + part.height).div_ceil(side);
    // Gray images are made of luma as it is stored, the others of the pixels that viewers show of the tiles.
    let only_luma = request.quality != Quality::Color;
    let count = if only_luma { 1 } else { 3 };
    let empty = async move {
        let planes = vec![Plane::new(part.width as usize, part.height as usize); count];
        Canvas { planes, colour: false, charge }
    };
    let mut whole = tiles.threads().run(empty).await?;
    for y in rows {
        for x in columns.clone() {
            let id = TileId { level, x, y };
            let bytes = tiles.jpeg(slide, id).await?;
            let pasted = tiles.threads().run(async move {
                let tile = decode(&bytes, only_luma)?;
                paste(&mut whole.planes, &tile, (x * side, y * side), part);
                whole.colour |= matches!(tile, Pixels::Rgb(_));
                Ok(whole)
            });
            whole = pasted.await?.map_err(|e: Error| {
                tiles.faults().log(&slide.name, &format_args!("tile {id}: {e}"));
                ServeError::Broken
            })?;
        }
    }
    let profile = slide.colours().of_image(output_format(request.format));
    let work = async move {
        let Canvas { planes, colour, mut charge } = whole;
        let mut made = encode(planes, colour, request, quality, &profile)?;
        made.shrink_to_fit();
        charge.shrink_to(made.len() as u64);
        Ok((made, charge))
    };
    tiles.threads().run(work).await?.map_err(|e: Error| {
        tiles.faults().log(&slide.name, &e);
        ServeError::Broken
    })
}

/// An image that is being made. The memory of requests lies beside its pixels: of work that goes on when its request is gone, the bytes stay
/// taken.
struct Canvas {
    planes: Vec<Plane>,
    /// Whether a tile has colours.
    colour: bool,
    charge: Charge,
}

/// What an image takes at its peak: the source's planes while one is scaled and turned, or the scaled ones while they are interleaved,
/// converted and coded.
fn peak_bytes(part: Region, request: &ImageRequest, tile: u32) -> u64 {
    let area = |width: u32, height: u32| u64::from(width) * u64::from(height);
    let planes = if request.quality == Quality::Color { 3 } else { 1 };
    let (source, made) = (area(part.width, part.height), area(request.size.0, request.size.1));
    // The scaled rows of a plane are kept in 16 bits before its columns are.
    let scaling = planes * (source + made) + 2 * area(request.size.0, part.height) + made;
    let tile = 9 * area(tile, tile);
    (planes * source + tile).max(scaling).max(4 * planes * made) + (64 << 10)
}

/// Most source pixels of an image.
const MAX_SOURCE_PIXELS: u64 = 4 * MAX_AREA;
/// Most pixels of the rows of an image that are scaled across and not yet down: as many as those of an image that keeps its shape have.
const MAX_SCALED_PIXELS: u64 = 2 * MAX_AREA;
/// Most source pixels of an image whose region lies on no pixels of the level that would do.
const MAX_EXACT_PIXELS: u64 = MAX_AREA;

/// The level that an image is made of, and the region of it that lies inside the region of the request.
///
/// It is the coarsest level that has enough pixels and whose pixels the region consists of. Where that would take too many, it is a
/// coarser one, and the pixels that lie only partly in the region are left out: none is from outside. Memory is bounded for every
/// request, also for an image that is wide and one pixel high of a region that is not.
fn source_region(geometry: &Geometry, request: &ImageRequest) -> (u32, Region) {
    let (region, size, top) = (request.region, request.size, geometry.top_level());
    let shrink = (region.width / size.0.max(1)).min(region.height / size.1.max(1)).max(1);
    let enough = shrink.ilog2().min(top);
    let area = |down: u32| (u64::from(region.width) >> down) * (u64::from(region.height) >> down);
    let horizontal = (region.x, region.width, geometry.width());
    let vertical = (region.y, region.height, geometry.height());
    let grid = [horizontal, vertical].map(|(start, length, whole)| {
        let end = start + length;
        // The last pixel of a level may stand for less than the others.
        let end = if end == whole { u32::BITS } else { end.trailing_zeros() };
        end.min(start.trailing_zeros())
    });
    let exact = enough.min(grid[0]).min(grid[1]);
    let exact = (exact..enough).find(|&down| area(down) <= MAX_EXACT_PIXELS).unwrap_or(enough);
    let scaled = |down: u32| u64::from(size.0) * (u64::from(region.height) >> down);
    let is_bounded = |down: u32| area(down) <= MAX_SOURCE_PIXELS && scaled(down) <= MAX_SCALED_PIXELS;
    let down = (exact..top).find(|&down| is_bounded(down)).unwrap_or(top);
    let level = geometry.level_size(top - down);
    let inside = |(start, length, whole): (u32, u32, u32), of: u32| {
        let end = start + length;
        let (from, to) = (start.div_ceil(1 << down), if end == whole { of } else { end >> down });
        // A region without a whole pixel of the level becomes the one in which it begins.
        let at = (start >> down).min(of - 1);
        if from < to { (from, to) } else { (at, at + 1) }
    };
    let (x, right) = inside(horizontal, level.0);
    let (y, bottom) = inside(vertical, level.1);
    (top - down, Region { x, y, width: right - x, height: bottom - y })
}

fn decode(bytes: &[u8], only_luma: bool) -> Result<Pixels> {
    Ok(match only_luma {
        true => Pixels::Ycc(Ycc::gray(decode_foreign(bytes, None)?.luma)),
        false => foreign_pixels(bytes, None)?,
    })
}

/// Copies the part of a tile that lies in `part` to its place in `whole`: a gray one to every plane, else red, green and blue.
fn paste(whole: &mut [Plane], tile: &Pixels, (left, top): (u32, u32), part: Region) {
    let from = |start: u32, origin: u32| start.saturating_sub(origin) as usize;
    let (sx, sy) = (from(part.x, left), from(part.y, top));
    let (dx, dy) = (from(left, part.x), from(top, part.y));
    let inside = tile.view().part(sx, sy, tile.width() - sx, tile.height() - sy);
    for (channel, to) in whole.iter_mut().enumerate() {
        match inside {
            PixelsRef::Ycc(gray) => to.paste(dx, dy, gray.luma),
            PixelsRef::Rgb(rgb) => to.paste(dx, dy, channel_of(rgb, channel).view()),
        }
    }
}

/// One of three interleaved channels.
fn channel_of(rgb: PlaneRef<'_>, channel: usize) -> Plane {
    let rows = (0..rgb.height).flat_map(|y| rgb.row(y).iter().skip(channel).step_by(3).copied());
    Plane::from_vec(rgb.width / 3, rgb.height, rows.collect())
}

/// Red, green and blue, interleaved.
fn interleaved(channels: &[Plane; 3]) -> Plane {
    let [red, green, blue] = channels;
    let row = |y: usize| red.row(y).iter().zip(green.row(y)).zip(blue.row(y));
    let pixels = (0..red.height()).flat_map(row);
    let data = pixels.flat_map(|((&red, &green), &blue)| [red, green, blue]).collect();
    Plane::from_vec(3 * red.width(), red.height(), data)
}

/// Resamples, rotates and encodes one gray plane, or red, green and blue; without `colour` these are equal.
fn encode(
    whole: Vec<Plane>,
    colour: bool,
    request: ImageRequest,
    quality: u8,
    profile: &Colour,
) -> Result<Vec<u8>> {
    let (width, height) = (request.size.0 as usize, request.size.1 as usize);
    let source = whole.first().map_or((width, height), |plane| (plane.width(), plane.height()));
    let h = Taps::scale(Filter::Bicubic, source.0, width);
    let v = Taps::scale(Filter::Bicubic, source.1, height);
    let mut scratch = Scratch::default();
    let mut planes = Vec::new();
    for plane in whole.into_iter().take(if colour { 3 } else { 1 }) {
        let mut scaled = Plane::default();
        if (plane.width(), plane.height()) == (width, height) {
            scaled = plane;
        } else {
            resample(plane.view(), &h, &v, &mut scaled, &mut scratch);
        }
        if request.quality == Quality::Bitonal {
            scaled.data_mut().iter_mut().for_each(|sample| *sample = if *sample < 128 { 0 } else { 255 });
        }
        planes.push(rotate(scaled, request.turns));
    }
    let pixels = match <[Plane; 3]>::try_from(planes) {
        Ok(channels) => Pixels::Rgb(interleaved(&channels)),
        Err(mut one) => Pixels::Ycc(Ycc::gray(one.pop().unwrap_or_default())),
    };
    let format = output_format(request.format);
    let mut coder = TileCoder::new(format, quality)?;
    if request.quality != Quality::Color {
        // Luma as stored.
        return Ok(coder.encode(pixels.view())?);
    }
    let applied = profile.apply(pixels.view());
    Ok(profile.tag(format, coder.encode(applied.as_ref().unwrap_or(&pixels).view())?))
}

/// The format of tiles that images are in.
pub fn output_format(format: Format) -> OutputFormat {
    match format {
        Format::Jpg => OutputFormat::Jpeg,
        Format::Png => OutputFormat::Png,
        Format::Webp => OutputFormat::Webp,
    }
}

/// Rotates by quarter turns clockwise.
fn rotate(plane: Plane, turns: u32) -> Plane {
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

    /// No pixel of `part` stands for one outside the region, unless the region is smaller than it.
    fn check_inside(geometry: &Geometry, region: Region, (level, part): (u32, Region)) {
        let down = geometry.top_level() - level;
        for (start, length, whole, from, count) in [
            (region.x, region.width, geometry.width(), part.x, part.width),
            (region.y, region.height, geometry.height(), part.y, part.height),
        ] {
            let (end, right) = (start + length, ((from + count) << down).min(whole));
            assert!(count == 1 || (from << down >= start && right <= end), "{region:?} of {level}: {part:?}");
        }
    }

    #[test]
    fn a_region_off_the_grid_of_a_coarse_level_is_made_of_a_finer_one() {
        let geometry = Geometry::new(100_000, 90_001, 256).unwrap();
        let of = |x, y, width, height, size| {
            let region = Region { x, y, width, height };
            let request =
                ImageRequest { region, size, turns: 0, quality: Quality::Color, format: Format::Jpg };
            let (level, part) = source_region(&geometry, &request);
            check_inside(&geometry, region, (level, part));
            (geometry.top_level() - level, (part.x, part.y, part.width, part.height))
        };
        assert_eq!(of(7, 7, 1024, 1024, (128, 128)), (0, (7, 7, 1024, 1024)));
        assert_eq!(of(8, 16, 1024, 1024, (128, 128)), (3, (1, 2, 128, 128)));
        assert_eq!(of(4, 16, 1024, 1024, (128, 128)), (2, (1, 4, 256, 256)));
        // To the edge of the slide, where the last pixel of a level stands for fewer.
        assert_eq!(of(0, 0, 100_000, 90_001, (100, 90)).0, 9);
        assert_eq!(of(99_968, 89_984, 32, 17, (2, 1)), (4, (6248, 5624, 2, 2)));
        // Too many pixels: those of a coarser level that are not wholly inside are left out.
        assert_eq!(of(7, 7, 8001, 8001, (100, 100)), (1, (4, 4, 4000, 4000)));
        assert_eq!(of(7, 7, 3, 3, (1, 1)), (0, (7, 7, 3, 3)));
    }

    /// What the operator's page says that an image takes at most.
    const MOST_BYTES: u64 = 320 << 20;

    #[test]
    fn source_pixels_and_memory_are_bounded() {
        let geometry = Geometry::new(100_000, 4_000_000, 256).unwrap();
        for region in [
            (0, 0, 100_000, 90_000),
            (0, 0, 16_383, 90_000),
            (5, 5, 100, 100),
            (99_999, 0, 1, 90_000),
            (0, 0, 8192, 4_000_000),
            (3, 3, 8192, 3_999_997),
            (0, 7, 100_000, 10),
            (1, 1, 8191, 8191),
        ] {
            for size in [(1, 1), (8192, 1), (1, 8192), (4096, 4096), (100, 100)] {
                let (x, y, width, height) = region;
                let region = Region { x, y, width, height };
                if size.0 > width || size.1 > height {
                    continue;
                }
                let request =
                    ImageRequest { region, size, turns: 0, quality: Quality::Color, format: Format::Jpg };
                let (level, part) = source_region(&geometry, &request);
                let (w, h) = geometry.level_size(level);
                assert!(part.x + part.width <= w && part.y + part.height <= h);
                // The last row and column of a level are rounded up.
                let max = MAX_SOURCE_PIXELS + 2 * u64::from(part.width + part.height);
                assert!(u64::from(part.width) * u64::from(part.height) <= max, "{request:?}: {part:?}");
                let peak = peak_bytes(part, &request, geometry.tile());
                assert!(peak <= MOST_BYTES + (1 << 20), "{request:?}: {part:?} takes {peak}");
                check_inside(&geometry, region, (level, part));
            }
        }
        let square = Region { x: 0, y: 0, width: 4096, height: 4096 };
        let request = ImageRequest {
            region: square,
            size: (1024, 1024),
            turns: 0,
            quality: Quality::Color,
            format: Format::Jpg,
        };
        assert_eq!(source_region(&geometry, &request).0, geometry.top_level() - 2);
    }

    #[test]
    fn a_quarter_turn_is_clockwise() {
        let plane = Plane::from_vec(3, 2, vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(rotate(plane.clone(), 1), Plane::from_vec(2, 3, vec![4, 1, 5, 2, 6, 3]));
        assert_eq!(rotate(plane.clone(), 2), Plane::from_vec(3, 2, vec![6, 5, 4, 3, 2, 1]));
        assert_eq!(rotate(plane.clone(), 3), Plane::from_vec(2, 3, vec![3, 6, 2, 5, 1, 4]));
        assert_eq!(rotate(rotate(plane.clone(), 1), 3), plane);
    }
}

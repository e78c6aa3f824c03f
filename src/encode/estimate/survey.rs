//! What is found out of a whole source before its sample is chosen: how much there is in each family and in each tile of the
//! small levels, and what some of those tiles are stored as.
//!
//! Of a tree the sizes of its files tell it. A slide is read once, without being coded.

use std::cell::Cell;
use std::time::Instant;

use xxhash_rust::xxh3::xxh3_128;

use crate::backend::scheduler::{Scheduler, family_bytes, tile_bytes};
use crate::encode::sink::small_tile;
use crate::error::{Error, Result};
use crate::image::family::Pixels;
use crate::image::geometry::{Geometry, TileId};
use crate::image::plane::PlaneRef;
use crate::image::spec;
use crate::lossless::tile_size;
use crate::params::EncodeParams;
use crate::pyramid::small_levels::SmallLevels;
use crate::pyramid::source::Source;
use crate::pyramid::tree::Tree;
use crate::quality::estimate::draw;

/// Tiles of the small levels that are coded, of a slide with more of them.
const MAX_TILES: usize = 256;
/// What the area of a whole family adds to its size, as a part of the mean size.
const AREA_SIZE: f64 = 0.5;
/// Of so many pixel rows one is looked at.
const ROW_STEP: usize = 4;

/// What is stored once: equal blobs have equal keys.
pub type BlobKey = (u128, usize);

/// The key of a blob.
pub fn key(bytes: &[u8]) -> BlobKey {
    (xxh3_128(bytes), bytes.len())
}

/// A tile of a small level as one setting stores it.
pub struct CodedTile {
    /// Its index among the stored tiles.
    pub index: usize,
    pub key: BlobKey,
    pub seconds: f64,
}

/// The survey of a source.
pub struct Survey {
    /// How much there is in each family: bytes of its files, or a sum of differences of neighbouring pixels, and for its area.
    pub families: Vec<f64>,
    /// The same of each tile of the small levels, in the order of a bundle's index: bytes of its file, or of its JPEG. Of a slide with
    /// few of them all are coded, and their sizes are 0.
    pub tiles: Vec<f64>,
    /// Of each setting, the coded tiles of the small levels.
    pub coded: Vec<Vec<CodedTile>>,
    /// Whether one thread codes the small levels beside those that code families.
    pub one_by_one: bool,
    /// Seconds that reading takes on that thread.
    pub reading_s: f64,
}

impl Survey {
    /// Surveys the first `limit` families of a source; consumes a sequential one. `progress` gets the number of families read.
    pub fn take(
        source: &mut Source,
        settings: &[EncodeParams],
        limit: usize,
        scheduler: &Scheduler,
        progress: &dyn Fn(u64),
    ) -> Result<Self> {
        let geometry = *source.geometry();
        let tiles = geometry.stored_tile_count() as usize;
        let mut survey = Self {
            families: vec![0.0; limit],
            tiles: vec![0.0; tiles],
            coded: settings.iter().map(|_| Vec::new()).collect(),
            one_by_one: matches!(source, Source::Slide(..)),
            reading_s: 0.0,
        };
        let drawn = draw(0..tiles, MAX_TILES);
        match source {
            Source::Tree(tree) => survey.of_tree(tree, settings, &drawn, scheduler)?,
            Source::Slide(..) => survey.of_slide(source, settings, &drawn, scheduler, progress)?,
        }
        survey.add_areas(&geometry);
        Ok(survey)
    }

    /// Adds a part of the mean size for the area of each family: those at the edges cost less, whatever they show.
    fn add_areas(&mut self, geometry: &Geometry) {
        let mean = self.families.iter().sum::<f64>() / self.families.len() as f64;
        let whole = f64::from(geometry.tile() * spec::FAMILY_FACTOR).powi(2);
        // Where nothing has a size, the areas alone count.
        let part = if mean > 0.0 { AREA_SIZE * mean } else { 1.0 };
        for (size, id) in self.families.iter_mut().zip(geometry.all_families()) {
            let rect = geometry.family_rect(id);
            *size += part * f64::from(rect.width) * f64::from(rect.height) / whole;
        }
    }

    fn of_tree(
        &mut self,
        tree: &Tree,
        settings: &[EncodeParams],
        drawn: &[usize],
        scheduler: &Scheduler,
    ) -> Result<()> {
        let geometry = *tree.geometry();
        let columns = geometry.families().0 as usize;
        tree.each_tile_file(|id, file| {
            let size = if id.level == geometry.top_level() {
                let family = geometry.family_of(id);
                family.and_then(|f| self.families.get_mut(f.y() as usize * columns + f.x() as usize))
            } else {
                stored_index(&geometry, id).and_then(|index| self.tiles.get_mut(index))
            };
            if let Some(size) = size {
                *size += file.bytes as f64;
            }
        })?;
        let tiles = geometry.stored_tiles().enumerate();
        scheduler.ordered(
            tile_bytes(&geometry),
            tiles.filter(|(index, _)| drawn.binary_search(index).is_ok()).map(Ok::<_, Error>),
            |(index, id)| {
                let code = |params: &EncodeParams| {
                    let started = Instant::now();
                    let (codec, bytes) = tree.stored_tile(id, params)?;
                    let (_, bytes) = params.entropy.store_foreign(codec, bytes, tile_size(&geometry, id)?);
                    let seconds = started.elapsed().as_secs_f64();
                    Ok(CodedTile { index, key: key(&bytes), seconds })
                };
                settings.iter().map(code).collect::<Result<Vec<_>>>()
            },
            |coded| {
                self.coded.iter_mut().zip(coded).for_each(|(all, tile)| all.push(tile));
                Ok(())
            },
        )
    }

    fn of_slide(
        &mut self,
        source: &mut Source,
        settings: &[EncodeParams],
        drawn: &[usize],
        scheduler: &Scheduler,
        progress: &dyn Fn(u64),
    ) -> Result<()> {
        let Source::Slide(slide, geometry) = &*source else { return Ok(()) };
        let (geometry, channels) = (*geometry, usize::from(slide.info.channels));
        let mut small = SmallLevels::new(geometry, channels);
        let Self { families, tiles, coded, reading_s, .. } = self;
        let mut take = |id: TileId, pixels: &[u8], width: usize, height: usize| {
            let Some(index) = stored_index(&geometry, id) else { return Ok(()) };
            if drawn.len() < tiles.len() {
                let (_, bytes) = small_tile(&EncodeParams::default(), channels, pixels, width, height)?;
                tiles[index] = bytes.len() as f64;
            }
            if drawn.binary_search(&index).is_err() {
                return Ok(());
            }
            for (params, coded) in settings.iter().zip(coded.iter_mut()) {
                let started = Instant::now();
                let (_, bytes) = small_tile(params, channels, pixels, width, height)?;
                let seconds = started.elapsed().as_secs_f64();
                coded.push(CodedTile { index, key: key(&bytes), seconds });
            }
            Ok(())
        };
        let limit = families.len();
        let (reading, mut done) = (Cell::new(0.0), 0);
        let mut jobs = source.jobs(settings[0].upsample_filter, 0..limit);
        let jobs = std::iter::from_fn(|| {
            let started = Instant::now();
            let job = jobs.next();
            reading.set(reading.get() + started.elapsed().as_secs_f64());
            job
        });
        scheduler.ordered(
            family_bytes(&geometry),
            jobs.map(|job| Ok::<_, Error>(job?)),
            |job| {
                let loaded = job()?;
                let size = match &loaded.family.image {
                    Pixels::Rgb(rgb) => activity(rgb.view(), 3),
                    Pixels::Ycc(planes) => activity(planes.luma.view(), 1),
                };
                Ok((loaded.family.id, size, loaded.l2_pixels))
            },
            |(id, size, l2)| {
                families[done] = size;
                done += 1;
                progress(done as u64);
                match l2 {
                    Some(l2) => Ok(small.push(id, l2, &mut take)?),
                    None => Ok(()),
                }
            },
        )?;
        small.fill(&mut take)?;
        *reading_s = reading.get();
        Ok(())
    }
}

/// How much there is to code in some of the rows: the sum of the differences of pixels beside each other, 0 for one colour. Small
/// differences count for less than their size, because coding drops the noise of a camera: of glass nothing is left.
fn activity(plane: PlaneRef<'_>, channels: usize) -> f64 {
    const COUNTED: [u16; 256] = {
        let mut counted = [0; 256];
        let mut d = 0;
        while d < 256 {
            counted[d] = (16 * d * d / (d + 4)) as u16;
            d += 1;
        }
        counted
    };
    let of_row = |y: usize| -> u64 {
        let row = plane.row(y);
        let pairs = row.iter().zip(row.get(channels..).unwrap_or_default());
        pairs.map(|(&a, &b)| u64::from(COUNTED[usize::from(a.abs_diff(b))])).sum()
    };
    (0..plane.height).step_by(ROW_STEP).map(of_row).sum::<u64>() as f64
}

/// The index of a tile among all tiles of the stored levels; `None` for a tile of other levels.
fn stored_index(geometry: &Geometry, id: TileId) -> Option<usize> {
    let count = |level: u32| {
        let (columns, rows) = geometry.tiles(level);
        columns as usize * rows as usize
    };
    let columns = geometry.tiles(id.level).0 as usize;
    let before = || (0..id.level).map(count).sum::<usize>();
    geometry.stored_levels().contains(&id.level).then(|| before() + id.y as usize * columns + id.x as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_numbered_as_a_bundle_lists_them() {
        for (width, height, tile) in [(2220, 2967, 256), (999, 1001, 32), (5, 1, 1)] {
            let geometry = Geometry::new(width, height, tile).unwrap();
            let numbers: Vec<_> = geometry.stored_tiles().map(|id| stored_index(&geometry, id)).collect();
            assert_eq!(numbers, (0..numbers.len()).map(Some).collect::<Vec<_>>());
            let l0 = TileId { level: geometry.top_level(), x: 0, y: 0 };
            assert_eq!(stored_index(&geometry, l0), None);
        }
    }

    #[test]
    fn activity_is_of_neighbours_in_one_channel() {
        let rgb = [[10u8, 200, 30]; 5].concat();
        assert_eq!(activity(PlaneRef::new(&rgb, 15, 1, 15), 3), 0.0);
        let (nine, two) = (16 * 81 / 13, 16 * 4 / 6);
        assert_eq!(activity(PlaneRef::new(&[0, 9, 7], 3, 1, 3), 1), f64::from(nine + two));
        assert_eq!(activity(PlaneRef::new(&[5], 1, 1, 1), 1), 0.0);
    }
}

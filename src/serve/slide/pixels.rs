//! The pixels of any part of a level, decoded: from the families and tiles of the archive, from the tree where the archive has a gap, or
//! from the scanned slide. They are those that `pixels` reads of the same file, and no tile is coded for them.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Slide, TileSource};
use crate::error::{Error, ServedFault};
use crate::image::family::Pixels;
use crate::image::geometry::{Rect, TileId};
use crate::image::ycc::{Sampling, Ycc};
use crate::pixels::{
    BAND_PX, Bundle, Decoded, Layout, Patch, Plan, ReadError, Reading, Rgb, Source, pyramid_levels,
    read_slide,
};
use crate::store::is_address;

/// Reads with what it opened once.
pub struct SlidePixels {
    slide: Arc<Slide>,
    archive: Option<Bundle>,
    levels: Vec<(u32, u32)>,
}

impl SlidePixels {
    /// Of a slide, whose families keep what they decode in `decoded`.
    ///
    /// # Errors
    /// A damaged colour profile.
    pub fn new(slide: &Arc<Slide>, decoded: &Arc<Decoded>) -> Result<Self, ReadError> {
        let archive = match (&slide.input, &slide.coding) {
            (Some(input), Some(coding)) => Some(Bundle::over(input.clone(), coding.clone(), decoded)?),
            _ => None,
        };
        Ok(Self { levels: slide.pixel_levels(), slide: slide.clone(), archive })
    }

    /// Width and height of each level that can be read, the full resolution first.
    pub fn levels(&self) -> &[(u32, u32)] {
        &self.levels
    }

    /// Bytes that a read holds at its peak.
    pub fn peak_bytes(&self, plan: &Plan) -> u64 {
        let of_part = match &self.slide.scan {
            // Samples of the file, and the same as RGB, of some rows at a time.
            Some(_) => 6 * plan.pixels().min(BAND_PX.max(plan.rect.width.into())),
            // Planes of a family with its residual, more than of a tile.
            None => 12 * u64::from(4 * self.slide.geometry.tile()).pow(2),
        };
        plan.peak_bytes() + of_part
    }

    /// Waits until the bytes that a read needs have arrived from storage, without holding a thread.
    pub async fn arrive(&self, plan: &Plan) {
        let Some(input) = self.slide.input.as_ref().filter(|input| is_address(input.archive().path())) else {
            return;
        };
        let mut asked = HashSet::new();
        for (tile, source) in self.tiles(plan.level, plan.rect) {
            match source {
                TileSource::Family(id) if !asked.insert(id) => {}
                TileSource::Family(id) => input.family_arrives(id).await,
                _ => self.slide.arrives(tile, source).await,
            }
        }
    }

    /// Reads what a plan says, and calls `goes_on` between its parts.
    ///
    /// # Errors
    /// Damage; a file that cannot be read.
    pub fn read(&self, plan: &Plan, goes_on: &dyn Fn()) -> Result<Pixels, ReadError> {
        // Whoever waits for it has a time limit of its own.
        let goes_on = || {
            goes_on();
            true
        };
        let how = Reading { alone: true, goes_on: &goes_on };
        let pixels = plan.read(|patch| self.fill(plan, patch, how))?.into_pixels();
        Ok(match self.slide.renderer.want().sampling() {
            Sampling::Gray => Pixels::Ycc(Ycc::gray(pixels.into_ycc().luma)),
            _ => pixels,
        })
    }

    fn fill(&self, plan: &Plan, patch: &mut Patch<'_>, how: Reading<'_>) -> Result<(), ReadError> {
        let size = self.levels.get(plan.level).copied().unwrap_or_default();
        if let Some(scan) = &self.slide.scan {
            let reader = scan.readers().get(&scan.path, &scan.view)?;
            return read_slide(&*reader.pixels, reader.info.channels.into(), (plan.level, size), patch, how);
        }
        let of_tree = |&(_, source): &(TileId, TileSource)| source == TileSource::Tree;
        match &self.archive {
            Some(archive) if !self.tiles(plan.level, plan.rect).any(|tile| of_tree(&tile)) => {
                archive.read(plan.level, patch, how)
            }
            archive => {
                for (tile, source) in self.tiles(plan.level, plan.rect) {
                    (how.goes_on)();
                    let rect =
                        self.slide.geometry.tile_rect(tile).ok_or_else(|| self.slide.no_source(tile))?;
                    let pixels = match (source, archive) {
                        (TileSource::Tree, _) => Rgb::of_pixels(self.slide.tree_pixels(tile)?),
                        (_, Some(archive)) => of_archive(archive, plan.level, rect, how)?,
                        (_, None) => return Err(self.slide.no_source(tile).into()),
                    };
                    patch.paste(&pixels, (rect.x, rect.y));
                }
                Ok(())
            }
        }
    }

    /// The tiles of a part of a level, and what they are made of.
    fn tiles(&self, level: usize, part: Rect) -> impl Iterator<Item = (TileId, TileSource)> {
        let geometry = &self.slide.geometry;
        let (side, level) = (geometry.tile(), geometry.top_level().saturating_sub(level as u32));
        let columns = part.x / side..(part.x + part.width).div_ceil(side);
        let rows = part.y / side..(part.y + part.height).div_ceil(side);
        let all = rows.flat_map(move |y| columns.clone().map(move |x| TileId { level, x, y }));
        all.filter_map(|tile| Some((tile, self.slide.source(tile)?.0)))
    }
}

/// A tile of an archive that is not whole.
fn of_archive(archive: &Bundle, level: usize, rect: Rect, how: Reading<'_>) -> Result<Rgb, ReadError> {
    let (width, height) = (rect.width as usize, rect.height as usize);
    let mut data = vec![0; 3 * width * height];
    let (x, y) = (rect.x.into(), rect.y.into());
    let mut patch = Patch { x, y, width, height, layout: Layout::Interleaved, data: &mut data };
    archive.read(level, &mut patch, how)?;
    Ok(Rgb { width, height, data })
}

impl Slide {
    /// The levels whose pixels are stored, or reconstructed: all but those that are made of finer tiles.
    fn pixel_levels(&self) -> Vec<(u32, u32)> {
        if let Some(scan) = &self.scan {
            let full = (self.geometry.width(), self.geometry.height());
            return if scan.info.levels.is_empty() { vec![full] } else { scan.info.levels.clone() };
        }
        let cheap = self.cheap_levels();
        let without_gap = (0..).zip(&cheap).take_while(|(number, down)| number == *down).count();
        let mut levels = pyramid_levels(&self.geometry);
        levels.truncate(without_gap);
        levels
    }

    /// The levels, from the full resolution down, that are not made of many finer tiles.
    pub fn cheap_levels(&self) -> Vec<u32> {
        let top = self.geometry.top_level();
        let is_cheap = |down: &u32| {
            let first = self.source(TileId { level: top - down, x: 0, y: 0 });
            first.is_some_and(|(source, _)| source != TileSource::Finer)
        };
        (0..=top).filter(is_cheap).collect()
    }

    /// The pixels of a tile of its tree, whose file is read anew.
    fn tree_pixels(&self, tile: TileId) -> Result<Pixels, Error> {
        let tree = self.tree.as_ref().ok_or_else(|| self.no_source(tile))?;
        match tree.tile_file(tile) {
            Some(path) if !self.bounds.hold_file(&path) => {
                Err(Error::served(&self.name, ServedFault::Outside(path)))
            }
            _ => Ok(tree.tile_pixels(tile)?),
        }
    }

    fn no_source(&self, tile: TileId) -> Error {
        Error::served(&self.name, ServedFault::NoSource(tile))
    }
}

//! NDPI slides of Hamamatsu's scanners without OpenSlide: each resolution is one huge JPEG with restart markers, which is cut into
//! tiles between its blocks, with its coefficients. For lossless encodes; other reading is OpenSlide's.

mod page;
mod strips;
#[cfg(test)]
mod tests;

use super::access::{Access, RandomAccess, Slide, StoredTiles};
use super::error::SlideError;
use super::info::{SlideInfo, scanner};
use super::options::{OpenOptions, Selection};
use super::positional::PositionalFile;
use super::region::{Extent, Region};
use crate::codec::{Foreign, foreign_pixels};
use crate::image::family::Pixels;
use crate::store::Arrival;
use page::Page;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use strips::{Strips, TILE_PX};

/// Rows of tiles that are kept: those of two rows of families.
const KEPT_ROWS: usize = 8;

/// Opens the slide at full resolution.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    let file = PositionalFile::open(path)?;
    let others = Selection { z: None, ..options.selection.clone() };
    others.refuse(path, "an NDPI file has one channel of colours")?;
    let page = Page::read(&file, &options.selection)?;
    let strips = Strips::read(&file, &page)?;
    file.all_read()?;
    let info = SlideInfo {
        width: page.width,
        height: page.height,
        channels: strips.channels,
        format: "hamamatsu".into(),
        microns_per_pixel: page.microns_per_pixel,
        objective_power: page.objective_power,
        scanner: scanner(Some("Hamamatsu"), None),
        icc_profile: None,
        levels: Vec::new(),
        tile: Some((TILE_PX, TILE_PX)),
        associated: Vec::new(),
        warnings: Vec::new(),
    };
    let tiles = Ndpi { file, strips, kept: Mutex::default() };
    Ok(Slide {
        path: path.to_path_buf(),
        info,
        access: Access::Random(Box::new(tiles)),
        associated: None,
        selection: Selection::default(),
    })
}

/// The tiles of a row in one group, made once by the first that asks.
type Row = Arc<OnceLock<Result<Vec<Vec<u8>>, String>>>;

struct Ndpi {
    file: PositionalFile,
    strips: Strips,
    /// The rows that were asked for last, each with its number and group.
    kept: Mutex<VecDeque<((u32, u32), Row)>>,
}

impl Ndpi {
    fn row(&self, key: (u32, u32)) -> Row {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, row)) = kept.iter().find(|(known, _)| *known == key) {
            return row.clone();
        }
        let groups = self.strips.width.div_ceil(self.strips.group_px()) as usize;
        if kept.len() >= KEPT_ROWS * groups {
            kept.pop_front();
        }
        let row = Row::default();
        kept.push_back((key, row.clone()));
        row
    }

    fn extent(&self) -> Extent {
        Extent { width: self.strips.width, height: self.strips.height, channels: self.strips.channels }
    }

    /// Copies what lies in `region` of a tile that was decoded.
    fn paste(&self, pixels: &Pixels, (left, top): (u32, u32), region: Region, out: &mut [u8]) {
        let channels = usize::from(self.strips.channels);
        let (width, height) = (pixels.width() as u32, pixels.height() as u32);
        let (x0, x1) = (left.max(region.x), (left + width).min(region.x + region.width));
        let (y0, y1) = (top.max(region.y), (top + height).min(region.y + region.height));
        for y in y0..y1 {
            let row = match pixels {
                Pixels::Rgb(rgb) => rgb.row((y - top) as usize),
                Pixels::Ycc(planes) => planes.luma.row((y - top) as usize),
            };
            let length = x1.saturating_sub(x0) as usize * channels;
            let from = (x0 - left) as usize * channels;
            let to = ((y - region.y) as usize * region.width as usize + (x0 - region.x) as usize) * channels;
            if let (Some(to), Some(from)) = (out.get_mut(to..to + length), row.get(from..from + length)) {
                to.copy_from_slice(from);
            }
        }
    }
}

impl StoredTiles for Ndpi {
    fn side_px(&self) -> u32 {
        TILE_PX
    }

    fn tile(&self, column: u32, row: u32) -> Result<Foreign, SlideError> {
        let left = column.saturating_mul(TILE_PX);
        let group = left / self.strips.group_px();
        let made = self.row((row, group));
        let tiles =
            made.get_or_init(|| self.strips.tiles(&self.file, row, group).map_err(|error| error.to_string()));
        let corrupt = |problem: &str| {
            let place = format!("tile at column {column}, row {row}");
            SlideError::corrupt(self.file.path(), "NDPI", place, problem.to_string())
        };
        let index = (left - group * self.strips.group_px()) / TILE_PX;
        let tiles = tiles.as_ref().map_err(|problem| corrupt(problem))?;
        tiles
            .get(index as usize)
            .cloned()
            .map(Foreign::jpeg)
            .ok_or_else(|| corrupt("it lies outside of the slide"))
    }
}

impl RandomAccess for Ndpi {
    fn will_read(&self, region: Region) -> Arrival {
        if !self.file.is_far() || region.width == 0 || region.height == 0 {
            return Arrival::default();
        }
        let last = |first: u32, size: u32| first.saturating_add(size - 1);
        let group_px = self.strips.group_px();
        let groups = region.x / group_px..=last(region.x, region.width) / group_px;
        let rows = region.y / TILE_PX..=last(region.y, region.height) / TILE_PX;
        let all = rows.flat_map(|row| groups.clone().map(move |group| (row, group)));
        let ranges: Vec<_> = all.flat_map(|(row, group)| self.strips.ranges(row, group)).collect();
        self.file.will_read(&ranges)
    }

    fn read(&self, x: u32, y: u32, width: u32, height: u32, out: &mut [u8]) -> Result<(), SlideError> {
        let region = Region { x, y, width, height };
        self.extent().check(self.file.path(), region, out.len())?;
        if width == 0 || height == 0 {
            return Ok(());
        }
        for row in y / TILE_PX..=(y + height - 1) / TILE_PX {
            for column in x / TILE_PX..=(x + width - 1) / TILE_PX {
                let pixels = foreign_pixels(&self.tile(column, row)?.bytes, None).map_err(|e| {
                    let place = format!("tile at column {column}, row {row}");
                    SlideError::corrupt(self.file.path(), "NDPI", place, e.to_string())
                })?;
                self.paste(&pixels, (column * TILE_PX, row * TILE_PX), region, out);
            }
        }
        Ok(())
    }

    fn read_level(&self, level: usize, region: Region, out: &mut [u8]) -> Result<(), SlideError> {
        if level != 0 {
            return Err(SlideError::NoLevel { path: self.file.path().to_path_buf(), level });
        }
        self.read(region.x, region.y, region.width, region.height, out)
    }

    fn stored_tiles(&self) -> Result<&dyn StoredTiles, String> {
        Ok(self)
    }
}

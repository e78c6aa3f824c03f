//! A scanned slide: pixels of its tiles, from the level of the file that is next to each.
//!
//! Labels and other images in the file are no part of it; see `associated`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::planes::Planes;
use super::profiles::Stored;
use super::reader::{FileLevel, Reader, Readers};
use crate::error::{Error, Result, ServedFault};
use crate::image::geometry::{Geometry, TileId};
use crate::pyramid::samples::Samples;
use crate::slide::{Selection, SlideInfo};

/// Side of the tiles that are made of a scanned slide, as of those that an encode makes by default.
pub const TILE: u32 = 256;
/// Levels by which pixels of the file are halved for a tile: a tile takes 16 times its own pixels at most.
pub const MAX_HALVINGS: u32 = 2;
/// Pixels by which the width or height of a file's level may differ from that of a Deep Zoom level: some scanners round down.
const MAX_ROUNDING_PX: u32 = 2;
/// Most pixels of a level from which coarser levels are made on request; the file must hold coarser levels of a larger one.
const MAX_REDUCED_PX: u64 = 1 << 32;

/// A scanned slide that is served as it is.
pub struct Scan {
    /// The file.
    pub path: PathBuf,
    /// What it says, but for the colour profile.
    pub info: SlideInfo,
    /// That profile.
    pub icc: Option<Arc<Stored>>,
    /// What it has several of.
    pub planes: Arc<Planes>,
    /// Which of that is read.
    pub view: Selection,
    readers: Arc<Readers>,
    /// By the level below L0: the level of the file of which its tiles are made; `None` where they are made of finer tiles.
    levels: Vec<Option<FileLevel>>,
}

impl Scan {
    /// Opens a slide in the view that `wanted` chooses where there is a choice.
    ///
    /// # Errors
    /// A slide that cannot be opened, or is too large for the levels that it has.
    pub fn open(path: &Path, wanted: &Selection, readers: Arc<Readers>) -> Result<(Self, Geometry)> {
        let (reader, planes, view) = Planes::open(path, wanted, &readers)?;
        Self::of(path, &reader, Arc::new(planes), view, readers)
    }

    /// Another view of the slide.
    ///
    /// # Errors
    /// As [`Self::open`]; a view that the slide does not have.
    pub fn in_view(&self, view: &Selection) -> Result<(Self, Geometry)> {
        let reader = self.readers.get(&self.path, view)?;
        Self::of(&self.path, &reader, self.planes.clone(), view.clone(), self.readers.clone())
    }

    /// Finds the level of the file for each level of Deep Zoom.
    fn of(
        path: &Path,
        reader: &Reader,
        planes: Arc<Planes>,
        view: Selection,
        readers: Arc<Readers>,
    ) -> Result<(Self, Geometry)> {
        let (info, icc) = (reader.info.clone(), reader.icc.clone());
        let geometry = Geometry::new(info.width, info.height, TILE)?;
        let levels = file_levels(&info, &geometry);
        // The level of the file below which there is none that is near enough.
        let last = levels
            .iter()
            .position(Option::is_none)
            .and_then(|down| levels.get(down.checked_sub(1)?)?.as_ref());
        if let Some(last) = last {
            let (width, height) = geometry.level_size(geometry.top_level() - last.down);
            if u64::from(width) * u64::from(height) > MAX_REDUCED_PX {
                let problem = ServedFault::NoSmallLevels { width, height }.to_string();
                return Err(Error::input(path, problem));
            }
        }
        Ok((Self { path: path.into(), info, icc, planes, view, readers, levels }, geometry))
    }

    /// What its reader assumed or left out.
    pub fn warning(&self) -> Option<String> {
        (!self.info.warnings.is_empty()).then(|| self.info.warnings.join("; "))
    }

    /// The readers of its file.
    pub fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Whether the tiles of a level are made of the file's pixels, not of finer tiles.
    pub fn has_level(&self, down: u32) -> bool {
        self.file_level(down).is_some()
    }

    /// The pixels of a tile of such a level.
    ///
    /// # Errors
    /// A slide that cannot be read.
    pub fn tile(&self, geometry: &Geometry, tile: TileId) -> Result<Samples> {
        let from = self.file_level(geometry.top_level() - tile.level).unwrap_or(FileLevel::FULL);
        self.readers.get(&self.path, &self.view)?.tile(geometry, tile, from)
    }

    /// The level of the file of which the tiles of a level are made; `None` where they are made of finer tiles.
    pub fn file_level(&self, down: u32) -> Option<FileLevel> {
        self.levels.get(down as usize).copied().flatten()
    }
}

/// The level of the file for each level of Deep Zoom from L0 down: the coarsest one that is as fine, if it is near enough.
fn file_levels(info: &SlideInfo, geometry: &Geometry) -> Vec<Option<FileLevel>> {
    // No rounding where it would be much of the level.
    let near = |a: u32, b: u32| a.abs_diff(b) <= MAX_ROUNDING_PX.min(b / 16);
    let own = |down: u32| {
        let (width, height) = geometry.level_size(geometry.top_level() - down);
        let level = info.levels.iter().position(|&(w, h)| near(w, width) && near(h, height));
        if down == 0 { Some(FileLevel::FULL) } else { level.map(|level| FileLevel { level, down }) }
    };
    let mut last = None;
    (0..=geometry.top_level())
        .map(|down| {
            last = own(down).or(last);
            last.filter(|level: &FileLevel| down - level.down <= MAX_HALVINGS)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::slide::{RandomAccess, Region, SlideError};

    /// The level and the pixels of each read.
    type Reads = Arc<Mutex<Vec<(usize, u64)>>>;

    /// A picture with levels, which are its halvings, each one pixel smaller than Deep Zoom's where that rounds up. It notes the
    /// pixels of each read.
    struct Fake {
        levels: Vec<Samples>,
        reads: Reads,
    }

    impl RandomAccess for Fake {
        fn read(
            &self,
            x: u32,
            y: u32,
            width: u32,
            height: u32,
            out: &mut [u8],
        ) -> std::result::Result<(), SlideError> {
            self.read_level(0, Region { x, y, width, height }, out)
        }

        fn read_level(
            &self,
            level: usize,
            region: Region,
            out: &mut [u8],
        ) -> std::result::Result<(), SlideError> {
            let of = &self.levels[level];
            self.reads.lock().unwrap().push((level, u64::from(region.width) * u64::from(region.height)));
            let rows = of.data.chunks_exact(of.width * of.channels).skip(region.y as usize);
            let length = region.width as usize * of.channels;
            for (to, from) in out.chunks_exact_mut(length).zip(rows) {
                to.copy_from_slice(&from[region.x as usize * of.channels..][..length]);
            }
            Ok(())
        }
    }

    /// A slide of 3001x2002 pixels with the levels `downs` below L0.
    fn fake(downs: &[u32]) -> (Reader, Reads) {
        let (width, height) = (3001, 2002);
        let data = (0..width * height).map(|i| ((i % width / 9) ^ (i / width / 7)) as u8).collect();
        let mut level = Samples { data, width, height, channels: 1 };
        let mut levels = vec![level.clone()];
        for down in 1..=*downs.iter().max().unwrap_or(&0) {
            level = level.halved();
            if downs.contains(&down) {
                let (w, h) = (width >> down, height >> down);
                let rows = level.data.chunks_exact(level.width).take(h);
                let data = rows.flat_map(|row| row[..w].to_vec()).collect();
                levels.push(Samples { data, width: w, height: h, channels: 1 });
            }
        }
        let info = SlideInfo {
            width: width as u32,
            height: height as u32,
            channels: 1,
            format: "test".into(),
            microns_per_pixel: None,
            objective_power: None,
            scanner: None,
            icc_profile: None,
            levels: levels.iter().map(|of| (of.width as u32, of.height as u32)).collect(),
            tile: None,
            associated: Vec::new(),
            warnings: Vec::new(),
        };
        let reads = Reads::default();
        let pixels = Box::new(Fake { levels, reads: Arc::clone(&reads) });
        (Reader { info, icc: None, beside: Vec::new(), path: "x".into(), pixels }, reads)
    }

    #[test]
    fn tiles_come_from_the_nearest_level_of_the_file() {
        let (reader, reads) = fake(&[2, 5]);
        let geometry = Geometry::new(3001, 2002, TILE).unwrap();
        let levels = file_levels(&reader.info, &geometry);
        let of = |down: u32| levels[down as usize].map(|level| level.level);
        let want = [
            Some(0),
            Some(0),
            Some(1),
            Some(1),
            Some(1),
            Some(2),
            Some(2),
            Some(2),
            None,
            None,
            None,
            None,
            None,
        ];
        assert_eq!((0..=12).map(of).collect::<Vec<_>>(), want);
        let mut whole = Samples { data: Vec::new(), width: 0, height: 0, channels: 1 };
        for down in 0..8 {
            let level = geometry.top_level() - down;
            whole = match down {
                0 => reader.region(0, Region { x: 0, y: 0, width: 3001, height: 2002 }).unwrap(),
                _ => whole.halved(),
            };
            let (columns, rows) = geometry.tiles(level);
            for tile in (0..rows).flat_map(|y| (0..columns).map(move |x| TileId { level, x, y })) {
                reads.lock().unwrap().clear();
                let got = reader.tile(&geometry, tile, levels[down as usize].unwrap()).unwrap();
                let rect = geometry.tile_rect(tile).unwrap();
                assert_eq!((got.width, got.height), (rect.width as usize, rect.height as usize), "{tile}");
                let (file_level, pixels) = reads.lock().unwrap()[0];
                assert!(pixels <= 16 * 256 * 256, "{tile} takes {pixels} pixels of level {file_level}");
                // The last column and row of the file's levels are missing, and repeat the one before.
                for y in 0..got.height.saturating_sub(1) {
                    let row =
                        &whole.data[(rect.y as usize + y) * whole.width + rect.x as usize..][..got.width - 1];
                    assert_eq!(&got.data[y * got.width..][..got.width - 1], row, "{tile} row {y}");
                }
            }
        }
    }

    #[test]
    fn a_level_of_another_shape_stands_for_none() {
        let (mut reader, _) = fake(&[]);
        reader.info.levels.extend([(1000, 667), (750, 400), (0, 0), (2, 2)]);
        let geometry = Geometry::new(3001, 2002, TILE).unwrap();
        let levels = file_levels(&reader.info, &geometry);
        assert!(levels.iter().flatten().all(|level| *level == FileLevel::FULL));
        assert_eq!(levels.iter().flatten().count(), 3);
    }
}

//! A scanned slide: pixels of its tiles, from the level of the file that is next to each.
//!
//! Readers keep files open and decoded parts in memory, so only some slides have one at a time; it is opened again when needed.
//! Labels and other images in the file are never read.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use super::samples::Samples;
use crate::error::{Error, Result, ServedFault};
use crate::image::geometry::{Geometry, TileId};
use crate::serve::discovery::{Stamp, stamp};
use crate::slide::{Access, OpenOptions, RandomAccess, Region, Slide as Opened, SlideInfo};

/// Side of the tiles that are made of a scanned slide, as of those that an encode makes by default.
pub const TILE: u32 = 256;
/// Slides whose readers are open at a time.
const MAX_READERS: u64 = 8;
/// Time after its last use at which a reader is closed.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// Memory limit of one reader.
const READER_BYTES: u64 = 512 << 20;
/// Levels by which pixels of the file are halved for a tile: a tile takes 16 times its own pixels at most.
pub const MAX_HALVINGS: u32 = 2;
/// Pixels by which the width or height of a file's level may differ from that of a Deep Zoom level: some scanners round down.
const MAX_ROUNDING_PX: u32 = 2;
/// Most pixels of a level from which coarser levels are made on request; the file must hold coarser levels of a larger one.
const MAX_REDUCED_PX: u64 = 1 << 32;

/// Slides that are open.
pub struct Readers(Cache<(PathBuf, Stamp), Arc<Reader>>);

impl Default for Readers {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_READERS).time_to_idle(IDLE_TIME).build())
    }
}

impl Readers {
    /// The reader of a slide, opened if necessary.
    ///
    /// # Errors
    /// A slide that cannot be opened, or not be read in parts.
    pub fn get(&self, path: &Path) -> Result<Arc<Reader>> {
        let key = (path.to_path_buf(), stamp([path]));
        let opened = self.0.try_get_with(key, || Reader::open(path).map(Arc::new));
        // Requests that waited together share the error.
        opened
            .map_err(|e: Arc<Error>| Arc::try_unwrap(e).unwrap_or_else(|e| Error::input(path, e.to_string())))
    }
}

/// A slide that is open for any region.
pub struct Reader {
    /// What its file says.
    pub info: SlideInfo,
    path: PathBuf,
    pixels: Box<dyn RandomAccess>,
}

impl Reader {
    fn open(path: &Path) -> Result<Self> {
        let options = OpenOptions { max_memory_bytes: READER_BYTES, ..OpenOptions::default() };
        let slide = Opened::open(path, &options)?;
        match slide.access {
            Access::Random(pixels) => Ok(Self { info: slide.info, path: path.into(), pixels }),
            Access::Sequential(_) => Err(Error::input(path, ServedFault::Sequential.to_string())),
        }
    }

    /// The pixels of a tile, read from the file's level `from` and halved.
    ///
    /// # Errors
    /// Damaged data.
    pub fn tile(&self, geometry: &Geometry, tile: TileId, from: FileLevel) -> Result<Samples> {
        let Some(rect) = geometry.tile_rect(tile) else {
            return Err(Error::input(&self.path, ServedFault::NoSource(tile).to_string()));
        };
        let down = (geometry.top_level() - tile.level).saturating_sub(from.down);
        let (width, height) = geometry.level_size(geometry.top_level() - from.down);
        let span = |start: u32, length: u32, whole: u32| {
            let start = start << down;
            (start, (length << down).min(whole - start))
        };
        let (x, w) = span(rect.x, rect.width, width);
        let (y, h) = span(rect.y, rect.height, height);
        let mut samples = self.region(from.level, Region { x, y, width: w, height: h })?;
        for _ in 0..down {
            samples = samples.halved();
        }
        Ok(samples)
    }

    /// A region of a level. What lies beyond the file's level, which may be a little smaller than Deep Zoom's, repeats its edge.
    fn region(&self, level: usize, region: Region) -> Result<Samples> {
        let channels = usize::from(self.info.channels);
        let full = (self.info.width, self.info.height);
        let (width, height) = self.info.levels.get(level).copied().unwrap_or(full);
        let span = |start: u32, length: u32, whole: u32| {
            let inside = start.min(whole - 1);
            (inside, (start + length).min(whole).max(inside + 1) - inside)
        };
        let (x, w) = span(region.x, region.width, width);
        let (y, h) = span(region.y, region.height, height);
        let mut samples = Samples::new(w as usize, h as usize, channels);
        let inside = Region { x, y, width: w, height: h };
        match level {
            0 => self.pixels.read(x, y, w, h, &mut samples.data)?,
            _ => self.pixels.read_level(level, inside, &mut samples.data)?,
        }
        Ok(samples.extended(region.width as usize, region.height as usize))
    }
}

/// A level of a file that stands for a level of Deep Zoom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLevel {
    /// Its number in the file.
    pub level: usize,
    /// The levels of Deep Zoom below L0.
    pub down: u32,
}

impl FileLevel {
    /// The full resolution.
    pub const FULL: Self = Self { level: 0, down: 0 };
}

/// A scanned slide that is served as it is.
pub struct Scan {
    /// The file.
    pub path: PathBuf,
    /// What it says.
    pub info: SlideInfo,
    readers: Arc<Readers>,
    /// By the level below L0: the level of the file of which its tiles are made; `None` where they are made of finer tiles.
    levels: Vec<Option<FileLevel>>,
}

impl Scan {
    /// Opens a slide and finds the level of the file for each level of Deep Zoom.
    ///
    /// # Errors
    /// A slide that cannot be opened, or is too large for the levels that it has.
    pub fn open(path: &Path, readers: Arc<Readers>) -> Result<(Self, Geometry)> {
        let info = readers.get(path)?.info.clone();
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
        Ok((Self { path: path.into(), info, readers, levels }, geometry))
    }

    /// What its reader assumed or left out.
    pub fn warning(&self) -> Option<String> {
        (!self.info.warnings.is_empty()).then(|| self.info.warnings.join("; "))
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
        self.readers.get(&self.path)?.tile(geometry, tile, from)
    }

    fn file_level(&self, down: u32) -> Option<FileLevel> {
        self.levels.get(down as usize).copied().flatten()
    }
}

/// The level of the file for each level of Deep Zoom from L0 down: the coarsest one that is as fine, if it is near enough.
fn file_levels(info: &SlideInfo, geometry: &Geometry) -> Vec<Option<FileLevel>> {
    // No rounding where it would be much of the level.
    let near = |a: u32, b: u32| a.abs_diff(b) <= MAX_ROUNDING_PX.min(b / 64);
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

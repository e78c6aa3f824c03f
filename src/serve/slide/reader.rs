//! Readers of scanned slides: the pixels of any tile.
//!
//! Readers keep files open and decoded parts in memory, so only some slides have one at a time; it is opened again when needed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use super::profiles::{Profiles, Stored};
use crate::error::{Error, Result, ServedFault};
use crate::image::geometry::{Geometry, TileId};
use crate::pyramid::samples::Samples;
use crate::serve::discovery::{Stamp, stamp};
use crate::serve::recent::recent;
use crate::serve::view::query;
use crate::slide::{
    Access, AssociatedSize, OpenOptions, RandomAccess, Region, Selection, Slide as Opened, SlideInfo,
};

/// Slides whose readers are open at a time.
const MAX_READERS: u64 = 8;
/// Time after its last use at which a reader is closed.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// Memory limit of one reader.
pub(super) const READER_BYTES: u64 = 512 << 20;

/// Slides that are open, each in one of its views.
pub struct Readers {
    open: Cache<(PathBuf, Stamp, String), Arc<Reader>>,
    profiles: Profiles,
}

impl Default for Readers {
    fn default() -> Self {
        Self { open: recent(MAX_READERS, IDLE_TIME), profiles: Profiles::default() }
    }
}

impl Readers {
    /// The colour profiles of slides.
    pub fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// The reader of a view of a slide, opened if necessary.
    ///
    /// # Errors
    /// A slide that cannot be opened, or not be read in parts; a view that it does not have.
    pub fn get(&self, path: &Path, view: &Selection) -> Result<Arc<Reader>> {
        let key = (path.to_path_buf(), stamp([path]), query(view));
        let (mut failed, mut is_new) = (None, false);
        let open = || {
            is_new = true;
            Reader::open(path, view, &self.profiles).map(Arc::new).map_err(|e| {
                let text = e.to_string();
                failed = Some(e);
                text
            })
        };
        // Requests that waited for the same slide share the text.
        let opened = self.open.try_get_with(key, open);
        if is_new {
            // By itself the cache lets go from time to time, and in between holds the decoded parts of more slides.
            self.close_unused();
        }
        opened.map_err(|text: Arc<String>| failed.unwrap_or_else(|| Error::input(path, text.as_str())))
    }

    /// Closes the readers of a slide, of which another file may have changed than the one that is looked at here.
    pub fn forget(&self, path: &Path) {
        for (key, _) in self.open.iter().filter(|(key, _)| key.0 == path) {
            self.open.invalidate(&*key);
        }
    }

    /// Closes readers beyond the most that are open, and those that nobody has used for a while.
    pub fn close_unused(&self) {
        self.open.run_pending_tasks();
    }
}

/// A slide that is open for any region.
pub struct Reader {
    /// What its file says, but for the colour profile.
    pub info: SlideInfo,
    /// That profile.
    pub icc: Option<Arc<Stored>>,
    /// The sizes of its other images, in the order of their names; nothing of one that cannot be read.
    pub beside: Vec<Option<AssociatedSize>>,
    pub(super) path: PathBuf,
    pub(super) pixels: Box<dyn RandomAccess>,
}

impl Reader {
    fn open(path: &Path, view: &Selection, profiles: &Profiles) -> Result<Self> {
        let options =
            OpenOptions { max_memory_bytes: READER_BYTES, selection: view.clone(), ..OpenOptions::default() };
        let slide = Opened::open(path, &options)?;
        let beside = slide.info.associated.iter().map(|name| slide.associated_size(name).ok()).collect();
        let mut info = slide.info;
        let icc = info.icc_profile.take().map(|bytes| profiles.of(bytes));
        match slide.access {
            Access::Random(pixels) => Ok(Self { info, icc, beside, path: path.into(), pixels }),
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
    pub(super) fn region(&self, level: usize, region: Region) -> Result<Samples> {
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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use tiff::encoder::TiffEncoder;
    use tiff::encoder::colortype::RGB8;

    use super::*;

    #[test]
    fn no_more_readers_are_open_than_there_may_be_and_the_last_used_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (readers, mut opened) = (Readers::default(), Vec::new());
        for number in 0..40_u8 {
            let path = dir.path().join(format!("{number}.tif"));
            let mut encoder = TiffEncoder::new(File::create(&path).unwrap()).unwrap();
            encoder.write_image::<RGB8>(64, 48, &[number; 3 * 64 * 48]).unwrap();
            // As often as it may be: what was used often is not kept for that.
            for _ in 0..3 {
                opened.push(Arc::downgrade(&readers.get(&path, &Selection::default()).unwrap()));
            }
            assert_eq!(opened.len(), 3 * (usize::from(number) + 1));
            let same = opened[opened.len() - 3..].iter().all(|reader| reader.ptr_eq(opened.last().unwrap()));
            assert!(same, "slide {number} was opened more than once");
            let open = opened.iter().step_by(3).filter(|reader| reader.strong_count() > 0).count();
            // The oldest may go with the next call.
            assert!(open as u64 <= MAX_READERS + 1, "{open} readers are open after slide {number}");
        }
    }
}

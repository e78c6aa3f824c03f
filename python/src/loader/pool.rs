//! Many slides, of which a bounded number is open at a time.

use std::path::PathBuf;
use std::sync::Arc;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::errors::{Error, Result};
use crate::stamp::{self, Stamp};
use origami::pixels::{self, Decoded, Shared};

/// Least memory of a reader of a slide for decoded parts.
const MIN_READER_BYTES: u64 = 16 << 20;

/// The slides of a data set, and how many of them are open.
#[derive(Clone)]
pub struct Slides {
    /// Each slide with the stamp of its file.
    pub paths: Vec<(PathBuf, Stamp)>,
    /// Memory for decoded pixels of all of them.
    pub cache_bytes: u64,
    /// How many are open at most.
    pub open: u64,
}

/// Opens slides when they are read, and closes those that were not read for longest.
pub struct Pool {
    slides: Slides,
    decoded: Arc<Decoded>,
    readers: Cache<usize, Shared>,
}

impl Pool {
    /// Opens none yet.
    pub fn new(slides: Slides) -> Self {
        let decoded = Arc::new(Decoded::new(slides.cache_bytes));
        let readers =
            Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(slides.open.max(1)).build();
        Self { slides, decoded, readers }
    }

    /// A slide, opened if it is not.
    ///
    /// # Errors
    /// No such slide; one that cannot be opened, or was changed.
    pub fn get(&self, slide: usize) -> Result<Shared> {
        let open = || -> Result<Shared> {
            let none = || Error::Argument(format!("there is no slide {slide}"));
            let (path, stamp) = self.slides.paths.get(slide).ok_or_else(none)?;
            stamp::check(path, *stamp)?;
            let share = self.slides.cache_bytes / self.slides.open.max(1);
            Ok(pixels::open(path, &self.decoded, share.max(MIN_READER_BYTES))?)
        };
        // Threads that wait for the same slide share its error, which has no other form than its text then.
        self.readers.try_get_with(slide, open).map_err(|error| match Arc::try_unwrap(error) {
            Ok(error) => error,
            Err(shared) => shared.again(),
        })
    }
}

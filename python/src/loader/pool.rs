//! Many slides, of which a bounded number is open at a time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

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
    pub open: usize,
}

/// Opens slides when they are read, and closes those that were not read for longest, at once: no crate's cache promises when it drops
/// what it lets go, and a slide holds files.
pub struct Pool {
    slides: Slides,
    decoded: Arc<Decoded>,
    /// Those that are open or being opened; the one that was read last is the last.
    open: Mutex<Vec<Place>>,
}

/// A slide that is open, or that a thread opens now while others wait for it.
struct Place {
    slide: usize,
    source: Arc<Mutex<Option<Shared>>>,
}

impl Pool {
    /// Opens none yet.
    pub fn new(slides: Slides) -> Self {
        let decoded = Arc::new(Decoded::new(slides.cache_bytes));
        Self { slides, decoded, open: Mutex::default() }
    }

    /// A slide, opened if it is not.
    ///
    /// # Errors
    /// No such slide; one that cannot be opened, or was changed.
    pub fn get(&self, slide: usize) -> Result<Shared> {
        let place = self.place(slide);
        let mut source = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*source {
            return Ok(Arc::clone(open));
        }
        let opened = self.open(slide)?;
        *source = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// The place of a slide, which becomes the last.
    fn place(&self, slide: usize) -> Arc<Mutex<Option<Shared>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match open.iter().position(|place| place.slide == slide) {
            Some(at) => open.remove(at),
            None => Place { slide, source: Arc::default() },
        };
        let source = Arc::clone(&place.source);
        let too_many = (open.len() + 1).saturating_sub(self.slides.open.max(1));
        // Closed when no thread reads of them.
        open.drain(..too_many);
        open.push(place);
        source
    }

    fn open(&self, slide: usize) -> Result<Shared> {
        let none = || Error::Argument(format!("there is no slide {slide}"));
        let (path, stamp) = self.slides.paths.get(slide).ok_or_else(none)?;
        stamp::check(path, *stamp)?;
        let share = self.slides.cache_bytes / self.slides.open.max(1) as u64;
        Ok(pixels::open(path, &self.decoded, share.max(MIN_READER_BYTES))?)
    }
}

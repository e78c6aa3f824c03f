//! Many slides, of which a bounded number is open at a time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use pyo3::prelude::*;

use crate::errors::{Error, Result};
use crate::remote::{self, RemoteFile, unless_interrupted};
use crate::stamp::{self, Stamp};
use origami::image::geometry::Rect;
use origami::pixels::{self, Decoded, Shared, Source};

/// Least memory of a reader of a slide for decoded parts.
const MIN_READER_BYTES: u64 = 16 << 20;
/// Threads that open slides far away: they wait for answers.
const OPENERS: usize = 16;

/// Where a slide lies: a path with the stamp of its file, or an address with the file of Python that reads it.
pub type Location = (PathBuf, Stamp, Option<Py<PyAny>>);

/// The slides of a data set, and how many of them are open.
pub struct Slides {
    /// Each slide.
    pub locations: Vec<Location>,
    /// Memory for decoded pixels of all of them.
    pub cache_bytes: u64,
    /// How many are open at most.
    pub open: usize,
}

/// Opens slides when they are read, and closes those that were not read for longest, at once: no crate's cache promises when it drops
/// what it lets go, and a slide holds files.
pub struct Pool {
    slides: Arc<Slides>,
    /// Of each slide at an address.
    far: Vec<Option<RemoteFile>>,
    decoded: Arc<Decoded>,
    open: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    /// Those that are open or being opened; the one that was read last is the last.
    kept: Vec<Place>,
    /// Those that were let go while something holds them: opened again they would only take longer.
    let_go: Vec<(usize, Weak<Opening>)>,
}

/// A slide that is open, or that a thread opens now while others wait for it.
struct Place {
    slide: usize,
    source: Arc<Opening>,
}

type Opening = Mutex<Option<Shared>>;

/// What slides far away will be asked for, fetched ahead. Reads find it until it is dropped.
#[derive(Default)]
pub struct Held {
    _runs: remote::Held,
    _open: Vec<Arc<Opening>>,
}

impl Pool {
    /// Opens none yet.
    ///
    /// # Errors
    /// A file of Python without a size.
    pub fn new(py: Python<'_>, slides: &Arc<Slides>) -> PyResult<Self> {
        let file =
            |(_, _, file): &Location| file.as_ref().map(|file| RemoteFile::new(file.bind(py))).transpose();
        let far = slides.locations.iter().map(file).collect::<PyResult<_>>()?;
        let decoded = Arc::new(Decoded::new(slides.cache_bytes));
        Ok(Self { slides: Arc::clone(slides), far, decoded, open: Mutex::default() })
    }

    /// Whether any slide lies far away.
    pub fn is_far(&self) -> bool {
        self.far.iter().any(Option::is_some)
    }

    /// A slide, opened if it is not.
    ///
    /// # Errors
    /// No such slide; one that cannot be opened, or was changed.
    pub fn get(&self, slide: usize) -> Result<Shared> {
        self.opened(slide, &self.place(slide))
    }

    fn opened(&self, slide: usize, place: &Opening) -> Result<Shared> {
        let mut source = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*source {
            return Ok(Arc::clone(open));
        }
        let opened = self.open(slide)?;
        *source = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// The place of a slide, which becomes the last.
    fn place(&self, slide: usize) -> Arc<Opening> {
        let mut places = self.places();
        let place = match places.kept.iter().position(|place| place.slide == slide) {
            Some(at) => places.kept.remove(at),
            None => Place { slide, source: places.still_held(slide).unwrap_or_default() },
        };
        let source = Arc::clone(&place.source);
        let too_many = (places.kept.len() + 1).saturating_sub(self.slides.open.max(1));
        // Closed when no thread reads of them.
        let gone: Vec<_> = places.kept.drain(..too_many).collect();
        places.let_go.extend(gone.iter().map(|place| (place.slide, Arc::downgrade(&place.source))));
        places.kept.push(place);
        drop(places);
        drop(gone);
        source
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, slide: usize) -> Result<Shared> {
        let none = || Error::Argument(format!("there is no slide {slide}"));
        let (path, stamp, _) = self.slides.locations.get(slide).ok_or_else(none)?;
        if let Some(file) = self.file(slide) {
            return file.opened(|store| Ok(pixels::open_bundle(path, store, &self.decoded)?));
        }
        stamp::check(path, *stamp)?;
        let share = self.slides.cache_bytes / self.slides.open.max(1) as u64;
        Ok(pixels::open(path, &self.decoded, share.max(MIN_READER_BYTES))?)
    }

    fn file(&self, slide: usize) -> Option<&RemoteFile> {
        self.far.get(slide)?.as_ref()
    }

    /// The result of a read of a slide. Where that lies far away and was replaced, this is the error.
    ///
    /// # Errors
    /// That one, else that of the result.
    pub fn explained<T>(&self, slide: usize, result: Result<T>) -> Result<T> {
        match self.file(slide) {
            Some(file) => file.explained(result),
            None => result,
        }
    }

    /// Fetches what will be read of some slides, side by side, and opens them side by side before. `regions` says which those are in an open
    /// slide, with their levels. Slides near by, and those that cannot be opened, are left to whoever reads them.
    ///
    /// # Errors
    /// Those of [`Error::interrupt`] alone.
    pub fn fetch(
        &self,
        slides: &[usize],
        regions: impl Fn(usize, &dyn Source) -> Vec<(usize, Rect)> + Sync,
    ) -> Result<Held> {
        let far: Vec<_> =
            slides.iter().filter_map(|&slide| Some((slide, self.file(slide)?.clone()))).collect();
        let (next, found) = (AtomicUsize::new(0), Mutex::new((Vec::new(), Vec::new())));
        let work = || -> Result<()> {
            while let Some((slide, file)) = far.get(next.fetch_add(1, Ordering::Relaxed)) {
                let place = self.place(*slide);
                let opened = unless_interrupted(self.opened(*slide, &place));
                // Nobody waits for the others.
                let opened = opened.inspect_err(|_| next.store(far.len(), Ordering::Relaxed))?;
                let Some(source) = opened else { continue };
                let regions = regions(*slide, &*source);
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.0.push((file.clone(), source, regions));
                found.1.push(place);
            }
            Ok(())
        };
        thread::scope(|scope| {
            for _ in 1..far.len().min(OPENERS) {
                // Where the system gives no thread, there is less side by side.
                drop(thread::Builder::new().spawn_scoped(scope, work));
            }
            work()
        })?;
        let (wanted, open) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Held { _runs: remote::fetch_regions(&wanted)?, _open: open })
    }
}

impl Places {
    fn still_held(&mut self, slide: usize) -> Option<Arc<Opening>> {
        self.let_go.retain(|(_, place)| place.strong_count() > 0);
        self.let_go.iter().find(|(number, _)| *number == slide)?.1.upgrade()
    }
}

//! The slides under the root by name: opened on the first request, and again when their files change. Those that nobody asks for are closed:
//! of each a description stays.
//!
//! A name in an address is looked up here. It is never joined to a path.

mod entry;
mod listing;
mod schedule;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock, TryLockError};
use std::time::{Duration, Instant};

use moka::sync::Cache;

pub use self::entry::Entry;
use self::entry::Known;
use self::schedule::Schedule;
use super::choice::Choice;
use super::discovery::Memory;
use super::options::ServeOptions;
use super::reads::SlideReads;
use super::recent::{recent, recent_by_weight};
use super::skipped::{SkipReason, Skipped};
use super::slide::{Readers, Slide};
use super::view::query;
use crate::error::Error;
use crate::slide::Selection;
use crate::store::is_address;

/// Most slides that are open besides those in use: each is a file, and what it is found by.
const MAX_OPEN: u64 = 128;
/// Time after its last request at which a slide is closed.
const IDLE_TIME: Duration = Duration::from_secs(300);
/// Most views that are kept besides those in which slides are opened.
const MAX_VIEWS: u64 = 256;
/// Most bytes of what they have besides their slide.
const MAX_VIEW_BYTES: u64 = 64 << 20;
/// Time after its last request at which a view is forgotten.
const VIEW_IDLE_TIME: Duration = Duration::from_secs(600);

/// An open slide, or why it cannot be served.
pub type OpenResult = Result<Arc<Slide>, Arc<str>>;

/// What is served and what is not.
pub struct Listed {
    /// The slides that were asked for, in the order that was asked for.
    pub slides: Vec<ListedSlide>,
    /// How many there are without a limit.
    pub total: usize,
    /// What is not served.
    pub skipped: Vec<Skipped>,
}

/// A slide that is served.
pub struct ListedSlide {
    /// Its name in addresses.
    pub name: String,
    /// False for a scanned slide that is served as it is.
    pub encoded: bool,
    /// Whether it has a scanned slide's file, which may be read.
    pub scanned: bool,
    /// Time of the last change of its files, in seconds since 1970.
    pub modified: Option<u64>,
    /// As JSON; `None` while it has not been opened.
    pub description: Option<Arc<str>>,
}

/// All slides.
pub struct Catalog {
    options: Arc<ServeOptions>,
    entries: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// By the number of the entry.
    open: Cache<u64, Arc<Slide>>,
    /// Locked while a list of all slides opens some.
    describing: Mutex<()>,
    /// What the last listing left out.
    skipped: Mutex<Vec<Skipped>>,
    schedule: Schedule,
    /// Locked while the root is listed.
    listing: Mutex<Memory>,
    readers: Arc<Readers>,
    /// Other views of open slides, by the hash of the slide and the query of the view.
    views: Cache<(u128, String), Arc<Slide>>,
    /// The last listing succeeded.
    listed: AtomicBool,
}

impl Catalog {
    /// A catalog of a root that may change at any time.
    pub fn new(options: Arc<ServeOptions>) -> Self {
        let is_far = is_address(&options.slides.root);
        let catalog = Self {
            options,
            entries: RwLock::default(),
            open: recent(MAX_OPEN, IDLE_TIME),
            describing: Mutex::default(),
            skipped: Mutex::default(),
            schedule: Schedule::new(is_far),
            listing: Mutex::default(),
            readers: Arc::default(),
            views: recent_by_weight(
                MAX_VIEW_BYTES,
                VIEW_IDLE_TIME,
                |(_, query): &(u128, String), slide: &Arc<Slide>| {
                    let own = slide.own_bytes() + query.len() as u64;
                    own.max(MAX_VIEW_BYTES / MAX_VIEWS).try_into().unwrap_or(u32::MAX)
                },
            ),
            listed: AtomicBool::new(false),
        };
        catalog.list(&mut catalog.memory());
        catalog
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.listing.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// What is served and what is not. Lists the root if that is due; otherwise as [`Self::chosen`].
    pub fn overview(&self, patience: Duration, describe: impl Fn(&Slide) -> String) -> Listed {
        self.refresh();
        self.chosen(&Choice::default(), patience, describe)
    }

    /// The slides of a choice, and what is not served. Opens slides to describe them until `patience` is over, one caller at a time; the
    /// others are opened by their first request. Slides that are not chosen are not read. Lists the root only if the listing is too old.
    pub fn chosen(&self, choice: &Choice, patience: Duration, describe: impl Fn(&Slide) -> String) -> Listed {
        if self.schedule.is_stale() {
            self.refresh();
        }
        let (until, turn) = (Instant::now() + patience, self.describing.try_lock());
        let may_open = || !matches!(turn, Err(TryLockError::WouldBlock)) && Instant::now() < until;
        let all: Vec<_> = self.entries.read().unwrap_or_else(|e| e.into_inner()).values().cloned().collect();
        let is_refused = |entry: &Entry| matches!(entry.known.get(), Some(Err(_)));
        let served: Vec<&Arc<Entry>> = all.iter().filter(|entry| !is_refused(entry)).collect();
        let (found, total) =
            choice.of(served, |entry| (entry.files.name.as_str(), entry.files.modified_ns()));
        let mut slides = Vec::new();
        for entry in found {
            let is_described =
                matches!(entry.known.get(), Some(Ok(known)) if known.description.get().is_some());
            if !is_described
                && may_open()
                && let (Ok(slide), Some(Ok(known))) = (self.opened(entry), entry.known.get())
            {
                known.description.get_or_init(|| describe(&slide).into());
            }
            if is_refused(entry) {
                continue;
            }
            let known = entry.known.get().and_then(|known| known.as_ref().ok());
            slides.push(ListedSlide {
                name: entry.files.name.clone(),
                encoded: !entry.files.is_raw(),
                scanned: entry.files.source.is_some(),
                modified: Some(entry.files.modified_ns() / 1_000_000_000).filter(|&seconds| seconds > 0),
                description: known.and_then(|known| known.description.get().cloned()),
            });
        }
        Listed { slides, total, skipped: self.not_served(&all) }
    }

    /// What the last listing left out, and what the slides that have been opened showed.
    fn not_served(&self, all: &[Arc<Entry>]) -> Vec<Skipped> {
        let mut skipped = self.skipped.lock().unwrap_or_else(|e| e.into_inner()).clone();
        skipped.extend(all.iter().filter_map(|entry| match (entry.known.get()?, &entry.files.source) {
            (Err(problem), _) => Some(Skipped::refused(entry.files.path(), problem)),
            (Ok(known), Some(source)) if known.has_other_source => {
                Some(Skipped { path: source.clone(), reason: SkipReason::NotSource })
            }
            _ => None,
        }));
        skipped.sort_by(|a, b| a.path.cmp(&b.path));
        skipped
    }

    /// How many slides and how many other entries the last listing has found.
    pub fn counts(&self) -> (usize, usize) {
        let slides = self.entries.read().unwrap_or_else(|e| e.into_inner()).len();
        (slides, self.skipped.lock().unwrap_or_else(|e| e.into_inner()).len())
    }

    /// A slide that is open already, without disk access. `None` also if the listing is too old to tell.
    pub fn get_open(&self, name: &str) -> Option<OpenResult> {
        if self.schedule.is_stale() {
            return None;
        }
        let entry = self.entries.read().unwrap_or_else(|e| e.into_inner()).get(name)?.clone();
        match entry.known.get()? {
            Ok(_) => self.open.get(&entry.number).map(Ok),
            Err(problem) => Some(Err(problem.clone())),
        }
    }

    /// What is read now of a slide; `None` if there is none. It may be read by [`Self::get`].
    pub fn reads(&self, name: &str) -> Option<SlideReads> {
        Some(self.entries.read().unwrap_or_else(|e| e.into_inner()).get(name)?.reads.clone())
    }

    /// A slide by name, opened if necessary; `None` if there is none. May read from disk.
    pub fn get(&self, name: &str) -> Option<OpenResult> {
        self.refresh();
        let entry = self.entries.read().unwrap_or_else(|e| e.into_inner()).get(name)?.clone();
        Some(self.opened(&entry))
    }

    /// Another view of an open slide, without disk access.
    pub fn get_open_view(&self, slide: &Slide, view: &Selection) -> Option<Arc<Slide>> {
        self.views.get(&(slide.identity, query(view)))
    }

    /// Another view of an open slide; `None` if the slide is there no more. May read from disk.
    ///
    /// # Errors
    /// A view that the slide does not have; a slide that cannot be read.
    pub fn get_view(&self, slide: &Slide, view: &Selection) -> Option<Result<Arc<Slide>, Arc<Error>>> {
        let files = self.entries.read().unwrap_or_else(|e| e.into_inner()).get(&slide.name)?.files.clone();
        let mut is_new = false;
        let open = || {
            is_new = true;
            slide.in_view(view, &files, &self.options, &self.readers).map(Arc::new)
        };
        let opened = self.views.try_get_with((slide.identity, query(view)), open);
        if is_new {
            // Closes those whose place it takes now, not some time later.
            self.views.run_pending_tasks();
        }
        Some(opened)
    }

    /// The slides of the list by name, but for those that are known to be refused. Lists the root if that is due.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.refresh();
        let entries = self.entries.read().unwrap_or_else(|e| e.into_inner());
        entries.values().filter(|entry| !matches!(entry.known.get(), Some(Err(_)))).cloned().collect()
    }

    /// Looks at a slide, which is closed again unless it was open: slides that are in use stay open.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub fn glance<T>(&self, entry: &Entry, look: impl FnOnce(&Slide) -> T) -> Result<T, Error> {
        if let Some(slide) = self.open.get(&entry.number) {
            return Ok(look(&slide));
        }
        let opened = Slide::open(&entry.files, &self.options, &self.readers);
        Ok(look(&opened?))
    }

    /// Whether the root was listed when that was last tried.
    pub fn is_listed(&self) -> bool {
        self.listed.load(Relaxed)
    }

    /// Whether a slide cannot be had because the storage does not answer: it may be there in a moment.
    pub fn is_away(&self, name: &str) -> bool {
        if !is_address(&self.options.slides.root) {
            return false;
        }
        let entries = self.entries.read().unwrap_or_else(|e| e.into_inner());
        entries.get(name).map_or(!self.is_listed(), |entry| entry.transient.load(Relaxed))
    }

    /// Opens a slide, unless it is open.
    fn opened(&self, entry: &Entry) -> OpenResult {
        if let Some(Err(problem)) = entry.known.get() {
            return Err(problem.clone());
        }
        let (name, mut is_new) = (&entry.files.name, false);
        let opened = self.open.try_get_with(entry.number, || {
            is_new = true;
            let slide = Slide::open(&entry.files, &self.options, &self.readers)?;
            Ok::<_, Error>(Arc::new(slide.reading(entry.reads.clone())))
        });
        match opened {
            Ok(slide) => {
                let known = || {
                    if let Some(warning) = &slide.warning {
                        tracing::warn!(slide = name, "{warning}");
                    }
                    Ok(Known {
                        watch: slide.watch(),
                        has_other_source: slide.is_encoded() && slide.original_identity().is_none(),
                        description: OnceLock::new(),
                    })
                };
                entry.known.get_or_init(known).as_ref().map_err(Arc::clone)?;
                if is_new {
                    // Closes the one that it takes the place of now, not some time later.
                    self.open.run_pending_tasks();
                }
                Ok(slide)
            }
            Err(e) => {
                let problem: Arc<str> = e.to_string().into();
                // One that was open before may have been replaced.
                let is_first = entry.known.set(Err(problem.clone())).is_ok();
                let is_passing = e.is_of_file_system() || !is_first;
                if !entry.transient.swap(is_passing, Relaxed) || is_first {
                    tracing::error!(slide = name, "refused: {e}");
                }
                Err(problem)
            }
        }
    }

    /// Closes what nobody has used for a while.
    fn close_unused(&self) {
        self.open.run_pending_tasks();
        self.views.run_pending_tasks();
        self.readers.close_unused();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_only_its_own_slides() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            std::fs::write(root.path().join(format!("{name}.bundle")), "nothing").unwrap();
        }
        let mut options = ServeOptions::default();
        options.slides.root = root.path().into();
        let catalog = Catalog::new(Arc::new(options));
        let choice = Choice::parse("limit=1&offset=1&sort=-name").unwrap();
        let listed = catalog.chosen(&choice, Duration::from_secs(60), |_| String::new());
        assert_eq!((listed.total, listed.slides.len(), listed.skipped.len()), (3, 0, 1));
        let entries = catalog.entries.read().unwrap();
        let read: Vec<_> = entries.values().map(|entry| entry.known.get().is_some()).collect();
        assert_eq!(read, [false, true, false]);
    }
}

//! The slides under the root by name: opened on the first request, and again when their files change.
//!
//! A name in an address is looked up here. It is never joined to a path.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant};

use super::discovery::{SlideFiles, scan};
use super::options::ServeOptions;
use super::skipped::{Overview, SkipReason, Skipped};
use super::slide::Slide;

/// Age of a listing at which the root is listed again.
const REFRESH_AGE: Duration = Duration::from_secs(2);
/// Oldest listing that may answer a request while a new one is made. After a pause without requests, the first one waits for a new
/// listing.
const MAX_AGE: Duration = Duration::from_secs(10);

/// An open slide, or why it cannot be served.
pub type OpenResult = Result<Arc<Slide>, Arc<str>>;

struct Entry {
    files: SlideFiles,
    /// Empty until the first request.
    opened: OnceLock<OpenResult>,
    /// The slide was refused because of an error of the file system, such as a lack of file descriptors. The next listing tries it
    /// again.
    transient: AtomicBool,
}

impl Entry {
    fn new(files: SlideFiles) -> Arc<Self> {
        Arc::new(Self { files, opened: OnceLock::new(), transient: AtomicBool::new(false) })
    }

    /// Whether the entry is current: `files` are what the root holds now.
    fn is_current(&self, files: &SlideFiles) -> bool {
        let changed = matches!(self.opened.get(), Some(Ok(slide)) if slide.has_changed());
        self.files == *files && !changed && !self.transient.load(Relaxed)
    }
}

/// All slides.
pub struct Catalog {
    options: Arc<ServeOptions>,
    entries: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// What the last listing left out.
    skipped: Mutex<Vec<Skipped>>,
    /// Time of the last listing, in milliseconds after `started`.
    listed_ms: AtomicU64,
    started: Instant,
    listing: Mutex<()>,
    /// A caller of [`Self::claim_refresh`] is about to refresh.
    claimed: AtomicBool,
}

impl Catalog {
    /// A catalog of a root that may change at any time.
    pub fn new(options: Arc<ServeOptions>) -> Self {
        let catalog = Self {
            options,
            entries: RwLock::default(),
            skipped: Mutex::default(),
            listed_ms: AtomicU64::new(0),
            started: Instant::now(),
            listing: Mutex::default(),
            claimed: AtomicBool::new(false),
        };
        catalog.list();
        catalog
    }

    /// Age of the listing.
    fn age(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.listed_ms.load(Relaxed)))
    }

    /// Whether the root should be listed again.
    fn is_due(&self) -> bool {
        self.age() >= REFRESH_AGE
    }

    /// Whether a refresh is due and this caller must do it. False for all other callers until it is done.
    pub fn claim_refresh(&self) -> bool {
        self.is_due() && !self.claimed.swap(true, Relaxed)
    }

    /// Names of all slides. Lists the root if the listing is two seconds old.
    pub fn names(&self) -> Vec<String> {
        self.refresh();
        self.entries.read().unwrap_or_else(|e| e.into_inner()).keys().cloned().collect()
    }

    /// What is served and what is not. Opens slides until `patience` is over; the others are opened by their first request.
    pub fn overview(&self, patience: Duration) -> Overview {
        let until = Instant::now() + patience;
        let mut skipped = self.skipped.lock().unwrap_or_else(|e| e.into_inner()).clone();
        let entries = self.entries.read().unwrap_or_else(|e| e.into_inner()).clone();
        let mut names = Vec::new();
        for (name, entry) in entries {
            let opened = if Instant::now() < until { self.get(&name) } else { None };
            match (opened, &entry.files.source) {
                (Some(Err(problem)), _) => {
                    skipped.push(Skipped::refused(entry.files.path(), &problem));
                    continue;
                }
                (Some(Ok(slide)), Some(source)) if slide.original_identity().is_none() => {
                    skipped.push(Skipped { path: source.clone(), reason: SkipReason::NotSource });
                }
                _ => {}
            }
            names.push(name);
        }
        Overview { names, skipped }
    }

    /// A slide that is open already, without disk access. `None` also if the listing is too old to tell.
    pub fn get_open(&self, name: &str) -> Option<OpenResult> {
        if self.age() >= MAX_AGE {
            return None;
        }
        self.entries.read().unwrap_or_else(|e| e.into_inner()).get(name)?.opened.get().cloned()
    }

    /// A slide by name, opened if necessary; `None` if there is none. May read from disk.
    pub fn get(&self, name: &str) -> Option<OpenResult> {
        self.refresh();
        let entry = self.entries.read().unwrap_or_else(|e| e.into_inner()).get(name)?.clone();
        let open = || match Slide::open(&entry.files, &self.options) {
            Ok(slide) => {
                if let Some(warning) = &slide.warning {
                    tracing::warn!(slide = name, "{warning}");
                }
                Ok(Arc::new(slide))
            }
            Err(e) => {
                tracing::error!(slide = name, "refused: {e}");
                entry.transient.store(e.is_of_file_system(), Relaxed);
                Err(e.to_string().into())
            }
        };
        Some(entry.opened.get_or_init(open).clone())
    }

    /// Lists the root again if that is due.
    pub fn refresh(&self) {
        if !self.is_due() {
            self.claimed.store(false, Relaxed);
            return;
        }
        // While another thread lists, the old listing serves unless it is too old.
        let listing = match self.listing.try_lock() {
            Ok(listing) => listing,
            Err(_) if self.age() < MAX_AGE => return,
            Err(_) => self.listing.lock().unwrap_or_else(|e| e.into_inner()),
        };
        if self.is_due() {
            self.list();
        }
        drop(listing);
        self.claimed.store(false, Relaxed);
    }

    fn list(&self) {
        match scan(&self.options.slides) {
            Ok(now) => {
                let known = self.entries.read().unwrap_or_else(|e| e.into_inner()).clone();
                let entry = |(name, files): (String, SlideFiles)| {
                    let current = known.get(&name).filter(|entry| entry.is_current(&files)).cloned();
                    (name, current.unwrap_or_else(|| Entry::new(files)))
                };
                *self.skipped.lock().unwrap_or_else(|e| e.into_inner()) = now.skipped;
                let now = now.slides.into_iter().map(entry).collect();
                *self.entries.write().unwrap_or_else(|e| e.into_inner()) = now;
            }
            // The previous listing stays.
            Err(e) => {
                tracing::error!("cannot list {}: {e}; trying again", self.options.slides.root.display())
            }
        }
        self.listed_ms.store(self.started.elapsed().as_millis() as u64, Relaxed);
    }
}

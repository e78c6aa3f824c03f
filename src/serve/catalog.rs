//! The slides under the root by name: opened on the first request, and again when their files change. Those that nobody asks for are closed:
//! of each a description stays.
//!
//! A name in an address is looked up here. It is never joined to a path.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock, TryLockError};
use std::time::{Duration, Instant};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::choice::Choice;
use super::discovery::{Listing, Memory, SlideFiles, scan};
use super::options::ServeOptions;
use super::skipped::{SkipReason, Skipped};
use super::slide::{Readers, Slide, Watch};
use super::view::query;
use crate::error::Error;
use crate::slide::Selection;
use crate::store::is_address;

/// Age of a listing at which the root is listed again.
const REFRESH_AGE: Duration = Duration::from_secs(2);
/// The same of a root at an address, whose listings are paid for. It doubles with each listing that has found nothing new.
const FAR_REFRESH_AGE: Duration = Duration::from_secs(5);
/// How often it doubles: to 80 seconds.
const MAX_DOUBLINGS: u32 = 4;
/// Listing takes one part in so many of the time.
const MAX_LISTING_SHARE: u32 = 20;
/// Oldest listing that may answer a request while a new one is made. After a pause without requests, the first one waits for a new
/// listing.
const MAX_AGE: Duration = Duration::from_secs(10);

/// Most slides that are open besides those in use: each is a file, and what it is found by.
const MAX_OPEN: u64 = 128;
/// Time after its last request at which a slide is closed.
const IDLE_TIME: Duration = Duration::from_secs(300);
/// Most views that are kept besides those in which slides are opened.
const MAX_VIEWS: u64 = 256;
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

/// A slide of the list.
pub struct Entry {
    /// The slide's place among those that are open.
    number: u64,
    files: SlideFiles,
    /// Empty until the first request; why the slide is refused.
    known: OnceLock<Result<Known, Arc<str>>>,
    /// The slide was refused because of an error of the file system, such as a lack of file descriptors, or cannot be opened once more. The
    /// next listing tries it again.
    transient: AtomicBool,
}

/// What stays known of a slide that was open.
struct Known {
    watch: Watch,
    /// The slide beside the archive is another one than it was made of.
    has_other_source: bool,
    /// Empty until it is asked for.
    description: OnceLock<Arc<str>>,
}

impl Entry {
    fn new(files: SlideFiles) -> Arc<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let (number, known) = (NUMBER.fetch_add(1, Relaxed), OnceLock::new());
        Arc::new(Self { number, files, known, transient: AtomicBool::new(false) })
    }

    /// Its number: another one when its files change.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its files.
    pub fn files(&self) -> &SlideFiles {
        &self.files
    }

    /// Whether the entry is current: `files` are what the root holds now.
    fn is_current(&self, files: &SlideFiles) -> bool {
        let changed = matches!(self.known.get(), Some(Ok(known)) if known.watch.has_changed());
        self.files == *files && !changed && !self.transient.load(Relaxed)
    }
}

/// Age at which a root at an address is listed again, after so many listings that have found nothing new.
fn far_refresh_age(unchanged: u32) -> Duration {
    FAR_REFRESH_AGE * (1 << unchanged.min(MAX_DOUBLINGS))
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
    /// Time of the last listing, in milliseconds after `started`.
    listed_ms: AtomicU64,
    started: Instant,
    /// Locked while the root is listed.
    listing: Mutex<Memory>,
    /// How many listings in a row have found nothing new.
    unchanged: AtomicU32,
    /// How long the last listing took, in milliseconds.
    took_ms: AtomicU64,
    readers: Arc<Readers>,
    /// Other views of open slides, by the hash of the slide and the query of the view.
    views: Cache<(u128, String), Arc<Slide>>,
    /// The last listing succeeded.
    listed: AtomicBool,
    /// A caller of [`Self::claim_refresh`] is about to refresh.
    claimed: AtomicBool,
}

impl Catalog {
    /// A catalog of a root that may change at any time.
    pub fn new(options: Arc<ServeOptions>) -> Self {
        let catalog = Self {
            options,
            entries: RwLock::default(),
            open: Cache::builder()
                .max_capacity(MAX_OPEN)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_idle(IDLE_TIME)
                .build(),
            describing: Mutex::default(),
            skipped: Mutex::default(),
            listed_ms: AtomicU64::new(0),
            started: Instant::now(),
            listing: Mutex::default(),
            unchanged: AtomicU32::new(0),
            took_ms: AtomicU64::new(0),
            readers: Arc::default(),
            views: Cache::builder()
                .max_capacity(MAX_VIEWS)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_idle(VIEW_IDLE_TIME)
                .build(),
            listed: AtomicBool::new(false),
            claimed: AtomicBool::new(false),
        };
        catalog.list(&mut catalog.memory());
        catalog
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.listing.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Age of the listing.
    fn age(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.listed_ms.load(Relaxed)))
    }

    /// Whether the root should be listed again: a root that takes long to list is listed less often.
    fn is_due(&self) -> bool {
        self.age() >= self.refresh_age().max(self.took() * MAX_LISTING_SHARE)
    }

    fn refresh_age(&self) -> Duration {
        match is_address(&self.options.slides.root) {
            true => far_refresh_age(self.unchanged.load(Relaxed)),
            false => REFRESH_AGE,
        }
    }

    /// Something that was listed could not be read: it may have been replaced, which the next listing shows. It comes soon.
    pub fn look_soon(&self) {
        self.unchanged.store(0, Relaxed);
    }

    fn took(&self) -> Duration {
        Duration::from_millis(self.took_ms.load(Relaxed))
    }

    /// Whether the listing is too old to answer a request.
    fn is_stale(&self) -> bool {
        self.age() >= MAX_AGE.max(self.refresh_age() * 2).max(self.took() * MAX_LISTING_SHARE * 2)
    }

    /// Whether a refresh is due and this caller must do it. False for all other callers until it is done.
    pub fn claim_refresh(&self) -> bool {
        self.is_due() && !self.claimed.swap(true, Relaxed)
    }

    /// What is served and what is not. Lists the root if that is due; otherwise as [`Self::chosen`].
    pub fn overview(&self, patience: Duration, describe: impl Fn(&Slide) -> String) -> Listed {
        self.refresh();
        self.chosen(&Choice::default(), patience, describe)
    }

    /// The slides of a choice, and what is not served. Opens slides to describe them until `patience` is over, one caller at a time; the
    /// others are opened by their first request. Slides that are not chosen are not read. Lists the root only if the listing is too old.
    pub fn chosen(&self, choice: &Choice, patience: Duration, describe: impl Fn(&Slide) -> String) -> Listed {
        if self.is_stale() {
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

    /// A slide that is open already, without disk access. `None` also if the listing is too old to tell.
    pub fn get_open(&self, name: &str) -> Option<OpenResult> {
        if self.is_stale() {
            return None;
        }
        let entry = self.entries.read().unwrap_or_else(|e| e.into_inner()).get(name)?.clone();
        match entry.known.get()? {
            Ok(_) => self.open.get(&entry.number).map(Ok),
            Err(problem) => Some(Err(problem.clone())),
        }
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
        let open = || slide.in_view(view, &files, &self.options, &self.readers).map(Arc::new);
        Some(self.views.try_get_with((slide.identity, query(view)), open))
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
            Slide::open(&entry.files, &self.options, &self.readers).map(Arc::new)
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

    /// Lists the root again if that is due.
    pub fn refresh(&self) {
        if !self.is_due() {
            self.claimed.store(false, Relaxed);
            return;
        }
        // While another thread lists, the old listing serves unless it is too old.
        let mut listing = match self.listing.try_lock() {
            Ok(listing) => listing,
            Err(_) if !self.is_stale() => return,
            Err(_) => self.memory(),
        };
        if self.is_due() {
            self.list(&mut listing);
            self.close_unused();
        }
        drop(listing);
        self.claimed.store(false, Relaxed);
    }

    fn list(&self, memory: &mut Memory) {
        let started = Instant::now();
        let scanned = scan(&self.options.slides, memory);
        self.listed.store(scanned.is_ok(), Relaxed);
        // A listing that failed says nothing of how long one takes.
        let took = scanned.as_ref().map_or(Duration::ZERO, |_| started.elapsed());
        match scanned {
            Ok(now) => self.replace(now),
            // The previous listing stays.
            Err(e) => {
                self.look_soon();
                tracing::error!("cannot list {}: {e}; trying again", self.options.slides.root.display())
            }
        }
        self.took_ms.store(took.as_millis() as u64, Relaxed);
        self.listed_ms.store(self.started.elapsed().as_millis() as u64, Relaxed);
    }

    fn replace(&self, now: Listing) {
        let known = self.entries.read().unwrap_or_else(|e| e.into_inner()).clone();
        let entry = |(name, files): (String, SlideFiles)| {
            let current = known.get(&name).filter(|entry| entry.is_current(&files)).cloned();
            (name, current.unwrap_or_else(|| Entry::new(files)))
        };
        let mut entries: BTreeMap<_, _> = now.slides.into_iter().map(entry).collect();
        let is_known = |(name, entry): (&String, &Arc<Entry>)| {
            known.get(name).is_some_and(|known| Arc::ptr_eq(known, entry))
        };
        match entries.len() == known.len() && entries.iter().all(is_known) {
            true => self.unchanged.fetch_add(1, Relaxed),
            false => self.unchanged.swap(0, Relaxed),
        };
        let mut skipped = self.skipped.lock().unwrap_or_else(|e| e.into_inner());
        for new in now.skipped.iter().filter(|new| !skipped.contains(new)) {
            tracing::info!("skipped {}: {}", new.path.display(), new.reason);
        }
        // What was served from a directory that cannot be read for the moment goes on.
        let passing = |of: &&Skipped| matches!(of.reason, SkipReason::Unreadable { passing: true, .. });
        for unreadable in now.skipped.iter().filter(passing) {
            let below = known.iter().filter(|(_, entry)| entry.files.path().starts_with(&unreadable.path));
            for (name, entry) in below {
                entries.entry(name.clone()).or_insert_with(|| entry.clone());
            }
        }
        *skipped = now.skipped;
        drop(skipped);
        for (name, old) in &known {
            if entries.get(name).is_none_or(|new| new.number != old.number) {
                self.open.invalidate(&old.number);
            }
        }
        *self.entries.write().unwrap_or_else(|e| e.into_inner()) = entries;
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

    #[test]
    fn a_root_where_nothing_changes_is_listed_less_often_until_something_does() {
        assert_eq!([0, 1, 4, 99].map(|unchanged| far_refresh_age(unchanged).as_secs()), [5, 10, 80, 80]);
        let root = tempfile::tempdir().unwrap();
        let mut options = ServeOptions::default();
        options.slides.root = root.path().into();
        let catalog = Catalog::new(Arc::new(options));
        let unchanged_after = |change: &dyn Fn()| {
            change();
            catalog.list(&mut catalog.memory());
            catalog.unchanged.load(Relaxed)
        };
        let before = catalog.unchanged.load(Relaxed);
        assert_eq!(unchanged_after(&|| {}), before + 1);
        assert_eq!(unchanged_after(&|| std::fs::write(root.path().join("a.svs"), "").unwrap()), 0);
        assert_eq!(unchanged_after(&|| {}), 1);
        assert_eq!(unchanged_after(&|| std::fs::write(root.path().join("a.svs"), "other").unwrap()), 0);
        assert_eq!(unchanged_after(&|| std::fs::remove_file(root.path().join("a.svs")).unwrap()), 0);
        std::fs::remove_dir(root.path()).unwrap();
        assert_eq!(unchanged_after(&|| {}), 0, "it cannot be listed: soon again");
    }
}

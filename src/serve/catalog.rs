//! The slides under `--slides-root`: found by name, opened when they are asked for, and again when their files change.
//!
//! A name in an address is looked up here; it is never joined to a path.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant};

use super::ServeOptions;
use super::slide::{Found, Slide, archive_in, has_loose_residuals, list, stamp};

/// How long a listing stands before files are looked at again.
const FRESH: Duration = Duration::from_secs(2);
/// How old a listing may be that answers a request while files are being looked at: a server that nobody asked anything for long
/// must not answer from memory.
const STALE: Duration = Duration::from_secs(10);

/// A slide, or why it cannot be served.
pub type Opened = Result<Arc<Slide>, Arc<str>>;

struct Entry {
    found: Found,
    /// Empty until it is asked for.
    opened: OnceLock<Opened>,
    /// Of a slide that was refused because the system did not let it be read, such as for want of file descriptors: it is tried again
    /// at the next listing.
    passing: AtomicBool,
}

impl Entry {
    fn new(found: Found) -> Arc<Self> {
        Arc::new(Self { found, opened: OnceLock::new(), passing: AtomicBool::new(false) })
    }

    /// Whether what is open still is what the files say.
    fn stands(&self, found: &Found) -> bool {
        let changed = matches!(self.opened.get(), Some(Ok(slide)) if slide.has_changed());
        self.found == *found && !changed && !self.passing.load(Relaxed)
    }
}

/// All slides.
pub struct Catalog {
    options: Arc<ServeOptions>,
    entries: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// When files were looked at last, in milliseconds after `started`.
    listed_ms: AtomicU64,
    started: Instant,
    listing: Mutex<()>,
    /// Somebody has been told that a listing is due.
    told: AtomicBool,
}

impl Catalog {
    /// Over a root that may change at any time.
    pub fn new(options: Arc<ServeOptions>) -> Self {
        let catalog = Self {
            options,
            entries: RwLock::default(),
            listed_ms: AtomicU64::new(0),
            started: Instant::now(),
            listing: Mutex::default(),
            told: AtomicBool::new(false),
        };
        // Nobody may come before the first listing.
        catalog.list();
        catalog
    }

    /// How old the listing is.
    fn age(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.listed_ms.load(Relaxed)))
    }

    /// Whether files should be looked at again.
    fn is_due(&self) -> bool {
        self.age() >= FRESH
    }

    /// Whether the caller is the one who has to see to [`Self::refresh`].
    pub fn wants_refresh(&self) -> bool {
        self.is_due() && !self.told.swap(true, Relaxed)
    }

    /// Names of all slides. Looks at the disk, at most every two seconds.
    pub fn names(&self) -> Vec<String> {
        self.refresh();
        self.entries.read().unwrap_or_else(|e| e.into_inner()).keys().cloned().collect()
    }

    /// A slide that is open, as far as that is known without a look at the disk.
    pub fn known(&self, name: &str) -> Option<Opened> {
        if self.age() >= STALE {
            return None;
        }
        self.entries.read().unwrap_or_else(|e| e.into_inner()).get(name)?.opened.get().cloned()
    }

    /// A slide by name, `None` where there is none. May read from disk.
    pub fn get(&self, name: &str) -> Option<Opened> {
        self.refresh();
        let entry = self.entries.read().unwrap_or_else(|e| e.into_inner()).get(name)?.clone();
        let open = || match Slide::open(&entry.found, &self.options) {
            Ok(slide) => {
                if let Some(warning) = &slide.warning {
                    tracing::warn!(slide = name, "{warning}");
                }
                Ok(Arc::new(slide))
            }
            Err(e) => {
                tracing::error!(slide = name, "refused: {e}");
                entry.passing.store(e.is_of_file_system(), Relaxed);
                Err(e.to_string().into())
            }
        };
        Some(entry.opened.get_or_init(open).clone())
    }

    /// Looks at the files again if it is time.
    pub fn refresh(&self) {
        if !self.is_due() {
            self.told.store(false, Relaxed);
            return;
        }
        // Whoever comes while another one looks takes what is there, unless that is too old.
        let listing = match self.listing.try_lock() {
            Ok(listing) => listing,
            Err(_) if self.age() < STALE => return,
            Err(_) => self.listing.lock().unwrap_or_else(|e| e.into_inner()),
        };
        if self.is_due() {
            self.list();
        }
        drop(listing);
        self.told.store(false, Relaxed);
    }

    fn list(&self) {
        match scan(&self.options) {
            Ok(now) => {
                let known = self.entries.read().unwrap_or_else(|e| e.into_inner()).clone();
                let entry = |(name, found): (String, Found)| {
                    let stands = known.get(&name).filter(|entry| entry.stands(&found)).cloned();
                    (name, stands.unwrap_or_else(|| Entry::new(found)))
                };
                let now = now.into_iter().map(entry).collect();
                *self.entries.write().unwrap_or_else(|e| e.into_inner()) = now;
            }
            // What was there is there still, as far as anybody knows.
            Err(e) => {
                tracing::error!("cannot list {}: {e}; trying again", self.options.slides_root.display())
            }
        }
        self.listed_ms.store(self.started.elapsed().as_millis() as u64, Relaxed);
    }
}

/// What lies under the root: directories of the usual layout, and single bundles.
fn scan(options: &ServeOptions) -> std::io::Result<BTreeMap<String, Found>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(&options.slides_root)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let Some(file) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        if path.is_dir() {
            if let Some(found) = in_directory(file, &path, options)? {
                // A directory is more than a bundle of the same name.
                all.insert(file.to_string(), found);
            }
        } else if let Some(name) = file.strip_suffix(".bundle").filter(|name| !name.is_empty()) {
            let stamp = stamp([path.as_path()]);
            let found = Found { name: name.into(), archive: Some(path), tree: None, refused: None, stamp };
            all.entry(name.to_string()).or_insert(found);
        }
    }
    Ok(all)
}

fn in_directory(name: &str, dir: &Path, options: &ServeOptions) -> std::io::Result<Option<Found>> {
    let places = [dir.join(&options.pack_dir), dir.join(&options.residuals_dir)];
    let [first, second] = &places;
    let archive = match archive_in(first)? {
        Some(archive) => Some(archive),
        None => archive_in(second)?,
    };
    let usual = dir.join("baseline_pyramid.dzi");
    let tree = if usual.is_file() { Some(usual) } else { only_descriptor(dir)? };
    let loose = archive.is_none() && (has_loose_residuals(first)? || has_loose_residuals(second)?);
    let refused = loose.then(|| {
        format!(
            "{name}: its residuals are loose images of an older tool; encode it again with `origami encode`"
        )
    });
    if archive.is_none() && tree.is_none() && !loose {
        return Ok(None);
    }
    let stamp = stamp([&archive, &tree].into_iter().flatten().map(PathBuf::as_path));
    Ok(Some(Found { name: name.into(), archive, tree, refused, stamp }))
}

/// The descriptor of a directory that has just one.
fn only_descriptor(dir: &Path) -> std::io::Result<Option<PathBuf>> {
    let mut found = list(dir)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "dzi"));
    Ok(found.next().filter(|_| found.next().is_none()))
}

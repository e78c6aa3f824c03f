//! The slides under `--slides-root`: found by name, opened when they are asked for, and again when their files change.
//!
//! A name in an address is looked up here; it is never joined to a path.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant};

use super::ServeOptions;
use super::slide::{Found, Slide, archive_in, has_loose_residuals};

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
}

/// All slides.
pub struct Catalog {
    options: Arc<ServeOptions>,
    entries: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// When files were looked at last, in milliseconds after `started`.
    listed_ms: AtomicU64,
    started: Instant,
    listing: Mutex<()>,
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
    pub fn is_due(&self) -> bool {
        self.age() >= FRESH
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
                Err(e.to_string().into())
            }
        };
        Some(entry.opened.get_or_init(open).clone())
    }

    /// Looks at the files again if it is time.
    pub fn refresh(&self) {
        if !self.is_due() {
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
    }

    fn list(&self) {
        let now = scan(&self.options);
        let mut entries = self.entries.write().unwrap_or_else(|e| e.into_inner());
        entries.retain(|name, _| now.contains_key(name));
        for (name, found) in now {
            if entries.get(&name).is_none_or(|entry| entry.found != found) {
                entries.insert(name, Arc::new(Entry { found, opened: OnceLock::new() }));
            }
        }
        drop(entries);
        self.listed_ms.store(self.started.elapsed().as_millis() as u64, Relaxed);
    }
}

/// What lies under the root: directories of the usual layout, and single bundles.
fn scan(options: &ServeOptions) -> BTreeMap<String, Found> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(&options.slides_root).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Some(file) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        if path.is_dir() {
            if let Some(found) = in_directory(file, &path, options) {
                // A directory is more than a bundle of the same name.
                all.insert(file.to_string(), found);
            }
        } else if let Some(name) = file.strip_suffix(".bundle").filter(|name| !name.is_empty()) {
            let stamp = stamp(&[Some(&path)]);
            let found = Found { name: name.into(), archive: Some(path), tree: None, refused: None, stamp };
            all.entry(name.to_string()).or_insert(found);
        }
    }
    all
}

fn in_directory(name: &str, dir: &Path, options: &ServeOptions) -> Option<Found> {
    let places = [dir.join(&options.pack_dir), dir.join(&options.residuals_dir)];
    let archive = places.iter().find_map(|place| archive_in(place));
    let usual = dir.join("baseline_pyramid.dzi");
    let tree = if usual.is_file() { Some(usual) } else { only_descriptor(dir) };
    let loose = archive.is_none() && places.iter().any(|place| has_loose_residuals(place));
    let refused = loose.then(|| {
        format!(
            "{name}: its residuals are loose images of an older tool; encode it again with `origami encode`"
        )
    });
    if archive.is_none() && tree.is_none() && !loose {
        return None;
    }
    let stamp = stamp(&[archive.as_deref(), tree.as_deref()]);
    Some(Found { name: name.into(), archive, tree, refused, stamp })
}

/// The descriptor of a directory that has just one.
fn only_descriptor(dir: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let mut found = files.filter(|path| path.extension().is_some_and(|e| e == "dzi"));
    found.next().filter(|_| found.next().is_none())
}

fn stamp(paths: &[Option<&Path>]) -> Vec<(u64, u64, u64)> {
    let of = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        let nanos =
            found.mtime().cast_unsigned().wrapping_mul(1_000_000_000) + found.mtime_nsec().cast_unsigned();
        Some((found.len(), nanos, found.ino()))
    };
    paths.iter().map(|path| path.and_then(of).unwrap_or_default()).collect()
}

//! The slides under `--slides-root`: found by name, opened when they are asked for, and again when their files change.
//!
//! A name in an address is looked up here; it is never joined to a path.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use super::ServeOptions;
use super::slide::{Found, Slide, archive_in, has_loose_residuals};

/// How long a listing stands before files are looked at again.
const FRESH: Duration = Duration::from_secs(2);

/// A slide, or why it cannot be served.
pub type Opened = Result<Arc<Slide>, Arc<str>>;

struct Entry {
    found: Found,
    /// `None` until it is asked for.
    opened: Option<Opened>,
}

/// All slides.
pub struct Catalog {
    options: Arc<ServeOptions>,
    entries: RwLock<BTreeMap<String, Arc<Mutex<Entry>>>>,
    listed: Mutex<Option<Instant>>,
}

impl Catalog {
    /// Over a root that may change at any time.
    pub fn new(options: Arc<ServeOptions>) -> Self {
        let catalog = Self { options, entries: RwLock::default(), listed: Mutex::default() };
        // Nobody may come before the first listing.
        catalog.refresh();
        catalog
    }

    /// Names of all slides. Looks at the disk, at most every two seconds.
    pub fn names(&self) -> Vec<String> {
        self.refresh();
        self.entries.read().unwrap_or_else(|e| e.into_inner()).keys().cloned().collect()
    }

    /// A slide by name, `None` where there is none. May read from disk.
    pub fn get(&self, name: &str) -> Option<Opened> {
        self.refresh();
        let entry = self.entries.read().unwrap_or_else(|e| e.into_inner()).get(name)?.clone();
        let mut entry = entry.lock().unwrap_or_else(|e| e.into_inner());
        if entry.opened.is_none() {
            let opened = Slide::open(&entry.found, &self.options);
            entry.opened = Some(match opened {
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
            });
        }
        entry.opened.clone()
    }

    fn refresh(&self) {
        // Whoever comes while another one looks takes what is there.
        let Ok(mut listed) = self.listed.try_lock() else { return };
        if listed.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        let now = scan(&self.options);
        let mut entries = self.entries.write().unwrap_or_else(|e| e.into_inner());
        entries.retain(|name, _| now.contains_key(name));
        for (name, found) in now {
            let same = entries
                .get(&name)
                .is_some_and(|entry| entry.lock().unwrap_or_else(|e| e.into_inner()).found == found);
            if !same {
                entries.insert(name, Arc::new(Mutex::new(Entry { found, opened: None })));
            }
        }
        *listed = Some(Instant::now());
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

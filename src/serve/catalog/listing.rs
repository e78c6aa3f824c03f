//! Lists the root, and puts what is there in the place of what was. Opens no slide.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::Catalog;
use super::entry::Entry;
use crate::serve::discovery::{Listing, Memory, SlideFiles, scan};
use crate::serve::reads::SlideReads;
use crate::serve::skipped::{SkipReason, Skipped};

impl Catalog {
    /// Whether a refresh is due and this caller must do it. False for all other callers until it is done.
    pub fn claim_refresh(&self) -> bool {
        self.schedule.claim()
    }

    /// Something that was listed could not be read: it may have been replaced, which the next listing shows. It comes soon.
    pub fn look_soon(&self) {
        self.schedule.found(true);
    }

    /// Lists the root again if that is due.
    pub fn refresh(&self) {
        if !self.schedule.is_due() {
            self.schedule.unclaim();
            return;
        }
        // While another thread lists, the old listing serves unless it is too old.
        let mut listing = match self.listing.try_lock() {
            Ok(listing) => listing,
            Err(_) if !self.schedule.is_stale() => return,
            Err(_) => self.memory(),
        };
        if self.schedule.is_due() {
            self.list(&mut listing);
            self.close_unused();
        }
        drop(listing);
        self.schedule.unclaim();
    }

    pub(super) fn list(&self, memory: &mut Memory) {
        let started = Instant::now();
        let scanned = scan(&self.options.slides, memory);
        self.listed.store(scanned.is_ok(), Relaxed);
        let took = scanned.as_ref().map_or(Duration::ZERO, |_| started.elapsed());
        match scanned {
            Ok(now) => self.replace(now),
            // The previous listing stays.
            Err(e) => {
                self.look_soon();
                tracing::error!("cannot list {}: {e}; trying again", self.options.slides.root.display())
            }
        }
        self.schedule.listed(took);
    }

    fn replace(&self, now: Listing) {
        let known = self.entries.read().unwrap_or_else(|e| e.into_inner()).clone();
        let entry = |(name, files): (String, SlideFiles)| {
            let current = known.get(&name).filter(|entry| entry.is_current(&files)).cloned();
            (
                name,
                current
                    .unwrap_or_else(|| Entry::new(files, SlideReads::new(self.options.limits.read_timeout))),
            )
        };
        let mut entries: BTreeMap<_, _> = now.slides.into_iter().map(entry).collect();
        let is_known = |(name, entry): (&String, &Arc<Entry>)| {
            known.get(name).is_some_and(|known| Arc::ptr_eq(known, entry))
        };
        self.schedule.found(entries.len() != known.len() || !entries.iter().all(is_known));
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
    use crate::serve::options::ServeOptions;

    #[test]
    fn a_listing_says_whether_it_has_found_something_new() {
        let root = tempfile::tempdir().unwrap();
        let mut options = ServeOptions::default();
        options.slides.root = root.path().into();
        let catalog = Catalog::new(Arc::new(options));
        let unchanged_after = |change: &dyn Fn()| {
            change();
            catalog.list(&mut catalog.memory());
            catalog.schedule.unchanged()
        };
        let before = catalog.schedule.unchanged();
        assert_eq!(unchanged_after(&|| {}), before + 1);
        assert_eq!(unchanged_after(&|| std::fs::write(root.path().join("a.svs"), "").unwrap()), 0);
        assert_eq!(unchanged_after(&|| {}), 1);
        assert_eq!(unchanged_after(&|| std::fs::write(root.path().join("a.svs"), "other").unwrap()), 0);
        assert_eq!(unchanged_after(&|| std::fs::remove_file(root.path().join("a.svs")).unwrap()), 0);
        std::fs::remove_dir(root.path()).unwrap();
        assert_eq!(unchanged_after(&|| {}), 0, "it cannot be listed: soon again");
    }
}

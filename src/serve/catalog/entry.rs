//! A slide of the list: its files, and what stays known of it while it is closed. Opens nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::serve::discovery::SlideFiles;
use crate::serve::reads::SlideReads;
use crate::serve::slide::Watch;

/// A slide of the list.
pub struct Entry {
    /// The slide's place among those that are open.
    pub(super) number: u64,
    pub(super) files: SlideFiles,
    /// What of it is read now.
    pub(super) reads: SlideReads,
    /// Empty until the first request; why the slide is refused.
    pub(super) known: OnceLock<Result<Known, Arc<str>>>,
    /// The slide was refused because of an error of the file system, such as a lack of file descriptors, or cannot be opened once more. The
    /// next listing tries it again.
    pub(super) transient: AtomicBool,
}

/// What stays known of a slide that was open.
pub(super) struct Known {
    pub watch: Watch,
    /// The slide beside the archive is another one than it was made of.
    pub has_other_source: bool,
    /// Empty until it is asked for.
    pub description: OnceLock<Arc<str>>,
}

impl Entry {
    pub(super) fn new(files: SlideFiles, reads: SlideReads) -> Arc<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let (number, known) = (NUMBER.fetch_add(1, Relaxed), OnceLock::new());
        Arc::new(Self { number, files, reads, known, transient: AtomicBool::new(false) })
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
    pub(super) fn is_current(&self, files: &SlideFiles) -> bool {
        let changed = matches!(self.known.get(), Some(Ok(known)) if known.watch.has_changed());
        self.files == *files && !changed && !self.transient.load(Relaxed)
    }
}

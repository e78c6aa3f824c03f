//! All slides by their UIDs.
//!
//! A search is over all slides, and what it compares is not in their names: each slide is opened once, and closed again, and what is
//! known of it is kept until its files change. That is some kilobytes a slide, with a bound.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::sync::Cache;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::described::{Described, stamp_of};
use crate::error::Error;
use crate::serve::catalog::{Catalog, Entry};
use crate::serve::discovery::Stamp;
use crate::serve::faults::Faults;
use crate::serve::options::ServeOptions;
use crate::serve::slide::Slide;
use crate::web::blocking;
use crate::web::error::ServeError;

/// Most bytes of what is known of slides: that of some 20,000.
const MAX_BYTES: u64 = 64 << 20;
/// How long what is found for a pair of UIDs is not looked for again.
const FOUND_TIME: Duration = Duration::from_secs(5);
/// Most pairs of UIDs that are remembered.
const MAX_FOUND: u64 = 1024;
/// Slides that are opened at a time.
const AT_ONCE: usize = 8;
/// How long a request opens slides. The next one goes on.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time after which a slide whose files could not be read is looked at again.
const LEFT_OUT_TIME: Duration = Duration::from_secs(60);

/// Why trees are left out.
const IS_TREE: &str = "it is a tree, whose files may change one by one; encode it, or convert it to DICOM";

/// A slide, or why it is left out, and since when if that may pass.
enum Known {
    Served(Arc<Described>),
    LeftOut(Option<Instant>, String),
}

/// What is known, and of which files.
struct Record {
    known: Known,
    /// Of the file of attributes.
    stamp: Stamp,
}

/// The slides that have instances.
pub struct All {
    pub slides: Vec<Arc<Described>>,
    /// How many are left out; the log says why.
    pub left_out: usize,
}

/// A study, and a series of it.
type Key = (String, Option<String>);

/// The index.
pub struct Index {
    catalog: Arc<Catalog>,
    options: Arc<ServeOptions>,
    /// By the number of the catalog's entry.
    records: Cache<u64, Arc<Record>>,
    found: Cache<Key, Arc<[Arc<Described>]>>,
    /// Held by the request that opens slides.
    sweep: Mutex<()>,
    faults: Faults,
}

impl Index {
    /// An index of a catalog.
    pub fn new(catalog: Arc<Catalog>, options: Arc<ServeOptions>) -> Self {
        let weight = |_: &u64, record: &Arc<Record>| record.weight();
        Self {
            catalog,
            options,
            records: Cache::builder().max_capacity(MAX_BYTES).weigher(weight).build(),
            found: Cache::builder().max_capacity(MAX_FOUND).time_to_live(FOUND_TIME).build(),
            sweep: Mutex::default(),
            faults: Faults::default(),
        }
    }

    /// All slides, by name.
    ///
    /// # Errors
    /// Slides that are still to be opened when patience is over.
    pub async fn all(self: &Arc<Self>) -> Result<All, ServeError> {
        let this = self.clone();
        let limit = self.options.limits.read_timeout;
        let (mut found, unread) = blocking::run(limit, move || this.at_hand()).await?;
        if !unread.is_empty() {
            self.read(unread, &mut found).await?;
        }
        let mut all = All { slides: Vec::new(), left_out: 0 };
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for record in found.values() {
            let Known::Served(slide) = &record.known else {
                all.left_out += 1;
                continue;
            };
            let finest = slide.instances.first().cloned().unwrap_or_default();
            if let Some(other) = names.get(&finest) {
                // Two patients must not share an instance.
                self.faults
                    .log(&slide.name, &format_args!("not in DICOMweb: it has the contents of {other}"));
                all.left_out += 1;
                continue;
            }
            names.insert(finest, slide.name.clone());
            all.slides.push(slide.clone());
        }
        Ok(all)
    }

    /// The slides of a study, or of a series of it.
    ///
    /// # Errors
    /// There are none; as of [`Self::all`].
    pub async fn of(
        self: &Arc<Self>,
        study: &str,
        series: Option<&str>,
    ) -> Result<Arc<[Arc<Described>]>, ServeError> {
        let key = (study.to_string(), series.map(str::to_string));
        if let Some(found) = self.found.get(&key) {
            return Ok(found);
        }
        let is_meant = |slide: &Arc<Described>| {
            slide.study == study && series.is_none_or(|series| slide.series == series)
        };
        let found: Arc<[_]> = self.all().await?.slides.into_iter().filter(is_meant).collect();
        if found.is_empty() {
            return Err(ServeError::NotFound);
        }
        self.found.insert(key, found.clone());
        Ok(found)
    }

    /// What is said by UIDs is no longer so: it is looked for anew.
    pub fn forget(&self) {
        self.found.invalidate_all();
    }

    /// What is known by the slide's name, and the slides that must be opened.
    fn at_hand(&self) -> (BTreeMap<String, Arc<Record>>, Vec<Arc<Entry>>) {
        let (mut found, mut unread) = (BTreeMap::new(), Vec::new());
        for entry in self.catalog.entries() {
            let record = self.records.get(&entry.number()).filter(|record| {
                let is_new = match &record.known {
                    Known::Served(_) => true,
                    Known::LeftOut(since, _) => since.is_none_or(|since| since.elapsed() < LEFT_OUT_TIME),
                };
                is_new && record.stamp == stamp_of(entry.files())
            });
            match record {
                Some(record) => drop(found.insert(entry.files().name.clone(), record)),
                None => unread.push(entry),
            }
        }
        (found, unread)
    }

    /// Opens slides, some at a time, and adds what is known of them.
    async fn read(
        self: &Arc<Self>,
        unread: Vec<Arc<Entry>>,
        found: &mut BTreeMap<String, Arc<Record>>,
    ) -> Result<(), ServeError> {
        let all = found.len() + unread.len();
        let until = tokio::time::Instant::now() + PATIENCE;
        let mut tasks = JoinSet::new();
        let work = async {
            let _turn = self.sweep.lock().await;
            for entry in unread {
                if tasks.len() >= AT_ONCE {
                    collect(tasks.join_next().await, found);
                }
                let this = self.clone();
                tasks.spawn_blocking(move || (entry.files().name.clone(), this.record(&entry)));
            }
            while let Some(done) = tasks.join_next().await {
                collect(Some(done), found);
            }
        };
        let is_done = tokio::time::timeout_at(until, work).await.is_ok();
        match is_done {
            true => Ok(()),
            false => Err(ServeError::Later(format!(
                "the first search opens every slide; {} of {all} are known by now: try again",
                found.len()
            ))),
        }
    }

    /// What is known of a slide, which another request may have found out meanwhile.
    fn record(&self, entry: &Entry) -> Arc<Record> {
        let files = entry.files();
        let stamp = stamp_of(files);
        let old = self.records.get(&entry.number());
        if let Some(old) =
            old.as_ref().filter(|old| matches!(old.known, Known::Served(_)) && old.stamp == stamp)
        {
            return old.clone();
        }
        let described = match files.archive.is_none() && !files.is_raw() {
            // It need not be opened for that.
            true => Err(Error::input(files.path(), IS_TREE)),
            false => {
                let describe = |slide: &Slide| Described::of(slide, files, &self.options);
                self.catalog.glance(entry, describe).and_then(|made| made)
            }
        };
        let error = match described {
            Ok(described) => return self.keep(entry, Known::Served(Arc::new(described)), stamp),
            Err(error) => error,
        };
        let (problem, may_pass) = (error.to_string(), error.is_of_file_system());
        let is_told =
            old.is_some_and(|old| matches!(&old.known, Known::LeftOut(_, told) if *told == problem));
        if !is_told {
            tracing::warn!(slide = files.name, "not in DICOMweb: {problem}");
        }
        self.keep(entry, Known::LeftOut(may_pass.then(Instant::now), problem), stamp)
    }

    fn keep(&self, entry: &Entry, known: Known, stamp: Stamp) -> Arc<Record> {
        let record = Arc::new(Record { known, stamp });
        self.records.insert(entry.number(), record.clone());
        record
    }
}

impl Record {
    /// Estimated bytes.
    fn weight(&self) -> u32 {
        let own = if let Known::Served(slide) = &self.known { slide.weight() } else { 0 };
        own.saturating_add(512)
    }
}

fn collect(
    done: Option<Result<(String, Arc<Record>), tokio::task::JoinError>>,
    found: &mut BTreeMap<String, Arc<Record>>,
) {
    // A panic has been printed.
    if let Some(Ok((name, record))) = done {
        found.insert(name, record);
    }
}

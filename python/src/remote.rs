//! A file at an address, of which Python reads ranges of bytes: `origami/_remote_file.py`.
//!
//! Addresses, credentials and connections are fsspec's, so that a user says them once. Calls take the interpreter's lock; whoever waits for
//! one holds no lock that a thread with the interpreter may wait for. A call for every range would make a queue of round trips, so what is
//! known to be needed is asked for at once and fetched side by side: see
//! [`fetch_regions`].

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use origami::image::geometry::Rect;
use origami::pixels::{self, Source};
use origami::store::ReadAt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::ending::attached;
use crate::errors::{Error, Result};

const ENDING: &str = "the interpreter is ending";
/// Bytes that are fetched when a bundle is opened: header, index and colour profile of most.
const START_BYTES: u64 = 64 << 10;
/// Ranges so near are one request.
const GAP_BYTES: u64 = 16 << 10;
/// Most bytes of a request for several ranges.
const REQUEST_BYTES: u64 = 4 << 20;
/// Most bytes of one [`fetch`]. What is beyond is read when it is needed.
const FETCH_BYTES: u64 = 64 << 20;

/// The file, for readers of archives.
#[derive(Clone)]
pub struct RemoteFile(Arc<Shared>);

struct Shared {
    file: Py<PyAny>,
    size: u64,
    /// What was fetched and is still held.
    ahead: Mutex<Vec<Weak<Run>>>,
}

/// Bytes that were fetched, for reads while somebody holds them.
pub struct Run {
    start: u64,
    bytes: Vec<u8>,
}

impl Run {
    fn part(&self, range: &Range<u64>) -> Option<&[u8]> {
        let from = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..from.checked_add((range.end - range.start) as usize)?)
    }
}

/// What was fetched ahead; reads find it until it is dropped.
pub type Held = Vec<Arc<Run>>;

impl RemoteFile {
    /// Of an object with `size`, `read(start, end)` and `check()`.
    ///
    /// # Errors
    /// It has no size.
    pub fn new(file: &Bound<'_, PyAny>) -> PyResult<Self> {
        let size = file.getattr("size")?.extract()?;
        Ok(Self(Arc::new(Shared { size, file: file.clone().unbind(), ahead: Mutex::default() })))
    }

    /// What `open` makes of it, if it is the version then that it is pinned to: it is asked after the index was read, so no other version's
    /// index is taken for this one's. A family of another version has another checksum.
    ///
    /// # Errors
    /// That of `open`; another version.
    pub fn opened<T>(&self, open: impl FnOnce(Box<dyn ReadAt>) -> Result<T>) -> Result<T> {
        let start = 0..self.0.size.min(START_BYTES);
        let _start = fetch(vec![(self.clone(), vec![start])])?;
        let opened = self.explained(open(Box::new(self.clone())))?;
        self.check()?;
        Ok(opened)
    }

    /// The result of a read. Where the file is gone or was replaced, that is the error.
    ///
    /// # Errors
    /// That one, else that of the result.
    pub fn explained<T>(&self, result: Result<T>) -> Result<T> {
        match result {
            Err(error @ Error::Library(_)) if error.interrupt().is_none() => {
                self.check()?;
                Err(error)
            }
            other => other,
        }
    }

    fn check(&self) -> Result<()> {
        let checked = attached(|py| self.0.file.bind(py).call_method0("check").map(drop));
        Ok(checked.ok_or_else(|| Error::Argument(ENDING.into()))??)
    }

    fn read(&self, range: &Range<u64>) -> io::Result<Vec<u8>> {
        let read = attached(|py| {
            let bytes = self.0.file.bind(py).call_method1("read", (range.start, range.end))?;
            Ok(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes().to_vec())
        });
        read.unwrap_or_else(|| Err(io::Error::other(ENDING)))
    }

    /// The run that has a range.
    fn held(&self, range: &Range<u64>) -> Option<Arc<Run>> {
        let ahead = self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.iter().filter_map(Weak::upgrade).find(|run| run.part(range).is_some())
    }

    fn hold(&self, run: &Arc<Run>) {
        let mut ahead = self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.retain(|run| run.strong_count() > 0);
        ahead.push(Arc::downgrade(run));
    }
}

impl ReadAt for RemoteFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.size)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).filter(|&end| end <= self.0.size);
        let range = offset..end.ok_or(ErrorKind::UnexpectedEof)?;
        if let Some(run) = self.held(&range) {
            buf.copy_from_slice(run.part(&range).ok_or(ErrorKind::UnexpectedEof)?);
            return Ok(());
        }
        let bytes = self.read(&range)?;
        if bytes.len() != buf.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        buf.copy_from_slice(&bytes);
        Ok(())
    }
}

/// A file, the bundle that is open in it, and regions of its levels.
pub type Regions = (RemoteFile, pixels::Shared, Vec<(usize, Rect)>);

/// Fetches what regions of bundles take, side by side.
///
/// # Errors
/// Those of [`Error::interrupt`] alone. What does not come is read by whoever needs it, who then learns of the error.
pub fn fetch_regions(wanted: &[Regions]) -> Result<Held> {
    let ranges = |of: fn(&dyn Source, usize, Rect) -> Vec<Range<u64>>| {
        let of_file = |(file, source, regions): &Regions| {
            let ranges = regions.iter().flat_map(|&(level, region)| of(&**source, level, region));
            (file.clone(), ranges.collect())
        };
        wanted.iter().map(of_file).collect()
    };
    let _heads = fetch(ranges(|source, level, region| source.heads(level, region)))?;
    fetch(ranges(|source, level, region| source.needs(level, region)))
}

/// Fetches ranges of files side by side, but for those that are held already.
fn fetch(wanted: Vec<(RemoteFile, Vec<Range<u64>>)>) -> Result<Held> {
    let (mut held, mut missing, mut bytes) = (Held::new(), Vec::new(), 0);
    for (file, ranges) in wanted {
        let mut lacking = Vec::new();
        // Patches of one family.
        let ranges: BTreeSet<_> = ranges.into_iter().map(|range| (range.start, range.end)).collect();
        for range in ranges.into_iter().map(|(start, end)| start..end) {
            match file.held(&range) {
                Some(run) => held.push(run),
                None => lacking.push(range),
            }
        }
        for range in joined(lacking) {
            bytes += range.end - range.start;
            if bytes <= FETCH_BYTES {
                missing.push((file.clone(), range));
            }
        }
    }
    if missing.is_empty() {
        return Ok(held);
    }
    let fetched = attached(|py| {
        let files = PyList::new(py, missing.iter().map(|(file, _)| file.0.file.bind(py)))?;
        let ranges: Vec<_> = missing.iter().map(|(_, range)| (range.start, range.end)).collect();
        let answers = py.import("origami._remote_file")?.call_method1("read_together", (files, ranges))?;
        let bytes = |answer: PyResult<Bound<'_, PyAny>>| -> PyResult<Option<Vec<u8>>> {
            Ok(answer?.cast::<PyBytes>().ok().map(|bytes| bytes.as_bytes().to_vec()))
        };
        answers.try_iter()?.map(bytes).collect::<PyResult<Vec<_>>>()
    });
    let fetched = fetched.map(|fetched| unless_interrupted(fetched.map_err(Error::from)));
    let fetched = fetched.transpose()?.flatten().unwrap_or_default();
    for ((file, range), bytes) in missing.iter().zip(fetched) {
        let Some(bytes) = bytes else { continue };
        let run = Arc::new(Run { start: range.start, bytes });
        file.hold(&run);
        held.push(run);
    }
    Ok(held)
}

/// A result whose error another read will meet again; `None` then.
///
/// # Errors
/// Those of [`Error::interrupt`], which nobody meets twice.
pub fn unless_interrupted<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.interrupt() {
            Some(raised) => Err(raised.into()),
            None => Ok(None),
        },
    }
}

/// Ranges, which are in order, those that lie near one another as one.
fn joined(ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match runs.last_mut() {
            Some(last)
                if range.start <= last.end.saturating_add(GAP_BYTES)
                    && range.end.max(last.end) - last.start <= REQUEST_BYTES =>
            {
                last.end = last.end.max(range.end);
            }
            _ => runs.push(range),
        }
    }
    runs
}

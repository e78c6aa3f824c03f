//! One object, open for reading and pinned to the version that it had when it was opened.
//!
//! Reads go through blocks. A block is fetched by one request, however many wait for it; blocks that lie side by side share one.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use xxhash_rust::xxh3::xxh3_64;

use super::connect::{Place, connect};
use super::disk::{Disk, Owner};
use super::fault::{Failure, refused};
use super::fetch::{self, Version};
use super::settings::settings;
use super::{blocks, runtime};
use crate::store::arrival::Arrival;
use crate::store::location::Address;
use crate::store::read_at::{ReadAt, Reading};

/// Most bytes of one request.
const MAX_RUN_BYTES: u64 = 8 << 20;
/// Requests at one time of a copy.
const COPY_REQUESTS: usize = 4;
/// Blocks that lie between two others and are fetched with them, since a request costs more.
const MAX_GAP_BLOCKS: u64 = 1;

/// An object that was opened so long ago is asked for its version again.
const MAX_AGE: Duration = Duration::from_secs(2);
/// Objects that are remembered.
const MAX_RECENT: usize = 256;

fn is_fresh(opened: Option<Instant>) -> bool {
    opened.is_some_and(|at| at.elapsed() < MAX_AGE)
}

/// Objects, and when they were opened.
type Recent = HashMap<Address, (Object, Option<Instant>)>;

/// Objects that were opened a moment ago, and when; no time for one that was forgotten, whose blocks may still be of use.
fn recent() -> MutexGuard<'static, Recent> {
    static RECENT: OnceLock<Mutex<Recent>> = OnceLock::new();
    RECENT.get_or_init(Mutex::default).lock().unwrap_or_else(|e| e.into_inner())
}

/// Blocks that were fetched, from a first one on; or why not. Many may wait for it.
type Run = Result<Arc<(u64, Vec<Bytes>)>, Failure>;
type Flight = Shared<BoxFuture<'static, Run>>;

/// An open object. Clones share it.
#[derive(Clone)]
pub struct Object(Arc<Opened>);

struct Opened {
    place: Place,
    version: Version,
    /// Its number in the memory of blocks.
    number: u64,
    /// Its name in the blocks on disk, where there are any.
    on_disk: Option<(&'static Disk, Owner)>,
    /// What is being fetched, by block.
    flights: Mutex<HashMap<u64, Flight>>,
}

impl Object {
    /// Opens an object: one request, which brings its first block. One that was opened a moment ago is shared: a slide's file is opened
    /// by everyone who looks at it.
    ///
    /// # Errors
    /// Those of the store; an address without a key.
    pub fn open(address: &Address) -> io::Result<Self> {
        let known =
            || recent().get(address).filter(|(_, at)| is_fresh(*at)).map(|(object, _)| object.clone());
        match known() {
            Some(object) => Ok(object),
            None => Self::open_again(address),
        }
    }

    /// As [`Self::open`], at the version that the store has now. An object of the same version as before keeps its blocks.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_again(address: &Address) -> io::Result<Self> {
        if address.key().is_empty() {
            return Err(refused(
                ErrorKind::IsADirectory,
                "it names no object; add the key of one to the address",
            ));
        }
        let (place, name) = (connect(address)?, address.to_string());
        let earlier = recent().get(address).map(|(object, _)| object.clone());
        let object = runtime::wait(async move {
            static NUMBER: AtomicU64 = AtomicU64::new(0);
            let (version, first) = fetch::start(&place, blocks::BLOCK_BYTES).await?;
            // Not one that was opened before its server was restricted.
            let is_ours = |object: &Self| Arc::ptr_eq(&object.0.place.store, &place.store);
            if let Some(object) = earlier
                .filter(|object| version.etag.is_some() && *object.version() == version && is_ours(object))
            {
                return Ok(object);
            }
            let number = NUMBER.fetch_add(1, Relaxed);
            blocks::keep(number, 0, &first);
            let on_disk = disk().zip(Owner::of(&name, &version));
            Ok(Self(Arc::new(Opened { place, version, number, on_disk, flights: Mutex::default() })))
        })?;
        let mut recent = recent();
        if recent.len() >= MAX_RECENT {
            recent.retain(|_, (_, at)| is_fresh(*at));
        }
        if recent.len() < MAX_RECENT {
            recent.insert(address.clone(), (object.clone(), Some(Instant::now())));
        }
        Ok(object)
    }

    /// Forgets that it was opened a moment ago.
    pub fn forget(address: &Address) {
        if let Some((_, at)) = recent().get_mut(address) {
            *at = None;
        }
    }

    /// The version that it is pinned to.
    pub fn version(&self) -> &Version {
        &self.0.version
    }

    /// Copies it to a file on the local disk, past the blocks, and checks its length.
    ///
    /// # Errors
    /// Those of the store and of the disk; an object that is larger than the settings allow.
    pub fn copy_to(&self, file: &File) -> io::Result<()> {
        let (size, most) = (self.0.version.size, settings().scratch_bytes);
        if size > most {
            let text =
                format!("it has {size} bytes and a copy may have {most}; copy it to a local disk yourself");
            return Err(refused(ErrorKind::FileTooLarge, text));
        }
        let (opened, mut file) = (Arc::clone(&self.0), file.try_clone()?);
        runtime::wait(async move {
            let parts = (0..size.div_ceil(MAX_RUN_BYTES)).map(|part| {
                let start = part * MAX_RUN_BYTES;
                let (opened, range) = (Arc::clone(&opened), start..size.min(start + MAX_RUN_BYTES));
                async move { fetch::range(&opened.place, &opened.version, range).await }
            });
            let mut parts = futures_util::stream::iter(parts).buffered(COPY_REQUESTS);
            while let Some(part) = parts.next().await {
                file.write_all(&part?)?;
            }
            file.flush()
        })
    }

    /// The bytes of a range, if they are all in memory.
    fn in_memory(&self, range: &Range<u64>) -> Option<Vec<u8>> {
        let found = blocks::of_range(range).map(|block| Some((block, blocks::get(self.0.number, block)?)));
        joined(range, found.collect::<Option<Vec<_>>>()?).ok()
    }

    fn check(&self, offset: u64, bytes: usize) -> io::Result<Range<u64>> {
        let end = offset.checked_add(bytes as u64).filter(|&end| end <= self.0.version.size);
        Ok(offset..end.ok_or(ErrorKind::UnexpectedEof)?)
    }
}

impl ReadAt for Object {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.version.size)
    }

    fn modified(&self) -> Option<SystemTime> {
        self.0.version.modified()
    }

    fn stamp(&self) -> u64 {
        xxh3_64(format!("{:?}", self.0.version).as_bytes())
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        buf.copy_from_slice(&runtime::block_on(self.read(offset, buf.len()))?);
        Ok(())
    }

    fn read(&self, offset: u64, bytes: usize) -> Reading<'_> {
        let range = match self.check(offset, bytes) {
            Ok(range) => range,
            Err(e) => return Reading::done(Err(e)),
        };
        if let Some(bytes) = self.in_memory(&range) {
            return Reading::done(Ok(bytes));
        }
        let opened = Arc::clone(&self.0);
        // The task goes on when nobody waits any more: its blocks are kept for the next reader.
        match runtime::spawn(async move { opened.read(range).await }) {
            Ok(task) => {
                let read = async move { task.await.map_err(io::Error::other)? };
                Reading::Waiting(Box::pin(runtime::while_wanted(read)))
            }
            Err(e) => Reading::done(Err(e)),
        }
    }

    fn will_read(&self, ranges: &[Range<u64>]) -> Arrival {
        let size = self.0.version.size;
        let blocks: BTreeSet<u64> = ranges
            .iter()
            .flat_map(|range| blocks::of_range(&(range.start.min(size)..range.end.min(size))))
            .collect();
        // What is fetched ahead must not push out what is in use.
        let most = (blocks::ahead_bytes() / blocks::BLOCK_BYTES) as usize;
        let blocks: Vec<_> = blocks.into_iter().take(most).collect();
        if blocks.iter().all(|&block| blocks::get(self.0.number, block).is_some()) {
            return Arrival::default();
        }
        let bytes = blocks.len() as u64 * blocks::BLOCK_BYTES;
        let Ok(handle) = runtime::handle() else { return Arrival::default() };
        // Here and not in a task: a read that follows must find them under way, or it would ask for its part once more.
        let (_, flights) = {
            let _runtime = handle.enter();
            self.0.fly(blocks)
        };
        // Whoever reads them learns of an error.
        let all = runtime::while_wanted(async move {
            futures_util::future::join_all(flights).await;
            Ok(())
        });
        Arrival::of(bytes, async move { drop(all.await) })
    }
}

impl Opened {
    fn flights(&self) -> MutexGuard<'_, HashMap<u64, Flight>> {
        self.flights.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Reads a range. On the runtime.
    async fn read(self: Arc<Self>, range: Range<u64>) -> io::Result<Vec<u8>> {
        let (mut found, flights) = self.fly(blocks::of_range(&range));
        for flight in flights {
            let run = flight.await?;
            found.extend((run.0..).zip(run.1.iter().cloned()));
        }
        found.sort_by_key(|(block, _)| *block);
        found.dedup_by_key(|(block, _)| *block);
        joined(&range, found)
    }

    /// The blocks that are in memory, and the requests that bring the others; those that are not under way are started. Blocks come in
    /// ascending order. On the runtime.
    fn fly(self: &Arc<Self>, wanted: impl IntoIterator<Item = u64>) -> (Vec<(u64, Bytes)>, Vec<Flight>) {
        let (mut found, mut missing, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        let mut flights = self.flights();
        for block in wanted {
            // A flight keeps its blocks before it leaves the table, so one of the two has them.
            if let Some(flight) = flights.get(&block) {
                if !waiting.iter().any(|other: &Flight| other.ptr_eq(flight)) {
                    waiting.push(flight.clone());
                }
            } else if let Some(bytes) = blocks::get(self.number, block) {
                found.push((block, bytes));
            } else {
                missing.push(block);
            }
        }
        let most = MAX_RUN_BYTES / blocks::BLOCK_BYTES;
        for run in blocks::runs(missing, MAX_GAP_BLOCKS, most) {
            let task = tokio::spawn(Arc::clone(self).fetch(run.clone()));
            let flight = async move { task.await.unwrap_or_else(|e| Err(io::Error::other(e).into())) };
            let flight = flight.boxed().shared();
            run.for_each(|block| drop(flights.insert(block, flight.clone())));
            waiting.push(flight);
        }
        (found, waiting)
    }

    /// Fetches a run of blocks and keeps them.
    async fn fetch(self: Arc<Self>, run: Range<u64>) -> Run {
        let bytes = self.bytes(&run).await;
        let kept = bytes.map(|bytes| {
            let parts = bytes.chunks(blocks::BLOCK_BYTES as usize);
            parts.zip(run.clone()).map(|(part, block)| blocks::keep(self.number, block, part)).collect()
        });
        let mut flights = self.flights();
        run.clone().for_each(|block| drop(flights.remove(&block)));
        Ok(Arc::new((run.start, kept?)))
    }

    /// The bytes of a run of blocks: from disk if all are there, else by one request.
    async fn bytes(&self, run: &Range<u64>) -> io::Result<Vec<u8>> {
        let want = blocks::bytes_of(run, self.version.size);
        let Some((disk, owner)) = self.on_disk else {
            return fetch::range(&self.place, &self.version, want).await;
        };
        let (blocks, len) = (run.clone(), (want.end - want.start) as usize);
        let found = move || blocks.map(|block| disk.get(owner, block)).collect::<Option<Vec<_>>>();
        let found = tokio::task::spawn_blocking(found).await.map_err(io::Error::other)?;
        if let Some(bytes) = found.map(|blocks| blocks.concat()).filter(|bytes| bytes.len() == len) {
            return Ok(bytes);
        }
        let bytes = Bytes::from(fetch::range(&self.place, &self.version, want).await?);
        let (blocks, copy) = (run.clone(), bytes.clone());
        // No reader waits for this.
        tokio::task::spawn_blocking(move || {
            let parts = copy.chunks(blocks::BLOCK_BYTES as usize);
            parts.zip(blocks).for_each(|(part, block)| disk.put(owner, block, part));
        });
        Ok(bytes.into())
    }
}

/// The blocks on disk, as the settings say. A directory that cannot be used is named once.
fn disk() -> Option<&'static Disk> {
    static DISK: OnceLock<Option<Disk>> = OnceLock::new();
    let open = || {
        let (dir, bytes) = (settings().disk_dir.as_ref()?, settings().disk_bytes);
        Disk::open(dir, bytes)
            .map_err(|e| tracing::warn!("{}: no blocks are kept on disk: {e}", dir.display()))
            .ok()
    };
    DISK.get_or_init(open).as_ref()
}

/// A range, cut out of the blocks that hold it, in order.
fn joined(range: &Range<u64>, blocks: Vec<(u64, Bytes)>) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity((range.end - range.start) as usize);
    for (block, bytes) in blocks {
        let first = block * blocks::BLOCK_BYTES;
        let from = range.start.saturating_sub(first).min(bytes.len() as u64) as usize;
        let to = range.end.saturating_sub(first).min(bytes.len() as u64) as usize;
        out.extend_from_slice(bytes.get(from..to).unwrap_or_default());
    }
    let whole = out.len() as u64 == range.end - range.start;
    if whole { Ok(out) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

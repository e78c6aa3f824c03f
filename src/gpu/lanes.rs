//! Batches as they form, travel and come back, and the thread that waits for the device.
//!
//! A family takes a seat in the open batch, writes its planes into the staging buffer from its own thread, and is woken when the
//! batch is back. A batch leaves when it is full or when the device has nothing else to do; so it is as large as the work that waits,
//! and a lone family does not wait at all. Whoever completes a batch submits it. Every workspace may have one under way.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::assembly::ProgramTables;
use super::desk::{At, Capacity, Desk, Refusal};
use super::device::Device;
use super::fault::{Fault, Stage};
use super::program::Program;
use super::seat::Seat;
use super::workspace::Workspace;
use crate::backend::GpuError;

/// Counters; every value only grows.
#[derive(Debug, Default)]
pub struct Counters {
    /// Crossings submitted.
    pub crossings: AtomicU64,
    /// Families in them.
    pub families: AtomicU64,
    /// Nanoseconds that passes took on the device, by its own clock where it has one, else from submission to completion.
    pub device_ns: AtomicU64,
    /// Nanoseconds from submission to completion.
    pub crossing_ns: AtomicU64,
    /// Nanoseconds that threads spent writing to staging.
    pub upload_ns: AtomicU64,
    /// Nanoseconds that threads spent reading from it.
    pub download_ns: AtomicU64,
    /// Bytes up.
    pub upload_bytes: AtomicU64,
    /// Bytes down.
    pub download_bytes: AtomicU64,
    /// Most families that one batch had.
    pub most_families: AtomicU64,
    /// Most batches that were under way at a time, on the device or on their way through the host.
    pub most_batches: AtomicU64,
}

pub(super) struct Books {
    pub(super) desks: Vec<Desk>,
    /// The desk that families join.
    pub(super) open: Option<usize>,
    /// Families that found no free workspace.
    pub(super) joiners: VecDeque<Waker>,
    /// Batches on the device.
    travelling: usize,
    /// Most families of a batch, by the time that they were seen to take.
    limit: usize,
    /// A family's time on the device, smoothed, in nanoseconds.
    family_ns: f64,
}

/// A batch on its way.
struct Trip {
    index: wgpu::SubmissionIndex,
    desk: usize,
    families: usize,
    submitted: Instant,
    mapped: Arc<AtomicUsize>,
}

/// All batches of a device.
pub struct Lanes {
    pub(super) device: Device,
    pub(super) counters: Counters,
    pub(super) workspaces: Vec<Workspace>,
    capacity: Capacity,
    deadline: Duration,
    batch_time: Duration,
    books: Mutex<Books>,
    trips: Mutex<Option<mpsc::Sender<Trip>>>,
}

/// Both buffers of a workspace are mapped.
const BOTH: usize = 2;
/// Mapping failed.
const NEVER: usize = 1 << 16;

impl Lanes {
    /// Over workspaces that are mapped for writing; also gives the thread that waits for the device, until [`Self::close`].
    pub fn new(
        device: Device,
        workspaces: Vec<Workspace>,
        capacity: Capacity,
        deadline: Duration,
        batch_time: Duration,
    ) -> (Arc<Self>, Option<JoinHandle<()>>) {
        let books = Books {
            desks: workspaces.iter().map(|_| Desk::default()).collect(),
            open: None,
            joiners: VecDeque::new(),
            travelling: 0,
            limit: 1,
            family_ns: 0.0,
        };
        let (tx, rx) = mpsc::channel();
        let lanes = Arc::new(Self {
            device,
            counters: Counters::default(),
            workspaces,
            capacity,
            deadline,
            batch_time,
            books: Mutex::new(books),
            trips: Mutex::new(Some(tx)),
        });
        let waiter = lanes.clone();
        let thread = std::thread::Builder::new().name("origami-gpu".into());
        let spawned = thread.spawn(move || waiter.wait_for_trips(&rx));
        if let Err(e) = &spawned {
            lanes.fail(GpuError::Driver(format!("no thread to wait for it: {e}")));
        }
        (lanes, spawned.ok())
    }

    /// Families that fit at a time, each with `words` of its own.
    pub fn room_for(&self, words: u32) -> usize {
        self.workspaces.len() * (self.capacity.words / words.max(1)).clamp(1, 256) as usize
    }

    /// Ends the waiting thread once nothing travels any more.
    pub fn close(&self) {
        self.trips.lock().unwrap_or_else(|e| e.into_inner()).take();
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Whether a family would find a seat at once.
    pub fn has_room(&self) -> bool {
        let books = self.books();
        if self.device.healthy().is_err() {
            // At once, if only the error.
            return true;
        }
        let open = books.open.is_some_and(|i| books.desks[i].members < books.limit);
        open || books.desks.iter().any(|desk| desk.at == At::Free)
    }

    /// A seat in the open batch or in a new one; pending while there is none.
    pub fn join(
        self: &Arc<Self>,
        program: &Arc<Program>,
        tables: &ProgramTables,
        context: &mut Context<'_>,
    ) -> Poll<Result<Seat, GpuError>> {
        let mut books = self.books();
        // Under the lock: whoever fails the device takes the wakers after that.
        if let Err(e) = self.device.healthy() {
            return Poll::Ready(Err(e));
        }
        let mut complete = None;
        let mut joined = None;
        if let Some(i) = books.open {
            let full = books.desks[i].members >= books.limit;
            let entry =
                if full { Err(Refusal::Full) } else { books.desks[i].join(program, tables, self.capacity) };
            match entry {
                Ok(region) => joined = Some((i, region)),
                Err(_) => {
                    books.open = None;
                    books.desks[i].closed = true;
                    complete = books.desks[i].complete().then_some(i);
                }
            }
        }
        if joined.is_none()
            && let Some(i) = books.desks.iter().position(|desk| desk.at == At::Free)
        {
            books.desks[i].open();
            match books.desks[i].join(program, tables, self.capacity) {
                Ok(region) => joined = Some((i, region)),
                Err(refusal) => {
                    books.desks[i].end();
                    let need_bytes = if let Refusal::TooLarge(bytes) = refusal { bytes } else { 0 };
                    let have_bytes = self.capacity.staging_bytes.max(4 * u64::from(self.capacity.words));
                    drop(books);
                    self.submit(complete);
                    return Poll::Ready(Err(GpuError::TooLarge { need_bytes, have_bytes }));
                }
            }
            books.open = Some(i);
        }
        if joined.is_none() {
            books.joiners.push_back(context.waker().clone());
        }
        drop(books);
        self.submit(complete);
        match joined {
            None => Poll::Pending,
            Some((desk, region)) => Poll::Ready(Ok(Seat::new(self.clone(), program.clone(), desk, region))),
        }
    }

    /// Hands a complete batch to the device.
    pub(super) fn submit(&self, desk: Option<usize>) {
        let Some(i) = desk else { return };
        let (crossing, families, readable) = {
            let mut books = self.books();
            // Somebody else may have been quicker.
            if !books.desks[i].complete() {
                return;
            }
            books.travelling += 1;
            let under_way = books.desks.iter().filter(|desk| desk.at != At::Free).count();
            self.counters.most_batches.fetch_max(under_way as u64, Ordering::Relaxed);
            let desk = &mut books.desks[i];
            let readable = std::mem::replace(&mut desk.readable, true);
            (desk.depart(), desk.members, readable)
        };
        let workspace = &self.workspaces[i];
        if readable {
            workspace.download.unmap();
        }
        match self.device.faults.at(Stage::Submit) {
            None => {}
            Some(Fault::OutOfMemory) => return self.fail(GpuError::OutOfMemory("injected".into())),
            Some(Fault::Hung) => return self.fail(GpuError::Hung { seconds: self.deadline.as_secs() }),
            Some(Fault::Lost) => {
                let error = self.device.lose();
                return self.fail(error);
            }
        }
        let mapped = Arc::new(AtomicUsize::new(0));
        let count = mapped.clone();
        let submitted = Instant::now();
        let index = workspace.submit(&self.device, &crossing, move |result| {
            count.fetch_add(if result.is_ok() { 1 } else { NEVER }, Ordering::SeqCst);
        });
        let sent = index.and_then(|index| self.device.healthy().map(|()| index)).map(|index| {
            let trip = Trip { index, desk: i, families, submitted, mapped };
            self.trips
                .lock()
                .unwrap_or_else(|e| e.into_inner())
                .as_ref()
                .is_some_and(|tx| tx.send(trip).is_ok())
        });
        match sent {
            Ok(true) => {}
            Ok(false) => self.fail(GpuError::Driver("the thread that waits for it has ended".into())),
            Err(e) => self.fail(e),
        }
        self.counters.crossings.fetch_add(1, Ordering::Relaxed);
        self.counters.families.fetch_add(families as u64, Ordering::Relaxed);
        self.counters.most_families.fetch_max(families as u64, Ordering::Relaxed);
    }

    fn wait_for_trips(&self, trips: &mpsc::Receiver<Trip>) {
        while let Ok(trip) = trips.recv() {
            if let Err(e) = self.wait_for(&trip) {
                let hung = matches!(e, GpuError::Hung { .. });
                self.fail(e);
                if hung {
                    self.outwait();
                }
                continue;
            }
            let elapsed = trip.submitted.elapsed();
            let of_device =
                self.workspaces[trip.desk].device_ns(&self.device).unwrap_or(elapsed.as_nanos() as u64);
            self.counters.device_ns.fetch_add(of_device, Ordering::Relaxed);
            self.counters.crossing_ns.fetch_add(elapsed.as_nanos() as u64, Ordering::Relaxed);
            self.arrived(&trip, of_device);
        }
    }

    /// Waits until a device that is given up has ended its work, however long that takes: whoever frees what a hung driver still
    /// works on may hang with it, and this thread is the last to let go.
    fn outwait(&self) {
        self.device.copies_done();
        while let Ok(false) = self.device.wait(None, self.deadline) {}
    }

    fn wait_for(&self, trip: &Trip) -> Result<(), GpuError> {
        self.device.healthy()?;
        let late = GpuError::Hung { seconds: self.deadline.as_secs() };
        match self.device.faults.at(Stage::Wait) {
            None => {}
            Some(Fault::Hung) => return Err(late),
            Some(Fault::OutOfMemory) => return Err(GpuError::OutOfMemory("injected".into())),
            Some(Fault::Lost) => return Err(self.device.lose()),
        }
        let until = trip.submitted + self.deadline;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let done = self.device.wait(Some(trip.index.clone()), left)?;
            match trip.mapped.load(Ordering::SeqCst) {
                BOTH => return self.device.healthy(),
                n if n >= NEVER => {
                    self.device.healthy()?;
                    return Err(GpuError::Lost("its memory cannot be read".into()));
                }
                _ => {}
            }
            self.device.healthy()?;
            if !done || left.is_zero() {
                return Err(late);
            }
            // The work is done and the mapping follows.
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    fn arrived(&self, trip: &Trip, device_ns: u64) {
        let mut books = self.books();
        books.travelling -= 1;
        let per_family = device_ns as f64 / trip.families.max(1) as f64;
        books.family_ns =
            if books.family_ns == 0.0 { per_family } else { 0.8 * books.family_ns + 0.2 * per_family };
        let fitting = self.batch_time.as_nanos() as f64 / books.family_ns.max(1.0);
        // Growing step by step: the first batches say little.
        books.limit = (fitting as usize).clamp(1, 2 * books.limit.max(trip.families)).min(1024);
        let desk = &mut books.desks[trip.desk];
        desk.at = At::Host;
        let mut wakers = desk.wake();
        if desk.members == 0 {
            desk.end();
            wakers.extend(books.joiners.drain(..));
        }
        let complete = self.next_complete(&mut books);
        drop(books);
        wakers.into_iter().for_each(Waker::wake);
        self.submit(complete);
    }

    /// The open batch, closed, where the device has nothing else to do and all of its members are there.
    pub(super) fn next_complete(&self, books: &mut Books) -> Option<usize> {
        let i = books.open.filter(|_| books.travelling == 0)?;
        let desk = &mut books.desks[i];
        if desk.arrived == 0 {
            return None;
        }
        desk.closed = true;
        let complete = desk.complete();
        books.open = None;
        complete.then_some(i)
    }

    /// Marks the device as failed and tells everybody.
    pub fn fail(&self, error: GpuError) {
        self.device.fail(error);
        let mut books = self.books();
        let mut wakers: Vec<Waker> = books.joiners.drain(..).collect();
        for desk in &mut books.desks {
            wakers.extend(desk.wake());
        }
        drop(books);
        wakers.into_iter().for_each(Waker::wake);
    }
}

//! Batches as families join them, and their submission to the device.
//!
//! A family joins the open batch, writes its planes into the staging buffer from its own thread, and is woken
//! when the batch is back. A batch is submitted when it is full or when the device is idle. So it is as large
//! as the work that waits, and a single family does not wait at all. The thread whose call makes a batch
//! ready submits it. Every workspace may have one batch in use.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::batch_jobs::ProgramTables;
use super::batch_state::{BatchCapacity, BatchLocation, BatchState, FamilyRegion, JoinError};
use super::device::Device;
use super::fault::{Fault, Stage};
use super::options::GpuOptions;
use super::program::Program;
use super::stats::Counters;
use super::workspace::Workspace;
use crate::backend::GpuError;
use crate::span::{Place, Span};

/// Most families of a batch, however fast the device is.
const MAX_BATCH_FAMILIES: usize = 1024;
/// Most families of a batch that [`BatchQueue::capacity_for`] counts on.
const MAX_EXPECTED_FAMILIES: u32 = 256;

/// All batches of a device, behind the queue's lock.
struct QueueState {
    batches: Vec<BatchState>,
    /// The batch that families join.
    open: Option<usize>,
    /// Wakers of families that found no free workspace.
    waiting: VecDeque<Waker>,
    /// Batches on the device.
    on_device: usize,
    /// Most families of a batch, so that it takes about `batch_time`.
    max_families: usize,
    /// A family's share of a crossing, smoothed, in nanoseconds.
    family_ns: f64,
}

/// A submission that the device works on.
pub(super) struct InFlight {
    pub index: wgpu::SubmissionIndex,
    pub batch: usize,
    pub families: usize,
    pub submitted: Instant,
    /// Of the batch, for the traces of its families.
    pub span: Span,
    /// Staging buffers that are mapped again: [`MAPPED`] when all are, at least [`MAP_FAILED`] when a mapping
    /// failed.
    pub mapped: Arc<AtomicUsize>,
}

/// Both staging buffers of a workspace are mapped.
pub(super) const MAPPED: usize = 2;
/// A mapping failed.
pub(super) const MAP_FAILED: usize = 1 << 16;

/// All batches of a device.
pub struct BatchQueue {
    pub(super) device: Device,
    pub(super) counters: Counters,
    pub(super) workspaces: Vec<Workspace>,
    pub(super) deadline: Duration,
    capacity: BatchCapacity,
    batch_time: Duration,
    /// Most families of a batch, however long it takes.
    max_families: usize,
    state: Mutex<QueueState>,
    submissions: Mutex<Option<mpsc::Sender<InFlight>>>,
}

impl BatchQueue {
    /// A queue over workspaces whose upload buffers are mapped, and the submissions that a thread must wait
    /// for: see `completion`.
    pub(super) fn new(
        device: Device,
        workspaces: Vec<Workspace>,
        capacity: BatchCapacity,
        options: &GpuOptions,
    ) -> (Self, mpsc::Receiver<InFlight>) {
        let state = QueueState {
            batches: workspaces.iter().map(|_| BatchState::default()).collect(),
            open: None,
            waiting: VecDeque::new(),
            on_device: 0,
            max_families: 1,
            family_ns: 0.0,
        };
        let (tx, rx) = mpsc::channel();
        let queue = Self {
            device,
            counters: Counters::default(),
            workspaces,
            capacity,
            deadline: options.deadline,
            batch_time: options.batch_time,
            max_families: options.max_families.clamp(1, MAX_BATCH_FAMILIES),
            state: Mutex::new(state),
            submissions: Mutex::new(Some(tx)),
        };
        (queue, rx)
    }

    /// Words of the arena of a batch.
    pub fn batch_words(&self) -> u32 {
        self.capacity.words
    }

    /// Families that all batches together can hold, each with `words` of the arena.
    pub fn capacity_for(&self, words: u32) -> usize {
        let a_batch = (self.capacity.words / words.max(1)).clamp(1, MAX_EXPECTED_FAMILIES);
        self.workspaces.len() * a_batch as usize
    }

    /// Ends the thread that waits for submissions once the device is idle.
    pub fn close(&self) {
        self.submissions.lock().unwrap_or_else(|e| e.into_inner()).take();
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Whether a family could join a batch now. True after a failure: the family then gets the error at once.
    pub fn has_free_slot(&self) -> bool {
        let state = self.state();
        if self.device.healthy().is_err() {
            return true;
        }
        let open = state.open.is_some_and(|i| state.batches[i].families < state.max_families);
        open || state.batches.iter().any(|batch| batch.location == BatchLocation::Free)
    }

    /// Adds a family to the open batch or to a new one; pending while there is none. Returns the batch and
    /// the family's region.
    pub fn join(
        &self,
        program: &Program,
        tables: &ProgramTables,
        context: &mut Context<'_>,
    ) -> Poll<Result<(usize, FamilyRegion), GpuError>> {
        let mut state = self.state();
        // Under the lock: a failure wakes all wakers after it is recorded.
        if let Err(e) = self.device.healthy() {
            return Poll::Ready(Err(e));
        }
        let mut ready = None;
        let mut joined = None;
        if let Some(i) = state.open {
            let full = state.batches[i].families >= state.max_families;
            let entry = if full {
                Err(JoinError::Full)
            } else {
                state.batches[i].join(program, tables, self.capacity)
            };
            match entry {
                Ok(region) => joined = Some((i, region)),
                Err(_) => {
                    state.open = None;
                    state.batches[i].closed = true;
                    ready = state.batches[i].is_ready().then_some(i);
                }
            }
        }
        if joined.is_none()
            && let Some(i) = state.batches.iter().position(|batch| batch.location == BatchLocation::Free)
        {
            state.batches[i].begin();
            match state.batches[i].join(program, tables, self.capacity) {
                Ok(region) => joined = Some((i, region)),
                Err(error) => {
                    state.batches[i].end();
                    let need_bytes = if let JoinError::TooLarge(bytes) = error { bytes } else { 0 };
                    let have_bytes = self.capacity.staging_bytes.max(4 * u64::from(self.capacity.words));
                    drop(state);
                    self.submit(ready);
                    return Poll::Ready(Err(GpuError::TooLarge { need_bytes, have_bytes }));
                }
            }
            state.open = Some(i);
        }
        if joined.is_none() {
            state.waiting.push_back(context.waker().clone());
        }
        drop(state);
        self.submit(ready);
        joined.map_or(Poll::Pending, |joined| Poll::Ready(Ok(joined)))
    }

    /// A family of `batch` has written its planes to the upload buffer.
    pub fn uploaded(&self, batch: usize) {
        let place = Place::here();
        let mut state = self.state();
        let entry = &mut state.batches[batch];
        entry.uploaded += 1;
        entry.places.extend(Some(place).filter(Place::is_traced));
        let ready = if entry.closed {
            entry.is_ready().then_some(batch)
        } else {
            self.close_open_batch_if_idle(&mut state)
        };
        drop(state);
        self.submit(ready);
    }

    /// Waits until a round trip of a batch, counted from 0, is back.
    pub fn poll_returned(
        &self,
        batch: usize,
        round_trip: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), GpuError>> {
        let mut state = self.state();
        // Under the lock: a failure wakes all wakers after it is recorded.
        if let Err(e) = self.device.healthy() {
            return Poll::Ready(Err(e));
        }
        let batch = &mut state.batches[batch];
        if batch.submitted > round_trip && batch.location == BatchLocation::Host {
            return Poll::Ready(Ok(()));
        }
        batch.waiting.push(context.waker().clone());
        Poll::Pending
    }

    /// A family leaves its batch. `uploaded` says whether its planes for the next round trip, `round_trip`,
    /// are in the upload buffer.
    pub fn leave(&self, batch: usize, round_trip: usize, uploaded: bool) {
        let mut state = self.state();
        let entry = &mut state.batches[batch];
        entry.families -= 1;
        // Uploaded, and not submitted yet.
        if uploaded && entry.location == BatchLocation::Host && entry.submitted == round_trip {
            entry.uploaded -= 1;
        }
        let (mut ready, mut wakers) = (None, Vec::new());
        if entry.families == 0 && entry.location == BatchLocation::Host {
            entry.end();
            if state.open == Some(batch) {
                state.open = None;
            }
            wakers = state.waiting.drain(..).collect();
        } else if entry.is_ready() {
            ready = Some(batch);
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        self.submit(ready);
    }

    /// Submits a batch that is ready.
    fn submit(&self, batch: Option<usize>) {
        let Some(i) = batch else { return };
        let (submission, families, span, download_mapped) = {
            let mut state = self.state();
            // Another thread may have submitted it meanwhile.
            if !state.batches[i].is_ready() {
                return;
            }
            state.on_device += 1;
            let in_use = state.batches.iter().filter(|batch| batch.location != BatchLocation::Free).count();
            self.counters.max_batches.fetch_max(in_use as u64, Ordering::Relaxed);
            let batch = &mut state.batches[i];
            let download_mapped = std::mem::replace(&mut batch.download_mapped, true);
            let span = batch.span();
            (batch.take_submission(), batch.families, span, download_mapped)
        };
        let workspace = &self.workspaces[i];
        if download_mapped {
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
        let index = workspace.submit(&self.device, &submission, move |result| {
            count.fetch_add(if result.is_ok() { 1 } else { MAP_FAILED }, Ordering::SeqCst);
        });
        let sent = index.and_then(|index| self.device.healthy().map(|()| index)).map(|index| {
            let in_flight = InFlight { index, batch: i, families, submitted, span, mapped };
            self.submissions
                .lock()
                .unwrap_or_else(|e| e.into_inner())
                .as_ref()
                .is_some_and(|tx| tx.send(in_flight).is_ok())
        });
        match sent {
            Ok(true) => {}
            Ok(false) => self.fail(GpuError::Driver("the thread that waits for it has ended".into())),
            Err(e) => self.fail(e),
        }
        self.counters.submissions.fetch_add(1, Ordering::Relaxed);
        self.counters.families.fetch_add(families as u64, Ordering::Relaxed);
        self.counters.max_families.fetch_max(families as u64, Ordering::Relaxed);
    }

    /// A batch is back from the device, which had it for `crossing_ns`: copies, kernels and mapping.
    pub(super) fn returned(&self, in_flight: &InFlight, crossing_ns: u64) {
        let mut state = self.state();
        state.on_device -= 1;
        let per_family = crossing_ns as f64 / in_flight.families.max(1) as f64;
        state.family_ns =
            if state.family_ns == 0.0 { per_family } else { 0.8 * state.family_ns + 0.2 * per_family };
        let fitting = (self.batch_time.as_nanos() as f64 / state.family_ns.max(1.0)) as usize;
        // At most doubled at a time: the first batches are small, and their times say little.
        let max_growth = 2 * state.max_families.max(in_flight.families);
        state.max_families = fitting.clamp(1, max_growth).min(self.max_families);
        let batch = &mut state.batches[in_flight.batch];
        batch.location = BatchLocation::Host;
        let mut wakers = batch.take_waiting();
        if batch.families == 0 {
            batch.end();
            wakers.extend(state.waiting.drain(..));
        }
        let ready = self.close_open_batch_if_idle(&mut state);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        self.submit(ready);
    }

    /// Closes the open batch if the device is idle and a family has uploaded; returns it if it is ready.
    fn close_open_batch_if_idle(&self, state: &mut QueueState) -> Option<usize> {
        let i = state.open.filter(|_| state.on_device == 0)?;
        let batch = &mut state.batches[i];
        if batch.uploaded == 0 {
            return None;
        }
        batch.closed = true;
        let ready = batch.is_ready();
        state.open = None;
        ready.then_some(i)
    }

    /// Marks the device as failed and wakes all families that wait.
    pub fn fail(&self, error: GpuError) {
        self.device.fail(error);
        let mut state = self.state();
        let mut wakers: Vec<Waker> = state.waiting.drain(..).collect();
        for batch in &mut state.batches {
            wakers.extend(batch.take_waiting());
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

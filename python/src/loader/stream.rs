//! Batches of samples in a given order, read ahead by threads.
//!
//! Threads take samples one by one and write them into the batch where they belong, so a batch is whole when its last sample is, and
//! batches come in order. A bounded number of batches is in memory.

use std::collections::VecDeque;
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::patch::{self, Place, View};
use super::pool::Pool;
use crate::errors::{Error, Result};

/// Where the samples of a data set lie, and how they are read.
pub struct Samples {
    /// The place of each.
    pub places: Vec<Place>,
    /// For each slide, the view of each magnification.
    pub views: Vec<Vec<View>>,
    /// For each magnification, the side of its patches in pixels.
    pub sides: Vec<u32>,
}

impl Samples {
    /// Bytes of a patch of each magnification.
    pub fn patch_bytes(&self) -> impl Iterator<Item = usize> {
        self.sides.iter().map(|&side| 3 * side as usize * side as usize)
    }

    /// Reads a sample into `out`: one buffer for each magnification, of `patch_bytes`.
    ///
    /// # Errors
    /// No such sample; a slide that cannot be opened; damaged data.
    pub fn read(&self, pool: &Pool, sample: i64, alone: bool, out: &mut [&mut [u8]]) -> Result<()> {
        let none =
            || Error::Argument(format!("there is no sample {sample}: there are {}", self.places.len()));
        let place = usize::try_from(sample).ok().and_then(|at| self.places.get(at)).ok_or_else(none)?;
        let views = self.views.get(place.slide).ok_or_else(none)?;
        for ((&view, &side), out) in views.iter().zip(&self.sides).zip(out) {
            patch::read(pool, *place, view, alone, side, out)?;
        }
        Ok(())
    }
}

/// What a stream reads.
pub struct Plan {
    /// The slides.
    pub pool: Arc<Pool>,
    /// The samples of the data set.
    pub samples: Arc<Samples>,
    /// The samples to read, in order.
    pub order: Vec<i64>,
    /// Samples a batch; the last one may have fewer.
    pub batch: usize,
    /// Batches in memory.
    pub ahead: usize,
    /// Whether neighbours are not expected: see [`crate::pixels::Reading`].
    pub alone: bool,
}

/// A batch: for each magnification, its patches one after the other.
pub struct Batch {
    /// The samples in it.
    pub samples: Vec<i64>,
    /// For each magnification, interleaved RGB.
    pub images: Vec<Vec<u8>>,
    left: usize,
    error: Option<Error>,
}

#[derive(Default)]
struct State {
    /// The next sample of the order that a thread takes.
    next: usize,
    /// The number of the first batch in `batches`.
    first: usize,
    batches: VecDeque<Batch>,
    stop: bool,
    /// A thread has panicked.
    broken: bool,
}

struct Shared {
    plan: Plan,
    state: Mutex<State>,
    changed: Condvar,
}

/// Batches that are being read.
pub struct Stream {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    process: u32,
}

/// Time after which a waiting consumer is asked whether to go on.
const PERIOD: Duration = Duration::from_millis(50);

impl Stream {
    /// Starts `threads` threads.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(plan: Plan, threads: usize) -> Result<Self> {
        let shared = Arc::new(Shared { plan, state: Mutex::default(), changed: Condvar::new() });
        let mut stream = Self { shared, threads: Vec::new(), process: process::id() };
        for number in 0..threads.max(1) {
            let shared = Arc::clone(&stream.shared);
            let thread =
                thread::Builder::new().name(format!("origami-{number}")).spawn(move || shared.work());
            stream
                .threads
                .push(thread.map_err(|e| Error::Argument(format!("the system gives no thread: {e}")))?);
        }
        Ok(stream)
    }

    /// The next batch; `None` after the last one, and after an error. `poll` is called while it waits.
    ///
    /// # Errors
    /// Of a sample of this batch, the first that was met; that of `poll`.
    pub fn next(&self, poll: impl Fn() -> Result<()>) -> Result<Option<Batch>> {
        if self.process != process::id() {
            let problem =
                "the threads of this iterator are in the parent process; make an iterator in this one";
            return Err(Error::Argument(problem.into()));
        }
        let shared = &*self.shared;
        let mut state = shared.state();
        loop {
            if state.stop || state.first * shared.plan.batch >= shared.plan.order.len() {
                return Ok(None);
            }
            if state.broken {
                return Err(Error::Argument(
                    "a thread of the loader panicked; its message is on stderr".into(),
                ));
            }
            if state.batches.front().is_some_and(|batch| batch.left == 0) {
                break;
            }
            let (again, waited) =
                shared.changed.wait_timeout(state, PERIOD).unwrap_or_else(PoisonError::into_inner);
            state = again;
            if waited.timed_out() {
                drop(state);
                poll()?;
                state = shared.state();
            }
        }
        let done = state.batches.pop_front();
        state.first += 1;
        let mut done = done.filter(|batch| batch.error.is_none() || !state.stop);
        if let Some(error) = done.as_mut().and_then(|batch| batch.error.take()) {
            state.stop = true;
            shared.changed.notify_all();
            return Err(error);
        }
        shared.changed.notify_all();
        Ok(done)
    }
}

/// Ends the threads after the samples that they read now.
impl Drop for Stream {
    fn drop(&mut self) {
        if self.process != process::id() {
            // The threads are not in this process, and one may have held the lock when it was forked.
            std::mem::take(&mut self.threads).into_iter().for_each(std::mem::forget);
            std::mem::forget(Arc::clone(&self.shared));
            return;
        }
        self.shared.state().stop = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A panic was told to the consumer, or nobody asks any more.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let _guard = PanicGuard(self);
        let mut patches: Vec<Vec<u8>> = self.plan.samples.patch_bytes().map(|bytes| vec![0; bytes]).collect();
        while let Some(position) = self.take() {
            let sample = self.plan.order.get(position).copied().unwrap_or(-1);
            let mut out: Vec<&mut [u8]> = patches.iter_mut().map(Vec::as_mut_slice).collect();
            let read = self.plan.samples.read(&self.plan.pool, sample, self.plan.alone, &mut out);
            self.put(position, &patches, read.err());
        }
    }

    /// The position of the next sample, once there is room for its batch; `None` when there is nothing left to do.
    fn take(&self) -> Option<usize> {
        let mut state = self.state();
        loop {
            let position = state.next;
            if state.stop || position >= self.plan.order.len() {
                return None;
            }
            let number = position / self.plan.batch;
            if number < state.first + self.plan.ahead {
                if number == state.first + state.batches.len() {
                    let batch = self.empty_batch(number);
                    state.batches.push_back(batch);
                }
                state.next += 1;
                return Some(position);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn empty_batch(&self, number: usize) -> Batch {
        let first = number * self.plan.batch;
        let end = (first + self.plan.batch).min(self.plan.order.len());
        let samples = self.plan.order[first..end].to_vec();
        let images = self.plan.samples.patch_bytes().map(|bytes| vec![0; bytes * samples.len()]).collect();
        Batch { left: samples.len(), samples, images, error: None }
    }

    fn put(&self, position: usize, patches: &[Vec<u8>], error: Option<Error>) {
        let mut state = self.state();
        let number = position / self.plan.batch - state.first;
        let Some(batch) = state.batches.get_mut(number) else { return };
        for (image, patch) in batch.images.iter_mut().zip(patches) {
            image[position % self.plan.batch * patch.len()..][..patch.len()].copy_from_slice(patch);
        }
        batch.error = batch.error.take().or(error);
        batch.left -= 1;
        if batch.left == 0 {
            self.changed.notify_all();
        }
    }
}

/// Tells the consumer of a panic, so that it does not wait for ever.
struct PanicGuard<'a>(&'a Shared);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.state().broken = true;
            self.0.changed.notify_all();
        }
    }
}

//! Batches of samples in a given order, read ahead by threads.
//!
//! Threads take samples one by one and write them into the batch where they belong, so a batch is whole when its last sample is, and
//! batches come in order. A bounded number of batches is in memory. Of samples far away one more thread fetches what a batch needs, all of
//! it side by side, before the others take its samples.

use std::collections::VecDeque;
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::memory::Memory;
use super::pool::Held;
use crate::errors::{Error, Result};

/// Reads samples of fixed sizes, from many threads at once.
pub trait Reader: Send + Sync {
    /// Bytes of each output of a sample.
    fn output_bytes(&self) -> Vec<usize>;

    /// Reads a sample into `out`: one buffer of zeros for each output, of `output_bytes`.
    ///
    /// # Errors
    /// No such sample; a file that cannot be read; damaged data.
    fn read(&self, sample: i64, out: &mut [&mut [u8]]) -> Result<()>;

    /// Whether samples lie far away, so that they are to be fetched before they are read.
    fn is_far(&self) -> bool {
        false
    }

    /// Fetches what some samples need, for reads until it is dropped.
    ///
    /// # Errors
    /// Those of [`Error::interrupt`] alone, which threads of a stream never get.
    fn fetch(&self, _samples: &[i64]) -> Result<Held> {
        Ok(Held::default())
    }
}

/// What a stream reads.
pub struct Plan {
    /// What reads the samples.
    pub reader: Box<dyn Reader>,
    /// The samples to read, in order.
    pub order: Vec<i64>,
    /// Samples a batch; the last one may have fewer.
    pub batch: usize,
    /// Batches in memory.
    pub ahead: usize,
}

/// A batch: for each output, those of its samples one after the other.
pub struct Batch {
    /// The samples in it.
    pub samples: Vec<i64>,
    /// For each output.
    pub outputs: Vec<Vec<u8>>,
}

/// A batch that is being read.
struct Unfinished {
    samples: Vec<i64>,
    outputs: Arc<Vec<Memory>>,
    left: usize,
    error: Option<Error>,
    /// What was fetched for it; `None` until then, if it lies far away.
    held: Option<Held>,
}

/// A sample that a thread reads.
struct Job {
    sample: i64,
    /// The number of its batch.
    batch: usize,
    /// Its place in the batch.
    at: usize,
    outputs: Arc<Vec<Memory>>,
}

#[derive(Default)]
struct State {
    /// The next sample of the order that a thread takes.
    next: usize,
    /// The next batch that is fetched.
    fetch: usize,
    /// The number of the first batch in `batches`.
    first: usize,
    batches: VecDeque<Unfinished>,
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
            stream.spawn(format!("origami-{number}"), Shared::work)?;
        }
        if stream.shared.plan.reader.is_far() {
            stream.spawn("origami-fetch".into(), Shared::fetch)?;
        }
        Ok(stream)
    }

    fn spawn(&mut self, name: String, work: fn(&Shared)) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name(name).spawn(move || work(&shared));
        self.threads.push(thread.map_err(|e| Error::Argument(format!("the system gives no thread: {e}")))?);
        Ok(())
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
        let Some(done) = state.batches.pop_front() else { return Ok(None) };
        state.first += 1;
        state.stop |= done.error.is_some();
        shared.changed.notify_all();
        drop(state);
        if let Some(error) = done.error {
            return Err(error);
        }
        // Threads give their share back before they count a sample as read.
        let outputs = Arc::into_inner(done.outputs);
        Ok(outputs.map(|outputs| Batch {
            samples: done.samples,
            outputs: outputs.into_iter().map(Memory::into_bytes).collect(),
        }))
    }
}

impl Stream {
    /// Tells the threads to end, and does not wait for them.
    pub fn leave(mut self) {
        if self.process == process::id() {
            self.stop();
        }
        std::mem::take(&mut self.threads).into_iter().for_each(drop);
    }

    fn stop(&self) {
        self.shared.state().stop = true;
        self.shared.changed.notify_all();
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
        self.stop();
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
        while let Some(Job { sample, batch, at, outputs }) = self.take() {
            let mut out: Vec<&mut [u8]> = outputs.iter().filter_map(|memory| memory.sample(at)).collect();
            let error = self.plan.reader.read(sample, &mut out).err();
            drop(outputs);
            self.count(batch, error);
        }
    }

    /// The next sample, once there is room for its batch; `None` when there is nothing left to do.
    fn take(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            let position = state.next;
            let sample = *self.plan.order.get(position).filter(|_| !state.stop)?;
            let (batch, at) = (position / self.plan.batch, position % self.plan.batch);
            if let Some(unfinished) = self.batch(&mut state, batch)
                && unfinished.held.is_some()
            {
                let outputs = Arc::clone(&unfinished.outputs);
                state.next += 1;
                return Some(Job { sample, batch, at, outputs });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A batch that is being read or begins now, if there is room for it.
    fn batch<'a>(&self, state: &'a mut State, number: usize) -> Option<&'a mut Unfinished> {
        if number >= state.first + self.plan.ahead {
            return None;
        }
        while state.first + state.batches.len() <= number {
            let empty = self.empty_batch(state.first + state.batches.len());
            state.batches.push_back(empty);
        }
        state.batches.get_mut(number - state.first)
    }

    /// Fetches what batches need, one after the other.
    fn fetch(&self) {
        let _guard = PanicGuard(self);
        while let Some((number, samples)) = self.take_batch() {
            let held = self.plan.reader.fetch(&samples).unwrap_or_default();
            let mut state = self.state();
            let at = number - state.first;
            if let Some(batch) = state.batches.get_mut(at) {
                batch.held = Some(held);
            }
            self.changed.notify_all();
        }
    }

    /// The next batch to fetch, once there is room for it; `None` when there is nothing left to do.
    fn take_batch(&self) -> Option<(usize, Vec<i64>)> {
        let mut state = self.state();
        loop {
            let number = state.fetch;
            if state.stop || number * self.plan.batch >= self.plan.order.len() {
                return None;
            }
            if let Some(batch) = self.batch(&mut state, number) {
                let samples = batch.samples.clone();
                state.fetch += 1;
                return Some((number, samples));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn empty_batch(&self, number: usize) -> Unfinished {
        let first = number * self.plan.batch;
        let end = (first + self.plan.batch).min(self.plan.order.len());
        let samples = self.plan.order[first..end].to_vec();
        let bytes = self.plan.reader.output_bytes().into_iter();
        let outputs = bytes.map(|bytes| Memory::new(samples.len(), bytes)).collect();
        let held = (!self.plan.reader.is_far()).then(Held::default);
        Unfinished { left: samples.len(), samples, outputs: Arc::new(outputs), error: None, held }
    }

    /// Counts a sample of a batch as read.
    fn count(&self, batch: usize, error: Option<Error>) {
        let mut state = self.state();
        let at = batch - state.first;
        let Some(batch) = state.batches.get_mut(at) else { return };
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

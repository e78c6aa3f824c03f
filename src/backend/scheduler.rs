//! Runs a function over a stream of jobs on a pool of threads and returns the results in order.
//!
//! A job is any value. The scheduler knows only about how much memory it takes, and bounds the number of jobs
//! in flight. So memory does not grow with the number of jobs, with the number of threads or with the size of
//! tiles.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use super::cancel::Cancel;
use super::error::{Error, Result};
use super::executor::{Executor, MAX_THREADS, Stop};
use crate::image::geometry::Geometry;
use crate::image::spec;

/// Memory for jobs in flight where little is free or the system does not say how much.
const MIN_BUDGET_BYTES: u64 = 320 << 20;

/// Threads, and a memory budget for jobs in flight.
pub struct Scheduler {
    pub(super) executor: Arc<Executor>,
    pub(super) cancel: Cancel,
    budget_bytes: u64,
}

/// Approximate memory of one family in flight, in bytes: its source, planes, prediction, residual and codec
/// buffers.
pub fn family_bytes(geometry: &Geometry) -> u64 {
    let side = u64::from(geometry.tile() * spec::FAMILY_FACTOR);
    side.min(geometry.width().into()) * side.min(geometry.height().into()) * 12
}

/// Approximate memory of one tile in flight, in bytes.
pub fn tile_bytes(geometry: &Geometry) -> u64 {
    u64::from(geometry.tile()) * u64::from(geometry.tile()) * 12
}

/// Free memory of the system in bytes, where the system says.
pub fn free_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

/// A quarter of the free memory.
fn budget_bytes() -> u64 {
    free_memory_bytes().map_or(0, |bytes| bytes / 4).max(MIN_BUDGET_BYTES)
}

impl Scheduler {
    /// `threads` workers, 0 for one per core.
    ///
    /// # Errors
    /// More than 1024 threads, or the system gives no threads.
    pub fn new(threads: usize) -> Result<Self> {
        if threads > MAX_THREADS {
            return Err(Error::TooManyThreads(threads));
        }
        let executor = Executor::new(threads, "origami").map_err(|e| Error::Threads(e.to_string()))?;
        let executor = Arc::new(executor);
        Ok(Self { executor, cancel: Cancel::default(), budget_bytes: budget_bytes() })
    }

    /// The same, whose runs end once `cancel` is requested: with [`Error::Interrupted`], when the polls that have begun are done. Those
    /// that wait for a store far away are done then.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Looks at the request to end, for work between two runs.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once it was made.
    pub fn check(&self) -> Result<()> {
        self.cancel.check()
    }

    /// The same threads, for runs that end once `cancel` is requested while others go on. The schedulers share what memory there is:
    /// each of `sharers` has its part of the budget.
    #[must_use]
    pub fn sharing(&self, sharers: usize, cancel: Cancel) -> Self {
        let budget_bytes = self.budget_bytes / sharers.max(1) as u64;
        Self { executor: Arc::clone(&self.executor), cancel, budget_bytes }
    }

    /// Number of workers.
    pub fn threads(&self) -> usize {
        self.executor.threads()
    }

    /// The largest number of jobs in flight: two a thread and one, and `extra` on a device. Fewer where jobs
    /// of `job_bytes` would take more than a quarter of the free memory, but at least one.
    pub(super) fn in_flight(&self, extra: usize, job_bytes: u64) -> usize {
        let affordable = (self.budget_bytes / job_bytes.max(1)).max(1);
        usize::try_from(affordable).unwrap_or(usize::MAX).min(2 * self.threads() + 1 + extra)
    }

    /// Runs `work` on every job and passes the results to `sink` in the order of the jobs:
    /// [`Self::pipelined`] for work that never waits.
    ///
    /// Not to be called from `work` of the same scheduler: it would wait for a thread that waits for it.
    ///
    /// # Errors
    /// The first one, in the order of the jobs; [`Error::Interrupted`] once the run is cancelled.
    pub fn ordered<J: Send, R: Send, E: From<Error> + Send>(
        &self,
        job_bytes: u64,
        jobs: impl IntoIterator<Item = Result<J, E>>,
        work: impl Fn(J) -> Result<R, E> + Sync,
        sink: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E> {
        let work = &work;
        self.pipelined(0, job_bytes, jobs, |job| async move { work(job) }, sink)
    }

    /// Runs the future that `work` makes of every job and passes the results to `sink` in the order of the
    /// jobs. A future that waits for a device frees its thread; of the futures that can be polled the oldest
    /// goes first. At most two jobs a thread and one are in flight, and `extra` ones on the device
    /// ([`super::Backend::in_flight`]). Fewer where jobs of `job_bytes` would take more than a quarter of the
    /// machine's free memory, but at least one.
    ///
    /// Not to be called from `work` of the same scheduler: it would wait for a thread that waits for it.
    ///
    /// `jobs` is advanced and `sink` called on the calling thread. The first error of a job, `work` or `sink`
    /// ends the run when all jobs before it are done, so that it is the same in every run. Polls that have
    /// begun are then completed, and all futures are dropped. A panic in `work` is resumed in its turn. No
    /// future is left when this returns.
    ///
    /// # Errors
    /// The first one, in the order of the jobs; [`Error::Interrupted`] once the run is cancelled.
    pub fn pipelined<J: Send, R: Send, E: From<Error> + Send, F: Future<Output = Result<R, E>> + Send>(
        &self,
        extra: usize,
        job_bytes: u64,
        jobs: impl IntoIterator<Item = Result<J, E>>,
        work: impl Fn(J) -> F + Sync,
        sink: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E> {
        let (in_flight, cancel) = (self.in_flight(extra, job_bytes), &self.cancel);
        let (work, stop) = (&work, Stop::default());
        let ended = |job| async move {
            let mut future = pin!(cancel.ends_waits(|| work(job)));
            poll_fn(|context| cancel.ends_waits(|| future.as_mut().poll(context))).await
        };
        cancel.ends_waits(|| {
            self.executor.run_in_order(&stop, || Ok(cancel.check()?), in_flight, jobs, ended, sink)
        })
    }
}

#[cfg(test)]
mod tests;

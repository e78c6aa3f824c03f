//! Feeds work to threads and hands results back in order, with a bound on what is in flight.
//!
//! A job is any value, the work any function of it; all that is known of it is about how much memory it takes. The bound is what
//! keeps memory flat however long the stream of jobs is, however many threads there are and however large the tiles.

use std::sync::Arc;

use super::executor::{self, Ready};
use crate::backend::error::{Error, Result};
use crate::image::geometry::Geometry;
use crate::image::spec;

/// Most worker threads: starting millions of them takes longer than any slide.
pub(super) const MAX_THREADS: usize = 1024;

/// Threads, and how many jobs may be under way.
pub struct Scheduler {
    pub(super) pool: rayon::ThreadPool,
    budget_bytes: u64,
}

/// Memory for jobs under way where the system does not say how much there is.
const LEAST_BUDGET_BYTES: u64 = 320 << 20;

/// About what one family takes while it is worked on: its source, planes, prediction, residual and codec buffers.
pub fn family_bytes(geometry: &Geometry) -> u64 {
    let side = u64::from(geometry.tile() * spec::FAMILY_FACTOR);
    side.min(geometry.width().into()) * side.min(geometry.height().into()) * 12
}

/// About what one tile takes while it is worked on.
pub fn tile_bytes(geometry: &Geometry) -> u64 {
    u64::from(geometry.tile()) * u64::from(geometry.tile()) * 12
}

/// Memory that the system has free now, where it says so.
pub fn free_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

/// A quarter of the memory that the system has free now.
fn budget() -> u64 {
    free_memory_bytes().map_or(LEAST_BUDGET_BYTES, |bytes| bytes / 4).max(LEAST_BUDGET_BYTES)
}

impl Scheduler {
    /// `threads` workers, 0 for one per core.
    ///
    /// # Errors
    /// Where the system gives no threads.
    pub fn new(threads: usize) -> Result<Self> {
        if threads > MAX_THREADS {
            return Err(Error::TooManyThreads(threads));
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("origami-{i}"))
            .build()
            .map_err(|e| Error::Threads(e.to_string()))?;
        Ok(Self { pool, budget_bytes: budget() })
    }

    /// Number of workers.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// How many jobs may be under way: two a thread and one, `extra` on a device, fewer where jobs of `job_bytes` would take
    /// more than a quarter of the machine's free memory, but always one.
    pub(super) fn in_flight(&self, extra: usize, job_bytes: u64) -> u64 {
        let affordable = (self.budget_bytes / job_bytes.max(1)).max(1);
        affordable.min((2 * self.threads() + 1 + extra) as u64)
    }

    /// Runs `work` on every job and gives the results to `sink` in the order of the jobs: [`Self::pipelined`] for work that
    /// never waits.
    ///
    /// Not to be called from `work` of the same scheduler: it would wait for a thread that waits for it.
    ///
    /// # Errors
    /// The first one, in the order of the jobs.
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

    /// Runs the future that `work` makes of every job and gives the results to `sink` in the order of the jobs. A future
    /// that waits for a device gives its thread to others; of those that can go on the oldest goes first. At most two jobs
    /// a thread are under way and `extra` ones on the device ([`super::Backend::in_flight`]), fewer where jobs of
    /// `job_bytes` would take more than a quarter of the machine's free memory, but always one.
    ///
    /// Not to be called from `work` of the same scheduler: it would wait for a thread that waits for it.
    ///
    /// `jobs` is advanced and `sink` called on the calling thread. The first error, from a job, `work` or `sink`, ends the
    /// run when all jobs before it are done, so that it is the same one in every run: of what is under way polls are
    /// finished, and futures are dropped wherever they are. A panic in `work` is resumed in its turn. No future is left
    /// when this returns.
    ///
    /// # Errors
    /// The first one, in the order of the jobs.
    pub fn pipelined<J: Send, R: Send, E: From<Error> + Send, F: Future<Output = Result<R, E>> + Send>(
        &self,
        extra: usize,
        job_bytes: u64,
        jobs: impl IntoIterator<Item = Result<J, E>>,
        work: impl Fn(J) -> F + Sync,
        sink: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E> {
        executor::run(&self.pool, Arc::<Ready>::default(), self.in_flight(extra, job_bytes), jobs, work, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn results_come_in_order_and_the_bound_holds() {
        let s = Scheduler::new(4).unwrap();
        let (now, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut got = Vec::new();
        s.ordered(
            1,
            (0..500u64).map(|i| {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                Ok::<_, Error>(i)
            }),
            |i| {
                std::thread::sleep(std::time::Duration::from_micros((i * 7919) % 300));
                Ok(i)
            },
            |i| {
                now.fetch_sub(1, Ordering::SeqCst);
                got.push(i);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(got, (0..500).collect::<Vec<_>>());
        assert!(peak.into_inner() <= 9);
    }

    #[test]
    fn the_first_error_in_order_ends_the_run() {
        let s = Scheduler::new(3).unwrap();
        let mut done = 0;
        let result = s.ordered(
            1,
            (0..1000).map(Ok::<_, Error>),
            |i| if i % 100 == 50 { Err(Error::Threads(format!("job {i}"))) } else { Ok(i) },
            |_| {
                done += 1;
                Ok(())
            },
        );
        assert_eq!((result.unwrap_err().to_string(), done), ("cannot start threads: job 50".to_string(), 50));
        let result = s.ordered(
            1,
            (0..10).map(|i| if i == 3 { Err(Error::Threads("source".into())) } else { Ok(i) }),
            Ok,
            |_| Ok(()),
        );
        assert_eq!(result.unwrap_err().to_string(), "cannot start threads: source");
        let result = s.ordered(1, (0..10).map(Ok::<_, Error>), Ok, |i| {
            if i == 4 { Err(Error::Threads("sink".into())) } else { Ok(()) }
        });
        assert_eq!(result.unwrap_err().to_string(), "cannot start threads: sink");
    }
}

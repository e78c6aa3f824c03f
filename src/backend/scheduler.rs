//! Feeds work to threads and hands results back in order, with a bound on what is in flight.
//!
//! Knows nothing of families: a job is any value, the work any function of it. The bound is what keeps memory flat
//! however long the stream of jobs is.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;

use crate::error::{Error, Result};

/// Most worker threads: starting millions of them takes longer than any slide.
const MAX_THREADS: usize = 1024;

/// Threads, and how many jobs may be under way.
pub struct Scheduler {
    pool: rayon::ThreadPool,
    in_flight: usize,
}

impl Scheduler {
    /// `threads` workers, 0 for one per core.
    ///
    /// # Errors
    /// Where the system gives no threads.
    pub fn new(threads: usize) -> Result<Self> {
        if threads > MAX_THREADS {
            return Err(Error::Usage(format!(
                "--threads {threads}: at most {MAX_THREADS}, or 0 for one per core"
            )));
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("origami-{i}"))
            .build()
            .map_err(|e| Error::Usage(format!("cannot start {threads} threads: {e}")))?;
        let in_flight = 2 * pool.current_num_threads() + 1;
        Ok(Self { pool, in_flight })
    }

    /// Number of workers.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `work` on every job, at most a fixed number at a time, and gives the results to `sink` in the order of the jobs.
    ///
    /// `jobs` is advanced and `sink` called on the calling thread. The first error, from a job, `work` or `sink`, ends the run:
    /// what is under way is finished and dropped.
    ///
    /// # Errors
    /// The first one, in the order of the jobs.
    pub fn ordered<J: Send, R: Send>(
        &self,
        jobs: impl IntoIterator<Item = Result<J>>,
        work: impl Fn(J) -> Result<R> + Sync,
        mut sink: impl FnMut(R) -> Result<()>,
    ) -> Result<()> {
        let mut jobs = jobs.into_iter().fuse();
        let (tx, rx) = mpsc::channel();
        self.pool.in_place_scope_fifo(|scope| {
            let (mut next_in, mut next_out, mut more) = (0u64, 0u64, true);
            let mut waiting = BTreeMap::new();
            loop {
                while more && next_in - next_out < self.in_flight as u64 {
                    match jobs.next() {
                        None => more = false,
                        Some(Err(e)) => {
                            waiting.insert(next_in, Ok(Err(e)));
                            next_in += 1;
                            more = false;
                        }
                        Some(Ok(job)) => {
                            let (tx, work, index) = (tx.clone(), &work, next_in);
                            next_in += 1;
                            scope.spawn_fifo(move |_| {
                                let result = catch_unwind(AssertUnwindSafe(|| work(job)));
                                // Where the run has failed nobody listens any more.
                                drop(tx.send((index, result)));
                            });
                        }
                    }
                    while let Ok((index, result)) = rx.try_recv() {
                        waiting.insert(index, result);
                    }
                }
                while let Some(result) = waiting.remove(&next_out) {
                    next_out += 1;
                    sink(result.unwrap_or_else(|panic| resume_unwind(panic))?)?;
                }
                if next_in == next_out {
                    if more {
                        continue;
                    }
                    return Ok(());
                }
                if !waiting.contains_key(&next_out)
                    && let Ok((index, result)) = rx.recv()
                {
                    waiting.insert(index, result);
                }
            }
        })
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
            (0..500u64).map(|i| {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                Ok(i)
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
            (0..1000).map(Ok),
            |i| if i % 100 == 50 { Err(Error::Usage(format!("job {i}"))) } else { Ok(i) },
            |_| {
                done += 1;
                Ok(())
            },
        );
        assert_eq!((result.unwrap_err().to_string(), done), ("job 50".to_string(), 50));
        let result = s.ordered(
            (0..10).map(|i| if i == 3 { Err(Error::Usage("source".into())) } else { Ok(i) }),
            Ok,
            |_| Ok(()),
        );
        assert_eq!(result.unwrap_err().to_string(), "source");
        let result = s
            .ordered((0..10).map(Ok), Ok, |i| if i == 4 { Err(Error::Usage("sink".into())) } else { Ok(()) });
        assert_eq!(result.unwrap_err().to_string(), "sink");
    }
}

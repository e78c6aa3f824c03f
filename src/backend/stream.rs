//! A run of the scheduler as an iterator: for servers, for bindings, and for callers that may stop before the
//! end.

use std::io;
use std::panic::resume_unwind;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use super::error::{Error, Result};
use super::executor::Stop;
use super::scheduler::Scheduler;

/// The results of [`Scheduler::stream`] in the order of their jobs; after an error there are none.
///
/// Dropping it ends the run: polls that have begun are completed, futures are dropped, the thread of the run
/// is joined.
pub struct Results<R, E> {
    stop: Arc<Stop>,
    /// `None` only in `drop`.
    results: Option<mpsc::Receiver<R>>,
    /// The thread of the run; `None` after its end was returned.
    run: Option<io::Result<JoinHandle<Result<(), E>>>>,
}

impl Scheduler {
    /// As [`Self::pipelined`], with owned arguments. A thread of its own advances `jobs` while the caller
    /// takes results, and only so far ahead that memory holds the jobs in flight and one result. Several runs
    /// may share a scheduler; a run whose results are not taken delays the others by no more than a poll.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use origami::backend::scheduler::{Scheduler, family_bytes};
    /// use origami::backend::{Backend, CpuBackend};
    /// use origami::error::Error;
    /// use origami::params::EncodeParams;
    /// use origami::residual::encode_family;
    /// use origami::image::family::{DecodedFamily, Pixels, SourceFamily, Want};
    /// use origami::image::geometry::Geometry;
    /// use origami::image::plane::Plane;
    ///
    /// // A pink image of two by one families, encoded and decoded again.
    /// let geometry = Geometry::new(300, 100, 64)?;
    /// let sources = geometry.all_families().map(move |id| {
    ///     let rect = geometry.family_rect(id);
    ///     let (width, height) = (rect.width as usize, rect.height as usize);
    ///     let rgb = Plane::from_vec(3 * width, height, [230, 170, 200].repeat(width * height));
    ///     Ok::<_, Error>(SourceFamily { id, tile: 64, image: Pixels::Rgb(rgb), tile_bytes: Vec::new() })
    /// });
    /// let shared = Arc::new((CpuBackend::new(), EncodeParams::default()));
    /// let work = move |source: SourceFamily| {
    ///     let shared = Arc::clone(&shared);
    ///     async move {
    ///         let (backend, params) = &*shared;
    ///         let (width, height) = (source.image.width(), source.image.height());
    ///         let encoded = encode_family(backend, params, source).await?;
    ///         let (baseline, residual) = (encoded.baseline, encoded.residual);
    ///         let decoded = DecodedFamily { baseline, residual, width, height };
    ///         Ok((encoded.id, backend.reconstruct(&params.coding(), &decoded, Want::Rgb).await?))
    ///     }
    /// };
    /// let scheduler = Arc::new(Scheduler::new(2)?);
    /// let mut widths = Vec::new();
    /// for result in scheduler.stream(0, family_bytes(&geometry), sources, work) {
    ///     let (id, made) = result?;
    ///     widths.push((id.to_string(), made.l0.width(), made.l1.width()));
    /// }
    /// assert_eq!(widths, [("0_0".to_string(), 256, 128), ("1_0".to_string(), 44, 22)]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// The iterator resumes a panic of `jobs` or `work`.
    pub fn stream<J, R, E, F>(
        self: &Arc<Self>,
        extra: usize,
        job_bytes: u64,
        jobs: impl Iterator<Item = Result<J, E>> + Send + 'static,
        work: impl Fn(J) -> F + Send + Sync + 'static,
    ) -> Results<R, E>
    where
        J: Send + 'static,
        R: Send + 'static,
        E: From<Error> + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
    {
        let (scheduler, stop) = (Arc::clone(self), Arc::<Stop>::default());
        let (give, results) = mpsc::sync_channel(0);
        let of_run = Arc::clone(&stop);
        let run = std::thread::Builder::new().name("origami-stream".into()).spawn(move || {
            let in_flight = scheduler.in_flight(extra, job_bytes);
            scheduler.executor.run_in_order(
                &of_run,
                || Ok(scheduler.cancel.check()?),
                in_flight,
                jobs,
                work,
                |result| {
                    // Sending fails when the caller has dropped the results, and that stops the run.
                    drop(give.send(result));
                    Ok(())
                },
            )
        });
        Results { stop, results: Some(results), run: Some(run) }
    }
}

impl<R, E: From<Error>> Iterator for Results<R, E> {
    type Item = Result<R, E>;

    fn next(&mut self) -> Option<Result<R, E>> {
        if let Some(result) = self.results.as_ref().and_then(|results| results.recv().ok()) {
            return Some(Ok(result));
        }
        match self.run.take()? {
            Err(e) => Some(Err(Error::Threads(e.to_string()).into())),
            Ok(run) => run.join().unwrap_or_else(|panic| resume_unwind(panic)).err().map(Err),
        }
    }
}

impl<R, E> Drop for Results<R, E> {
    fn drop(&mut self) {
        self.stop.stop();
        drop(self.results.take());
        if let Some(Ok(run)) = self.run.take() {
            // A panic of `work` is dropped with the results.
            drop(run.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    #[test]
    fn runs_share_a_scheduler_of_one_thread() {
        let scheduler = Arc::new(Scheduler::new(1).unwrap());
        let numbers =
            |from: u64| scheduler.stream(0, 1, (from..from + 100).map(Ok::<_, Error>), async |n| Ok(2 * n));
        let (a, b) = (numbers(0), numbers(1000));
        let pairs: Vec<_> = a.zip(b).map(|(a, b)| (a.unwrap(), b.unwrap())).collect();
        assert_eq!(pairs, (0..100).map(|n| (2 * n, 2 * n + 2000)).collect::<Vec<_>>());
    }

    #[test]
    fn no_more_is_begun_than_may_be_held_and_dropping_ends_the_run() {
        let scheduler = Arc::new(Scheduler::new(2).unwrap());
        let begun = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&begun);
        let jobs = (0u64..).map(move |n| {
            count.store(n + 1, SeqCst);
            Ok::<_, Error>(n)
        });
        let mut results = scheduler.stream(2, 1, jobs, async |n| Ok(n));
        for want in 0..50 {
            assert_eq!(results.next().unwrap().unwrap(), want);
            // What is under way, the result that is being handed over, and this one.
            assert!(begun.load(SeqCst) <= want + 2 * 2 + 1 + 2 + 2);
        }
        drop(results);
        assert_eq!(Arc::strong_count(&begun), 1, "the jobs went with the run");
    }

    #[test]
    fn dropping_ends_a_run_that_waits_for_ever() {
        let scheduler = Arc::new(Scheduler::new(1).unwrap());
        let held = Arc::new(());
        let of_work = Arc::clone(&held);
        let work = move |n: u64| {
            let held = Arc::clone(&of_work);
            async move {
                if n > 0 {
                    std::future::pending::<()>().await;
                }
                drop(held);
                Ok(n)
            }
        };
        let mut results = scheduler.stream(5, 1, (0..).map(Ok::<_, Error>), work);
        assert_eq!(results.next().unwrap().unwrap(), 0);
        drop(results);
        assert_eq!(Arc::strong_count(&held), 1, "futures that outlived the run");
    }

    #[test]
    fn an_error_comes_last_and_a_panic_is_resumed() {
        let scheduler = Arc::new(Scheduler::new(2).unwrap());
        let fail = async |n| if n == 3 { Err(Error::Threads("work".into())) } else { Ok(n) };
        let mut results = scheduler.stream(0, 1, (0..10).map(Ok::<_, Error>), fail);
        let got: Vec<_> = results.by_ref().map(|r| r.map_err(|e| e.to_string())).collect();
        assert_eq!(got, [Ok(0), Ok(1), Ok(2), Err("cannot start threads: work".into())]);
        assert!(results.next().is_none());
        let mut results = scheduler.stream(0, 1, (0..10).map(Ok::<_, Error>), async |n: u64| {
            assert_ne!(n, 1, "no such job");
            Ok(n)
        });
        assert_eq!(results.next().unwrap().unwrap(), 0);
        let panic = catch_unwind(AssertUnwindSafe(|| results.next())).unwrap_err();
        assert!(panic.downcast::<String>().unwrap().contains("no such job"));
    }
}

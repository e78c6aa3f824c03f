//! The threads that decode and encode tiles for the tasks of tokio.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::timeout;

use super::busy::{Busy, Piece};
use super::reads::SlideReads;
use crate::backend;
use crate::backend::executor::Executor;
use crate::span::Place;
use crate::web::error::ServeError;

/// Fewest further threads that may be started while storage holds the others.
const LEAST_RELIEF: usize = 32;
/// How often one of these looks for work.
const RELIEF_PAUSE: Duration = Duration::from_millis(5);

/// The server's [`Executor`]; clones share it. Where something holds all of its threads, others take their place.
#[derive(Clone)]
pub struct Threads {
    executor: Arc<Executor>,
    /// Reads that hold a thread now.
    reading: Arc<Busy>,
    /// How long a part of a read may hold a thread before another one may take its place.
    slow: Duration,
    /// How many threads have been started in the place of others.
    relief: Arc<AtomicUsize>,
}

impl Threads {
    /// `count` threads, 0 for one per core. Another one may take the place of each that a part of a read holds for longer than `slow`.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(count: usize, slow: Duration) -> backend::Result<Self> {
        let executor =
            Executor::new(count, "origami-tiles").map_err(|e| backend::Error::Threads(e.to_string()))?;
        Ok(Self { executor: Arc::new(executor), reading: Arc::default(), slow, relief: Arc::default() })
    }

    /// Whether something has held every thread for longer than `limit`, and those that were to take their place: storage that hangs, as
    /// pixels take no such time.
    pub fn hang(&self, limit: Duration) -> bool {
        self.reading.longer_than(limit) >= self.count() + self.most_relief()
    }

    fn most_relief(&self) -> usize {
        LEAST_RELIEF.max(2 * self.count())
    }

    /// Starts one thread more where all have been held for long, until one of them returns.
    fn relieve(&self) {
        let relief = self.relief.load(Relaxed);
        let are_held = self.reading.longer_than(self.slow) >= self.count() + relief;
        if !are_held || relief >= self.most_relief() {
            return;
        }
        if self.relief.compare_exchange(relief, relief + 1, Relaxed, Relaxed).is_err() {
            // Another one was started meanwhile.
            return;
        }
        let this = self.clone();
        let work = move || {
            while this.reading.longer_than(this.slow) >= this.count() {
                if !this.executor.turn() {
                    std::thread::sleep(RELIEF_PAUSE);
                }
            }
            this.relief.fetch_sub(1, Relaxed);
        };
        if let Err(e) = std::thread::Builder::new().name("origami-relief".into()).spawn(work) {
            self.relief.fetch_sub(1, Relaxed);
            tracing::error!("storage holds every thread that makes tiles, and no other can be started: {e}");
        }
    }

    /// Number of threads.
    pub fn count(&self) -> usize {
        self.executor.threads()
    }

    /// Starts a future on these threads at once, as a part of what the caller does in its trace. Dropping the returned future drops `work`, after a poll that
    /// has begun.
    pub fn run<F>(&self, work: F) -> impl Future<Output = Result<F::Output, ServeError>> + use<F>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let task = self.executor.spawn(Place::here().around(work));
        let this = self.clone();
        async move {
            let mut task = task;
            loop {
                match timeout(this.slow, &mut task).await {
                    // The panic has been printed.
                    Ok(done) => return done.map_err(|_| ServeError::Broken),
                    Err(_) => this.relieve(),
                }
            }
        }
    }

    /// The same of work that reads a slide, which begins when its storage answers. It says when a part of it is done.
    pub fn read<F, W>(
        &self,
        reads: &SlideReads,
        work: W,
    ) -> impl Future<Output = Result<F::Output, ServeError>> + use<F, W>
    where
        W: FnOnce(Arc<Progress>) -> F + Send + 'static,
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let (reads, progress) = (reads.clone(), Arc::new(self.progress(reads)));
        self.run(async move {
            reads.quick().await;
            let mut work = pin!(work(progress.clone()));
            poll_fn(|context| progress.read(|| work.as_mut().poll(context))).await
        })
    }

    /// A read of a slide on one of these threads, which has not begun.
    pub fn progress(&self, reads: &SlideReads) -> Progress {
        Progress([reads.piece(), Piece::new(&self.reading)])
    }
}

/// A read on a thread that computes: of its slide, and of that thread.
pub struct Progress([Piece; 2]);

impl Progress {
    /// It is under way while `work` runs.
    pub fn read<T>(&self, work: impl FnOnce() -> T) -> T {
        let _end = End(self);
        self.0.iter().for_each(Piece::begin);
        work()
    }

    /// A part of it is done.
    pub fn go_on(&self) {
        self.0.iter().for_each(Piece::go_on);
    }

    /// It is done, and what follows reads nothing.
    pub fn end(&self) {
        self.0.iter().for_each(Piece::end);
    }
}

/// Ends a read also where it panics.
struct End<'a>(&'a Progress);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const SLOW: Duration = Duration::from_millis(50);

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn work_runs_there_and_a_panic_is_an_error() {
        let threads = Threads::new(1, SLOW).unwrap();
        let name = || std::thread::current().name().unwrap_or_default().to_string();
        let (give, take) = tokio::sync::oneshot::channel();
        // The one thread is free while this waits.
        let waits = threads.run(async move { take.await.unwrap() });
        runtime().block_on(async {
            assert_eq!(threads.run(async move { name() }).await.unwrap(), "origami-tiles-0");
            give.send(7).unwrap();
            assert_eq!(waits.await, Ok(7));
            assert_eq!(threads.run(async { panic!("on purpose") as u8 }).await, Err(ServeError::Broken));
            assert_eq!(threads.run(async { 1 }).await, Ok(1));
        });
    }

    #[test]
    fn where_reads_hold_all_threads_others_take_their_place_until_these_hang_too() {
        let threads = Threads::new(2, SLOW).unwrap();
        let most = 2 + LEAST_RELIEF;
        let slides: Vec<_> = (0..most).map(|_| SlideReads::new(4 * SLOW)).collect();
        let (releases, held): (Vec<_>, Vec<_>) = slides.iter().map(|_| mpsc::channel::<()>()).unzip();
        let mut hang = Vec::new();
        runtime().block_on(async {
            for (slide, held) in slides.iter().zip(held) {
                assert!(!threads.hang(Duration::ZERO));
                hang.push(threads.read(slide, |_| async move { held.recv().is_err() }));
                // As long as a thread is free, or one more can be started.
                let reads = threads.read(&SlideReads::new(4 * SLOW), |progress| async move {
                    progress.end();
                    7
                });
                if hang.len() < most {
                    assert_eq!(reads.await, Ok(7), "{} hang", hang.len());
                }
            }
            while !threads.hang(SLOW) {
                let another = SlideReads::new(4 * SLOW);
                assert!(timeout(SLOW, threads.read(&another, |_| async { 7 })).await.is_err());
            }
            assert!(!threads.hang(Duration::from_secs(3600)));
            drop(releases);
            for read in hang {
                assert_eq!(read.await, Ok(true));
            }
            assert_eq!(threads.read(&slides[0], |_| async { 7 }).await, Ok(7));
            while threads.relief.load(Relaxed) > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
}

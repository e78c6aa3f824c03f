//! The threads that decode and encode tiles for the tasks of tokio.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::backend;
use crate::backend::executor::Executor;
use crate::span::Place;
use crate::web::error::ServeError;

/// The server's [`Executor`]; clones share it.
#[derive(Clone)]
pub struct Threads {
    executor: Arc<Executor>,
    busy: Arc<Busy>,
}

/// What the threads do now: when each piece of work began that holds one.
#[derive(Default)]
struct Busy {
    next: AtomicU64,
    since: Mutex<BTreeMap<u64, Instant>>,
}

impl Busy {
    fn since(&self) -> MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece of work that begins now.
    fn begin(&self) -> Holds<'_> {
        let number = self.next.fetch_add(1, Relaxed);
        self.since().insert(number, Instant::now());
        Holds { busy: self, number }
    }
}

/// Holds a thread until it is dropped.
struct Holds<'a> {
    busy: &'a Busy,
    number: u64,
}

impl Drop for Holds<'_> {
    fn drop(&mut self) {
        self.busy.since().remove(&self.number);
    }
}

impl Threads {
    /// `count` threads, 0 for one per core.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(count: usize) -> backend::Result<Self> {
        let executor =
            Executor::new(count, "origami-tiles").map_err(|e| backend::Error::Threads(e.to_string()))?;
        Ok(Self { executor: Arc::new(executor), busy: Arc::default() })
    }

    /// Whether something has held every thread for longer than `limit`: storage that hangs, as pixels take no such time.
    pub fn hang(&self, limit: Duration) -> bool {
        let since = self.busy.since();
        // Those that began first come first.
        let held = since.values().take_while(|began| began.elapsed() > limit).count();
        held >= self.count()
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
        let busy = Arc::clone(&self.busy);
        let work = async move {
            let mut work = pin!(work);
            poll_fn(|context| {
                let _holds = busy.begin();
                work.as_mut().poll(context)
            })
            .await
        };
        let task = self.executor.spawn(Place::here().around(work));
        // The panic has been printed.
        async move { task.await.map_err(|_| ServeError::Broken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_runs_there_and_a_panic_is_an_error() {
        let threads = Threads::new(1).unwrap();
        let name = || std::thread::current().name().unwrap_or_default().to_string();
        let (give, take) = tokio::sync::oneshot::channel();
        // The one thread is free while this waits.
        let waits = threads.run(async move { take.await.unwrap() });
        assert_eq!(pollster::block_on(threads.run(async move { name() })).unwrap(), "origami-tiles-0");
        give.send(7).unwrap();
        assert_eq!(pollster::block_on(waits), Ok(7));
        assert_eq!(
            pollster::block_on(threads.run(async { panic!("on purpose") as u8 })),
            Err(ServeError::Broken)
        );
        assert_eq!(pollster::block_on(threads.run(async { 1 })), Ok(1));
    }

    #[test]
    fn threads_hang_where_each_has_been_held_for_longer_than_the_limit() {
        let (threads, (give, take)) = (Threads::new(2).unwrap(), std::sync::mpsc::channel::<()>());
        let take = Arc::new(Mutex::new(take));
        let wait = || {
            let take = take.clone();
            threads.run(async move { take.lock().unwrap().recv() })
        };
        assert!(!threads.hang(Duration::ZERO));
        let first = wait();
        std::thread::sleep(Duration::from_millis(20));
        assert!(!threads.hang(Duration::ZERO), "one thread is free");
        let second = wait();
        while !threads.hang(Duration::from_millis(10)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!threads.hang(Duration::from_secs(3600)));
        (0..2).for_each(|_| give.send(()).unwrap());
        assert_eq!(pollster::block_on(async { (first.await, second.await) }), (Ok(Ok(())), Ok(Ok(()))));
        assert!(!threads.hang(Duration::ZERO));
    }
}

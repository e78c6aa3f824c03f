//! The threads that decode and encode tiles for the tasks of tokio.

use std::sync::Arc;

use crate::backend;
use crate::backend::executor::Executor;
use crate::span::Place;
use crate::web::error::ServeError;

/// The server's [`Executor`]; clones share it.
#[derive(Clone)]
pub struct Threads(Arc<Executor>);

impl Threads {
    /// `count` threads, 0 for one per core.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(count: usize) -> backend::Result<Self> {
        let executor =
            Executor::new(count, "origami-tiles").map_err(|e| backend::Error::Threads(e.to_string()))?;
        Ok(Self(Arc::new(executor)))
    }

    /// Number of threads.
    pub fn count(&self) -> usize {
        self.0.threads()
    }

    /// Starts a future on these threads at once, as a part of what the caller does in its trace. Dropping the returned future drops `work`, after a poll that
    /// has begun.
    pub fn run<F>(&self, work: F) -> impl Future<Output = Result<F::Output, ServeError>> + use<F>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let task = self.0.spawn(Place::here().around(work));
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
}

//! The threads that decode and code: work of tokio's tasks runs on them, futures that wait for a device included.

use std::sync::Arc;

use rayon::ThreadPool;

use crate::error::{Error, Result};
use crate::web::error::ServeError;

/// A pool of threads; clones share it.
#[derive(Clone)]
pub struct Threads(Arc<ThreadPool>);

impl Threads {
    /// So many, 0 for one a core.
    ///
    /// # Errors
    /// Where the system gives none.
    pub fn new(count: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .thread_name(|i| format!("origami-tiles-{i}"))
            // Whoever waits for the work finds out; the server lives.
            .panic_handler(|_| {})
            .build()
            .map_err(|e| Error::Usage(format!("cannot start threads: {e}")))?;
        Ok(Self(Arc::new(pool)))
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Runs work there, begun at once; every poll is on one of the threads, none of them waits between polls. Dropping what is
    /// given back gives the work up where it next waits.
    pub fn run<F>(&self, work: F) -> impl Future<Output = Result<F::Output, ServeError>> + use<F>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let pool = self.0.clone();
        let schedule = move |task: async_task::Runnable| {
            pool.spawn_fifo(|| {
                task.run();
            });
        };
        let (task, taken) = async_task::spawn(work, schedule);
        task.schedule();
        let taken = taken.fallible();
        // None after a panic, which has been printed.
        async move { taken.await.ok_or(ServeError::Broken) }
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

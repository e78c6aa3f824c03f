//! Work that reads files, on the threads for that, with a deadline.

use std::time::Duration;

use tokio::task::JoinSet;

use super::error::ServeError;

/// Runs `work` where it may block. Work that has not begun is dropped with the returned future.
///
/// # Errors
/// [`ServeError::Away`] where it is not done within `limit`: a storage that hangs holds its thread, and nothing else. A panic is
/// [`ServeError::Broken`].
pub async fn run<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServeError> {
    // The set ends its task when it is dropped.
    let mut task = JoinSet::new();
    task.spawn_blocking(work);
    match tokio::time::timeout(limit, task.join_next()).await {
        Ok(Some(Ok(done))) => Ok(done),
        // The panic has been printed.
        Ok(_) => Err(ServeError::Broken),
        Err(_) => Err(ServeError::Away),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn work_that_hangs_is_waited_for_no_longer_than_the_limit_and_what_nobody_waits_for_is_not_begun() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build();
        let (release, held) = mpsc::channel::<()>();
        let begun = Arc::new(AtomicBool::new(false));
        runtime.unwrap().block_on(async {
            assert_eq!(run(LONG, || 7).await, Ok(7));
            assert_eq!(run(LONG, || panic!("on purpose")).await, Err::<(), _>(ServeError::Broken));
            assert_eq!(run(Duration::from_millis(20), move || held.recv()).await, Err(ServeError::Away));
            // The only thread is held.
            let begins = begun.clone();
            let next = run(Duration::from_millis(20), move || begins.store(true, Relaxed));
            assert_eq!(next.await, Err(ServeError::Away));
            release.send(()).unwrap();
            assert_eq!(run(LONG, || 1).await, Ok(1));
        });
        assert!(!begun.load(Relaxed));
    }
}

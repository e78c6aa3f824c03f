//! Calls that wait, off the asynchronous threads.

use super::problem::Problem;

/// Runs a call that reads files or asks the queue off the asynchronous threads.
pub async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(call).await.map_err(|_| Problem::failed())?
}

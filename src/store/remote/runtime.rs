//! The threads of HTTP: a runtime of its own, so that neither a computing thread nor a caller's runtime drives connections.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{AbortHandle, JoinHandle};

use crate::store::wanted::Requests;

/// Connections are waited for, not computed with: two threads carry hundreds of them.
const THREADS: usize = 2;
/// Time between two looks whether an answer is still wanted.
const TICK: Duration = Duration::from_millis(50);

static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();

/// The runtime, started by the first call.
///
/// # Errors
/// The system gives no threads.
pub fn handle() -> io::Result<&'static Handle> {
    let runtime = RUNTIME.get_or_init(|| {
        // Of two providers that are linked, or of none, rustls chooses none. A program that has chosen one keeps it.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(THREADS).thread_name("origami-http").enable_all();
        builder.build().map_err(|e| e.to_string())
    });
    runtime.as_ref().map(Runtime::handle).map_err(|e| io::Error::other(format!("no threads for HTTP: {e}")))
}

/// Starts a future there. It can be awaited on any executor; dropping it does not end the work.
///
/// # Errors
/// The system gives no threads.
pub fn spawn<F>(future: F) -> io::Result<JoinHandle<F::Output>>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    Ok(handle()?.spawn(future))
}

/// Waits for a future that runs there, holding this thread. What nobody wants any more ([`until`](crate::store::until)) is ended.
///
/// # Errors
/// Those of the future; the system gives no threads.
pub fn wait<T, F>(future: F) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let task = spawn(future)?;
    let _end = AbortOnDrop(task.abort_handle());
    block_on(async move { task.await.map_err(io::Error::other)? })
}

/// Waits for a future, holding this thread, as long as somebody wants it.
///
/// # Errors
/// As [`wait`].
pub fn block_on<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    pollster::block_on(while_wanted(future))
}

/// A future that ends with an error once nobody wants what this thread is doing.
pub fn while_wanted<T, F: Future<Output = io::Result<T>>>(
    future: F,
) -> impl Future<Output = io::Result<T>> + use<T, F> {
    let requests = Requests::of_thread();
    async move {
        let Some(requests) = requests else { return future.await };
        let made = spawn(async move {
            while !requests.is_made() {
                tokio::time::sleep(TICK).await;
            }
        })?;
        let _end = AbortOnDrop(made.abort_handle());
        match select(pin!(future), made).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(Requests::error()),
        }
    }
}

/// Ends a task; one that is done stays so.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

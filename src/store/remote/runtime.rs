//! The threads of HTTP: a runtime of its own, so that neither a computing thread nor a caller's runtime drives connections.

use std::future::Future;
use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// Connections are waited for, not computed with: two threads carry hundreds of them.
const THREADS: usize = 2;

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

/// Waits for a future that runs there, holding this thread.
///
/// # Errors
/// Those of the future; the system gives no threads.
pub fn wait<T, F>(future: F) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    pollster::block_on(spawn(future)?).map_err(io::Error::other)?
}

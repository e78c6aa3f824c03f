//! The render service: jobs over HTTP, on the queue of `jobs`.
//!
//! ```text
//! options    how it works                                      data
//! problem    why a request is refused, as JSON                 no I/O
//! request    a request: read, checked, made a unit             files
//! sources    where slides and videos may lie                   files
//! job        a job and what is known of it, as JSON            no I/O
//! sent       a request as it was sent                          no I/O
//! timestamp  points in time as texts                           no I/O
//! lines      how often a line of the log is written            no I/O
//! live       the jobs in memory                                no I/O
//! estimate   how long jobs take, learned from others           no I/O
//! registry   all jobs: submitted, cancelled, looked up         queue, results
//! monitor    follows the units of jobs, has addresses told     queue, results
//! callback   tells an address                                  HTTP
//! health     what the machine has                              files
//! metrics    figures for Prometheus                            no I/O
//! http       routes and handlers                               HTTP
//! websocket  a job as a WebSocket                              HTTP
//! blocking   calls that wait, off the asynchronous threads     threads
//! result     the file of a job, in ranges                      HTTP, files
//! ```
//!
//! A job is a client's name for a unit: equal work is done once, whoever asks for it. What a client has asked for is a note beside the
//! results; how far it is says the queue. A job is over when its note says so, and its address was told.

mod blocking;
mod callback;
mod estimate;
mod health;
mod http;
mod job;
mod lines;
mod live;
mod metrics;
mod monitor;
mod options;
mod problem;
mod registry;
mod request;
mod result;
mod sent;
mod sources;
mod timestamp;
mod websocket;

use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

use self::monitor::Monitor;
pub use self::options::{EncodeOptions, ServiceOptions};
use self::registry::Registry;
use crate::backend::Cancel;
use crate::jobs::{Error, Queue, Renderer, Results};
use crate::serve::RequestMemory;
use crate::web::listen::{self, ConnectionLimits};

/// Connections at a time.
const MAX_CONNECTIONS: usize = 1024;

/// The service of one queue.
pub struct Service {
    registry: Arc<Registry>,
}

impl Service {
    /// A service over a queue and its results. Jobs that had not ended when the last one did are taken up again.
    ///
    /// # Errors
    /// A queue or results that do not answer.
    pub fn new(
        queue: Arc<dyn Queue>,
        results: Arc<Results>,
        renderer: Arc<Renderer>,
        options: ServiceOptions,
    ) -> Result<Self, Error> {
        let registry = Registry::new(queue, results, renderer, options);
        registry.load()?;
        Ok(Self { registry: Arc::new(registry) })
    }

    /// Follows the jobs and tells addresses, until `stop` is requested.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn keep(&self, stop: &Cancel) -> std::io::Result<()> {
        Monitor::new(&self.registry)?.run(stop);
        Ok(())
    }

    /// Answers on a port until `stop` completes.
    pub async fn serve(&self, listener: TcpListener, stop: impl Future<Output = ()>) {
        listen::serve(listener, self.router(), ConnectionLimits::new(MAX_CONNECTIONS), stop).await;
    }

    /// Every address but those that a server has anyway, with the memory that the server's requests share.
    pub fn routes(&self, memory: RequestMemory) -> Router {
        self.registry.share(memory);
        http::routes(self.registry.clone())
    }

    /// The same with those.
    pub fn router(&self) -> Router {
        http::alone(self.registry.clone())
    }

    /// Figures for Prometheus, without the end mark.
    pub fn metrics(&self) -> impl Fn() -> String + Send + Sync + 'static {
        let registry = self.registry.clone();
        move || metrics::text(&registry)
    }
}

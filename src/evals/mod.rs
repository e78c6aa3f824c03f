//! The server of `origami evals`: a page over a folder of evaluation runs.
//!
//! ```text
//! names      what a directory's name says                no I/O
//! manifest   what its manifest.json says                 one file
//! images     which files are pictures, and of what      no I/O
//! runs       which directories are runs                  files
//! http       addresses, the page, errors                 HTTP
//! ```
//!
//! Shares connections, errors and the look of the pages with the tile server. Knows nothing of slides and decodes nothing:
//! pictures are sent as they lie there, and compared by the browser.

mod http;
mod images;
mod manifest;
mod names;
mod runs;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

use self::runs::Library;
use crate::error::{Error, Result};
use crate::serve::listen;

/// What to serve, and how.
#[derive(Clone, Debug)]
pub struct EvalsOptions {
    /// Folder of runs.
    pub runs: PathBuf,
    /// Connections at a time.
    pub max_connections: usize,
}

/// A server that is ready to listen.
pub struct EvalsServer {
    library: Arc<Library>,
    max_connections: usize,
}

impl EvalsServer {
    /// Over a folder that may be empty and may change.
    ///
    /// # Errors
    /// A folder that is not there.
    pub fn new(options: &EvalsOptions) -> Result<Self> {
        let problem = "not a directory; --runs is where evaluation runs are";
        if !options.runs.is_dir() {
            return Err(Error::input(&options.runs, problem));
        }
        let library = Library::new(&options.runs).map_err(Error::io("open", &options.runs))?;
        Ok(Self { library: Arc::new(library), max_connections: options.max_connections })
    }

    /// Serves until `stop` is done, then finishes the requests in flight.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
        let limits = listen::Limits::new(self.max_connections);
        listen::serve(listener, http::router(self.library), limits, stop).await;
    }
}

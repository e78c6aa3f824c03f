//! The server of `origami evals`: a page over a folder of evaluation runs.
//!
//! ```text
//! error      why the page cannot be served              data
//! fields     what a run was made with                    no I/O
//! names      the same, from directory names of old runs  no I/O
//! manifest   a run's manifest.json                       one file
//! images     which files are pictures, and their roles   no I/O
//! stamp      detects changed files                       no I/O
//! tissue     how much of a picture is tissue             one file
//! scan       which directories are runs                  files
//! library    a folder of runs                            files
//! http       routes, the page, pictures                  HTTP
//! ```
//!
//! Shares connections, errors and the style of the pages with the tile server, by `web`. Knows no slides. Pictures
//! are sent as they are, and the browser compares them; one of each image is decoded, to open the page on tissue.

mod error;
mod fields;
mod http;
mod images;
mod library;
mod manifest;
mod names;
mod scan;
mod stamp;
mod tissue;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

pub use self::error::StartError;
use self::library::Library;
use crate::store::FileError;
use crate::web::listen::{self, ConnectionLimits};

/// What to serve.
#[derive(Clone, Debug)]
pub struct EvalsOptions {
    /// Folder of runs.
    pub runs: PathBuf,
    /// Most open connections.
    pub max_connections: usize,
}

/// A server that is ready to listen.
pub struct EvalsServer {
    library: Arc<Library>,
    max_connections: usize,
}

impl EvalsServer {
    /// A server of a folder that may be empty and may change.
    ///
    /// # Errors
    /// A folder that does not exist.
    pub fn new(options: &EvalsOptions) -> Result<Self, StartError> {
        if !options.runs.is_dir() {
            return Err(StartError::Runs(options.runs.clone()));
        }
        let opened = Library::new(&options.runs);
        let library = opened.map_err(FileError::on::<StartError>("open", &options.runs))?;
        Ok(Self { library: Arc::new(library), max_connections: options.max_connections })
    }

    /// Number of runs at present.
    pub fn runs(&self) -> usize {
        self.library.scan().runs()
    }

    /// Serves until `stop` completes, then finishes the requests in flight.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
        let limits = ConnectionLimits::new(self.max_connections);
        listen::serve(listener, http::router(self.library), limits, stop).await;
    }
}

//! Why the page of runs cannot be served.

use std::path::PathBuf;

use crate::error::diagnosis::{Diagnose, Diagnosis, FaultKind};
use crate::store::FileError;

/// The faults of [`super::EvalsServer::new`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The folder of runs is not a directory.
    #[error("{}: no directory of this name; evaluation runs are shown from a directory", .0.display())]
    Runs(PathBuf),
    /// The operating system refused to open it.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Diagnose for StartError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            StartError::Runs(path) => Diagnosis::of(FaultKind::Failed).in_file(path),
            StartError::File(e) => e.diagnosis(),
        }
    }
}

//! Why a server cannot start.

use std::io;
use std::path::PathBuf;

use super::annotations::StoreError;
use crate::error::diagnosis::{Diagnose, Diagnosis, FaultKind};
use crate::image::spec;
use crate::{backend, output};

/// The faults of [`super::Server::new`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The root of the slides does not exist.
    #[error("{}: no such file or directory; slides are served from a directory", .0.display())]
    NoRoot(PathBuf),
    /// The root is a file of another kind.
    #[error("{}: not a directory, a bundle, a tree or a slide that is read in parts", .0.display())]
    Root(PathBuf),
    /// No connection is allowed.
    #[error("the limit of connections is 0: it must be at least one")]
    NoConnections,
    /// No family may be reconstructed.
    #[error("the limit of families reconstructed at a time is 0: it must be at least one")]
    NoFamilies,
    /// A sharpening out of range.
    #[error("the sharpening of L2 is {0}: a strength is 1/512 to {max}, or 0 for none", max = spec::MAX_SHARPEN)]
    Sharpen(f64),
    /// An origin that no header can have.
    #[error("the allowed origin {0:?}: not a value that a header can have")]
    OriginHeader(String),
    /// A `Cache-Control` that no header can have.
    #[error("the Cache-Control {0:?}: not a value that a header can have")]
    CacheControlHeader(String),
    /// An allowed origin that is none.
    #[error("the allowed origin {0}: give * or one origin, as https://viewer.example.org")]
    Origin(String),
    /// An origin of pages that may frame a slide, which is none.
    #[error("{0}: not an origin whose pages may frame slides; give one, as https://course.example.org")]
    EmbedOrigin(String),
    /// DICOMweb, whose frames are JPEG, with tiles in another format.
    #[error("DICOMweb sends tiles as JPEG, and the format of tiles is another: leave out one of both")]
    Dicomweb,
    /// A cache on disk, in a build without RocksDB.
    #[error("this build has no RocksDB, which keeps tiles on disk; build with --features rocksdb")]
    NoDiskCache,
    /// A directory of the cache on disk that cannot be used.
    #[error("{}: {problem}; the cache on disk needs a directory that can be written", dir.display())]
    DiskCache {
        /// The directory.
        dir: PathBuf,
        /// What failed.
        problem: String,
    },
    /// The disk of a directory is full.
    #[error("{}: {problem}; free some space, or give a directory on another disk", dir.display())]
    DiskFull {
        /// The directory.
        dir: PathBuf,
        /// What failed.
        problem: String,
    },
    /// A directory of the cache on disk that another server uses.
    #[error("{}: another server keeps its tiles here; give each its own directory", .0.display())]
    DiskCacheInUse(PathBuf),
    /// A directory of marks that cannot be used.
    #[error("{0}; marks need a directory that can be written")]
    Annotations(String),
    /// Output tiles that cannot be made.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// Threads that cannot be started.
    #[error(transparent)]
    Backend(#[from] backend::Error),
}

impl StartError {
    /// The fault of a directory of marks.
    pub(super) fn of_marks(error: StoreError) -> Self {
        match error {
            StoreError::Io { path, source, .. } if is_full(&source) => {
                Self::DiskFull { dir: path, problem: format!("cannot be written: {source}") }
            }
            error => Self::Annotations(error.to_string()),
        }
    }
}

/// Whether an error says that there is no space.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Diagnose for StartError {
    fn diagnosis(&self) -> Diagnosis {
        use StartError as E;
        match self {
            E::NoRoot(path) | E::Root(path) | E::DiskCache { dir: path, .. } | E::DiskCacheInUse(path) => {
                Diagnosis::of(FaultKind::Failed).in_file(path)
            }
            E::DiskFull { dir, .. } => Diagnosis::of(FaultKind::MayPass).in_file(dir),
            E::NoConnections
            | E::NoFamilies
            | E::Sharpen(_)
            | E::OriginHeader(_)
            | E::CacheControlHeader(_)
            | E::Origin(_)
            | E::EmbedOrigin(_)
            | E::Dicomweb
            | E::NoDiskCache => Diagnosis::of(FaultKind::Parameters),
            E::Annotations(_) => Diagnosis::of(FaultKind::Failed),
            E::Output(e) => e.diagnosis(),
            E::Backend(e) => e.diagnosis(),
        }
    }
}

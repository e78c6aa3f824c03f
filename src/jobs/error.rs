//! Why a queue, results or a worker cannot go on.

use std::path::PathBuf;

use crate::error::diagnosis::{Diagnose, Diagnosis, FaultKind};
use crate::store::FileError;
use crate::store::remote::of_store;

/// The result of these calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of jobs. Errors of a unit's own work are those of the library: they end the attempt and not the worker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database of a queue refuses.
    #[error("{}: cannot {action}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A queue that a newer program made.
    #[error("{}: a queue of version {found}, written by a newer origami (this program's is {expected}); update this program, or name another file for the queue", path.display())]
    NewerQueue {
        /// The file.
        path: PathBuf,
        /// Its number.
        found: i64,
        /// Ours.
        expected: i64,
    },
    /// A file of another kind, or of an older version.
    #[error("{}: no queue of this version (found {found}, expected {expected}); name another file for the queue", path.display())]
    OtherQueue {
        /// The file.
        path: PathBuf,
        /// Its number.
        found: i64,
        /// Ours.
        expected: i64,
    },
    /// A queue whose results go elsewhere.
    #[error("the results of this queue go to {bound}, not to {given}; give another queue, or that place")]
    OtherPlace {
        /// Where they go.
        bound: String,
        /// Where they were to go.
        given: String,
    },
    /// A queue that nobody has submitted to.
    #[error("{queue}: this queue is new; submit units to it first")]
    NewQueue {
        /// The queue.
        queue: String,
    },
    /// The store of the results refuses.
    #[error("{place}: cannot {action}: {source}")]
    Store {
        /// The object, or the store.
        place: String,
        /// What was tried.
        action: &'static str,
        /// What the store's answer means: its own text may hold signatures.
        source: std::io::Error,
    },
    /// Something stored that is not what it should be.
    #[error("{place}: {problem}")]
    Stored {
        /// The object or entry.
        place: String,
        /// What is wrong and what to do about it.
        problem: String,
    },
    /// The server of a queue refuses, or is not there.
    #[cfg(feature = "nats")]
    #[error("{queue}: cannot {action}: {problem}")]
    Nats {
        /// The queue, without credentials.
        queue: String,
        /// What was tried.
        action: &'static str,
        /// What the server or the connection says.
        problem: String,
    },
    /// Something that JSON cannot express.
    #[error("{what} cannot be written as JSON: {source}")]
    Json {
        /// What it is.
        what: &'static str,
        /// Why not.
        source: serde_json::Error,
    },
    /// Something that would have more bytes than are read.
    #[error("{what} would have {bytes} bytes, and no more than {most} are read; shorten what is asked for")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its bytes.
        bytes: u64,
        /// The most that it may have.
        most: u64,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    NoRandomNumbers(String),
    /// The system gives no threads.
    #[error("the system gives no threads: {0}")]
    NoThreads(std::io::Error),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn may_pass(&self) -> bool {
        self.diagnosis().kind == FaultKind::MayPass
    }

    /// Whether something that is stored is not what it should be: it was read, and another try reads the same.
    #[cfg(feature = "serve")]
    pub(crate) fn is_of_stored(&self) -> bool {
        matches!(self, Self::Stored { .. })
    }

    pub(super) fn json(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Json { what, source }
    }

    pub(super) fn store(
        action: &'static str,
        place: impl ToString,
    ) -> impl FnOnce(object_store::Error) -> Self {
        move |source| Self::Store { place: place.to_string(), action, source: of_store(source) }
    }

    /// A unit that is done without a manifest.
    #[cfg(feature = "serve")]
    pub(crate) fn missing_manifest(key: impl std::fmt::Display) -> Self {
        Self::stored(
            format!("unit {key}"),
            "the queue says that it is done, and it has no manifest; it is done again",
        )
    }

    pub(super) fn stored(place: impl ToString, problem: impl ToString) -> Self {
        Self::Stored { place: place.to_string(), problem: problem.to_string() }
    }
}

impl Diagnose for Error {
    fn diagnosis(&self) -> Diagnosis {
        use rusqlite::ErrorCode as C;
        let of = Diagnosis::of;
        match self {
            Error::File(e) => e.diagnosis(),
            Error::Database { path, source, .. } => of(match source.sqlite_error_code() {
                Some(C::DatabaseCorrupt | C::NotADatabase) => FaultKind::Damaged,
                Some(
                    C::DatabaseBusy | C::DatabaseLocked | C::SystemIoFailure | C::DiskFull | C::OutOfMemory,
                ) => FaultKind::MayPass,
                _ => FaultKind::Failed,
            })
            .in_file(path),
            Error::OtherQueue { path, .. } | Error::NewerQueue { path, .. } => {
                of(FaultKind::Failed).in_file(path)
            }
            Error::OtherPlace { .. } | Error::NewQueue { .. } | Error::TooLarge { .. } => {
                of(FaultKind::Parameters)
            }
            Error::Store { source, .. } => source.diagnosis(),
            Error::Stored { .. } => of(FaultKind::Damaged),
            #[cfg(feature = "nats")]
            Error::Nats { .. } => of(FaultKind::MayPass),
            Error::Json { .. } => of(FaultKind::Failed),
            Error::NoRandomNumbers(_) | Error::NoThreads(_) => of(FaultKind::MayPass),
        }
    }
}

//! Why a tour cannot be rendered.

use std::path::PathBuf;

use super::document::Fault;
use crate::error::diagnosis::{Diagnose, Diagnosis, FaultKind};
use crate::pixels::ReadError;
use crate::store::FileError;

/// The result of these calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of a tour.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The document has faults.
    #[error("{}: {}", path.display(), listed(faults))]
    Document {
        /// The document.
        path: PathBuf,
        /// All of them; at least one.
        faults: Vec<Fault>,
    },
    /// The slide cannot be opened or read.
    #[error(transparent)]
    Slide(#[from] ReadError),
    /// A tour that its slide does not allow.
    #[error("{}: {problem}", path.display())]
    Unfit {
        /// The document.
        path: PathBuf,
        /// What does not fit and what to do about it.
        problem: String,
    },
    /// ffmpeg is not there, is too old, or lacks a part.
    #[error("{0}")]
    NoFfmpeg(String),
    /// ffmpeg has failed.
    #[error("ffmpeg cannot {task}: {said}")]
    Ffmpeg {
        /// What it was to do.
        task: String,
        /// The last lines that it printed.
        said: String,
    },
    /// A video or sound that ffmpeg does not read.
    #[error("ffmpeg cannot read {}: {said}", path.display())]
    Media {
        /// The file.
        path: PathBuf,
        /// What it said, or what the file lacks.
        said: String,
    },
    /// Chromium has failed.
    #[error("Chromium cannot {task}: {said}")]
    Chromium {
        /// What it was to do.
        task: String,
        /// What went wrong.
        said: String,
    },
    /// The video is not what it should be.
    #[error("{}: the video has {found} frames and should have {expected}: it was not kept", path.display())]
    FrameCount {
        /// Where it should go.
        path: PathBuf,
        /// Frames in it.
        found: u64,
        /// Frames of the tour.
        expected: u64,
    },
    /// The scheduler failed, or the run was ended.
    #[error(transparent)]
    Backend(#[from] crate::backend::Error),
}

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n  ")
}

impl Diagnose for Error {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Error::File(e) => e.diagnosis(),
            Error::Document { path, .. } | Error::Unfit { path, .. } => {
                Diagnosis::of(FaultKind::Parameters).in_file(path)
            }
            Error::Slide(ReadError::Failed(e)) => e.diagnosis(),
            Error::Slide(ReadError::Stopped) => Diagnosis::of(FaultKind::Interrupted),
            Error::NoFfmpeg(_) => Diagnosis::of(FaultKind::Failed),
            Error::Ffmpeg { .. } | Error::Chromium { .. } => Diagnosis::of(FaultKind::MayPass),
            Error::FrameCount { path, .. } | Error::Media { path, .. } => {
                Diagnosis::of(FaultKind::Failed).in_file(path)
            }
            Error::Backend(e) => e.diagnosis(),
        }
    }
}

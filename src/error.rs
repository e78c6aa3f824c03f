//! What can go wrong, with the file, the place, what was found and what to do.
//!
//! One enum for the library. Errors are returned, never logged here.

use std::path::{Path, PathBuf};

use crate::image::geometry::{FamilyId, TileId};

/// The result of most functions of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "read", "create", ...
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An input file is not what it should be.
    #[error("{}: {problem}", path.display())]
    Input {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong and what to do about it.
        problem: String,
    },
    /// A tile of a pyramid is missing or is not what the descriptor says.
    #[error("{}: tile {tile}: {problem}", path.display())]
    Tile {
        /// The tile's file, or the archive that holds it.
        path: PathBuf,
        /// Its address.
        tile: TileId,
        /// What is wrong and what to do about it.
        problem: String,
    },
    /// A pack or bundle is damaged.
    #[error("{}: byte {offset}: {what}: expected {expected}, found {found}", path.display())]
    Archive {
        /// The pack or bundle.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// Which part: "header checksum", "residual of family 3_1", ...
        what: String,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An image codec failed on bytes that nothing else vouches for.
    #[error("{what}: {problem}")]
    Codec {
        /// Which image.
        what: String,
        /// What the codec said.
        problem: String,
    },
    /// Something failed while a family was worked on.
    #[error("family {family}: {source}")]
    Family {
        /// Which family.
        family: FamilyId,
        /// What failed.
        source: Box<Error>,
    },
    /// A slide cannot be opened or read.
    #[error(transparent)]
    Slide(crate::slide::SlideError),
    /// A GPU failed or cannot be had.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] crate::gpu::GpuError),
    /// The request itself makes no sense: contradicting or impossible parameters.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// For `map_err` after a call of `std::fs` and the like.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    pub(crate) fn input(path: &Path, problem: impl Into<String>) -> Self {
        Error::Input { path: path.to_path_buf(), problem: problem.into() }
    }

    pub(crate) fn tile(path: &Path, tile: TileId, problem: impl Into<String>) -> Self {
        Error::Tile { path: path.to_path_buf(), tile, problem: problem.into() }
    }

    pub(crate) fn in_family(self, family: FamilyId) -> Self {
        match self {
            // These already say where.
            Error::Family { .. } | Error::Archive { .. } | Error::Tile { .. } | Error::Io { .. } => self,
            other => Error::Family { family, source: Box::new(other) },
        }
    }
}

//! Errors of reading and writing trees, and of reading families from slides.

use std::path::{Path, PathBuf};

use crate::archive::store::FileError;
use crate::image::geometry::{GeometryError, TileId};
use crate::slide::SlideError;
use crate::{archive, backend, codec};

/// The result of calls of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of reading or writing a pyramid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a file operation.
    #[error(transparent)]
    File(#[from] FileError),
    /// A slide cannot be opened or read.
    #[error(transparent)]
    Slide(#[from] SlideError),
    /// A file or directory that cannot be used.
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
    /// A codec failed on pixels of the slide.
    #[error(transparent)]
    Codec(#[from] codec::Error),
    /// A size, tile or family that the geometry does not allow.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// An archive refused a tile of the slide.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// The scheduler failed.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// The metadata of a slide cannot be written as JSON.
    #[error("the sidecar cannot be written as JSON: {0}")]
    Sidecar(serde_json::Error),
}

impl Error {
    /// For `map_err` after a file operation.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        FileError::on(action, path)
    }

    pub(crate) fn input(path: &Path, problem: impl Into<String>) -> Self {
        Error::Input { path: path.to_path_buf(), problem: problem.into() }
    }

    pub(crate) fn tile(path: &Path, tile: TileId, problem: impl Into<String>) -> Self {
        Error::Tile { path: path.to_path_buf(), tile, problem: problem.into() }
    }
}

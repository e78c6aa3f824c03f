//! Errors of families that are stored as their original tiles.

use crate::codec;
use crate::image::geometry::GeometryError;

/// The result of calls of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of storing or reading such a family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A codec failed.
    #[error(transparent)]
    Codec(#[from] codec::Error),
    /// A tile or family that the slide does not have.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// A missing, unexpected or damaged payload.
    #[error("{what}: {problem}")]
    Payload {
        /// The payload or its family.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A payload that cannot be unpacked or decoded.
    #[error("{what}: {source}")]
    Within {
        /// The payload or its tile.
        what: String,
        /// What is wrong with it.
        source: Box<Error>,
    },
}

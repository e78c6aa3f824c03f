//! What can go wrong while one family is coded.

use crate::image::geometry::FamilyId;
use crate::{backend, codec, params};

/// The result of calls of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of coding one family.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A codec failed.
    #[error(transparent)]
    Codec(#[from] codec::Error),
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// Recorded parameters that no encoder gives.
    #[error(transparent)]
    Params(#[from] params::Error),
    /// A payload that is missing or is not what the archive says.
    #[error("{what}: {problem}")]
    Payload {
        /// Which: "baseline of family 3_1", "family 3_1".
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A payload that its codec cannot decode.
    #[error("{what}: {source}")]
    Undecodable {
        /// Which: "baseline of family 3_1".
        what: String,
        /// What its codec says.
        source: codec::Error,
    },
    /// Parameters without a prediction.
    #[error(
        "lossless parameters predict nothing: such families are encoded from the JPEG tiles of a tree or a slide"
    )]
    Lossless,
    /// A family that holds its source's own tiles.
    #[error("family {0}: it holds the source's own tiles, of which no planes are reconstructed")]
    HoldsOriginals(FamilyId),
}

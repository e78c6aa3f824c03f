//! What can go wrong while output tiles are made.

use crate::image::geometry::{FamilyId, GeometryError, TileId};
use crate::{codec, lossless};

/// The result of calls of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of making an output tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A codec failed.
    #[error(transparent)]
    Codec(#[from] codec::Error),
    /// A tile that the slide does not have.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// A family of originals is damaged.
    #[error(transparent)]
    Lossless(#[from] lossless::Error),
    /// A quality out of range.
    #[error("a tile quality of {0}: it must be 1 to 100")]
    Quality(u8),
    /// WebP, in a build without it.
    #[error("this build writes no WebP; build with --features webp")]
    NoWebp,
    /// A tile of another family.
    #[error("tile {tile} is not made from family {family}")]
    NotOfFamily {
        /// The tile.
        tile: TileId,
        /// The family.
        family: FamilyId,
    },
}

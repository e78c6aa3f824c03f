//! The key of a tile in every cache.

use crate::image::geometry::TileId;

/// A tile as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileKey {
    /// Hash of everything that the tile's bytes depend on but its address; see `Slide::source`.
    pub slide: u128,
    /// The address.
    pub tile: TileId,
}

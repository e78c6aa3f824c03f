//! How long what an archive stores may be: more than any encoder writes of so many pixels counts as damage.
//!
//! The limits are checked before memory is asked for, and by the writer, so that no archive is written that cannot be read.

use crate::image::geometry::{FamilyId, Geometry, TileId};

/// Bytes of a blob for each pixel that it describes. Noise in three planes, with no table made for it, has some five.
const BYTES_A_PIXEL: u64 = 6;
/// Bytes of a blob besides: headers, and what the source's own tiles carry with them.
const BESIDES_BYTES: u64 = 16 << 20;
/// Longest colour profile.
pub const MAX_ICC_BYTES: u32 = 64 << 20;

/// Most bytes of a blob of so many pixels.
fn blob_bytes(pixels: u64) -> u64 {
    BYTES_A_PIXEL * pixels + BESIDES_BYTES
}

/// Most bytes of a family's record: its L0 and its L2.
pub fn record_bytes(geometry: &Geometry, id: FamilyId) -> u64 {
    let rect = geometry.family_rect(id);
    let (width, height) = (u64::from(rect.width), u64::from(rect.height));
    blob_bytes(width * height + width.div_ceil(4) * height.div_ceil(4))
}

/// Most bytes of a tile of a small level.
pub fn tile_bytes(geometry: &Geometry, id: TileId) -> u64 {
    let pixels = geometry.tile_rect(id).map(|rect| u64::from(rect.width) * u64::from(rect.height));
    blob_bytes(pixels.unwrap_or_default())
}

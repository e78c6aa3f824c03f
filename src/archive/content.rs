//! The hash that names what an encode stored, and the limits on the lengths of what is stored.

use xxhash_rust::xxh3::Xxh3;

use crate::image::geometry::FamilyId;

/// The hash over the families of an encode, each with the checksum of its head, and the checksums of the tiles of its small levels, both
/// in the order of the bundle's indexes. 32 hexadecimal digits.
pub fn content(
    families: impl Iterator<Item = (FamilyId, u64)>,
    tile_checks: impl Iterator<Item = u64>,
) -> String {
    let mut state = Xxh3::new();
    for (id, check) in families {
        state.update(&id.x().to_le_bytes());
        state.update(&id.y().to_le_bytes());
        state.update(&check.to_le_bytes());
    }
    tile_checks.for_each(|check| state.update(&check.to_le_bytes()));
    format!("{:032x}", state.digest128())
}

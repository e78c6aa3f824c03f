//! A bundle or a pack.

use super::held::{Held, Tally};
use crate::archive::Archive;
use crate::codec::{CodecId, unpacked};
use crate::error::Result;
use crate::image::family::PayloadKind;
use crate::image::geometry::TileId;
use crate::lossless::{original, tile_size};

/// What the archive holds: the name of its source, images that came with the slide, and metadata in stored tiles.
///
/// # Errors
/// Damaged data.
pub fn of_archive(archive: &Archive) -> Result<Vec<Held>> {
    let meta = archive.meta();
    let mut held = vec![Held::text("file name", "metadata, source", &meta.source.name)];
    for image in &meta.associated {
        let bytes = image.bytes().map_or(0, |png| png.len() as u64);
        held.push(Held::new(image.name.clone(), "metadata, associated image", bytes));
    }
    let mut tally = Tally::default();
    let geometry = archive.geometry();
    for entry in archive.tiles() {
        let (width, height) = tile_size(geometry, entry.id)?;
        if let (CodecId::Jpeg, bytes) = unpacked(entry.codec, archive.read_tile(entry)?, width, height)? {
            tally.add(&format!("level {}", entry.id.level), &name(entry.id), &bytes);
        }
    }
    for entry in archive.families().iter().filter(|_| meta.coding.originals) {
        let l0 = geometry.family_tiles(entry.id, 0).map(|tile| (PayloadKind::original(tile), tile));
        let l2 = geometry.family_tiles(entry.id, 2).map(|tile| (PayloadKind::Baseline, tile));
        for (kind, tile) in l0.chain(l2) {
            for payload in archive.read_payloads(entry, &[kind])? {
                let image = original(geometry, tile, payload)?;
                tally.add_tile(&format!("level {}", tile.level), &name(tile), &image);
            }
        }
    }
    held.extend(tally.finish());
    Ok(held)
}

fn name(tile: TileId) -> String {
    format!("tile {}_{}", tile.x, tile.y)
}

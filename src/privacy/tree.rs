//! A tree of tiles.

use super::held::{Held, Tally};
use crate::error::Result;
use crate::pyramid::tree::Tree;

/// Files that other programs leave beside tiles, with all that they knew of the slide.
const LEFTOVERS: [&str; 2] = ["vips-properties.xml", "scan-properties.xml"];

/// What the tree holds: the name of its slide, metadata in its tile files, and files beside them.
///
/// # Errors
/// A tile that cannot be read.
pub fn of_tree(tree: &Tree) -> Result<Vec<Held>> {
    let name = tree.path().file_name().unwrap_or_default().to_string_lossy();
    let mut held = vec![Held::text("file name", "the descriptor", &name)];
    let source = &tree.metadata().source;
    if !source.is_empty() {
        held.push(Held::text("file name", "the sidecar, source", source));
    }
    let (mut tally, mut ids) = (Tally::default(), Vec::new());
    tree.each_tile_file(|id, _| ids.push(id))?;
    for id in ids {
        tally.add(&format!("level {}", id.level), &format!("tile {}_{}", id.x, id.y), &tree.tile_bytes(id)?);
    }
    held.extend(tally.finish());
    for (path, bytes) in tree.files_named(&LEFTOVERS) {
        held.push(Held::new("metadata of the slide", path.display().to_string(), bytes));
    }
    Ok(held)
}

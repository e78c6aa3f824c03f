//! A tree of tiles.

use std::fs;

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
    for folder in [tree.files(), tree.path().parent().unwrap_or(tree.files())] {
        for path in LEFTOVERS.map(|name| folder.join(name)) {
            if let Ok(file) = fs::metadata(&path) {
                held.push(Held::new("metadata of the slide", path.display().to_string(), file.len()));
            }
        }
    }
    Ok(held)
}

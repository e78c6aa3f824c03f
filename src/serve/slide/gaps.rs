//! A tree without its low levels, as some tools write it: their tiles are made of finer ones.

use std::path::Path;

use crate::error::Result;
use crate::pyramid;
use crate::pyramid::tree::{Missing, Tree};

/// Opens a tree; also returns the number of levels, from the lowest one up, that it lacks.
///
/// # Errors
/// Damage; a level that lacks only some of its tiles.
pub fn open_tree(dzi: &Path) -> Result<(Tree, u32)> {
    let refused = match Tree::open_small_levels(dzi) {
        Ok(tree) => return Ok((tree, 0)),
        Err(e @ pyramid::Error::Refused { refusal: pyramid::Refusal::MissingTiles(_), .. }) => e,
        Err(e) => return Err(e.into()),
    };
    let tree = Tree::open(dzi, Missing::Background)?;
    let mut lacking = 0;
    for level in 0..=tree.geometry().top_level() {
        let (present, absent) = tree.tiles_on_disk(level)?;
        match (present.is_empty(), absent.count) {
            // Only levels below all others.
            (true, _) if lacking == level => lacking += 1,
            // Finer levels are not listed: their tiles are missed when they are asked for.
            (false, 0) if Some(level) >= tree.geometry().l2() => break,
            (false, 0) => {}
            _ => return Err(refused.into()),
        }
    }
    match lacking > tree.geometry().top_level() {
        true => Err(refused.into()),
        false => Ok((tree, lacking)),
    }
}

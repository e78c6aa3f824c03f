//! Checks a Deep Zoom tree: every tile of every level is there, is of the descriptor's format and decodes to its size.

use crate::backend::scheduler::{Scheduler, tile_bytes};
use crate::error::{Error, Result};
use crate::pyramid;
use crate::pyramid::tree::Tree;

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifiedTree {
    /// Levels of the tree.
    pub levels: u32,
    /// Levels among them that have no tiles, which readers make from finer ones.
    pub absent_levels: u32,
    /// Tiles that are whole.
    pub tiles: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

/// How many tiles a tree has, but for levels that are left out as a whole.
pub fn tile_count(tree: &Tree) -> u64 {
    let of_level = |(across, down): (u32, u32)| u64::from(across) * u64::from(down);
    let absent = tree.absent_levels();
    let levels = (0..=tree.geometry().top_level()).filter(|level| !absent.contains(level));
    levels.map(|level| of_level(tree.geometry().tiles(level))).sum()
}

/// Checks every tile. Calls `progress` with the number of tiles tried, missing ones among them, and `fault` for each tile that is
/// not what the descriptor says, and once a level for the tiles that are missing there, in the order of levels, rows and columns.
///
/// # Errors
/// A directory that cannot be listed; an interrupted run.
pub fn verify_tree(
    tree: &Tree,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64),
    fault: &mut dyn FnMut(Error),
) -> Result<VerifiedTree> {
    let geometry = tree.geometry();
    let absent = tree.absent_levels();
    let mut done = VerifiedTree {
        levels: geometry.top_level() + 1,
        absent_levels: absent.len() as u32,
        ..VerifiedTree::default()
    };
    let mut tried = 0;
    for level in (0..=geometry.top_level()).filter(|level| !absent.contains(level)) {
        let (present, missing) = tree.tiles_on_disk(level)?;
        tried += missing.count;
        if missing.count > 0 {
            fault(pyramid::Error::damaged(tree.path(), format!("{missing}; restore them")).into());
        }
        scheduler.pipelined(
            0,
            tile_bytes(geometry),
            tree.announced(present.into_iter()).map(Ok::<_, Error>),
            |(id, arrival)| async move {
                arrival.await;
                Ok(tree.check_tile(id))
            },
            |checked| {
                match checked {
                    Ok(bytes) => {
                        done.tiles += 1;
                        done.bytes += bytes;
                    }
                    Err(e) => fault(e.into()),
                }
                tried += 1;
                progress(tried);
                Ok(())
            },
        )?;
    }
    Ok(done)
}

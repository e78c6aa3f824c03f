//! Which of the descriptors of one directory are inputs.

use std::path::{Path, PathBuf};

use origami::decode::DECODED_NAME;
use origami::pyramid::build::PYRAMID_NAME;

use super::input::extension;

/// The descriptors in a directory: that of `origami pyramid` alone, where there is one.
pub fn own_trees(entries: &[PathBuf]) -> Vec<PathBuf> {
    let mut trees: Vec<_> = entries
        .iter()
        .filter(|path| matches!(&*extension(path), "dzi" | "szi") && !is_decoded(path))
        .cloned()
        .collect();
    if let Some(usual) =
        trees.iter().position(|path| path.file_stem().is_some_and(|stem| stem == PYRAMID_NAME))
    {
        trees = vec![trees.swap_remove(usual)];
    }
    trees
}

/// Whether a descriptor is that of a decoded tree: a result, and no source.
pub fn is_decoded(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == DECODED_NAME)
}

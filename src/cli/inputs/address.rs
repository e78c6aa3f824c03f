//! What lies at an address: a slide, a tree, a bundle or a pack, or those below a prefix.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use origami::pyramid::tree::{has_descriptor, is_tree_file, tile_root, trees_among};
use origami::slide::EXTENSIONS;
use origami::store;

use super::input::{Input, Thing, extension, input, tree_of_files};
use super::{Problem, is_decoded, own_trees};

/// What was found below a prefix.
pub struct Below {
    /// By key.
    pub list: Vec<Input>,
    /// Whether the prefix is itself a tree.
    pub is_tree: bool,
}

/// The slides, trees, bundles and packs whose keys begin with a prefix; `None` for an address that is one object. Of the trees of one
/// directory the usual ones, or with `all` every one.
pub fn below(path: &Path, all: bool) -> Option<Below> {
    if named(path).is_some() || is_tree_file(path) || matches!(&*extension(path), "png" | "jpg" | "jpeg") {
        return None;
    }
    if let Some(dzi) = tree_of_files(path) {
        return Some(Below { list: vec![input(&dzi, Thing::Tree, Path::new(""))], is_tree: true });
    }
    // A web server lists nothing. Where a store refuses, opening the object says why.
    let keys = store::files_below(path).ok().filter(|keys| !keys.is_empty())?;
    let of = |dir: &Path| dir.strip_prefix(path).map_or_else(|_| PathBuf::new(), Path::to_path_buf);
    let every = trees_among(&keys);
    let roots: Vec<_> = every.iter().filter_map(|tree| tile_root(tree)).collect();
    let is_tile = |key: &Path| roots.iter().any(|root| key.starts_with(root));
    let mut series = HashSet::new();
    let one = |key: &PathBuf| {
        let thing = named(key)?;
        let below = of(key.parent()?);
        // A DICOM slide is a directory of files; whichever is given, the others are found.
        let is_dicom = matches!(&*extension(key), "dcm" | "dicom");
        (!is_dicom || series.insert(below.clone())).then(|| input(key, thing, &below))
    };
    // Tiles are not of these kinds, and there may be very many.
    let mut list: Vec<_> = keys.iter().filter_map(one).filter(|input| !is_tile(&input.path)).collect();
    let trees = if all { every } else { usual(&every) };
    let trees: Vec<_> = trees.iter().map(|tree| of_tree(tree, of)).collect();
    let is_tree = list.is_empty() && matches!(&trees[..], [one] if one.home == path);
    list.extend(trees);
    list.sort_by(|a, b| a.path.cmp(&b.path));
    Some(Below { list, is_tree })
}

/// Of each directory the descriptors that a search on a disk takes.
fn usual(trees: &[PathBuf]) -> Vec<PathBuf> {
    let mut by_dir = BTreeMap::<&Path, Vec<PathBuf>>::new();
    for tree in trees {
        by_dir.entry(tree.parent().unwrap_or(tree)).or_default().push(tree.clone());
    }
    let is_file = |tree: &PathBuf| matches!(&*extension(tree), "dzi" | "szi");
    let other = trees.iter().filter(|tree| !is_file(tree) && !is_decoded(tree)).cloned();
    by_dir.values().flat_map(|trees| own_trees(trees)).chain(other).collect()
}

/// A tree; `of` gives the path of a directory below the prefix.
fn of_tree(tree: &Path, of: impl Fn(&Path) -> PathBuf) -> Input {
    if has_descriptor(tree) {
        return input(tree, Thing::Tree, &of(tree.parent().unwrap_or(tree)));
    }
    Input { path: tree.into(), ..input(&tree.join("tree"), Thing::Tree, &of(tree)) }
}

/// The one image at an address: an object; below a prefix its only tree, else its only bundle.
///
/// # Errors
/// None, or several.
pub fn image(path: &Path) -> Result<Option<Input>> {
    let Some(Below { list, .. }) = below(path, false) else { return Ok(None) };
    for kind in [Thing::Tree, Thing::Bundle] {
        let mut found = list.iter().filter(|input| input.thing == kind);
        if let (Some(one), None) = (found.next(), found.next()) {
            return Ok(Some(one.clone()));
        }
    }
    let problem = "there is not one tree or bundle below; name the slide, the tree or the bundle";
    Err(Problem::usage(path, problem).into())
}

/// The kind that an extension says.
fn named(path: &Path) -> Option<Thing> {
    match &*extension(path) {
        "bundle" => Some(Thing::Bundle),
        "pack" => Some(Thing::Pack),
        extension if EXTENSIONS.contains(&extension) => Some(Thing::Slide),
        _ => None,
    }
}

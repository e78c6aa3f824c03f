//! The slides below an address: its bundles and trees. Storage lists keys by the thousand, so there are no directories to walk. Of a
//! large tree only the first tiles are listed.
//!
//! Of a slide that has both the bundle is served.

use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::files::{Listing, SlideFiles, Stamp};
use super::folder::is_scanned;
use crate::archive::BUNDLE_NAME;
use crate::pyramid::tree::{
    has_descriptor, is_tree_file, keys_below, tile_root, tiles_of_trees, trees_among,
};
use crate::serve::options::SlideOptions;
use crate::serve::skipped::SkipReason;
use crate::store::remote::{self, Version};
use crate::store::{Address, Location};

/// Finds the bundles and trees below the root, which may be one itself.
///
/// # Errors
/// Storage that does not answer, or refuses.
pub fn scan(options: &SlideOptions) -> io::Result<Listing> {
    let Location::Address(root) = Location::parse(&options.root)? else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut listing = Listing::default();
    if is_bundle(&options.root) {
        let object = remote::Object::open_again(&root)?;
        listing.add(bundle(
            name(Path::new(&options.root.file_name().unwrap_or_default()), options),
            &root,
            object.version(),
        ));
        return Ok(listing);
    }
    if is_tree_file(&options.root) {
        let name = tree_name(&options.root, Path::new(""), true);
        let stamp = stamp(remote::Object::open_again(&root)?.version());
        listing.add(SlideFiles { stamp, ..SlideFiles::new(name, None, Some(options.root.clone())) });
        return Ok(listing);
    }
    let (mut keys, mut versions, mut scanned) = (Vec::new(), Vec::new(), Vec::new());
    for object in remote::list_sparsely(&root, tiles_of_trees)? {
        let path = object.address.to_path();
        let below = path.strip_prefix(&options.root).unwrap_or(&path);
        if below.iter().any(|part| part.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        if is_scanned(&path) {
            scanned.push(path.clone());
        } else if is_bundle(&path) {
            listing.add(bundle(name(below, options), &object.address, &object.version));
        }
        keys.push(path);
        versions.push(object.version);
    }
    let trees = trees_among(&keys);
    for tree in &trees {
        let beside = |other: &&PathBuf| other.parent() == tree.parent() && is_dzi(other);
        let is_alone = trees.iter().filter(beside).count() <= 1;
        let below = tree.strip_prefix(&options.root).unwrap_or(tree);
        let name = tree_name(tree, below, is_alone);
        if !listing.slides.contains_key(&name) {
            let stamp = tree_stamp(tree, &keys, &versions);
            listing.add(SlideFiles { stamp, ..SlideFiles::new(name, None, Some(tree.clone())) });
        }
    }
    for path in scanned {
        let below = path.strip_prefix(&options.root).unwrap_or(&path);
        // Of one that is encoded the bundle is served.
        if !listing.slides.contains_key(&name(below, options)) {
            listing.skip(path, SkipReason::ScannedFarAway);
        }
    }
    Ok(listing)
}

fn is_dzi(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("dzi"))
}

/// The name of a tree: that of its directory where it is the only one there, as on a disk.
fn tree_name(tree: &Path, below: &Path, is_alone: bool) -> String {
    let is_szi = tree.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("szi"));
    let dir = if has_descriptor(tree) { below.parent().unwrap_or(below) } else { below };
    let of = match (is_szi || is_dzi(tree) && !is_alone, dir.as_os_str().is_empty()) {
        (true, _) => below.with_extension(""),
        (false, false) => dir.to_path_buf(),
        // The root is the tree: it has the root's own name.
        (false, true) => {
            let root = if has_descriptor(tree) { tree.parent().unwrap_or(tree) } else { tree };
            root.file_name().unwrap_or_default().into()
        }
    };
    let name = parts(&of).join("/");
    if name.is_empty() { tree.file_stem().unwrap_or_default().to_string_lossy().into_owned() } else { name }
}

/// The stamp of a tree: it changes when the content of any of its objects that are listed does.
fn tree_stamp(tree: &Path, keys: &[PathBuf], versions: &[Version]) -> Stamp {
    let (mut count, mut bytes, mut hash) = (0, 0, Xxh3::new());
    let own = keys.iter().position(|key| key == tree).map(|at| at..at + 1);
    let tiles = tile_root(tree).map(|root| keys_below(keys, &root));
    for at in own.into_iter().chain(tiles).flatten() {
        let (Some(key), Some(version)) = (keys.get(at), versions.get(at)) else { continue };
        count += 1;
        bytes += version.size;
        hash.update(key.as_os_str().as_encoded_bytes());
        hash.update(version.etag.as_deref().unwrap_or_default().as_bytes());
        hash.update(&version.modified_us.to_le_bytes());
    }
    vec![(bytes, count, hash.digest())]
}

fn is_bundle(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "bundle")
}

fn bundle(name: String, address: &Address, version: &Version) -> SlideFiles {
    let mut files = SlideFiles::new(name, None, None);
    files.archive = Some(address.to_path());
    files.stamp = stamp(version);
    files
}

/// The stamp of an object: it changes when its content does.
fn stamp(version: &Version) -> Stamp {
    let etag = version.etag.as_deref().map_or(0, |etag| xxh3_64(etag.as_bytes()));
    vec![(version.size, version.modified_us.cast_unsigned(), etag)]
}

/// The name of the slide whose bundle lies at `below` the root: without the extension, and without what the usual layout adds.
fn name(below: &Path, options: &SlideOptions) -> String {
    let usual = below.file_name() == Some(BUNDLE_NAME.as_ref());
    let dir = below
        .parent()
        .filter(|dir| dir.ends_with(&options.pack_dir) || dir.ends_with(&options.residuals_dir));
    let of = match dir.and_then(Path::parent).filter(|dir| usual && !dir.as_os_str().is_empty()) {
        Some(dir) => dir.to_path_buf(),
        None => below.with_extension(""),
    };
    parts(&of).join("/")
}

fn parts(path: &Path) -> Vec<String> {
    path.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_have_the_names_that_they_have_on_a_disk() {
        let options = SlideOptions::default();
        for (below, want) in [
            ("a.bundle", "a"),
            ("x/y/b.bundle", "x/y/b"),
            ("x/case/residual_packs/residuals.bundle", "x/case"),
            ("residual_packs/residuals.bundle", "residual_packs/residuals"),
            ("case/residuals.bundle", "case/residuals"),
        ] {
            assert_eq!(name(Path::new(below), &options), want);
        }
    }
}

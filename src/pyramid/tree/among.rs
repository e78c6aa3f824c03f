//! The trees in a list of keys, as a store gives it: sorted, without directories, and with every tile. Contents are not read.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::find::{TILE_EXTENSIONS, stem};
use super::open::{IIIF, ZOOMIFY};

/// What the directories of tiles of Zoomify are called, before their numbers.
const GROUP: &str = "TileGroup";
/// No tile has a name behind this one.
const LAST: char = '~';

/// The trees among sorted keys: their descriptors, their zips, and the directories of those without a descriptor.
pub fn trees_among(keys: &[PathBuf]) -> Vec<PathBuf> {
    let one = |key: &PathBuf| {
        let is_known = has_descriptor(key) && (!is_named(key, IIIF) || has_iiif_tiles(keys, key));
        if is_known { Some(key.clone()) } else { google_maps(key) }
    };
    keys.iter().filter_map(one).collect()
}

/// Whether a tree of [`trees_among`] is given by its descriptor or zip, and not by its directory.
pub fn has_descriptor(tree: &Path) -> bool {
    has_extension(tree, "dzi")
        || has_extension(tree, "szi")
        || is_named(tree, ZOOMIFY)
        || is_named(tree, IIIF)
}

/// The directory below which the tiles of a tree of [`trees_among`] lie; `None` of a zip.
pub fn tile_root(tree: &Path) -> Option<PathBuf> {
    if has_extension(tree, "szi") {
        None
    } else if has_extension(tree, "dzi") {
        Some(tree.with_file_name(format!("{}_files", stem(tree))))
    } else if has_descriptor(tree) {
        tree.parent().map(Path::to_path_buf)
    } else {
        Some(tree.to_path_buf())
    }
}

/// The sorted keys below a directory, as indices.
pub fn keys_below(keys: &[PathBuf], dir: &Path) -> std::ops::Range<usize> {
    let mut prefix = dir.as_os_str().as_encoded_bytes().to_vec();
    prefix.push(b'/');
    let start = keys.partition_point(|key| key.as_os_str().as_encoded_bytes() < &prefix[..]);
    let is_below = |key: &PathBuf| key.as_os_str().as_encoded_bytes().starts_with(&prefix);
    let count = keys.get(start..).unwrap_or_default().partition_point(is_below);
    start..start + count
}

/// Takes keys one after another. For one that it tells it returns the key behind which others go on.
pub type Teller = Box<dyn FnMut(&str) -> Option<String> + Send>;

/// Tells the tiles of trees among keys that come in order: for one of a tree that was seen before it, the key behind which other keys
/// than these tiles go on. The tiles of a static image service come before what describes them, and are not told.
pub fn tiles_of_trees() -> Teller {
    let (mut tiles, mut zoomify, mut google) = (HashSet::new(), HashSet::new(), HashSet::new());
    Box::new(move |key| {
        let path = Path::new(key);
        if has_extension(path, "dzi") {
            tiles.extend(tile_root(path));
        } else if is_named(path, ZOOMIFY) {
            zoomify.extend(path.parent().map(Path::to_path_buf));
        } else {
            google.extend(google_maps(path));
        }
        path.ancestors().skip(1).find_map(|dir| {
            let (parent, name) = (dir.parent()?, dir.file_name()?.to_str()?);
            let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let (is_level, is_group) = (is_number(name), name.strip_prefix(GROUP).is_some_and(is_number));
            if tiles.contains(dir) || is_level && google.contains(parent) {
                Some(format!("{}/{LAST}", dir.to_str()?))
            } else if is_group && zoomify.contains(parent) {
                // Of names that begin like those of groups, Zoomify makes no others.
                Some(format!("{}9{LAST}", parent.join(GROUP).to_str()?))
            } else {
                None
            }
        })
    })
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|own| own.eq_ignore_ascii_case(wanted))
}

fn is_named(path: &Path, wanted: &str) -> bool {
    path.file_name().is_some_and(|own| own == wanted)
}

/// Whether tiles of a static image service lie beside an `info.json`: others have a file of this name as well.
fn has_iiif_tiles(keys: &[PathBuf], info: &Path) -> bool {
    let below = info.parent().map(|dir| keys_below(keys, dir)).unwrap_or_default();
    keys.get(below)
        .unwrap_or_default()
        .iter()
        .any(|key| key.file_stem().is_some_and(|stem| stem == "default"))
}

/// The directory of a Google Maps tree, by its coarsest tile.
fn google_maps(key: &Path) -> Option<PathBuf> {
    let extension = key.extension()?.to_str()?;
    TILE_EXTENSIONS.contains(&extension).then_some(())?;
    let dir = key.ancestors().nth(3)?;
    (key.strip_prefix(dir).ok()? == Path::new(&format!("0/0/0.{extension}"))).then(|| dir.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_found_by_their_keys() {
        let mut keys = [
            "s3://b/a/tree.dzi",
            "s3://b/a/tree_files/0/0_0.jpg",
            "s3://b/g/0/0/0.png",
            "s3://b/g/1/0/0.png",
            "s3://b/g.txt",
            "s3://b/i/0,0,9,9/9,/0/default.jpg",
            "s3://b/i/info.json",
            "s3://b/other/info.json",
            "s3://b/x.szi",
            "s3://b/z/ImageProperties.xml",
            "s3://b/z/TileGroup0/0-0-0.jpg",
        ]
        .map(PathBuf::from);
        keys.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
        let found = trees_among(&keys);
        let want = ["a/tree.dzi", "g", "i/info.json", "x.szi", "z/ImageProperties.xml"]
            .map(|name| Path::new("s3://b").join(name));
        assert_eq!(found, want);
        let tiles = |tree: &PathBuf| tile_root(tree).map_or(0, |root| keys_below(&keys, &root).len());
        assert_eq!(found.iter().map(tiles).collect::<Vec<_>>(), [1, 2, 2, 0, 2]);
        assert_eq!(
            found.iter().map(|tree| has_descriptor(tree)).collect::<Vec<_>>(),
            [true, false, true, true, true]
        );
    }

    #[test]
    fn tiles_of_trees_are_told_and_nothing_else_is() {
        let mut tell = tiles_of_trees();
        for (key, behind) in [
            ("a/0/b.svs", None),
            ("a/t.dzi", None),
            ("a/t_files/0/0_0.jpg", Some("a/t_files/~")),
            ("a/t_files/12/3_4.jpg", Some("a/t_files/~")),
            ("a/t_files2/0/0_0.jpg", None),
            ("g/0/0/0.png", Some("g/0/~")),
            ("g/1/0/0.png", Some("g/1/~")),
            ("g/more/x.bundle", None),
            ("i/0,0,9,9/9,/0/default.jpg", None),
            ("i/info.json", None),
            ("other_files/0/0_0.jpg", None),
            ("z/ImageProperties.xml", None),
            ("z/TileGroup0/0-0-0.jpg", Some("z/TileGroup9~")),
            ("z/TileGroup11/0-0-0.jpg", Some("z/TileGroup9~")),
            ("z/TileGroups.bundle", None),
        ] {
            assert_eq!(tell(key).as_deref(), behind, "{key}");
        }
    }
}

//! What lies at an address: a slide, a bundle or a pack, or those below a prefix.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use origami::slide::EXTENSIONS;
use origami::store;

use super::input::{Input, Thing, extension, input};

/// The slides, bundles and packs whose keys begin with a prefix, by key; `None` for an address that is one object.
pub fn below(path: &Path) -> Option<Vec<Input>> {
    if named(path).is_some() || matches!(&*extension(path), "png" | "jpg" | "jpeg") {
        return None;
    }
    // A web server lists nothing. Where a store refuses, opening the object says why.
    let keys = store::files_below(path).ok().filter(|keys| !keys.is_empty())?;
    let mut series = HashSet::new();
    let one = |key: &PathBuf| {
        let thing = named(key)?;
        let below = key.strip_prefix(path).ok()?.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        // A DICOM slide is a directory of files; whichever is given, the others are found.
        let is_dicom = matches!(&*extension(key), "dcm" | "dicom");
        (!is_dicom || series.insert(below.clone())).then(|| input(key, thing, &below))
    };
    Some(keys.iter().filter_map(one).collect())
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

//! What lies at an address: a bundle, a pack, a slide, or those below a prefix.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use origami::pyramid::tree::is_tree_file;
use origami::slide::EXTENSIONS;
use origami::store;

use super::input::{Input, Thing, extension, input};
use super::{Takes, file, nothing_in};
use crate::cli::fault::Problem;

/// Adds what lies at an address to `found`. Returns whether it is a prefix, whose keys were searched.
pub fn at_address(path: &Path, takes: Takes, found: &mut Vec<Input>) -> Result<bool> {
    if is_tree_file(path) {
        let problem = "trees are read from local disks; copy it, or give the slide or its bundle";
        return Err(Problem::usage(path, problem).into());
    }
    if named(path).is_some() || matches!(&*extension(path), "png" | "jpg" | "jpeg") {
        found.push(file(path, takes)?);
        return Ok(false);
    }
    let keys = match store::files_below(path) {
        Ok(keys) if !keys.is_empty() => keys,
        // One object without an extension; or a web server, which lists nothing.
        _ => {
            found.push(file(path, takes)?);
            return Ok(false);
        }
    };
    let before = found.len();
    let mut series = HashSet::new();
    for key in keys {
        let Some(thing) = named(&key).filter(|&thing| takes.takes(thing)) else { continue };
        let below =
            key.strip_prefix(path).ok().and_then(Path::parent).map_or_else(PathBuf::new, Path::to_path_buf);
        // A DICOM slide is a directory of files; whichever is given, the others are found.
        if extension(&key).starts_with("dc") && !series.insert(below.clone()) {
            continue;
        }
        found.push(input(&key, thing, &below));
    }
    if found.len() == before {
        return Err(nothing_in(path, takes));
    }
    Ok(true)
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

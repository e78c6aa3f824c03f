//! Everything at some paths and below: also what other commands leave out because something better lies beside it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{
    Input, Inputs, Takes, Thing, at_address, dicom_series, dicom_slides, entries, extension, input,
    is_address, is_slide, is_tree_files, itself, nothing_in, thing_of_file, tree_of_files,
};

/// Finds every slide, tree, bundle and pack, decoded trees and packs beside their bundle among them. A file that cannot be read is an
/// input of its own, so that it fails in its turn.
///
/// # Errors
/// A directory that cannot be listed or holds nothing.
pub fn everything(paths: &[PathBuf]) -> Result<Inputs> {
    let (mut list, mut several) = (Vec::new(), paths.len() > 1);
    for path in paths {
        if is_address(path) {
            several |= at_address(path, Takes::ALL, true, &mut list)?;
            continue;
        }
        if !path.is_dir() {
            list.push(found(path, thing_of_file(path).unwrap_or(Thing::Slide)));
            continue;
        }
        if let Some(dzi) = tree_of_files(path) {
            list.push(found(&dzi, Thing::Tree));
            continue;
        }
        let before = list.len();
        // The form of what is reported must not depend on how much a directory happens to hold.
        several |= itself(path, Takes::ALL)?.is_none();
        search(path, &mut list)?;
        if list.len() == before {
            return Err(nothing_in(path, Takes::ALL));
        }
    }
    Ok(Inputs { several: several || list.len() > 1, list })
}

fn found(path: &Path, thing: Thing) -> Input {
    input(path, thing, Path::new(""))
}

fn search(dir: &Path, list: &mut Vec<Input>) -> Result<()> {
    let entries = entries(dir)?;
    if let Some(series) = dicom_series(dir, &entries, Path::new("")) {
        list.push(series);
        return Ok(());
    }
    let dicom = dicom_slides(&entries);
    for path in entries {
        if path.is_dir() {
            // A link may lead back to where the search came from.
            if !is_tree_files(&path) && !path.is_symlink() {
                search(&path, list)?;
            }
            continue;
        }
        let thing = match extension(&path).as_str() {
            "dzi" => Thing::Tree,
            "bundle" => Thing::Bundle,
            "pack" => Thing::Pack,
            _ if is_slide(&path, &dicom) => Thing::Slide,
            _ => continue,
        };
        list.push(found(&path, thing));
    }
    Ok(())
}

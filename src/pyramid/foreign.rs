//! What lies where a tree is to be replaced and is no part of one: it would be deleted with the old tree.

use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::metadata::{SlideMetadata, is_sidecar};
use crate::store;

/// Largest sidecar.
const MAX_SIDECAR_BYTES: u64 = 1 << 20;
/// File name extensions of the tiles that this program writes.
const EXTENSIONS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// The first such file or directory of the tree `dir/NAME.dzi`, if there is one: in its directory of tiles, or under the names of its
/// sidecar and its profile.
pub fn foreign_part(dir: &Path, name: &str) -> io::Result<Option<PathBuf>> {
    let at = |ending: &str| dir.join(format!("{name}{ending}"));
    let (sidecar, profile) = (at(".json"), at(".icc"));
    let text = match store::read(&sidecar, MAX_SIDECAR_BYTES) {
        Ok(text) if is_sidecar(&text) => Some(text),
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        _ => return Ok(Some(sidecar)),
    };
    let metadata: Option<SlideMetadata> = text.and_then(|text| serde_json::from_slice(&text).ok());
    let named = metadata.and_then(|metadata| metadata.icc_profile);
    if profile.symlink_metadata().is_ok() && named != Some(format!("{name}.icc")) {
        return Ok(Some(profile));
    }
    foreign_tile(&at("_files"))
}

/// What of a directory of tiles is neither the directory of a level nor a tile in one.
fn foreign_tile(files: &Path) -> io::Result<Option<PathBuf>> {
    match files.symlink_metadata() {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(kind) if !kind.is_dir() => return Ok(Some(files.into())),
        Err(e) => return Err(e),
        Ok(_) => {}
    }
    let is_level = |entry: &DirEntry| {
        let name = entry.file_name();
        Ok(entry.file_type()?.is_dir() && name.to_str().is_some_and(is_number))
    };
    let is_tile = |entry: &DirEntry| {
        let name = entry.file_name();
        Ok(entry.file_type()?.is_file() && name.to_str().is_some_and(is_tile_name))
    };
    if let Some(other) = first_other(files, is_level)? {
        return Ok(Some(other));
    }
    for level in fs::read_dir(files)? {
        if let Some(other) = first_other(&level?.path(), is_tile)? {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

/// The entry of a directory that is first by its name among those that are not `ours`.
pub fn first_other(dir: &Path, ours: impl Fn(&DirEntry) -> io::Result<bool>) -> io::Result<Option<PathBuf>> {
    let mut first: Option<PathBuf> = None;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !ours(&entry)? && first.as_ref().is_none_or(|first| entry.path() < *first) {
            first = Some(entry.path());
        }
    }
    Ok(first)
}

fn is_tile_name(name: &str) -> bool {
    let parts = name.split_once('.').and_then(|(place, extension)| Some((place.split_once('_')?, extension)));
    parts.is_some_and(|((x, y), extension)| is_number(x) && is_number(y) && EXTENSIONS.contains(&extension))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_no_tree_holds_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let found = || foreign_part(dir.path(), "a").unwrap();
        assert_eq!(found(), None);
        fs::create_dir_all(at("a_files/12")).unwrap();
        fs::write(at("a_files/12/0_0.webp"), "").unwrap();
        fs::write(at("a.json"), r#"{"generator": "origami 0.1.0", "icc_profile": "a.icc"}"#).unwrap();
        fs::write(at("a.icc"), "").unwrap();
        assert_eq!(found(), None);
        for other in
            ["a_files/12/0_0.txt", "a_files/12/0_a.jpg", "a_files/notes", "a_files/12/1_1", "a_files/7"]
        {
            fs::write(at(other), "").unwrap();
            assert_eq!(found(), Some(at(other)));
            fs::remove_file(at(other)).unwrap();
        }
        fs::create_dir(at("a_files/slides")).unwrap();
        assert_eq!(found(), Some(at("a_files/slides")));
        fs::remove_dir(at("a_files/slides")).unwrap();
        fs::write(at("a.json"), r#"{"generator": "origami 0.1.0"}"#).unwrap();
        assert_eq!(found(), Some(at("a.icc")));
        fs::write(at("a.json"), r#"{"marks": []}"#).unwrap();
        assert_eq!(found(), Some(at("a.json")));
    }
}

//! One input: its kind, and the places that follow from its path.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use origami::archive::PACK_DIR;
use origami::store;

/// The kind of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A slide or an image.
    Slide,
    /// A Deep Zoom tree.
    Tree,
    /// A bundle.
    Bundle,
    /// One pack.
    Pack,
    /// A directory of packs without a bundle.
    Packs,
}

/// A slide, tree or archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What to open. For a tree its descriptor, or the path as it was given.
    pub path: PathBuf,
    /// Its kind.
    pub thing: Thing,
    /// Where results of several inputs go below `--out`: the slide's path below the directory in which it was found, without
    /// extension and without the directories that a layout adds.
    pub name: PathBuf,
    /// Where its results go without `--out`: the directory of the slide.
    pub home: PathBuf,
}

/// An input at `path`, found in the directory `below`.
pub fn input(path: &Path, thing: Thing, below: &Path) -> Input {
    let dir = path.parent().unwrap_or(Path::new(""));
    let in_layout = dir.file_name().is_some_and(|name| name == PACK_DIR);
    let (home, name) = match thing {
        // A tree's results lie in its directory. So do those of an archive in the layout of a slide's directory.
        Thing::Tree if extension(path) != "szi" => (dir.to_path_buf(), below.to_path_buf()),
        Thing::Packs if path.file_name().is_some_and(|name| name == PACK_DIR) => {
            (dir.to_path_buf(), below.parent().unwrap_or(below).to_path_buf())
        }
        Thing::Packs => (path.to_path_buf(), below.to_path_buf()),
        Thing::Bundle | Thing::Pack if in_layout => {
            (dir.parent().unwrap_or(dir).to_path_buf(), below.parent().unwrap_or(below).to_path_buf())
        }
        // A tree in one file is as a slide is.
        Thing::Tree | Thing::Bundle | Thing::Pack | Thing::Slide => {
            let stem = path.file_stem().unwrap_or_default();
            (dir.join(stem), below.join(stem))
        }
    };
    // A path such as `.` has no name of its own.
    let name = if name.as_os_str().is_empty() { own_name(&home) } else { name };
    let path = if thing == Thing::Tree && path.as_os_str().is_empty() { dir } else { path };
    Input { path: path.to_path_buf(), thing, name, home }
}

/// The name of a directory, also of `.` and `..`.
pub fn own_name(dir: &Path) -> PathBuf {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let full = if dir.file_name().is_none() { fs::canonicalize(dir).ok() } else { None };
    full.as_deref().unwrap_or(dir).file_name().map_or_else(PathBuf::new, PathBuf::from)
}

/// The descriptor beside a directory that holds the tiles of its tree.
pub fn tree_of_files(dir: &Path) -> Option<PathBuf> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let dzi = dir.with_file_name(format!("{}.dzi", name.strip_suffix("_files")?));
    store::is_file(&dzi).then_some(dzi)
}

/// Whether a directory holds the tiles of a tree beside it.
pub fn is_tree_files(dir: &Path) -> bool {
    tree_of_files(dir).is_some()
}

/// What a directory holds, by name. Names that begin with a dot are other programs' or unfinished.
pub fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let cannot_list = || format!("cannot list {}", dir.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(cannot_list)? {
        let entry = entry.with_context(cannot_list)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The extension in lower case; empty where there is none.
pub fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

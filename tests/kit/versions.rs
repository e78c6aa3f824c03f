//! The files of earlier versions in `tests/versions`, which `scripts/versions.sh` wrote.

use std::fs;
use std::path::{Path, PathBuf};

/// What lies in a directory, by name.
pub fn files_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// A folder for each version, the oldest first.
pub fn versions() -> Vec<PathBuf> {
    let mut all = files_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/versions"));
    let number = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    all.sort_by_key(number);
    assert!(!all.is_empty());
    all
}

//! What is below a directory.

use std::fs;
use std::path::Path;

/// All files and directories under `dir`, relative, sorted.
pub fn listing(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(at) = todo.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_string());
            if path.is_dir() {
                todo.push(path);
            }
        }
    }
    found.sort();
    found
}

/// All files under `dir` with their bytes, by relative path, sorted.
pub fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let files = listing(dir).into_iter().filter(|name| dir.join(name).is_file());
    files.map(|name| (name.clone(), fs::read(dir.join(&name)).unwrap())).collect()
}

/// Copies a directory with all that is in it.
pub fn copy_all(from: &Path, to: &Path) {
    for name in listing(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        match from.is_dir() {
            true => fs::create_dir_all(to).unwrap(),
            false => {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(from, to).unwrap();
            }
        }
    }
}

/// Fails if anything with `.part` in its name is left under `dir`.
#[track_caller]
pub fn no_leftovers(dir: &Path) {
    none_of(dir, &[".part"]);
}

/// Fails if anything stands under a final name of `encode`, `pyramid` or `decode`, or a temporary file is left.
#[track_caller]
pub fn nothing_written(dir: &Path) {
    none_of(dir, &["residuals.bundle", ".pack", "_pyramid.dzi", "_pyramid_files", ".json", ".icc", ".part"]);
}

#[track_caller]
fn none_of(dir: &Path, names: &[&str]) {
    let mut left = listing(dir);
    left.retain(|path| names.iter().any(|name| path.contains(name)));
    assert!(left.is_empty(), "left in {}: {left:?}", dir.display());
}

//! Finds the slides under the root: which files belong to each, by their names alone.
//!
//! Opens no archive and no tree.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::options::SlideOptions;
use crate::archive::BUNDLE_NAME;

/// The files of a slide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlideFiles {
    /// The slide's name in addresses.
    pub name: String,
    /// A bundle, or a directory of packs.
    pub archive: Option<PathBuf>,
    /// The descriptor of its tree.
    pub tree: Option<PathBuf>,
    /// Whether all that it has are residuals in the layout of an older tool, which cannot be served.
    pub loose_residuals: bool,
    /// The stamp of archive and descriptor, which changes when one of them does.
    pub stamp: Stamp,
}

/// Length, modification time in nanoseconds and inode of each file; zeros for one that does not exist.
pub type Stamp = Vec<(u64, u64, u64)>;

/// The stamp of the files at `paths`.
pub fn stamp<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Stamp {
    let of = |path: &Path| {
        let meta = std::fs::metadata(path).ok()?;
        let nanos =
            meta.mtime().cast_unsigned().wrapping_mul(1_000_000_000) + meta.mtime_nsec().cast_unsigned();
        Some((meta.len(), nanos, meta.ino()))
    };
    paths.into_iter().map(|path| of(path).unwrap_or_default()).collect()
}

/// The slides under the root: directories of the usual layout, and single bundles.
///
/// # Errors
/// A directory that cannot be read now.
pub fn scan(options: &SlideOptions) -> std::io::Result<BTreeMap<String, SlideFiles>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(&options.root)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let Some(file) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        if path.is_dir() {
            if let Some(files) = in_directory(file, &path, options)? {
                // A directory takes precedence over a bundle of the same name.
                all.insert(file.to_string(), files);
            }
        } else if let Some(name) = file.strip_suffix(".bundle").filter(|name| !name.is_empty()) {
            let stamp = stamp([path.as_path()]);
            let files = SlideFiles {
                name: name.into(),
                archive: Some(path),
                tree: None,
                loose_residuals: false,
                stamp,
            };
            all.entry(name.to_string()).or_insert(files);
        }
    }
    Ok(all)
}

fn in_directory(name: &str, dir: &Path, options: &SlideOptions) -> std::io::Result<Option<SlideFiles>> {
    let places = [dir.join(&options.pack_dir), dir.join(&options.residuals_dir)];
    let [first, second] = &places;
    let archive = match archive_in(first)? {
        Some(archive) => Some(archive),
        None => archive_in(second)?,
    };
    let usual = dir.join("baseline_pyramid.dzi");
    let tree = if usual.is_file() { Some(usual) } else { only_descriptor(dir)? };
    let loose_residuals = archive.is_none() && (has_loose_residuals(first)? || has_loose_residuals(second)?);
    if archive.is_none() && tree.is_none() && !loose_residuals {
        return Ok(None);
    }
    let stamp = stamp([&archive, &tree].into_iter().flatten().map(PathBuf::as_path));
    Ok(Some(SlideFiles { name: name.into(), archive, tree, loose_residuals, stamp }))
}

/// The descriptor in a directory, if there is exactly one.
fn only_descriptor(dir: &Path) -> std::io::Result<Option<PathBuf>> {
    let mut found = list(dir)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "dzi"));
    Ok(found.next().filter(|_| found.next().is_none()))
}

/// The entries of a directory; none if it does not exist.
///
/// # Errors
/// A directory that cannot be read now.
fn list(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(e) if matches!(e.kind(), NotFound | NotADirectory) => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// Whether a slide's directory holds residuals as loose images, which older tools wrote.
fn has_loose_residuals(dir: &Path) -> std::io::Result<bool> {
    let is_image = |path: &PathBuf| {
        path.extension().is_some_and(|e| e == "jpg" || e == "jpeg" || e == "png" || e == "webp")
    };
    let here = list(dir)?;
    if here.iter().any(is_image) {
        return Ok(true);
    }
    for below in here.iter().filter(|path| path.is_dir()) {
        if list(below)?.iter().any(is_image) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The archive in a directory: a bundle, else packs.
fn archive_in(dir: &Path) -> std::io::Result<Option<PathBuf>> {
    let bundle = dir.join(BUNDLE_NAME);
    if bundle.is_file() {
        return Ok(Some(bundle));
    }
    let packs = list(dir)?.iter().any(|path| path.extension().is_some_and(|e| e == "pack"));
    Ok(packs.then(|| dir.to_path_buf()))
}

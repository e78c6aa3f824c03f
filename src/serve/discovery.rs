//! Finds the slides under the root: which files belong to each, by their names alone.
//!
//! Opens no archive and no tree.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::options::SlideOptions;
use super::skipped::{SkipReason, Skipped};
use crate::archive::BUNDLE_NAME;
use crate::slide::EXTENSIONS;

/// The descriptor of a slide's tree, where it has the usual name.
const TREE: &str = "baseline_pyramid.dzi";

/// The files of a slide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlideFiles {
    /// The slide's name in addresses.
    pub name: String,
    /// A bundle, or a directory of packs.
    pub archive: Option<PathBuf>,
    /// The descriptor of its tree.
    pub tree: Option<PathBuf>,
    /// A slide of its name beside it, which may be what the archive was made of.
    pub source: Option<PathBuf>,
    /// Whether all that it has are residuals in the layout of an older tool, which cannot be served.
    pub loose_residuals: bool,
    /// The stamp of these files, which changes when one of them does.
    pub stamp: Stamp,
}

impl SlideFiles {
    fn new(name: String, archive: Option<PathBuf>, tree: Option<PathBuf>) -> Self {
        let stamp = stamp([&archive, &tree].into_iter().flatten().map(PathBuf::as_path));
        Self { name, archive, tree, source: None, loose_residuals: false, stamp }
    }

    fn with_source(mut self, source: PathBuf) -> Self {
        self.stamp.extend(stamp([source.as_path()]));
        self.source = Some(source);
        self
    }

    /// The file or directory that stands for the slide.
    pub fn path(&self) -> &Path {
        self.archive.as_deref().or(self.tree.as_deref()).unwrap_or(Path::new(&self.name))
    }
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

/// What the root holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// The slides by name.
    pub slides: BTreeMap<String, SlideFiles>,
    /// What is not served.
    pub skipped: Vec<Skipped>,
}

impl Listing {
    fn add(&mut self, slide: SlideFiles) {
        self.slides.insert(slide.name.clone(), slide);
    }

    fn skip(&mut self, path: PathBuf, reason: SkipReason) {
        self.skipped.push(Skipped { path, reason });
    }
}

/// Finds the slides at the root. A file is one slide, and so is a directory with an archive or a tree of its own. Any other directory
/// holds slides: directories of the usual layout, bundles, and trees by their descriptors.
///
/// # Errors
/// A directory that cannot be read now.
pub fn scan(options: &SlideOptions) -> std::io::Result<Listing> {
    let mut listing = Listing::default();
    if let Some(slide) = root_itself(options)? {
        listing.add(slide);
        return Ok(listing);
    }
    let mut directories = Vec::new();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&options.root)? {
        let path = entry?.path();
        match path.file_name().map(OsStr::to_str) {
            Some(Some(name)) if name.starts_with('.') => {}
            Some(Some(name)) if path.is_dir() => directories.push((name.to_string(), path)),
            Some(Some(_)) => files.push(path),
            _ => listing.skip(path, SkipReason::NotUtf8),
        }
    }
    files.sort();
    // The tiles of a tree lie beside its descriptor, and the pixels of some slides beside their main file.
    let is_part = |name: &str| {
        let of = name.strip_suffix("_files").unwrap_or(name);
        files.iter().any(|file| file.file_stem() == Some(of.as_ref()))
    };
    for (name, path) in directories {
        match in_directory(&name, &path, options)? {
            Some(slide) => listing.add(slide),
            None if is_part(&name) => {}
            None => listing.skip(path, SkipReason::Empty),
        }
    }
    let (scanned, archives): (Vec<_>, Vec<_>) = files.into_iter().partition(|path| is_scanned(path));
    for path in archives {
        match single_file(&path, stem(&path)) {
            // A directory takes precedence over a file of the same name, and a bundle over a tree.
            Some(slide) if listing.slides.contains_key(&slide.name) => {
                listing.skip(path, SkipReason::SameName)
            }
            Some(slide) => listing.add(slide),
            None => {}
        }
    }
    for path in scanned {
        let archived = listing.slides.remove(&stem(&path));
        match archived {
            Some(slide) if slide.archive.is_some() && slide.source.is_none() => {
                listing.add(slide.with_source(path))
            }
            other => {
                other.into_iter().for_each(|slide| listing.add(slide));
                listing.skip(path, SkipReason::NotEncoded);
            }
        }
    }
    Ok(listing)
}

/// The root as one slide: a file, or a directory with an archive or a tree of the usual name. A scanned slide is the one whose
/// archive lies beside it.
///
/// # Errors
/// A directory that cannot be read now.
pub fn root_itself(options: &SlideOptions) -> std::io::Result<Option<SlideFiles>> {
    let root = &options.root;
    let name = name_of(root, options);
    if root.is_file() && is_scanned(root) {
        let in_directory = in_directory(&name, &root.with_extension(""), options)?;
        let bundle = root.with_extension("bundle");
        let beside = in_directory.filter(|slide| slide.archive.is_some());
        let beside = beside.or_else(|| bundle.is_file().then(|| single_file(&bundle, name)).flatten());
        return Ok(beside.map(|slide| slide.with_source(root.clone())));
    }
    if root.is_file() {
        return Ok(single_file(root, name));
    }
    if list(root)?.iter().any(|path| has_extension(path, &["pack"])) {
        return Ok(Some(SlideFiles::new(name, Some(root.clone()), None)));
    }
    let slide = in_directory(&name, root, options)?;
    Ok(slide.filter(|slide| slide.archive.is_some() || slide.loose_residuals || root.join(TREE).is_file()))
}

/// Whether a file is a slide that must be encoded before it is served.
fn is_scanned(path: &Path) -> bool {
    has_extension(path, &EXTENSIONS)
}

/// A bundle or the descriptor of a tree.
fn single_file(path: &Path, name: String) -> Option<SlideFiles> {
    let is = |extension| has_extension(path, &[extension]) && !name.is_empty();
    if is("bundle") {
        return Some(SlideFiles::new(name, Some(path.into()), None));
    }
    is("dzi").then(|| SlideFiles::new(name, None, Some(path.into())))
}

fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_lowercase);
    extension.is_some_and(|extension| known.contains(&extension.as_str()))
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The name of a slide that is the root: that of the file, or of the directory to which archives belong.
fn name_of(root: &Path, options: &SlideOptions) -> String {
    let whole = root.canonicalize().unwrap_or_else(|_| root.into());
    let usual = |path: &&Path| {
        path.file_name() == Some(BUNDLE_NAME.as_ref())
            || path.ends_with(&options.pack_dir)
            || path.ends_with(&options.residuals_dir)
    };
    let of = whole.ancestors().find(|path| !usual(path) && path.file_name().is_some()).unwrap_or(&whole);
    if of.is_dir() { of.file_name().unwrap_or_default().to_string_lossy().into_owned() } else { stem(of) }
}

fn in_directory(name: &str, dir: &Path, options: &SlideOptions) -> std::io::Result<Option<SlideFiles>> {
    let places = [dir.join(&options.pack_dir), dir.join(&options.residuals_dir)];
    let [first, second] = &places;
    let archive = match archive_in(first)? {
        Some(archive) => Some(archive),
        None => archive_in(second)?,
    };
    let usual = dir.join(TREE);
    let tree = if usual.is_file() { Some(usual) } else { only_descriptor(dir)? };
    let loose_residuals = archive.is_none() && (has_loose_residuals(first)? || has_loose_residuals(second)?);
    if archive.is_none() && tree.is_none() && !loose_residuals {
        return Ok(None);
    }
    Ok(Some(SlideFiles { loose_residuals, ..SlideFiles::new(name.into(), archive, tree) }))
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

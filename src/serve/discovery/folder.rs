//! One directory: its entries, and the slide that it may be by the usual layout.

use std::ffi::OsStr;
use std::io::Result;
use std::path::{Path, PathBuf};

use super::files::SlideFiles;
use super::series::Series;
use crate::archive::BUNDLE_NAME;
use crate::pyramid::tree::other_tree;
use crate::serve::options::SlideOptions;
use crate::slide::EXTENSIONS;

/// The descriptor of a slide's tree, where it has the usual name.
const TREE: &str = "baseline_pyramid.dzi";

/// A directory in a directory.
pub struct Below {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is a symbolic link.
    pub link: bool,
}

/// The entries of a directory, each kind sorted by name. Hidden ones, such as the `._x` of macOS, are left out.
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Directories.
    pub directories: Vec<Below>,
    /// Files.
    pub files: Vec<PathBuf>,
    /// Entries whose names are not UTF-8, which no address can have.
    pub unnamed: Vec<PathBuf>,
    /// The tree in another layout than Deep Zoom that the directory is: its descriptor, or the directory where it has none.
    pub other_tree: Option<PathBuf>,
}

impl Folder {
    /// Lists a directory.
    ///
    /// # Errors
    /// A directory that cannot be read now.
    pub fn read(path: &Path) -> Result<Self> {
        let mut folder = Self {
            path: path.into(),
            directories: Vec::new(),
            files: Vec::new(),
            unnamed: Vec::new(),
            other_tree: other_tree(path),
        };
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let name = match entry.file_name().into_string() {
                Ok(name) if name.starts_with('.') => continue,
                Ok(name) => name,
                Err(_) => {
                    folder.unnamed.push(entry.path());
                    continue;
                }
            };
            let (path, link) = (entry.path(), kind.is_symlink());
            // Sockets and the like are nothing to read. A link to nothing is a file that cannot be opened, which is told.
            let target =
                if link { std::fs::metadata(&path).map(|target| target.file_type()) } else { Ok(kind) };
            match target {
                Ok(kind) if kind.is_dir() => folder.directories.push(Below { name, path, link }),
                Ok(kind) if !kind.is_file() => {}
                _ => folder.files.push(path),
            }
        }
        folder.files.sort();
        folder.unnamed.sort();
        folder.directories.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(folder)
    }

    /// The slide that this directory is: its archive, its tree, or both; or the one DICOM series that is all that it holds.
    ///
    /// # Errors
    /// A directory of an archive that cannot be read now.
    pub fn slide(
        &self,
        name: &str,
        options: &SlideOptions,
        series: &mut Series,
    ) -> Result<Option<SlideFiles>> {
        let places = [self.path.join(&options.pack_dir), self.path.join(&options.residuals_dir)];
        let [first, second] = &places;
        let archive = match archive_in(first)? {
            Some(archive) => Some(archive),
            None => archive_in(second)?,
        };
        let tree = self.tree();
        let loose_residuals =
            archive.is_none() && (has_loose_residuals(first)? || has_loose_residuals(second)?);
        if archive.is_none() && tree.is_none() && !loose_residuals {
            let whole = series.whole(name, &self.path, &self.files);
            return Ok(whole.filter(|_| self.directories.is_empty()));
        }
        Ok(Some(SlideFiles { loose_residuals, ..SlideFiles::new(name.into(), archive, tree) }))
    }

    /// The descriptor of the usual name, else the only one, else the tree in another layout.
    fn tree(&self) -> Option<PathBuf> {
        let usual = self.path.join(TREE);
        let mut found = self.files.iter().filter(|path| has_extension(path, &["dzi"]));
        if self.files.binary_search(&usual).is_ok() {
            return Some(usual);
        }
        found.next().filter(|_| found.next().is_none()).cloned().or_else(|| self.other_tree.clone())
    }

    /// Whether a directory in this one holds tiles of the tree that this one is: a group of Zoomify, a level of Google Maps, a region
    /// of IIIF. There may be very many.
    pub fn is_of_tiles(&self, name: &str) -> bool {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match &self.other_tree {
            None => false,
            // Google Maps, which has no descriptor.
            Some(tree) if *tree == self.path => is_number(name),
            Some(_) => {
                name == "full"
                    || name.strip_prefix("TileGroup").is_some_and(is_number)
                    || name.contains(',') && name.split(',').all(is_number)
            }
        }
    }

    /// Whether a directory in this one is part of a slide or tree beside it, and holds no slides of its own: the tiles of a tree,
    /// the data of a MIRAX or Olympus slide.
    pub fn is_part(&self, name: &str) -> bool {
        let beside = |stem: &str, extension: &str| {
            let same = |path: &PathBuf| path.file_stem() == Some(stem.as_ref());
            self.files.iter().any(|path| same(path) && has_extension(path, &[extension]))
        };
        let vsi = name.strip_prefix('_').and_then(|name| name.strip_suffix('_'));
        self.is_of_tiles(name)
            || name.strip_suffix("_files").is_some_and(|stem| beside(stem, "dzi"))
            || beside(name, "mrxs")
            || vsi.is_some_and(|stem| beside(stem, "vsi"))
    }
}

/// The root as one slide: a file, or a directory with an archive or a tree of the usual name. A scanned slide comes with the archive
/// that lies beside it, if there is one.
///
/// # Errors
/// A directory that cannot be read now.
pub fn root_itself(options: &SlideOptions, series: &mut Series) -> Result<Option<SlideFiles>> {
    let root = &options.root;
    let name = name_of(root, options);
    if root.is_file() && is_scanned(root) {
        let usual = root.with_extension("");
        let in_directory =
            if usual.is_dir() { Folder::read(&usual)?.slide(&name, options, series)? } else { None };
        let bundle = root.with_extension("bundle");
        let beside = in_directory.filter(|slide| slide.archive.is_some());
        let beside = beside.or_else(|| bundle.is_file().then(|| single_file(&bundle, &name)).flatten());
        return Ok(Some(match beside {
            Some(slide) => slide.with_source(root.clone()),
            None => SlideFiles::raw(name, root.clone()),
        }));
    }
    if root.is_file() {
        let of_directory =
            is_descriptor(root).then(|| SlideFiles::new(name.clone(), None, Some(root.clone())));
        return Ok(of_directory.or_else(|| single_file(root, &name)));
    }
    let folder = Folder::read(root)?;
    if folder.files.iter().any(|path| has_extension(path, &["pack"])) {
        return Ok(Some(SlideFiles::new(name, Some(root.clone()), None)));
    }
    let slide = folder.slide(&name, options, series)?;
    Ok(slide.filter(|slide| {
        slide.archive.is_some()
            || slide.loose_residuals
            || slide.is_raw()
            || slide.tree.is_some() && slide.tree == folder.other_tree
            || root.join(TREE).is_file()
    }))
}

/// Whether a file describes the tree that its directory is.
fn is_descriptor(path: &Path) -> bool {
    path.parent().is_some_and(|dir| other_tree(dir).as_deref() == Some(path))
}

/// Whether a file is a scanned slide.
pub fn is_scanned(path: &Path) -> bool {
    has_extension(path, &EXTENSIONS)
}

/// The slide that is one file: a bundle, the descriptor of a Deep Zoom tree, a tree in a zip, a scanned slide.
pub fn single_file(path: &Path, name: &str) -> Option<SlideFiles> {
    let is = |extension| has_extension(path, &[extension]) && !name.is_empty();
    if is("bundle") {
        return Some(SlideFiles::new(name.into(), Some(path.into()), None));
    }
    if is("dzi") || is("szi") {
        return Some(SlideFiles::new(name.into(), None, Some(path.into())));
    }
    (is_scanned(path) && !name.is_empty()).then(|| SlideFiles::raw(name.into(), path.into()))
}

fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| known.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

/// A file's name without its extension.
pub fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The name of a slide that is the root: that of the file, or of the directory to which archives belong.
fn name_of(root: &Path, options: &SlideOptions) -> String {
    let whole = root.canonicalize().unwrap_or_else(|_| root.into());
    let usual = |path: &&Path| {
        path.file_name() == Some(BUNDLE_NAME.as_ref())
            || path.ends_with(&options.pack_dir)
            || path.ends_with(&options.residuals_dir)
            || is_descriptor(path)
    };
    let of = whole.ancestors().find(|path| !usual(path) && path.file_name().is_some()).unwrap_or(&whole);
    if of.is_dir() { of.file_name().unwrap_or_default().to_string_lossy().into_owned() } else { stem(of) }
}

/// The entries of a directory; none if it does not exist.
///
/// # Errors
/// A directory that cannot be read now.
fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(e) if matches!(e.kind(), NotFound | NotADirectory) => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// Whether a slide's directory holds residuals as loose images, which older tools wrote.
fn has_loose_residuals(dir: &Path) -> Result<bool> {
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
fn archive_in(dir: &Path) -> Result<Option<PathBuf>> {
    let bundle = dir.join(BUNDLE_NAME);
    if bundle.is_file() {
        return Ok(Some(bundle));
    }
    let packs = list(dir)?.iter().any(|path| path.extension().is_some_and(|e| e == "pack"));
    Ok(packs.then(|| dir.to_path_buf()))
}

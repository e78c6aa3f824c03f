//! The files of a slide, and a listing of slides. Data.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::serve::access::ALL;
use crate::serve::skipped::{SkipReason, Skipped};

/// Extensions of slides whose pixels lie in other files.
const INDEXES: [&str; 5] = ["mrxs", "ndpis", "vms", "vmu", "vsi"];

/// The files of a slide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlideFiles {
    /// The slide's name in addresses: a path below the root, with `/` between its parts.
    pub name: String,
    /// A bundle, or a directory of packs.
    pub archive: Option<PathBuf>,
    /// Its tree: the descriptor, the zip, or the directory of a tree without a descriptor.
    pub tree: Option<PathBuf>,
    /// A scanned slide: the one that the archive was made of, or, without archive and tree, the slide itself.
    pub source: Option<PathBuf>,
    /// Whether all that it has are residuals in the layout of an older tool, which cannot be served.
    pub loose_residuals: bool,
    /// The stamp of these files, which changes when one of them does.
    pub stamp: Stamp,
}

impl SlideFiles {
    /// A slide that has been encoded or cut into tiles.
    pub fn new(name: String, archive: Option<PathBuf>, tree: Option<PathBuf>) -> Self {
        let stamp = stamp([&archive, &tree].into_iter().flatten().map(PathBuf::as_path));
        Self { name, archive, tree, source: None, loose_residuals: false, stamp }
    }

    /// A scanned slide that is served as it is.
    pub fn raw(name: String, source: PathBuf) -> Self {
        Self::new(name, None, None).with_source(source)
    }

    /// The same with the slide that the archive was made of.
    pub fn with_source(mut self, source: PathBuf) -> Self {
        self.stamp.extend(stamp([source.as_path()]));
        self.source = Some(source);
        self
    }

    /// Whether it is a scanned slide that is served as it is.
    pub fn is_raw(&self) -> bool {
        self.archive.is_none() && self.tree.is_none() && self.source.is_some()
    }

    /// Bytes of a scanned slide that is served as it is, with all files of its series. `None` where most of them lie in files that its own
    /// file names, which no listing looks at.
    pub fn raw_bytes(&self) -> Option<u64> {
        let source = self.source.as_deref().filter(|_| self.is_raw())?;
        let bytes: u64 = self.stamp.iter().map(|&(bytes, ..)| bytes).sum();
        (bytes > 0 && !is_index(source)).then_some(bytes)
    }

    /// Time of the last change of these files, in nanoseconds since 1970; 0 where it is not known.
    pub fn modified_ns(&self) -> u64 {
        self.stamp.iter().map(|&(_, modified, _)| modified).max().unwrap_or(0)
    }

    /// The file or directory that stands for the slide.
    pub fn path(&self) -> &Path {
        let first = self.archive.as_deref().or(self.tree.as_deref()).or(self.source.as_deref());
        first.unwrap_or(Path::new(&self.name))
    }
}

/// Whether most of a slide lies in files that the one of this name names.
pub fn is_index(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| INDEXES.iter().any(|known| extension.eq_ignore_ascii_case(known)))
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
    /// Adds a slide, unless there is one of its name. None is called as what a signature for all of them is for.
    pub fn add(&mut self, slide: SlideFiles) {
        if slide.name == ALL {
            return self.skip(slide.path().into(), SkipReason::Reserved);
        }
        if self.slides.contains_key(&slide.name) {
            return self.skip(slide.path().into(), SkipReason::SameName);
        }
        self.slides.insert(slide.name.clone(), slide);
    }

    /// Adds what is not served.
    pub fn skip(&mut self, path: PathBuf, reason: SkipReason) {
        self.skipped.push(Skipped { path, reason });
    }
}

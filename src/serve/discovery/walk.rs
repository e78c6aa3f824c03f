//! Every directory below the root, level by level, and the names of the slides in them.
//!
//! A slide's name is its path below the root without the extension. Of files with equal names each keeps its extension, except that an
//! archive and the slide or tree that it was made of are one slide.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::files::{Listing, SlideFiles};
use super::folder::{Below, Folder, is_scanned, root_itself, single_file, stem};
use super::pairs::Pairs;
use super::series::{Series, may_be_dicom, of_series};
use crate::serve::bounds::Bounds;
use crate::serve::options::SlideOptions;
use crate::serve::skipped::SkipReason;

/// Directories below the root that are entered, one in another.
const MAX_DEPTH: usize = 16;

/// What is known of files from earlier listings.
#[derive(Debug, Default)]
pub struct Memory {
    pairs: Pairs,
    series: Series,
}

/// Finds the slides at the root, which may be one itself. What cannot be read, or is no slide, is skipped and named; it hides nothing
/// else.
///
/// # Errors
/// A root that cannot be read now.
pub fn scan(options: &SlideOptions, memory: &mut Memory) -> io::Result<Listing> {
    #[cfg(feature = "remote")]
    if crate::store::is_address(&options.root) {
        return super::address::scan(options);
    }
    let mut listing = Listing::default();
    let Memory { pairs, series } = memory;
    if let Some(slide) = root_itself(options, series)? {
        add_root(slide, pairs, &mut listing);
        return Ok(listing);
    }
    let root = Folder::read(&options.root)?;
    let top: Vec<_> = root.directories.iter().map(|below| (below.name.clone(), below.path.clone())).collect();
    let empty: Vec<_> = top.into_iter().filter(|(name, _)| !root.is_part(name)).collect();
    let mut walk = Walk {
        options,
        bounds: Bounds::new(options),
        pairs,
        series,
        listing,
        seen: HashSet::new(),
        next: VecDeque::new(),
        links: VecDeque::new(),
    };
    walk.seen.extend(id(&options.root));
    walk.visit(&Visit { prefix: String::new(), depth: 0, folder: root });
    while let Some(visit) = walk.next.pop_front().or_else(|| walk.links.pop_front()) {
        walk.enter(visit);
    }
    let mut listing = walk.listing;
    for (name, path) in empty {
        let below = format!("{name}/");
        let has_slide =
            listing.slides.range(below.clone()..).next().is_some_and(|(n, _)| n.starts_with(&below));
        let is_named = listing.skipped.iter().any(|skipped| skipped.path.starts_with(&path));
        if !listing.slides.contains_key(&name) && !has_slide && !is_named {
            listing.skip(path, SkipReason::Empty);
        }
    }
    listing.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(listing)
}

/// The root as one slide; its archive alone if the slide beside it is another one.
fn add_root(mut slide: SlideFiles, pairs: &mut Pairs, listing: &mut Listing) {
    if let (Some(archive), Some(source)) = (&slide.archive, slide.source.clone())
        && !pairs.made_of(archive, &source)
    {
        slide = SlideFiles {
            loose_residuals: slide.loose_residuals,
            ..SlideFiles::new(slide.name, slide.archive, slide.tree)
        };
        listing.skip(source, SkipReason::NotSource);
    }
    listing.add(slide);
}

/// A directory to visit.
struct Visit {
    /// What the names of its slides begin with: its path below the root, with a `/` at the end.
    prefix: String,
    depth: usize,
    folder: Folder,
}

/// A slide of a directory, before it has its name.
struct Found {
    files: SlideFiles,
    /// The file's name with its extension; `None` for a directory, whose name stays.
    long: Option<String>,
}

struct Walk<'a> {
    options: &'a SlideOptions,
    bounds: Bounds,
    pairs: &'a mut Pairs,
    series: &'a mut Series,
    listing: Listing,
    /// Device and inode of the directories that have been entered: a link may lead to any of them.
    seen: HashSet<(u64, u64)>,
    next: VecDeque<Visit>,
    /// Directories behind symbolic links, entered last: what can be reached without a link has the name without it.
    links: VecDeque<Visit>,
}

impl Walk<'_> {
    fn enter(&mut self, visit: Visit) {
        let Some(id) = id(&visit.folder.path) else { return };
        if self.seen.insert(id) {
            self.visit(&visit);
        }
    }

    /// Adds the slides of one directory, and queues the directories in it.
    fn visit(&mut self, visit: &Visit) {
        let Visit { prefix, folder, .. } = visit;
        for path in &folder.unnamed {
            self.listing.skip(path.clone(), SkipReason::NotUtf8);
        }
        // By the name without extension.
        let mut found: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        for below in &folder.directories {
            if let Some(slide) = self.below(visit, below) {
                found.entry(below.name.clone()).or_default().push(Found { files: slide, long: None });
            }
        }
        let taken = self.taken(prefix, folder);
        let dicom = self.series.among(&folder.path, &folder.files).clone();
        for path in folder.files.iter().filter(|path| !taken.contains(path)) {
            let (name, long) =
                (stem(path), path.file_name().unwrap_or_default().to_string_lossy().into_owned());
            let slide = if may_be_dicom(path) {
                // A slide of several files is the first of them. A damaged one is refused by name when it is opened.
                let series = dicom.slides.iter().find(|files| files.first() == Some(path));
                let damaged = dicom.damaged.contains(path).then(|| std::slice::from_ref(path));
                series.map(Vec::as_slice).or(damaged).and_then(|files| of_series(&name, files))
            } else {
                single_file(path, &name)
            };
            if let Some(slide) = slide {
                found.entry(name).or_default().push(Found { files: slide, long: Some(long) });
            }
        }
        for group in found.into_values() {
            let group = self.join(group);
            let alone = group.len() == 1;
            for Found { mut files, long } in group {
                let name = long.filter(|_| !alone).unwrap_or(files.name);
                files.name = format!("{prefix}{name}");
                self.listing.add(files);
            }
        }
    }

    /// The slide that a directory is. Queues the directory: there may be others in it.
    fn below(&mut self, visit: &Visit, below: &Below) -> Option<SlideFiles> {
        let Below { name, path, link } = below;
        let archives = [&self.options.pack_dir, &self.options.residuals_dir];
        if archives.iter().any(|dir| dir.components().next().is_some() && path.ends_with(dir)) {
            return None;
        }
        if visit.folder.is_of_tiles(name) {
            return None;
        }
        if *link && !self.bounds.hold(path) {
            self.listing.skip(path.clone(), SkipReason::Outside);
            return None;
        }
        let read = Folder::read(path)
            .and_then(|folder| Ok((folder.slide(name, self.options, self.series)?, folder)));
        let (slide, folder) = match read {
            Ok(read) => read,
            // It was removed meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
            Err(e) => {
                let passing = e.kind() != io::ErrorKind::PermissionDenied;
                self.listing.skip(path.clone(), SkipReason::Unreadable { problem: e.to_string(), passing });
                return None;
            }
        };
        let is_part = name.ends_with("_files") || visit.folder.is_part(name);
        if !is_part && visit.depth == MAX_DEPTH {
            self.listing.skip(path.clone(), SkipReason::TooDeep);
        } else if !is_part {
            let next = Visit { prefix: format!("{}{name}/", visit.prefix), depth: visit.depth + 1, folder };
            if *link { self.links.push_back(next) } else { self.next.push_back(next) }
        }
        slide
    }

    /// The files of a directory that belong to the slide that it is: its descriptor, and the slide that its archive was made of.
    fn taken(&mut self, prefix: &str, folder: &Folder) -> Vec<PathBuf> {
        let Some(slide) = prefix.strip_suffix('/').and_then(|name| self.listing.slides.get_mut(name)) else {
            return Vec::new();
        };
        if slide.is_raw() && slide.path().parent() == Some(&folder.path) {
            return folder.files.clone();
        }
        let mut taken = Vec::from_iter(slide.tree.clone());
        if let (Some(archive), None) = (slide.archive.clone(), &slide.source) {
            let source =
                folder.files.iter().find(|path| is_scanned(path) && self.pairs.made_of(&archive, path));
            if let Some(source) = source {
                taken.push(source.clone());
                *slide = slide.clone().with_source(source.clone());
            }
        }
        taken
    }

    /// Joins each archive of a group with the slide or tree that it was made of.
    fn join(&mut self, group: Vec<Found>) -> Vec<Found> {
        let (mut joined, mut others): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|found| found.files.archive.is_some());
        for Found { files, .. } in &mut joined {
            let Some(archive) = files.archive.clone().filter(|_| files.source.is_none()) else { continue };
            let is_made_of = |other: &Found| {
                let of = other.files.source.as_ref().or(other.files.tree.as_ref());
                other.long.is_some() && of.is_some_and(|of| self.pairs.made_of(&archive, of))
            };
            let Some(other) = others.iter().position(is_made_of).map(|at| others.remove(at).files) else {
                continue;
            };
            *files = match other.source {
                Some(source) => files.clone().with_source(source),
                None => SlideFiles::new(files.name.clone(), Some(archive), files.tree.clone().or(other.tree)),
            };
        }
        joined.extend(others);
        joined
    }
}

/// Device and inode.
fn id(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

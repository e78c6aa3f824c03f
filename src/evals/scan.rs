//! Scans a folder: which directories are runs, their pictures, their manifests.
//!
//! Reads names, times and manifests, and the pixels of one original of each image. Symbolic links may lead to other places within the
//! folder and nowhere else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::fields::curve;
use super::images::{Image, ListedImage, picture, role};
use super::manifest::Manifest;
use super::names;
use super::stamp::Stamp;
use super::tissue;

/// Most runs that are listed.
const MAX_RUNS: usize = 10_000;
/// Most directories that are scanned, in case the folder is not one of runs.
const MAX_FOLDERS: usize = 50_000;
/// Most pictures of one run.
const MAX_IMAGES: usize = 500;
/// Most images whose original is decoded.
const MAX_MEASURED: usize = 100;
/// Most notes of a listing.
const MAX_NOTES: usize = 20;
/// Levels of directories: runs lie in the folder, in a folder of it (an image), or in a folder of that.
const MAX_DEPTH: usize = 3;
/// Directories of a run's pictures; those of the first one are shown first.
const PICTURE_DIRS: [&str; 3] = ["images", "decompress", "compress"];
/// The file of a run's manifest.
pub const MANIFEST: &str = "manifest.json";

/// A manifest, or why it cannot be read.
type Read = Arc<Result<Manifest, String>>;

/// What scans before have read, by path. An entry holds as long as its file has the stamp.
#[derive(Default)]
pub struct Cache {
    /// Parsed manifests.
    pub manifests: HashMap<PathBuf, (Stamp, Read)>,
    /// How much of an original is tissue, if it could be measured.
    pub tissue: HashMap<PathBuf, (Stamp, Option<f64>)>,
}

/// All runs at the time of a scan.
#[derive(Default)]
pub struct Listing {
    /// `{"runs": [...], "notes": [...]}`.
    pub json: Bytes,
    /// Pictures by run and name.
    images: HashMap<String, BTreeMap<String, Image>>,
}

impl Listing {
    /// Number of runs.
    pub fn runs(&self) -> usize {
        self.images.len()
    }

    /// Looks a picture up. There is no other way from an address to a file.
    pub fn image(&self, run: &str, name: &str) -> Option<&Image> {
        self.images.get(run)?.get(name)
    }
}

/// Scans `root`, which is canonical. Takes what was read before from `cache` and leaves that of the runs that exist.
pub fn scan(root: &Path, cache: &mut Cache) -> Listing {
    let mut scan = Scan::new(root, std::mem::take(cache));
    scan.folder(root, "", MAX_DEPTH);
    // The folder may itself be one run.
    if let Some(name) = root.file_name().and_then(|name| name.to_str())
        && scan.runs.is_empty()
        && scan.is_run(root)
    {
        scan.run(root, name.into(), "", name);
    }
    *cache = scan.after;
    scan.runs.sort_by(|a, b| a.0.cmp(&b.0));
    let runs: Vec<Value> = scan.runs.into_iter().map(|(_, run)| run).collect();
    let json = json!({"runs": runs, "notes": scan.notes}).to_string().into();
    Listing { json, images: scan.images }
}

/// A scan in progress.
struct Scan<'a> {
    root: &'a Path,
    /// What the scan before has read.
    before: Cache,
    /// What this scan has read.
    after: Cache,
    runs: Vec<(String, Value)>,
    images: HashMap<String, BTreeMap<String, Image>>,
    /// Images of which one original was decoded.
    measured: HashSet<String>,
    notes: Vec<String>,
    folders: usize,
}

impl<'a> Scan<'a> {
    fn new(root: &'a Path, before: Cache) -> Self {
        Self {
            root,
            before,
            after: Cache::default(),
            runs: Vec::new(),
            images: HashMap::new(),
            measured: HashSet::new(),
            notes: Vec::new(),
            folders: 0,
        }
    }

    fn note(&mut self, text: String) {
        if !self.notes.contains(&text) && self.notes.len() < MAX_NOTES {
            self.notes.push(text);
        }
    }

    /// Metadata of a file or directory, if it is within the root.
    fn metadata(&self, path: &Path) -> Option<Metadata> {
        let meta = path.symlink_metadata().ok()?;
        if !meta.is_symlink() {
            return Some(meta);
        }
        let target = path.canonicalize().ok()?;
        target.starts_with(self.root).then(|| target.metadata().ok()).flatten()
    }

    /// Names in a directory, sorted, without hidden ones.
    fn names(&mut self, dir: &Path, shown: &str) -> Vec<String> {
        let mut names = Vec::new();
        match std::fs::read_dir(dir) {
            Ok(entries) => {
                for entry in entries.flatten() {
                    match entry.file_name().into_string() {
                        Ok(name) if name.starts_with('.') => {}
                        Ok(name) => names.push(name),
                        Err(_) => {
                            self.note(format!("in '{shown}' are names that are not UTF-8; rename them"))
                        }
                    }
                }
            }
            Err(e) => self.note(format!("'{shown}' cannot be read: {e}")),
        }
        names.sort();
        names
    }

    /// Scans a directory and its subdirectories for runs.
    fn folder(&mut self, dir: &Path, id: &str, depth: usize) {
        for name in self.names(dir, if id.is_empty() { "." } else { id }) {
            let path = dir.join(&name);
            if !self.metadata(&path).is_some_and(|meta| meta.is_dir()) {
                continue;
            }
            self.folders += 1;
            if self.folders > MAX_FOLDERS {
                self.note(format!(
                    "more than {MAX_FOLDERS} folders; the others are left out: is this the folder of runs?"
                ));
                return;
            }
            let below = if id.is_empty() { name.clone() } else { format!("{id}/{name}") };
            if self.is_run(&path) {
                if self.runs.len() == MAX_RUNS {
                    self.note(format!(
                        "more than {MAX_RUNS} runs; the others are left out: use a folder for each series"
                    ));
                    return;
                }
                self.run(&path, below, id, &name);
            } else if depth > 1 {
                self.folder(&path, &below, depth - 1);
            }
        }
    }

    /// Whether a directory has a manifest or a directory of pictures.
    fn is_run(&self, dir: &Path) -> bool {
        let has = |name: &str, wanted: fn(&Metadata) -> bool| {
            self.metadata(&dir.join(name)).is_some_and(|meta| wanted(&meta))
        };
        has(MANIFEST, Metadata::is_file) || PICTURE_DIRS.iter().any(|name| has(name, Metadata::is_dir))
    }

    fn run(&mut self, dir: &Path, id: String, group: &str, folder: &str) {
        let mut notes = Vec::new();
        let read = self.manifest(&dir.join(MANIFEST));
        let manifest = match read.as_deref() {
            Some(Ok(manifest)) => manifest.clone(),
            Some(Err(problem)) => {
                notes.push(problem.clone());
                Manifest::default()
            }
            None => Manifest::default(),
        };
        notes.extend(manifest.notes.iter().cloned());
        let fields = manifest.run.clone().unwrap_or_else(|| {
            let by_folder = names::parse(folder);
            match (by_folder.kind, &manifest.name) {
                (None, Some(name)) => names::parse(name),
                _ => by_folder,
            }
        });
        let images = self.pictures(dir, &id, &mut notes);
        let image = manifest.image.clone().filter(|_| !manifest.own || group.is_empty());
        let image = image.unwrap_or_else(|| group.to_string());
        let tissue = self.tissue(&id, &image, &images);
        let shown = json!({
            "id": id, "group": group, "name": folder,
            "label": manifest.label.as_deref().map_or(fields.label.clone(), curve),
            "series": manifest.label.as_ref().unwrap_or(&fields.series),
            "kind": fields.kind.map(str::to_string).or(manifest.kind),
            "codec": fields.codec.clone().or(manifest.codec),
            "quality": manifest.quality.or(fields.quality),
            "swept": manifest.swept, "image_class": manifest.image_class, "named": fields,
            "image": image, "tissue": tissue,
            "bytes_total": manifest.bytes_total, "pixels": manifest.pixels,
            "metrics": manifest.metrics, "details": manifest.details,
            "has_manifest": read.is_some(), "notes": notes, "images": images,
        });
        self.runs.push((id, shown));
    }

    /// Reads a manifest, or takes it from the scan before.
    fn manifest(&mut self, path: &Path) -> Option<Read> {
        let meta = self.metadata(path).filter(Metadata::is_file)?;
        let stamp = Stamp::of(&meta);
        let read = match self.before.manifests.remove(path) {
            Some((seen, read)) if seen == stamp => read,
            _ => Arc::new(Manifest::read(path)),
        };
        self.after.manifests.insert(path.into(), (stamp, read.clone()));
        Some(read)
    }

    /// Measures the first original of one run of each image, or takes it from the scan before.
    fn tissue(&mut self, id: &str, image: &str, images: &[ListedImage]) -> Option<Value> {
        if self.measured.len() == MAX_MEASURED || self.measured.contains(image) {
            return None;
        }
        let original = images.iter().find(|listed| listed.role == "original")?;
        let path = self.images.get(id)?.get(&original.name)?.path.clone();
        let stamp = Stamp::of(&self.metadata(&path)?);
        let part = match self.before.tissue.remove(&path) {
            Some((seen, part)) if seen == stamp => part,
            _ => tissue::part(&path),
        };
        self.after.tissue.insert(path, (stamp, part));
        self.measured.insert(image.into());
        part.map(|part| json!({"picture": original.name, "part": part}))
    }

    fn pictures(&mut self, dir: &Path, id: &str, notes: &mut Vec<String>) -> Vec<ListedImage> {
        let (mut shown, mut images) = (Vec::new(), BTreeMap::new());
        for folder in PICTURE_DIRS {
            let dir = dir.join(folder);
            if !self.metadata(&dir).is_some_and(|meta| meta.is_dir()) {
                continue;
            }
            for name in self.names(&dir, &format!("{id}/{folder}")) {
                let path = dir.join(&name);
                let Some((content_type, stem)) = picture(&name) else { continue };
                let Some(meta) = self.metadata(&path).filter(Metadata::is_file) else { continue };
                if shown.len() == MAX_IMAGES {
                    notes.push(format!("more than {MAX_IMAGES} pictures; the others are left out"));
                    break;
                }
                let (role, part) = role(stem);
                let name = format!("{folder}/{name}");
                let version = Stamp::of(&meta).text();
                shown.push(ListedImage {
                    name: name.clone(),
                    role,
                    part: part.into(),
                    bytes: meta.len(),
                    version,
                });
                images.insert(name, Image { path, content_type });
            }
        }
        self.images.insert(id.into(), images);
        shown
    }
}

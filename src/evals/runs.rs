//! The runs below a folder: which directories are runs, their pictures, their manifests.
//!
//! Reads names, times and manifests, never pixels. Everything is looked at again for each listing; a manifest is parsed
//! again only when its file has changed. Symbolic links may lead to other places within the folder and nowhere else.

use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::images::{Image, Shown, picture, role};
use super::manifest::Manifest;
use super::names::{Name, curve};

/// Most runs that are listed.
const MAX_RUNS: usize = 10_000;
/// Most directories that are looked at: a folder that is not one of runs must not be searched for ever.
const MAX_FOLDERS: usize = 50_000;
/// Most pictures of one run.
const MAX_IMAGES: usize = 500;
/// How deep runs may lie: in the folder, in one of its folders (an image), or in a folder of that.
const DEPTH: usize = 3;
/// Where the pictures of a run are; the first one is shown first.
const PICTURES: [&str; 3] = ["images", "decompress", "compress"];
const MANIFEST: &str = "manifest.json";

/// All runs at one moment.
#[derive(Default)]
pub struct Listing {
    /// `{"runs": [...], "notes": [...]}`.
    pub json: Bytes,
    /// Pictures by run and name.
    images: HashMap<String, BTreeMap<String, Image>>,
}

impl Listing {
    /// A picture that was found: the only way from an address to a file.
    pub fn image(&self, run: &str, name: &str) -> Option<&Image> {
        self.images.get(run)?.get(name)
    }
}

/// What says that a file has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stamp([i64; 6]);

impl Stamp {
    pub fn of(meta: &Metadata) -> Self {
        let (ino, len) = (meta.ino() as i64, meta.len() as i64);
        Self([ino, len, meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()])
    }

    /// As text of 32 digits.
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.0.iter().flat_map(|n| n.to_le_bytes()).collect();
        format!("{:032x}", xxh3_128(&bytes))
    }
}

type Read = Arc<Result<Manifest, String>>;

/// A folder of runs.
pub struct Library {
    /// Canonical.
    root: PathBuf,
    manifests: Mutex<HashMap<PathBuf, (Stamp, Read)>>,
}

impl Library {
    /// Over a folder that may be empty and may change.
    ///
    /// # Errors
    /// A folder that is not there.
    pub fn new(root: &Path) -> std::io::Result<Self> {
        Ok(Self { root: root.canonicalize()?, manifests: Mutex::default() })
    }

    /// Looks at everything; one at a time.
    pub fn scan(&self) -> Listing {
        // What a panic left behind is a cache still.
        let mut manifests = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *manifests);
        let mut scan = Scan::new(&self.root, before);
        scan.folder(&self.root, "", DEPTH);
        // Whoever names one run means that one.
        if let Some(name) = self.root.file_name().and_then(|name| name.to_str())
            && scan.runs.is_empty()
            && scan.is_run(&self.root)
        {
            scan.run(&self.root, name.into(), "", name);
        }
        *manifests = scan.after;
        scan.runs.sort_by(|a, b| a.0.cmp(&b.0));
        let runs: Vec<Value> = scan.runs.into_iter().map(|(_, run)| run).collect();
        let json = json!({"runs": runs, "notes": scan.notes}).to_string().into();
        Listing { json, images: scan.images }
    }

    /// Where a picture really lies, if that is in the folder: links may have changed since it was found.
    pub fn locate(&self, image: &Image) -> Option<PathBuf> {
        let place = image.path.canonicalize().ok()?;
        (place.starts_with(&self.root) && place.metadata().ok()?.is_file()).then_some(place)
    }
}

/// A look at everything, on its way.
struct Scan<'a> {
    root: &'a Path,
    before: HashMap<PathBuf, (Stamp, Read)>,
    after: HashMap<PathBuf, (Stamp, Read)>,
    runs: Vec<(String, Value)>,
    images: HashMap<String, BTreeMap<String, Image>>,
    notes: Vec<String>,
    folders: usize,
}

impl<'a> Scan<'a> {
    fn new(root: &'a Path, before: HashMap<PathBuf, (Stamp, Read)>) -> Self {
        Self {
            root,
            before,
            after: HashMap::new(),
            runs: Vec::new(),
            images: HashMap::new(),
            notes: Vec::new(),
            folders: 0,
        }
    }

    fn note(&mut self, text: String) {
        if !self.notes.contains(&text) && self.notes.len() < 20 {
            self.notes.push(text);
        }
    }

    /// What lies at a path, if it is within the root.
    fn look(&self, path: &Path) -> Option<Metadata> {
        let meta = path.symlink_metadata().ok()?;
        if !meta.is_symlink() {
            return Some(meta);
        }
        let place = path.canonicalize().ok()?;
        place.starts_with(self.root).then(|| place.metadata().ok()).flatten()
    }

    /// Names in a directory, in order; without hidden ones.
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

    /// Runs in a directory, and in its directories.
    fn folder(&mut self, dir: &Path, id: &str, depth: usize) {
        for name in self.names(dir, if id.is_empty() { "." } else { id }) {
            let path = dir.join(&name);
            if !self.look(&path).is_some_and(|meta| meta.is_dir()) {
                continue;
            }
            self.folders += 1;
            if self.folders > MAX_FOLDERS {
                self.note(format!(
                    "more than {MAX_FOLDERS} folders; the others are left out: is --runs right?"
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

    fn is_run(&self, dir: &Path) -> bool {
        let has = |name: &str, wanted: fn(&Metadata) -> bool| {
            self.look(&dir.join(name)).is_some_and(|meta| wanted(&meta))
        };
        has(MANIFEST, Metadata::is_file) || PICTURES.iter().any(|name| has(name, Metadata::is_dir))
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
        let mut name = Name::parse(folder);
        if let (None, Some(given)) = (name.kind, &manifest.name) {
            name = Name::parse(given);
        }
        let images = self.pictures(dir, &id, &mut notes);
        let image = manifest.image.clone().filter(|_| !manifest.own || group.is_empty());
        let shown = json!({
            "id": id, "group": group, "name": folder,
            "label": manifest.label.as_deref().map_or(name.label.clone(), curve),
            "series": manifest.label.as_ref().unwrap_or(&name.series),
            "kind": name.kind.map(str::to_string).or(manifest.kind),
            "codec": name.codec.clone().or(manifest.codec),
            "quality": manifest.quality.or(name.quality),
            "swept": manifest.swept, "image_class": manifest.image_class, "named": name,
            "image": image.unwrap_or_else(|| group.to_string()),
            "bytes_total": manifest.bytes_total, "pixels": manifest.pixels,
            "metrics": manifest.metrics, "details": manifest.details,
            "has_manifest": read.is_some(), "notes": notes, "images": images,
        });
        self.runs.push((id, shown));
    }

    /// A manifest, parsed now or before.
    fn manifest(&mut self, path: &Path) -> Option<Read> {
        let meta = self.look(path).filter(Metadata::is_file)?;
        let stamp = Stamp::of(&meta);
        let read = match self.before.remove(path) {
            Some((seen, read)) if seen == stamp => read,
            _ => Arc::new(Manifest::read(path)),
        };
        self.after.insert(path.into(), (stamp, read.clone()));
        Some(read)
    }

    fn pictures(&mut self, dir: &Path, id: &str, notes: &mut Vec<String>) -> Vec<Shown> {
        let (mut shown, mut images) = (Vec::new(), BTreeMap::new());
        for folder in PICTURES {
            let dir = dir.join(folder);
            if !self.look(&dir).is_some_and(|meta| meta.is_dir()) {
                continue;
            }
            for name in self.names(&dir, &format!("{id}/{folder}")) {
                let path = dir.join(&name);
                let Some((kind, stem)) = picture(&name) else { continue };
                let Some(meta) = self.look(&path).filter(Metadata::is_file) else { continue };
                if shown.len() == MAX_IMAGES {
                    notes.push(format!("more than {MAX_IMAGES} pictures; the others are left out"));
                    break;
                }
                let (role, part) = role(stem);
                let name = format!("{folder}/{name}");
                let version = Stamp::of(&meta).text();
                shown.push(Shown { name: name.clone(), role, part: part.into(), bytes: meta.len(), version });
                images.insert(name, Image { path, kind });
            }
        }
        self.images.insert(id.into(), images);
        shown
    }
}

/// A tag of a listing.
pub fn tag(json: &[u8]) -> String {
    format!("\"{:016x}\"", xxh3_64(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_parsed_again_only_when_it_has_changed() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("rs_444_l0q40");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join(MANIFEST), r#"{"image": "one"}"#).unwrap();
        let library = Library::new(root.path()).unwrap();
        let listed = |text: &str| String::from_utf8_lossy(&library.scan().json).contains(text);
        let parsed = || library.manifests.lock().unwrap().values().next().unwrap().1.clone();
        assert!(listed("\"image\":\"one\""));
        let first = parsed();
        assert!(listed("\"image\":\"one\""));
        assert!(Arc::ptr_eq(&first, &parsed()), "kept");
        std::fs::write(dir.join(MANIFEST), r#"{"image": "another"}"#).unwrap();
        assert!(listed("\"image\":\"another\""));
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(listed("\"runs\":[]"));
        assert!(library.manifests.lock().unwrap().is_empty(), "what is gone is forgotten");
    }
}

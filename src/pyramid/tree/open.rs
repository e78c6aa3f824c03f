//! Finds out what a path is and opens the parts of the tree: descriptor, layout, and where its files lie.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::find::{MAX_DESCRIPTOR_BYTES, find_descriptor, read_descriptor, stem};
use super::layout::{Layout, first_level};
use super::others::{google, iiif, zoomify};
use super::store::Store;
use super::zip::Zip;
use crate::image::geometry::Geometry;
use crate::pyramid::dzi::Descriptor;
use crate::pyramid::error::{Error, Refusal, Result};
use crate::store::{self, is_address};

pub const ZOOMIFY: &str = "ImageProperties.xml";
pub const IIIF: &str = "info.json";
/// What dzsave writes beside the tiles of every layout; the only place where a Google Maps tree has its size.
const PROPERTIES: &str = "vips-properties.xml";

/// The parts of a tree.
pub struct Found {
    /// The descriptor, or the directory of a tree without one.
    pub path: PathBuf,
    /// The bytes of the descriptor.
    pub record: Vec<u8>,
    pub descriptor: Descriptor,
    pub geometry: Geometry,
    pub layout: Layout,
    pub store: Store,
    /// The directory of the tiles.
    pub files: PathBuf,
    /// What was assumed, in sentences.
    pub notes: Vec<String>,
}

/// Whether a file is the descriptor of a tree, by its name, or holds one.
pub fn is_tree_file(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    let named = |name: &str| path.file_name().is_some_and(|own| own == name);
    ["dzi", "szi"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        || named(ZOOMIFY)
        || (named(IIIF) && read_descriptor(path).is_ok_and(|text| text.contains("iiif.io/api/image")))
}

/// The descriptor of a tree in another layout than Deep Zoom that a directory is; the directory itself where that layout has none.
pub fn other_tree(dir: &Path) -> Option<PathBuf> {
    let named = [ZOOMIFY, IIIF]
        .map(|name| dir.join(name))
        .into_iter()
        .find(|path| store::is_file(path) && is_tree_file(path));
    named.or_else(|| {
        ["0/0/0.jpg", "0/0/0.jpeg", "0/0/0.png"]
            .iter()
            .any(|name| store::is_file(&dir.join(name)))
            .then(|| dir.to_path_buf())
    })
}

/// Opens the parts of the tree that a path is.
///
/// # Errors
/// No tree; a descriptor that is wrong.
pub fn open(path: &Path) -> Result<Found> {
    let named = |name: &str| path.file_name().is_some_and(|own| own == name);
    let is_dir = match is_address(path) {
        true => !is_tree_file(path),
        false => fs::metadata(path).map_err(Error::io("open", path))?.is_dir(),
    };
    if is_dir {
        return match (find_descriptor(path), other_tree(path)) {
            (Ok(dzi), _) => deep_zoom(&dzi),
            (Err(_), Some(found)) if found != path => open(&found),
            (Err(_), Some(_)) => google_maps(path),
            (Err(e), None) => Err(e),
        };
    }
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("szi")) {
        return szi(path);
    }
    if named(ZOOMIFY) || named(IIIF) {
        let text = read_descriptor(path)?;
        let (descriptor, layout) = match named(ZOOMIFY) {
            true => (zoomify(path, &text)?, Layout::Zoomify),
            false => iiif(path, &text)?,
        };
        let files = path.parent().unwrap_or(Path::new("")).to_path_buf();
        return Found::new(
            path,
            text.into_bytes(),
            descriptor,
            layout,
            Store::below(&files).map_err(Error::io("open", path))?,
            files,
        );
    }
    deep_zoom(path)
}

fn deep_zoom(dzi: &Path) -> Result<Found> {
    let text = read_descriptor(dzi)?;
    let descriptor = Descriptor::parse(dzi, &text)?;
    let files = dzi.with_file_name(format!("{}_files", stem(dzi)));
    let store = Store::below(&files).map_err(Error::io("open", dzi))?;
    if !store.has_directory("").map_err(Error::io("list", &files))? {
        let problem = format!("its tiles should be in {}, which is not there; restore them", files.display());
        return Err(Error::damaged(dzi, problem));
    }
    Found::new(dzi, text.into_bytes(), descriptor, Layout::DeepZoom, store, files)
}

/// A zip file that holds one Deep Zoom tree.
fn szi(path: &Path) -> Result<Found> {
    let file = store::open(path).map_err(Error::io("open", path))?;
    let damaged = |problem: String| Error::damaged(path, problem);
    let zip = Zip::open(path, file).map_err(|e| match e.kind() {
        ErrorKind::InvalidData => damaged(format!("not a whole zip file, which an .szi is: {e}")),
        _ => Error::io("read", path)(e),
    })?;
    let is_dzi = |name: &&str| name.to_ascii_lowercase().ends_with(".dzi") && !hidden(name);
    let names: Vec<String> = zip.names().filter(is_dzi).map(str::to_string).collect();
    let [name] = &names[..] else {
        return Err(damaged(format!("it holds {} .dzi files where one belongs", names.len())));
    };
    let bytes = zip.read(name, MAX_DESCRIPTOR_BYTES).map_err(Error::io("read", &zip.place(name)))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::refused(path, Refusal::NotADescriptor))?;
    let descriptor = Descriptor::parse(&path.join(name), &text)?;
    let prefix = format!("{}_files/", &name[..name.len() - ".dzi".len()]);
    let files = zip.place(&prefix);
    Found::new(path, text.into_bytes(), descriptor, Layout::DeepZoom, Store::Zip(zip, prefix), files)
}

fn hidden(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|own| own.starts_with('.')) || name.starts_with("__MACOSX/")
}

/// The tiles of Google Maps, which have no descriptor.
fn google_maps(dir: &Path) -> Result<Found> {
    let store = Store::below(dir).map_err(Error::io("open", dir))?;
    if store.must_look() {
        let problem = "a web server lists nothing, and a Google Maps tree has no descriptor; copy it to a bucket or a disk";
        return Err(Error::input(dir, problem));
    }
    let names = store.names().map_err(Error::io("list", dir))?;
    let properties = store.read(PROPERTIES).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let (descriptor, noted) = google(dir, &store, &names, properties.as_deref())?;
    let record = descriptor.to_xml().into_bytes();
    let mut found = Found::new(dir, record, descriptor, Layout::Google, store, dir.to_path_buf())?;
    found.notes.extend(noted);
    Ok(found)
}

impl Found {
    fn new(
        path: &Path,
        record: Vec<u8>,
        descriptor: Descriptor,
        layout: Layout,
        store: Store,
        files: PathBuf,
    ) -> Result<Self> {
        let geometry = Geometry::new(descriptor.width, descriptor.height, descriptor.tile)
            .map_err(|e| Error::damaged(path, e.to_string()))?;
        let found =
            Self { path: path.into(), record, descriptor, geometry, layout, store, files, notes: Vec::new() };
        found.check_levels()?;
        Ok(found)
    }

    /// A level beyond the finest one: the descriptor is that of a smaller slide.
    fn check_levels(&self) -> Result<()> {
        let finer = match self.layout {
            Layout::DeepZoom => self.geometry.top_level() + 1,
            Layout::Google => self.geometry.top_level() + 1 - first_level(&self.geometry),
            _ => return Ok(()),
        };
        let is_there = self.store.has_directory(&finer.to_string());
        if is_there.map_err(Error::io("list", &self.files))? {
            let (w, h, files) = (self.geometry.width(), self.geometry.height(), self.files.display());
            let problem = format!("{w}x{h} has no level {finer}, but {files} has one");
            return Err(Error::damaged(&self.path, format!("{problem}; the descriptor is wrong")));
        }
        Ok(())
    }
}

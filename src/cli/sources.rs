//! What a command reads. No result may take its place, or that of a directory that holds it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
#[cfg(feature = "pixels")]
use origami::pixels::{self, Kind};
use origami::slide::{files_of_slide, is_dicom};
use origami::store::is_address;

use super::fault::Problem;
use super::inputs::{Input, Thing};

/// Files that trees of other layouts than Deep Zoom have beside their tiles.
const DESCRIPTORS: [&str; 3] = ["ImageProperties.xml", "info.json", "vips-properties.xml"];

/// The files and directories that a command reads.
#[derive(Default)]
pub struct Sources {
    files: Vec<Source>,
    /// Directories of tiles.
    dirs: Vec<Source>,
}

/// One of them.
struct Source {
    given: PathBuf,
    /// Without links. An address stays as it is.
    whole: PathBuf,
    /// Its own name in its directory, where it is a link.
    link: Option<PathBuf>,
    identity: Option<(u64, u64)>,
}

impl Sources {
    /// Those of inputs. Of a series of files that is one of many inputs it is the first.
    pub fn of(inputs: &[Input]) -> Self {
        let mut sources = Self::default();
        for input in inputs {
            sources.add(&input.path, input.thing);
            if inputs.len() == 1 && input.thing == Thing::Slide && !is_address(&input.path) {
                files_of_slide(&input.path).iter().for_each(|path| sources.file(path));
            }
        }
        sources
    }

    /// Adds an input.
    pub fn add(&mut self, path: &Path, thing: Thing) {
        match thing {
            Thing::Tree => self.tree(path),
            Thing::Slide if path.is_dir() => {
                entries(path).iter().filter(|path| is_dicom(path)).for_each(|path| self.file(path));
            }
            Thing::Packs => {
                let is_pack = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "pack");
                entries(path).iter().filter(is_pack).for_each(|path| self.file(path));
            }
            Thing::Slide | Thing::Bundle | Thing::Pack => {
                self.file(path);
                if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mrxs")) {
                    self.dir(&path.with_extension(""));
                }
            }
        }
    }

    /// Adds what the pixels at a path are read from.
    ///
    /// # Errors
    /// A path that cannot be read.
    #[cfg(feature = "pixels")]
    pub fn add_slide(&mut self, path: &Path) -> Result<()> {
        let (kind, found) = pixels::detect(path).map_err(|e| e.into_error(path))?;
        match kind {
            Kind::Bundle => self.add(&found, Thing::Bundle),
            Kind::Tree => self.add(&found, Thing::Tree),
            Kind::Slide => {
                self.add(&found, Thing::Slide);
                if !found.is_dir() {
                    files_of_slide(&found).iter().for_each(|path| self.file(path));
                }
            }
        }
        Ok(())
    }

    /// Adds a file.
    pub fn file(&mut self, path: &Path) {
        self.files.extend(Source::of(path));
    }

    fn dir(&mut self, path: &Path) {
        self.dirs.extend(Source::of(path));
    }

    /// Adds a tree by its descriptor, by the directory that holds it, or by that of its tiles.
    fn tree(&mut self, path: &Path) {
        let extension = path.extension().unwrap_or_default();
        if extension.eq_ignore_ascii_case("szi") {
            return self.file(path);
        }
        if extension.eq_ignore_ascii_case("dzi") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            self.dir(&path.with_file_name(format!("{name}_files")));
            return [path, &path.with_extension("json"), &path.with_extension("icc")]
                .iter()
                .for_each(|path| self.file(path));
        }
        let is_name = DESCRIPTORS.iter().any(|name| path.file_name().is_some_and(|own| own == *name));
        let dir = if is_name { path.parent().unwrap_or(path) } else { path };
        if is_address(dir) {
            return self.dir(dir);
        }
        if let Some(name) = dir.file_name().and_then(|name| name.to_str()?.strip_suffix("_files")) {
            return self.tree(&dir.with_file_name(format!("{name}.dzi")));
        }
        for entry in entries(dir) {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if entry.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("dzi")) {
                self.tree(&entry);
            } else if DESCRIPTORS.contains(&&*name) {
                self.file(&entry);
            } else if is_directory_of_tiles(&name) && entry.is_dir() {
                self.dir(&entry);
            }
        }
    }

    /// Refuses a result that is one of the files, or takes the place of a file in a directory of tiles.
    pub fn spare_file(&self, out: &Path) -> Result<()> {
        let Some(out_source) = Source::of(out) else { return Ok(()) };
        let is_in = |dir: &Source| out_source.whole.starts_with(&dir.whole);
        let same = self.files.iter().find(|file| file.is_same(&out_source));
        match same.or_else(|| self.dirs.iter().find(|dir| is_in(dir))) {
            Some(source) => Err(source.refused(out)),
            None => Ok(()),
        }
    }

    /// Refuses a directory, as a result, that is or holds what is read, or lies in a directory of tiles.
    pub fn spare_dir(&self, out: &Path) -> Result<()> {
        let Some(out_source) = Source::of(out) else { return Ok(()) };
        let is_in = |dir: &Source| out_source.whole.starts_with(&dir.whole);
        let held = self.files.iter().chain(&self.dirs).find(|source| source.lies_in(&out_source.whole));
        match held.or_else(|| self.dirs.iter().find(|dir| is_in(dir))) {
            Some(source) => Err(source.refused(out)),
            None => Ok(()),
        }
    }

    /// Refuses a directory to which files are written whose names are such, where one of them is read.
    pub fn spare_names(&self, dir: &Path, is_written: impl Fn(&str) -> bool) -> Result<()> {
        let Some(dir) = Source::of(dir) else { return Ok(()) };
        let is_in = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str());
            path.parent() == Some(&dir.whole) && name.is_some_and(&is_written)
        };
        let held = |file: &&Source| is_in(&file.whole) || file.link.as_deref().is_some_and(is_in);
        self.files.iter().find(held).map_or(Ok(()), |file| Err(file.refused(&file.given)))
    }

    /// Refuses a tree, as a result, any part of which is or holds what is read. `dzi` is its descriptor.
    pub fn spare_tree(&self, dzi: &Path) -> Result<()> {
        let name = dzi.file_stem().unwrap_or_default().to_string_lossy();
        self.spare_file(dzi)?;
        self.spare_file(&dzi.with_extension("json"))?;
        self.spare_file(&dzi.with_extension("icc"))?;
        self.spare_dir(&dzi.with_file_name(format!("{name}_files")))
    }
}

impl Source {
    /// `None` where there is no such file on this machine.
    fn of(path: &Path) -> Option<Self> {
        let given = path.to_path_buf();
        if is_address(path) {
            return Some(Self { whole: given.clone(), given, link: None, identity: None });
        }
        let whole = path.canonicalize().ok()?;
        let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let link = path.file_name().and_then(|name| Some(parent.canonicalize().ok()?.join(name)));
        let (link, identity) = (link.filter(|link| *link != whole), identity(&whole));
        Some(Self { given, whole, link, identity })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.whole == other.whole || (self.identity.is_some() && self.identity == other.identity)
    }

    fn lies_in(&self, dir: &Path) -> bool {
        self.whole.starts_with(dir) || self.link.as_ref().is_some_and(|link| link.starts_with(dir))
    }

    fn refused(&self, out: &Path) -> anyhow::Error {
        let given = self.given.display();
        let problem =
            format!("the result would replace what it is made of, {given}; give it another name or place");
        Problem::usage(out, problem).into()
    }
}

/// Device and number of a file: the same of all its names.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

/// Whether a directory of this name, in a tree of Zoomify, IIIF or Google Maps, holds tiles.
fn is_directory_of_tiles(name: &str) -> bool {
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    is_number || name.starts_with("TileGroup") || name == "full" || name.contains(',')
}

/// What a directory holds; nothing where it cannot be listed, which whoever reads it will say.
fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

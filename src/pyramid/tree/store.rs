//! Where the files of a tree lie: in a directory, below an address, or in a zip file without compression (SZI).
//!
//! Names are relative to the tree's root, with slashes. Knows no tiles.

use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use zip::{CompressionMethod, ZipArchive};

#[cfg(feature = "remote")]
use super::far::Far;
#[cfg(feature = "remote")]
use crate::store;
use crate::store::{Cursor, Location};

/// Directories below each other that are searched.
const MAX_DEPTH: usize = 8;

/// What is known of a tile's file without reading it.
#[derive(Clone, Copy, Debug)]
pub struct TileFile {
    /// Its length.
    pub bytes: u64,
    /// When it was last changed.
    pub modified: Option<SystemTime>,
}

/// The files of a tree.
pub enum Store {
    /// Below a directory.
    Directory(PathBuf),
    /// Below an address.
    #[cfg(feature = "remote")]
    Far(Far),
    /// In a zip file, below a prefix.
    Zip(Zip),
}

/// A zip file, on a disk or at an address.
pub type Entries = ZipArchive<BufReader<Cursor>>;

/// A zip file whose entries are stored as they are.
pub struct Zip {
    path: PathBuf,
    prefix: String,
    modified: Option<SystemTime>,
    entries: Mutex<Entries>,
}

impl Store {
    /// The files of a directory, or below an address.
    ///
    /// # Errors
    /// An address that cannot be one.
    pub fn below(root: &Path) -> io::Result<Self> {
        match Location::parse(root)? {
            #[cfg(feature = "remote")]
            Location::Address(address) => Ok(Self::Far(Far::new(address))),
            _ => Ok(Self::Directory(root.into())),
        }
    }

    /// The files of a zip, last changed at `modified`, whose names begin with `prefix`, which ends in a slash or is empty.
    pub fn zip(path: &Path, prefix: &str, modified: Option<SystemTime>, entries: Entries) -> Self {
        Self::Zip(Zip { path: path.into(), prefix: prefix.into(), modified, entries: Mutex::new(entries) })
    }

    /// The path of a file on the local disk; `None` where it has none: at an address, in a zip.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        match self {
            Store::Directory(root) => Some(root.join(name)),
            _ => None,
        }
    }

    /// Whether there is a directory of this name. A web server, which knows no directories, is taken to have those that a tree needs.
    ///
    /// # Errors
    /// Storage that does not answer, or refuses.
    pub fn has_directory(&self, name: &str) -> io::Result<bool> {
        match self {
            Store::Directory(root) => Ok(root.join(name).is_dir()),
            #[cfg(feature = "remote")]
            Store::Far(far) => far.has_directory(name),
            Store::Zip(_) => Ok(false),
        }
    }

    /// Says which names are of interest, before anything is looked up: of a web server only they can be.
    ///
    /// # Errors
    /// As [`Self::names`].
    #[cfg_attr(not(feature = "remote"), allow(unused_variables))]
    pub fn look_for(&self, names: impl IntoIterator<Item = String>) -> io::Result<()> {
        match self {
            #[cfg(feature = "remote")]
            Store::Far(far) => far.look_for(names),
            _ => Ok(()),
        }
    }

    /// Whether nothing but [`Self::look_for`] tells what is there.
    pub fn must_look(&self) -> bool {
        match self {
            #[cfg(feature = "remote")]
            Store::Far(far) => far.must_look(),
            _ => false,
        }
    }

    /// Says which files will be read soon. Only a store far away sends them ahead; whoever reads them learns of an error.
    #[cfg_attr(not(feature = "remote"), allow(unused_variables))]
    pub fn will_read<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        #[cfg(feature = "remote")]
        if let Store::Far(far) = self {
            far.will_read(names);
        }
    }

    /// Where a file lies, for messages; of an entry of a zip, its name behind that of the zip.
    pub fn place(&self, name: &str) -> PathBuf {
        match self {
            Store::Directory(root) => root.join(name),
            #[cfg(feature = "remote")]
            Store::Far(far) => far.place(name),
            Store::Zip(zip) => zip.path.join(format!("{}{name}", zip.prefix)),
        }
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// `NotFound`; an entry that is compressed or damaged; the error of the system.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        match self {
            Store::Directory(root) => fs::read(root.join(name)),
            #[cfg(feature = "remote")]
            Store::Far(far) => far.read(name),
            Store::Zip(zip) => {
                let mut entries = zip.entries.lock().unwrap_or_else(PoisonError::into_inner);
                read_entry(&mut entries, &format!("{}{name}", zip.prefix))
            }
        }
    }

    /// Length and time of a file.
    ///
    /// # Errors
    /// `NotFound`; the error of the system.
    pub fn stat(&self, name: &str) -> io::Result<TileFile> {
        match self {
            Store::Directory(root) => {
                let file = fs::metadata(root.join(name))?;
                Ok(TileFile { bytes: file.len(), modified: file.modified().ok() })
            }
            #[cfg(feature = "remote")]
            Store::Far(far) => far.stat(name),
            Store::Zip(zip) => {
                let modified = zip.modified;
                let mut entries = zip.entries.lock().unwrap_or_else(PoisonError::into_inner);
                let entry = entries.by_name(&format!("{}{name}", zip.prefix)).map_err(io::Error::from)?;
                Ok(TileFile { bytes: entry.size(), modified })
            }
        }
    }

    /// Place and length of every file of one of these names in a zip, wherever it lies in it; of a directory in `dirs`.
    pub fn named(&self, names: &[&str], dirs: &[&Path]) -> Vec<(PathBuf, u64)> {
        match self {
            Store::Directory(_) => {
                let all = dirs.iter().flat_map(|dir| names.iter().map(|name| dir.join(name)));
                all.filter_map(|path| Some((path.clone(), fs::metadata(&path).ok()?.len()))).collect()
            }
            #[cfg(feature = "remote")]
            Store::Far(_) => {
                let all = dirs.iter().flat_map(|dir| names.iter().map(|name| dir.join(name)));
                all.filter_map(|path| Some((path.clone(), store::open(&path).ok()?.size().ok()?))).collect()
            }
            Store::Zip(zip) => {
                let mut entries = zip.entries.lock().unwrap_or_else(PoisonError::into_inner);
                let is_wanted = |name: &&str| name.rsplit('/').next().is_some_and(|own| names.contains(&own));
                let found: Vec<_> = entries.file_names().filter(is_wanted).map(str::to_string).collect();
                let place = |name: &String| Some((zip.path.join(name), entries.by_name(name).ok()?.size()));
                found.iter().filter_map(place).collect()
            }
        }
    }

    /// The names of all files. Names that begin with a dot are other programs'.
    ///
    /// # Errors
    /// A directory that cannot be listed.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        match self {
            Store::Directory(root) => walk(root, "", MAX_DEPTH, &mut names)?,
            #[cfg(feature = "remote")]
            Store::Far(far) => names = far.names()?,
            Store::Zip(zip) => {
                let entries = zip.entries.lock().unwrap_or_else(PoisonError::into_inner);
                let below = entries.file_names().filter_map(|name| name.strip_prefix(&zip.prefix));
                names.extend(below.filter(|name| !name.ends_with('/')).map(str::to_string));
            }
        }
        Ok(names)
    }
}

/// The bytes of an entry of a zip.
///
/// # Errors
/// As [`Store::read`].
pub fn read_entry(entries: &mut Entries, name: &str) -> io::Result<Vec<u8>> {
    let mut entry = entries.by_name(name).map_err(io::Error::from)?;
    if entry.compression() != CompressionMethod::Stored {
        let problem = "it is compressed, and files in an .szi are stored as they are; pack the tree again without compression";
        return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn walk(root: &Path, below: &str, depth: usize, names: &mut Vec<String>) -> io::Result<()> {
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().filter(|name| !name.starts_with('.')).map(str::to_string)
        else {
            continue;
        };
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        match entry.file_type()?.is_dir() {
            true => walk(root, &name, depth - 1, names)?,
            false => names.push(name),
        }
    }
    Ok(())
}

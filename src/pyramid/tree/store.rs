//! Where the files of a tree lie: in a directory, below an address, or in a zip file without compression (SZI).
//!
//! Names are relative to the tree's root, with slashes. Knows no tiles.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

#[cfg(feature = "remote")]
use super::far::Far;
use super::zip::Zip;
use crate::store::{self, Arrival, Location};

/// Longest file of a tree. Four bytes of 16 bits a pixel make half of that in the largest tile.
const MAX_FILE_BYTES: u64 = 256 << 20;
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
    /// In a zip file, where names begin with a prefix that ends in a slash or is empty.
    Zip(Zip, String),
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
            Store::Zip(..) => Ok(false),
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
    pub fn will_read(&self, names: impl IntoIterator<Item = String>) -> Arrival {
        match self {
            #[cfg(feature = "remote")]
            Store::Far(far) => {
                far.will_read(names.into_iter().collect::<Vec<_>>().iter().map(String::as_str))
            }
            Store::Zip(zip, prefix) => zip.will_read(names.into_iter().map(|name| format!("{prefix}{name}"))),
            Store::Directory(_) => Arrival::default(),
        }
    }

    /// Where a file lies, for messages; of an entry of a zip, its name behind that of the zip.
    pub fn place(&self, name: &str) -> PathBuf {
        match self {
            Store::Directory(root) => root.join(name),
            #[cfg(feature = "remote")]
            Store::Far(far) => far.place(name),
            Store::Zip(zip, prefix) => zip.place(&format!("{prefix}{name}")),
        }
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// `NotFound`; an entry that is compressed or damaged; the error of the system.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        match self {
            Store::Directory(root) => store::read(&root.join(name), MAX_FILE_BYTES),
            #[cfg(feature = "remote")]
            Store::Far(far) => far.read(name),
            Store::Zip(zip, prefix) => zip.read(&format!("{prefix}{name}"), MAX_FILE_BYTES),
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
            Store::Far(far) => far.stat(name).map(|(bytes, modified)| TileFile { bytes, modified }),
            Store::Zip(zip, prefix) => {
                Ok(TileFile { bytes: zip.size(&format!("{prefix}{name}"))?, modified: zip.modified() })
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
            Store::Zip(zip, _) => {
                let is_wanted = |name: &&str| name.rsplit('/').next().is_some_and(|own| names.contains(&own));
                let mut found: Vec<_> = zip.names().filter(is_wanted).collect();
                found.sort_unstable();
                found.iter().filter_map(|name| Some((zip.place(name), zip.size(name).ok()?))).collect()
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
            Store::Zip(zip, prefix) => {
                let below = zip.names().filter_map(|name| name.strip_prefix(prefix.as_str()));
                names.extend(below.filter(|name| !name.ends_with('/')).map(str::to_string));
            }
        }
        Ok(names)
    }
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

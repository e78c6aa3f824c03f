//! The files of an attempt, read back: their number, bytes and a hash of everything.
//!
//! The hash is over names, lengths and bytes in the order of names, so that two attempts with the same files have the same hash.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::store::{FileError, Retried};

/// Bytes that are read at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// What lies in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Number of files.
    pub files: u64,
    /// Bytes of all.
    pub bytes: u64,
    /// Hash of names, lengths and bytes: 32 hexadecimal digits.
    pub hash: String,
}

impl Content {
    /// Reads every file in `dir` and below.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of(dir: &Path) -> Result<Self> {
        let mut names = Vec::new();
        collect(dir, Path::new(""), &mut names)?;
        names.sort();
        let (mut hash, mut bytes, mut block) = (Xxh3::new(), 0, vec![0; BLOCK_BYTES]);
        for name in &names {
            let path = dir.join(name);
            let mut file = Retried(fs::File::open(&path).map_err(FileError::on::<Error>("open", &path))?);
            let length = file.0.metadata().map_err(FileError::on::<Error>("read", &path))?.len();
            hash.update(name.as_os_str().as_encoded_bytes());
            hash.update(&[0]);
            hash.update(&length.to_le_bytes());
            loop {
                let read = file.read(&mut block).map_err(FileError::on::<Error>("read", &path))?;
                match block.get(..read) {
                    Some(part) if !part.is_empty() => hash.update(part),
                    _ => break,
                }
            }
            bytes += length;
        }
        Ok(Self { files: names.len() as u64, bytes, hash: format!("{:032x}", hash.digest128()) })
    }
}

fn collect(dir: &Path, below: &Path, names: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(FileError::on::<Error>("list", dir))? {
        let entry = entry.map_err(FileError::on::<Error>("list", dir))?;
        let name = below.join(entry.file_name());
        match entry.file_type().map_err(FileError::on::<Error>("list", dir))?.is_dir() {
            true => collect(&entry.path(), &name, names)?,
            false => names.push(name),
        }
    }
    Ok(())
}

/// Reads a bundle back from where it was written: every byte under its checksum.
///
/// # Errors
/// Damage, with the offset.
pub fn check_bundle(path: &Path) -> Result<()> {
    let archive = Archive::open(path)?;
    archive.icc_profile()?;
    for entry in archive.tiles() {
        archive.read_tile(entry)?;
    }
    for entry in archive.families() {
        archive.read_family(entry)?;
    }
    Ok(())
}

//! Opens a file, or the object at an address.

use std::io;
use std::path::{Path, PathBuf};

use super::local::FileStore;
use super::location::{Address, Location, is_address};
use super::memory::zeroed;
use super::read_at::ReadAt;

/// Opens a file, or the object at an address, for reading.
///
/// ```no_run
/// use std::path::Path;
///
/// // With the feature `remote` also an address: `https://...`, `s3://bucket/key`.
/// let file = origami::store::open(Path::new("slide.svs"))?;
/// let mut head = [0; 4];
/// file.read_exact_at(&mut head, 0)?;
/// println!("{} bytes, the first {head:?}", file.size()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The error of the system or of the store; an address that cannot be one, or that this build cannot reach.
pub fn open(path: &Path) -> io::Result<Box<dyn ReadAt>> {
    match Location::parse(path)? {
        Location::Local(path) => Ok(Box::new(FileStore::open(&path)?)),
        #[cfg(feature = "remote")]
        Location::Address(address) => Ok(Box::new(super::remote::Object::open(&address)?)),
        #[cfg(not(feature = "remote"))]
        Location::Address(_) => Err(not_built()),
    }
}

/// The bytes of a file or object, if it has at most `most`.
///
/// # Errors
/// As [`open()`]; `FileTooLarge`.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let size = file.size()?;
    if size > most {
        let problem = format!("it has {size} bytes, and {most} at most belong there");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    let mut bytes = zeroed(size)?;
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// How many bytes may be on their way before they are read. More would push out of memory what is waited for.
pub fn ahead_bytes() -> u64 {
    #[cfg(feature = "remote")]
    return super::remote::ahead_bytes();
    #[cfg(not(feature = "remote"))]
    u64::MAX
}

/// Whether there is a file at a path, or an object at an address. What cannot be asked for is not there.
pub fn is_file(path: &Path) -> bool {
    if is_address(path) { exists(path).unwrap_or(false) } else { path.is_file() }
}

/// What lies in a directory, or directly below an address: files and directories of the one, objects of the other.
///
/// # Errors
/// The error of the system or of the store.
pub fn files_in(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match Location::parse(dir)? {
        Location::Local(dir) => std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect(),
        #[cfg(feature = "remote")]
        Location::Address(address) => {
            Ok(super::remote::entries(&address)?.iter().map(|object| object.address.to_path()).collect())
        }
        #[cfg(not(feature = "remote"))]
        Location::Address(_) => Err(not_built()),
    }
}

/// All objects below an address, by key.
///
/// # Errors
/// The error of the store; a local path.
pub fn files_below(prefix: &Path) -> io::Result<Vec<PathBuf>> {
    match Location::parse(prefix)? {
        Location::Local(_) => Err(io::ErrorKind::InvalidInput.into()),
        #[cfg(feature = "remote")]
        Location::Address(address) => {
            Ok(super::remote::list(&address)?.iter().map(|object| object.address.to_path()).collect())
        }
        #[cfg(not(feature = "remote"))]
        Location::Address(_) => Err(not_built()),
    }
}

/// Whether there is a file or directory at a path, or an object at an address.
///
/// # Errors
/// The error of the store.
pub fn exists(path: &Path) -> io::Result<bool> {
    match Location::parse(path)? {
        Location::Local(path) => Ok(path.exists()),
        #[cfg(feature = "remote")]
        Location::Address(address) => super::remote::exists(&address),
        #[cfg(not(feature = "remote"))]
        Location::Address(_) => Err(not_built()),
    }
}

/// Puts the files of a local directory below an address: see `remote::publish_directory`.
///
/// # Errors
/// The error of the disk or of the store.
#[cfg_attr(not(feature = "remote"), allow(unused_variables))]
pub fn publish_directory(dir: &Path, to: &Address, last: &Path, replace: bool) -> io::Result<()> {
    #[cfg(feature = "remote")]
    return super::remote::publish_directory(dir, to, last, replace);
    #[cfg(not(feature = "remote"))]
    Err(not_built())
}

/// Forgets that the object at an address was opened a moment ago: the next one to open it asks the store for its version.
pub fn forget(path: &Path) {
    #[cfg(feature = "remote")]
    if let Ok(Location::Address(address)) = Location::parse(path) {
        super::remote::Object::forget(&address);
    }
    #[cfg(not(feature = "remote"))]
    let _ = path;
}

/// Why an address cannot be reached.
#[cfg(not(feature = "remote"))]
fn not_built() -> io::Error {
    let problem = "this program was built without addresses; build it with the feature `remote`";
    io::Error::new(io::ErrorKind::Unsupported, problem)
}

//! Opens a file, or the object at an address.

use std::io;
use std::path::Path;

use super::local::FileStore;
use super::location::Location;
use super::read_at::ReadAt;

/// Opens a file, or the object at an address, for reading.
///
/// # Errors
/// The error of the system or of the store; an address that cannot be one, or that this build cannot reach.
pub fn open(path: &Path) -> io::Result<Box<dyn ReadAt>> {
    match Location::parse(path)? {
        Location::Local(path) => Ok(Box::new(FileStore::open(&path)?)),
        #[cfg(feature = "remote")]
        Location::Address(address) => Ok(Box::new(super::remote::Object::open(&address)?)),
        #[cfg(not(feature = "remote"))]
        Location::Address(_) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this program was built without addresses; build it with the feature `remote`",
        )),
    }
}

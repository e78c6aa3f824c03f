//! Bytes that only the server may know, and where they lie.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A secret. Its bytes are never shown.
#[derive(Clone)]
pub struct Secret {
    /// What messages call the place: a file, or a variable of the environment.
    pub(super) place: PathBuf,
    pub(super) bytes: Vec<u8>,
}

impl Secret {
    /// A secret that `place` holds.
    pub fn new(place: impl Into<PathBuf>, bytes: Vec<u8>) -> Self {
        Self { place: place.into(), bytes }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self::new(path, std::fs::read(path).map_err(Error::io("read", path))?))
    }
}

/// Shows the place alone.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.place.display())
    }
}

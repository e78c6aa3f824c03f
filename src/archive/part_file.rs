//! Files that get their name when they are whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use crate::store::create;

/// A file under a temporary name. Dropped before [`Self::publish`], it is removed.
pub struct PartFile {
    pub path: PathBuf,
    pub file: File,
    published: bool,
}

impl PartFile {
    pub fn create(path: PathBuf) -> Result<Self> {
        let file = create(&path, true).map_err(Error::io("create", &path))?;
        Ok(Self { path, file, published: false })
    }

    /// Syncs the file and renames it to `target`. The caller syncs the directory, once for all its files.
    pub fn publish(mut self, target: &Path) -> Result<()> {
        self.file.sync_all().map_err(Error::io("write", &self.path))?;
        fs::rename(&self.path, target).map_err(Error::io("rename a file to", target))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.published {
            // A file that cannot be removed does no harm: the next run overwrites it.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Syncs the directory of a file, so that its name lasts.
#[cfg(unix)]
pub fn sync_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", parent))
}

#[cfg(not(unix))]
pub fn sync_parent(_: &Path) -> Result<()> {
    Ok(())
}

//! Where results go: a directory, or an address, to which they are put when they are whole.

use std::path::{Path, PathBuf};

use anyhow::Result;
use origami::store::{Address, FileError, Location};
use tempfile::TempDir;

use super::fault::{Problem, usage};

/// A directory to write results to, and the address that they go to afterwards.
pub struct OutPlace {
    out: PathBuf,
    staged: Option<(TempDir, Address)>,
}

impl OutPlace {
    /// That of `out`. For an address it is a temporary directory.
    pub fn of(out: &Path) -> Result<Self> {
        let at = |source| FileError { action: "write", path: out.into(), source };
        let staged = match Location::parse(out).map_err(|e| at(e.into()))? {
            Location::Local(_) => None,
            Location::Address(address) if address.is_web() => {
                let problem = "a web server is read from and not written to; give a directory, or an address of a bucket";
                return Err(Problem::usage(out, problem).into());
            }
            Location::Address(address) => Some((tempfile::tempdir().map_err(at)?, address)),
        };
        Ok(Self { out: out.into(), staged })
    }

    /// The directory to write to.
    pub fn dir(&self) -> &Path {
        self.staged.as_ref().map_or(&self.out, |(dir, _)| dir.path())
    }

    /// Refuses what cannot be done for a tree at an address: to replace it, or to tell whether it is the same. `dzi` is its descriptor.
    pub fn check_tree(&self, dzi: &Path, is_asked: bool) -> Result<()> {
        if self.staged.is_none() {
            return Ok(());
        }
        if is_asked {
            usage!(
                "--overwrite and --skip-existing are not for trees at an address; give another --out, or remove the tree"
            );
        }
        if self.has(dzi)? {
            let problem = "it is there already; give another --out, or remove the tree";
            return Err(Problem::failed(&self.out.join(dzi), problem).into());
        }
        Ok(())
    }

    /// Whether `name` is there already.
    pub fn has(&self, name: &Path) -> Result<bool> {
        let path = self.out.join(name);
        let exists = || origami::store::exists(&path);
        Ok(exists().map_err(|source| FileError { action: "look for", path: path.clone(), source })?)
    }

    /// Puts the results to their address, the file `last` at the end, which must not be there unless `replace` is set. Results in a
    /// directory are where they belong.
    pub fn publish(&self, last: &Path, replace: bool) -> Result<()> {
        let Some((dir, address)) = &self.staged else { return Ok(()) };
        let put = || origami::store::publish_directory(dir.path(), address, last, replace);
        Ok(put().map_err(|source| FileError { action: "write", path: self.out.join(last), source })?)
    }
}

/// Refuses a file that is there, unless it may be replaced.
pub fn refuse_existing(path: &Path, may_replace: bool) -> Result<()> {
    if may_replace || path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(Problem::failed(path, "it is there already; choose another name, or give --overwrite").into())
}

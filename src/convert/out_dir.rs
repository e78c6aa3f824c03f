//! A directory of files that gets its name when all of them are whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::archive::part_file::sync_parent;
use crate::error::{Error, Result};
use crate::pyramid::write::Existing;
use crate::pyramid::{self, Refusal};
use crate::store::LockFile;

/// A directory under a temporary name. Dropped before [`Self::publish`], it is removed.
pub struct OutDir {
    target: PathBuf,
    part: PathBuf,
    /// Where an older directory of the name goes while the new one takes its place.
    old: PathBuf,
    /// Keeps other writers of this directory out; dropped last.
    _lock: LockFile,
}

impl OutDir {
    /// Begins the directory that will be `target`. What an interrupted run moved aside is put back first.
    ///
    /// # Errors
    /// Something of that name, with [`Existing::Keep`]; a file of that name; a directory that cannot be written; another run that writes it.
    pub fn create(target: &Path, existing: Existing) -> Result<Self> {
        let refused = |refusal| Error::from(pyramid::Error::refused(target, refusal));
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        if let Some(dir) = target.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        }
        let beside = |ending: &str| target.with_file_name(format!(".{name}{ending}"));
        let lock_path = beside(".lock.part");
        let Some(lock) = LockFile::acquire(&lock_path).map_err(Error::io("create", &lock_path))? else {
            return Err(refused(Refusal::AnotherRun { name: name.into_owned() }));
        };
        let (part, old) = (beside(".part"), beside(".old.part"));
        let is_there = |path: &Path| path.symlink_metadata().is_ok();
        if is_there(&old) && !is_there(target) {
            fs::rename(&old, target).map_err(Error::io("rename a file to", target))?;
        }
        // A file would be another result's.
        if is_there(target) && (existing == Existing::Keep || !target.is_dir()) {
            return Err(refused(Refusal::Exists));
        }
        for leftover in [&part, &old] {
            remove(leftover)?;
        }
        fs::create_dir(&part).map_err(Error::io("create", &part))?;
        Ok(Self { target: target.into(), part, old, _lock: lock })
    }

    /// Where the files are written until all of them are whole.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Gives the directory its name, in place of an older one.
    ///
    /// # Errors
    /// A file error. Then an older directory has its name again.
    pub fn publish(self) -> Result<()> {
        let target = &self.target;
        let replaces = target.symlink_metadata().is_ok();
        if replaces {
            fs::rename(target, &self.old).map_err(Error::io("rename a file to", &self.old))?;
        }
        if let Err(error) = fs::rename(&self.part, target) {
            if replaces {
                // The first failure is the one to report; the next run puts back what this one cannot.
                drop(fs::rename(&self.old, target));
            }
            return Err(Error::io("rename a file to", target)(error));
        }
        sync_parent(target)?;
        remove(&self.old)
    }
}

impl Drop for OutDir {
    fn drop(&mut self) {
        // A failure is ignored: the next run removes leftovers.
        drop(remove(&self.part));
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_its_name_once_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("new/slide");
        let put = |out: &OutDir, text: &str| fs::write(out.part().join("file"), text).unwrap();
        let text = || fs::read_to_string(target.join("file")).unwrap();
        let out = OutDir::create(&target, Existing::Keep).unwrap();
        put(&out, "first");
        assert!(OutDir::create(&target, Existing::Keep).is_err(), "two writers of one directory");
        assert!(!target.exists());
        out.publish().unwrap();
        assert_eq!(text(), "first");
        let named = |error: Error| error.to_string().contains("it is there already");
        assert!(OutDir::create(&target, Existing::Keep).err().is_some_and(named));
        // Dropped, it leaves what was there.
        put(&OutDir::create(&target, Existing::Replace).unwrap(), "dropped");
        assert_eq!(text(), "first");
        let out = OutDir::create(&target, Existing::Replace).unwrap();
        put(&out, "second");
        out.publish().unwrap();
        assert_eq!(text(), "second");
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 1);
        // A run that was killed between the two renames.
        fs::rename(&target, dir.path().join("new/.slide.old.part")).unwrap();
        drop(OutDir::create(&target, Existing::Replace).unwrap());
        assert_eq!(text(), "second");
        // A file is no directory to replace.
        let file = dir.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(OutDir::create(&file, Existing::Replace).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}

//! A directory of files that gets its name when all of them are whole.

use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use crate::archive::part_file::sync_parent;
use crate::error::{Error, Result};
use crate::pyramid::foreign::first_other;
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
    /// Something of that name, with [`Existing::Keep`]; a file of that name, or a directory that holds anything but `level-N.dcm`; a path that ends
    /// in no name; a directory that cannot be written; another run that writes it.
    pub fn create(target: &Path, existing: Existing) -> Result<Self> {
        let refused = |refusal| Error::from(pyramid::Error::refused(target, refusal));
        let Some(name) = target.file_name().map(|name| name.to_string_lossy()) else {
            return Err(Error::input(target, "it is no name of a directory; give the name of the result"));
        };
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
        if is_there(target) {
            refuse_others(target)?;
        }
        remove(&part)?;
        remove_levels(&old)?;
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
    /// A file error; an older directory that holds anything but `level-N.dcm`. Then it has its name again.
    pub fn publish(self) -> Result<()> {
        let target = &self.target;
        let replaces = target.symlink_metadata().is_ok();
        if replaces {
            // Something may have been put there meanwhile.
            refuse_others(target)?;
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
        remove_levels(&self.old)
    }
}

impl Drop for OutDir {
    fn drop(&mut self) {
        // A failure is ignored: the next run removes leftovers.
        drop(remove(&self.part));
    }
}

/// Refuses to replace a directory that holds anything that is not written here.
fn refuse_others(dir: &Path) -> Result<()> {
    let ours = |entry: &DirEntry| Ok(entry.file_type()?.is_file() && is_level(&entry.file_name()));
    match first_other(dir, ours).map_err(Error::io("list", dir))? {
        Some(other) => Err(pyramid::Error::refused(&other, Refusal::Foreign).into()),
        None => Ok(()),
    }
}

/// Whether a name is `level-N.dcm`.
fn is_level(name: &OsStr) -> bool {
    let number = name.to_str().and_then(|name| name.strip_prefix("level-")?.strip_suffix(".dcm"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Removes a directory of levels, or a link to one. Of a directory with anything else nothing is removed.
fn remove_levels(dir: &Path) -> Result<()> {
    let failed = || Error::io("remove", dir);
    match dir.symlink_metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(kind) if kind.is_symlink() => return fs::remove_file(dir).map_err(failed()),
        Err(e) => return Err(failed()(e)),
        Ok(_) => {}
    }
    refuse_others(dir)?;
    for entry in fs::read_dir(dir).map_err(failed())? {
        fs::remove_file(entry.map_err(failed())?.path()).map_err(failed())?;
    }
    fs::remove_dir(dir).map_err(failed())
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
        let put = |out: &OutDir, text: &str| fs::write(out.part().join("level-0.dcm"), text).unwrap();
        let text = || fs::read_to_string(target.join("level-0.dcm")).unwrap();
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
        // A directory with anything else stays, also where it was put there meanwhile.
        let notes = target.join("notes.txt");
        let out = OutDir::create(&target, Existing::Replace).unwrap();
        put(&out, "third");
        fs::write(&notes, "mine").unwrap();
        let refused =
            |error: Error| error.to_string().contains("notes.txt: it is no part of an earlier result");
        assert!(out.publish().is_err_and(refused));
        assert!(OutDir::create(&target, Existing::Replace).err().is_some_and(refused));
        assert_eq!((text(), fs::read_to_string(&notes).unwrap()), ("second".into(), "mine".into()));
        fs::remove_file(notes).unwrap();
        for name in ["level-.dcm", "level-0.dcm.png", "level-x.dcm", "src.dcm"] {
            fs::write(target.join(name), "mine").unwrap();
            assert!(OutDir::create(&target, Existing::Replace).is_err(), "{name}");
            fs::remove_file(target.join(name)).unwrap();
        }
        assert!(OutDir::create(Path::new(".."), Existing::Replace).is_err());
        // A file is no directory to replace.
        let file = dir.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(OutDir::create(&file, Existing::Replace).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}

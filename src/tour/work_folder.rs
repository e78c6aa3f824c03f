//! The folder in which a video is made. It is removed at the end, and after a kill by who makes the next one beside it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// What the names of the folders begin with.
const PREFIX: &str = ".origami-tour-";
/// The file in a folder that its owner holds locked. The system releases the lock when the owner ends, in whatever way.
const LOCK: &str = "lock";
/// Age from which on a folder without a lock belongs to nobody: an owner locks it at once.
const UNLOCKED_AGE: Duration = Duration::from_secs(3600);

/// A folder with an owner. It is removed when dropped.
pub struct WorkFolder {
    folder: TempDir,
    _lock: File,
}

impl WorkFolder {
    /// Makes one in `parent`, and removes those there whose owner has ended.
    ///
    /// # Errors
    /// The error of the system.
    pub fn new(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        // It has its name once it is locked: who finds it must not lock it first.
        let (early, lock) = (folder.path().join("unlocked"), folder.path().join(LOCK));
        let file = File::create(&early)?;
        match file.try_lock() {
            Ok(()) => fs::rename(&early, &lock)?,
            // A file system without locks: the folder is taken for unlocked, and removed when it is old.
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {}
            Err(e) => return Err(e.into()),
        }
        Ok(Self { folder, _lock: file })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders in `parent` whose owner has ended. Returns how many.
pub fn sweep(parent: &Path) -> usize {
    let Ok(entries) = fs::read_dir(parent) else { return 0 };
    let is_ours = |entry: &fs::DirEntry| {
        // Of a link it says that it is one: what it names is not looked at.
        entry.file_type().is_ok_and(|kind| kind.is_dir())
            && entry.file_name().to_string_lossy().starts_with(PREFIX)
    };
    let abandoned = entries.flatten().filter(is_ours).map(|entry| entry.path()).filter(|path| is_left(path));
    abandoned.filter(|path| fs::remove_dir_all(path).is_ok()).count()
}

fn is_left(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(file) => file.try_lock().is_ok(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let changed = fs::metadata(folder).and_then(|metadata| metadata.modified());
            let age = changed.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
            age.is_ok_and(|age| age > UNLOCKED_AGE)
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_when_its_owner_has_ended_and_not_before() {
        let parent = tempfile::tempdir().unwrap();
        let live = WorkFolder::new(parent.path()).unwrap();
        let dead = parent.path().join(".origami-tour-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(dead.join("00000.mp4"), "half").unwrap();
        // One that is just being made, and one of another program.
        let young = parent.path().join(".origami-tour-young");
        let other = parent.path().join("dead");
        fs::create_dir(&young).unwrap();
        fs::create_dir(&other).unwrap();
        let second = WorkFolder::new(parent.path()).unwrap();
        assert!(!dead.exists());
        assert!(live.path().exists() && second.path().exists() && young.exists() && other.exists());
        assert_eq!(sweep(parent.path()), 0);
        let path = live.path().to_path_buf();
        drop(live);
        assert!(!path.exists());
    }
}

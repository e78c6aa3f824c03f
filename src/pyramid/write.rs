//! Writes a Deep Zoom tree to disk. Nothing appears under its final name before the tree is complete.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::dzi::Descriptor;
use super::foreign::foreign_part;
use super::metadata::{SlideMetadata, generator};
use crate::image::geometry::{Geometry, TileId};
use crate::pyramid::error::{Error, Refusal, Result};
use crate::store::{LockFile, create};

/// Whether existing files may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Existing {
    /// Keep them, and return an error that names the file.
    #[default]
    Keep,
    /// Replace them once the new tree is complete.
    Replace,
}

/// Writes `dir/NAME.dzi`, `dir/NAME_files`, the sidecar `dir/NAME.json` and the colour profile `dir/NAME.icc`.
///
/// Everything is written under temporary names that begin with a dot. The temporary descriptor comes last and marks the tree
/// as complete. After that, only renames publish the tree; if this run is killed between them, a later run completes them.
pub struct TreeWriter {
    names: Names,
    descriptor: Descriptor,
    published: bool,
    /// Keeps other writers of this tree out; dropped last.
    _lock: LockFile,
}

/// The names of a tree's parts: the final one, the temporary one of a new part, and the one of an old part that is moved
/// aside.
struct Names {
    dir: PathBuf,
    name: String,
}

/// Suffixes of the parts of a tree, in the order of publication. The descriptor, by which viewers find the rest, is last.
const PARTS: [&str; 4] = ["_files", ".icc", ".json", ".dzi"];
/// The descriptor while it is written. Under its temporary name it says that the tree is complete, so it gets that name whole.
const DRAFT: &str = ".dzi.draft";

impl Names {
    fn target(&self, part: &str) -> PathBuf {
        self.dir.join(format!("{}{part}", self.name))
    }
    fn part(&self, part: &str) -> PathBuf {
        self.dir.join(format!(".{}{part}.part", self.name))
    }
    fn old(&self, part: &str) -> PathBuf {
        self.dir.join(format!(".{}{part}.old.part", self.name))
    }

    /// Moves the old parts aside and the new ones to their final names; on failure, moves everything back. It can be repeated
    /// after a crash at any point.
    fn publish(&self) -> Result<()> {
        let mut done = Vec::new();
        let result = self.move_parts(&mut done);
        if result.is_err() {
            for (from, to) in done.into_iter().rev() {
                // The first failure is the one to report. A part that cannot be moved back now is restored by the next run.
                drop(fs::rename(to, from));
            }
        }
        result
    }

    fn move_parts(&self, done: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
        let mut rename = |from: PathBuf, to: PathBuf| -> Result<()> {
            fs::rename(&from, &to).map_err(Error::io("rename a file to", &to))?;
            done.push((from, to));
            Ok(())
        };
        // Until the new tiles have their final name, all parts with final names are old. All of them are moved aside, also
        // those that have no new version.
        let tiles_unpublished = self.part("_files").exists();
        for part in PARTS.iter().rev() {
            if self.target(part).exists() && (tiles_unpublished || self.part(part).exists()) {
                rename(self.target(part), self.old(part))?;
            }
        }
        for part in PARTS {
            if self.part(part).exists() {
                rename(self.part(part), self.target(part))?;
            }
        }
        Ok(())
    }

    /// Moves old parts back where no new part was published.
    fn restore(&self) -> Result<()> {
        for part in PARTS {
            if self.old(part).exists() && !self.target(part).exists() {
                fs::rename(self.old(part), self.target(part))
                    .map_err(Error::io("rename a file to", &self.target(part)))?;
            }
        }
        Ok(())
    }

    fn remove_new(&self) -> Result<()> {
        PARTS.iter().chain([&DRAFT]).try_for_each(|part| remove(&self.part(part)))
    }

    fn remove_old(&self) -> Result<()> {
        PARTS.iter().try_for_each(|part| remove(&self.old(part)))
    }
}

impl TreeWriter {
    /// Begins a tree.
    ///
    /// # Errors
    /// An existing tree, sidecar or profile of that name, with [`Existing::Keep`]; anything in its place that is no part of a tree, with
    /// [`Existing::Replace`]; a directory that cannot be written; another run that writes this tree.
    pub fn create(
        dir: &Path,
        name: &str,
        geometry: &Geometry,
        format: &str,
        existing: Existing,
    ) -> Result<Self> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let names = Names { dir: dir.to_path_buf(), name: name.to_string() };
        let lock_path = names.part(".lock");
        let Some(lock) = LockFile::acquire(&lock_path).map_err(Error::io("create", &lock_path))? else {
            return Err(Error::refused(dir, Refusal::AnotherRun { name: names.name }));
        };
        let interrupted = names.part(".dzi").exists();
        if interrupted {
            // An earlier run was killed while it published a complete tree. It is published now; this run may then replace it.
            names.publish()?;
        } else {
            names.restore()?;
        }
        if existing == Existing::Keep && !interrupted {
            for target in PARTS.map(|part| names.target(part)) {
                if target.exists() {
                    return Err(Error::refused(&target, Refusal::Exists));
                }
            }
        }
        if existing == Existing::Replace
            && let Some(other) = foreign_part(dir, name).map_err(Error::io("list", dir))?
        {
            return Err(Error::refused(&other, Refusal::Foreign));
        }
        // Leftovers of a killed run; no other program uses these names.
        names.remove_new()?;
        names.remove_old()?;
        let descriptor = Descriptor {
            width: geometry.width(),
            height: geometry.height(),
            tile: geometry.tile(),
            overlap: 0,
            format: format.to_string(),
        };
        for level in 0..=geometry.top_level() {
            let path = names.part("_files").join(level.to_string());
            fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        }
        Ok(Self { names, descriptor, published: false, _lock: lock })
    }

    /// Writes one tile. May be called from many threads.
    ///
    /// # Errors
    /// A full disk or another file error.
    pub fn tile(&self, id: TileId, bytes: &[u8]) -> Result<()> {
        let name = format!("{}_{}.{}", id.x, id.y, self.descriptor.format);
        let path = self.names.part("_files").join(id.level.to_string()).join(name);
        fs::write(&path, bytes).map_err(Error::io("write", &path))
    }

    /// Publishes the tree with its sidecar and colour profile; returns the descriptor's path.
    ///
    /// # Errors
    /// A full disk or another file error. Then the files that existed before are in place again.
    pub fn finish(mut self, metadata: &SlideMetadata, icc: Option<&[u8]>) -> Result<PathBuf> {
        let mut metadata = metadata.clone();
        metadata.generator = generator();
        metadata.icc_profile = icc.is_some().then(|| format!("{}.icc", self.names.name));
        if let Some(icc) = icc {
            write_synced(&self.names.part(".icc"), icc)?;
        }
        let json = serde_json::to_vec_pretty(&metadata).map_err(Error::Sidecar)?;
        write_synced(&self.names.part(".json"), &json)?;
        sync_file_system(&self.names.dir)?;
        let (draft, part) = (self.names.part(DRAFT), self.names.part(".dzi"));
        write_synced(&draft, self.descriptor.to_xml().as_bytes())?;
        fs::rename(draft, &part).map_err(Error::io("rename a file to", &part))?;
        sync_file_system(&self.names.dir)?;
        self.names.publish()?;
        self.published = true;
        sync_file_system(&self.names.dir)?;
        self.names.remove_old()?;
        Ok(self.names.target(".dzi"))
    }
}

impl Drop for TreeWriter {
    fn drop(&mut self) {
        if !self.published {
            // A failure is ignored: the next run removes leftovers.
            drop(self.names.remove_new());
        }
    }
}

fn remove(path: &Path) -> Result<()> {
    let result = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = create(path, true).map_err(Error::io("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io("write", path))
}

/// Flushes the file system of `dir` to disk: one call for the many files of a tree.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn sync_file_system(dir: &Path) -> Result<()> {
    use std::os::fd::AsRawFd;
    let open = fs::File::open(dir).map_err(Error::io("open", dir))?;
    // SAFETY: the descriptor belongs to `open`, which lives until the end of this function.
    match unsafe { libc::syncfs(open.as_raw_fd()) } {
        0 => Ok(()),
        _ => Err(Error::io("sync", dir)(std::io::Error::last_os_error())),
    }
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &Path) -> Result<()> {
    Ok(())
}

/// Writes a file under a temporary name, syncs and renames it.
///
/// # Errors
/// A full disk or another file error. Then an existing file is unchanged.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.part"));
    let result = write_synced(&part, bytes)
        .and_then(|()| fs::rename(&part, path).map_err(Error::io("rename a file to", path)));
    if result.is_err() {
        drop(fs::remove_file(&part));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_whose_descriptor_was_not_written_is_not_published_by_the_next_run() {
        let dir = tempfile::tempdir().unwrap();
        let geometry = Geometry::new(20, 20, 16).unwrap();
        let begin = || TreeWriter::create(dir.path(), "tree", &geometry, "jpg", Existing::Keep).unwrap();
        let writer = begin();
        // The descriptor cannot be written, and the process is gone before it has tidied up.
        let names = Names { dir: dir.path().to_path_buf(), name: "tree".into() };
        fs::create_dir(names.part(DRAFT)).unwrap();
        let (files, kept) = (names.part("_files"), dir.path().join("kept"));
        fs::rename(&files, &kept).unwrap();
        writer.finish(&SlideMetadata::default(), None).unwrap_err();
        fs::rename(kept, files).unwrap();
        assert!(!names.part(".dzi").exists());
        drop(begin());
        assert!(PARTS.iter().all(|part| !names.target(part).exists()));
        let dzi = begin().finish(&SlideMetadata::default(), None).unwrap();
        assert!(fs::read_to_string(dzi).unwrap().contains("16"));
        assert!(
            fs::read_dir(dir.path())
                .unwrap()
                .all(|entry| { !entry.unwrap().file_name().to_string_lossy().contains(".part") })
        );
    }
}

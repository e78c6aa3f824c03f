//! A Deep Zoom tree on disk, written: nothing appears under its final name before it is whole.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::dzi::Descriptor;
use super::{SlideFacts, generator};
use crate::archive::store::LockFile;
use crate::image::geometry::{Geometry, TileId};
use crate::pyramid::error::{Error, Result};

/// Whether files of an earlier run may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Existing {
    /// An error that names what is there.
    #[default]
    Keep,
    /// Replaced, once the new tree is whole.
    Replace,
}

/// Writes `dir/NAME.dzi`, `dir/NAME_files`, the sidecar `dir/NAME.json` and the colour profile `dir/NAME.icc`.
///
/// Everything is written under temporary names that begin with a dot. The temporary descriptor comes last and marks the tree as
/// whole; from then on it only takes renames to publish it, which a later run completes if this one is killed between them.
pub struct TreeWriter {
    names: Names,
    descriptor: Descriptor,
    published: bool,
    /// Keeps a second writer of this tree out; dropped last.
    _lock: LockFile,
}

/// The final names of a tree's parts and, for each, the temporary one and the one an older part waits under.
struct Names {
    dir: PathBuf,
    name: String,
}

/// Suffixes of the parts of a tree, in the order in which they are published: the descriptor, by which viewers find the rest, last.
const PARTS: [&str; 4] = ["_files", ".icc", ".json", ".dzi"];

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

    /// Moves the old parts aside and the new ones in; where that fails, everything back. Can be repeated after a crash at any point.
    fn publish(&self) -> Result<()> {
        let mut done = Vec::new();
        let result = self.move_parts(&mut done);
        if result.is_err() {
            for (from, to) in done.into_iter().rev() {
                // The failure that led here is the one to report; what cannot go back now, the next run puts back.
                drop(fs::rename(to, from));
            }
        }
        result
    }

    fn move_parts(&self, done: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
        let mut rename = |from: PathBuf, to: PathBuf| -> Result<()> {
            fs::rename(&from, &to).map_err(Error::io("rename to", &to))?;
            done.push((from, to));
            Ok(())
        };
        // Until the new tiles are in place, whatever stands under a final name is old, and a part without a new version goes too.
        let tiles_wait = self.part("_files").exists();
        for part in PARTS.iter().rev() {
            if self.target(part).exists() && (tiles_wait || self.part(part).exists()) {
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

    /// Puts old parts back whose successors never came.
    fn restore(&self) -> Result<()> {
        for part in PARTS {
            if self.old(part).exists() && !self.target(part).exists() {
                fs::rename(self.old(part), self.target(part))
                    .map_err(Error::io("rename to", &self.target(part)))?;
            }
        }
        Ok(())
    }

    fn remove_new(&self) -> Result<()> {
        PARTS.iter().try_for_each(|part| remove(&self.part(part)))
    }

    fn remove_old(&self) -> Result<()> {
        PARTS.iter().try_for_each(|part| remove(&self.old(part)))
    }
}

impl TreeWriter {
    /// Begins a tree.
    ///
    /// # Errors
    /// A tree, sidecar or profile of that name that must be kept; a directory that cannot be written; another run at work here.
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
            let advice = format!("another run is writing {name} here; wait for it or choose another --out");
            return Err(Error::input(dir, advice));
        };
        let interrupted = names.part(".dzi").exists();
        if interrupted {
            // A run that was killed while it published a tree that was whole: it is completed, and may be replaced as it was asked.
            names.publish()?;
        } else {
            names.restore()?;
        }
        if existing == Existing::Keep && !interrupted {
            for target in PARTS.map(|part| names.target(part)) {
                if target.exists() {
                    return Err(Error::input(
                        &target,
                        "it is there already; remove it, choose another --out, or give --overwrite",
                    ));
                }
            }
        }
        // What a run that was killed left behind; these names are ours alone.
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
    /// A full disk and the like.
    pub fn tile(&self, id: TileId, bytes: &[u8]) -> Result<()> {
        let name = format!("{}_{}.{}", id.x, id.y, self.descriptor.format);
        let path = self.names.part("_files").join(id.level.to_string()).join(name);
        fs::write(&path, bytes).map_err(Error::io("write", &path))
    }

    /// Publishes the tree with its sidecar and colour profile; returns the descriptor's path.
    ///
    /// # Errors
    /// A full disk and the like: then whatever stood here before stands again.
    pub fn finish(mut self, facts: &SlideFacts, icc: Option<&[u8]>) -> Result<PathBuf> {
        let mut facts = facts.clone();
        facts.generator = generator();
        facts.icc_profile = icc.is_some().then(|| format!("{}.icc", self.names.name));
        if let Some(icc) = icc {
            write_synced(&self.names.part(".icc"), icc)?;
        }
        let json = serde_json::to_vec_pretty(&facts).map_err(Error::Sidecar)?;
        write_synced(&self.names.part(".json"), &json)?;
        sync_file_system(&self.names.dir)?;
        write_synced(&self.names.part(".dzi"), self.descriptor.to_xml().as_bytes())?;
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
            // Only leftovers: the next run removes them where they cannot be removed now.
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
    let mut file = fs::File::create(path).map_err(Error::io("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io("write", path))
}

/// Makes what was written below `dir` last: one call for the many files of a tree.
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
/// A full disk and the like: then the old file, if there was one, still stands.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.part"));
    let result = write_synced(&part, bytes)
        .and_then(|()| fs::rename(&part, path).map_err(Error::io("rename to", path)));
    if result.is_err() {
        drop(fs::remove_file(&part));
    }
    result
}

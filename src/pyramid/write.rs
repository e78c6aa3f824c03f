//! A Deep Zoom tree on disk, written: nothing appears under its final name before it is whole.

use std::fs;
use std::path::{Path, PathBuf};

use super::SlideFacts;
use super::dzi::Descriptor;
use crate::error::{Error, Result};
use crate::geometry::{Geometry, TileId};
use crate::store::LockFile;

/// Whether files of an earlier run may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Existing {
    /// An error that names what is there.
    #[default]
    Keep,
    /// Replaced, once the new tree is whole.
    Replace,
}

/// Writes `dir/NAME.dzi` and `dir/NAME_files`.
pub struct TreeWriter {
    dir: PathBuf,
    name: String,
    part: PathBuf,
    descriptor: Descriptor,
    existing: Existing,
    finished: bool,
    /// Keeps a second writer of this tree out; dropped last.
    _lock: LockFile,
}

impl TreeWriter {
    /// Begins a tree; tiles go to `NAME_files.part` until [`Self::finish`].
    ///
    /// # Errors
    /// A tree of that name that must be kept; a directory that cannot be written.
    pub fn create(
        dir: &Path,
        name: &str,
        geometry: &Geometry,
        format: &str,
        existing: Existing,
    ) -> Result<Self> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let lock_path = dir.join(format!(".{name}.lock.part"));
        let Some(lock) = LockFile::acquire(&lock_path).map_err(Error::io("create", &lock_path))? else {
            let advice = format!("another run is writing {name} here; wait for it or choose another --out");
            return Err(Error::input(dir, advice));
        };
        // A run that was killed between the renames of `finish`: its tiles are whole, and ours to replace.
        let dzi = dir.join(format!("{name}.dzi"));
        let interrupted = part_of(&dzi).exists() && !dzi.exists();
        let existing = if interrupted { Existing::Replace } else { existing };
        for target in [dir.join(format!("{name}.dzi")), dir.join(format!("{name}_files"))] {
            if existing == Existing::Keep && target.exists() {
                return Err(Error::input(
                    &target,
                    "it is there already; remove it, choose another --out, or give --overwrite",
                ));
            }
        }
        let part = dir.join(format!("{name}_files.part"));
        for leftover in [&part, &dir.join(format!("{name}_files.old.part"))] {
            if leftover.exists() {
                // What a run that was killed left behind; the name is ours alone.
                fs::remove_dir_all(leftover).map_err(Error::io("remove", leftover))?;
            }
        }
        let descriptor = Descriptor {
            width: geometry.width(),
            height: geometry.height(),
            tile: geometry.tile(),
            overlap: 0,
            format: format.to_string(),
        };
        for level in 0..=geometry.top_level() {
            let path = part.join(level.to_string());
            fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            name: name.to_string(),
            part,
            descriptor,
            existing,
            finished: false,
            _lock: lock,
        })
    }

    /// Writes one tile. May be called from many threads.
    ///
    /// # Errors
    /// A full disk and the like.
    pub fn tile(&self, id: TileId, bytes: &[u8]) -> Result<()> {
        let path = self
            .part
            .join(id.level.to_string())
            .join(format!("{}_{}.{}", id.x, id.y, self.descriptor.format));
        fs::write(&path, bytes).map_err(Error::io("write", &path))
    }

    /// Writes the sidecar and the colour profile, renames the tiles and, last, writes the descriptor. Returns its path.
    ///
    /// # Errors
    /// A full disk and the like.
    pub fn finish(mut self, facts: Option<&SlideFacts>, icc: Option<&[u8]>) -> Result<PathBuf> {
        let target = self.dir.join(format!("{}_files", self.name));
        let dzi = self.dir.join(format!("{}.dzi", self.name));
        if let Some(facts) = facts {
            let mut facts = facts.clone();
            if let Some(icc) = icc {
                let name = format!("{}.icc", self.name);
                write_whole(&self.dir.join(&name), icc)?;
                facts.icc_profile = Some(name);
            }
            let json = serde_json::to_vec_pretty(&facts)
                .map_err(|e| Error::Usage(format!("the sidecar cannot be written as JSON: {e}")))?;
            write_whole(&self.dir.join(format!("{}.json", self.name)), &json)?;
        }
        // Its presence marks what stands between here and the last rename as ours.
        let marker = part_of(&dzi);
        let xml = self.descriptor.to_xml();
        let published = fs::write(&marker, xml).map_err(Error::io("write", &marker)).and_then(|()| {
            self.replace_tiles(&dzi, &target)?;
            self.finished = true;
            fs::rename(&marker, &dzi).map_err(Error::io("rename to", &dzi))
        });
        if published.is_err() && !self.finished {
            drop(fs::remove_file(&marker));
        }
        published?;
        drop(fs::remove_dir_all(self.old()));
        Ok(dzi)
    }
}

impl TreeWriter {
    /// Where an older tree's tiles wait to be removed.
    fn old(&self) -> PathBuf {
        self.dir.join(format!("{}_files.old.part", self.name))
    }

    fn replace_tiles(&self, dzi: &Path, target: &Path) -> Result<()> {
        if self.existing == Existing::Replace {
            // The descriptor goes first, so that no viewer finds it without its tiles.
            if dzi.exists() {
                fs::remove_file(dzi).map_err(Error::io("remove", dzi))?;
            }
            if target.exists() {
                let old = self.old();
                if old.exists() {
                    fs::remove_dir_all(&old).map_err(Error::io("remove", &old))?;
                }
                fs::rename(target, &old).map_err(Error::io("rename to", &old))?;
            }
        }
        fs::rename(&self.part, target).map_err(Error::io("rename to", target))
    }
}

impl Drop for TreeWriter {
    fn drop(&mut self) {
        if !self.finished {
            // Only a leftover: the next run removes it where it cannot be removed now.
            drop(fs::remove_dir_all(&self.part));
        }
    }
}

fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Writes a file under a temporary name and renames it.
///
/// # Errors
/// A full disk and the like: then the old file, if there was one, still stands.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = part_of(path);
    let result = fs::write(&part, bytes).map_err(Error::io("write", &part));
    let result = result.and_then(|()| fs::rename(&part, path).map_err(Error::io("rename to", path)));
    if result.is_err() {
        drop(fs::remove_file(&part));
    }
    result
}

//! A Deep Zoom tree on disk, written: nothing appears under its final name before it is whole.

use std::fs;
use std::path::{Path, PathBuf};

use super::SlideFacts;
use super::dzi::Descriptor;
use crate::error::{Error, Result};
use crate::geometry::{Geometry, TileId};

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
        for target in [dir.join(format!("{name}.dzi")), dir.join(format!("{name}_files"))] {
            if existing == Existing::Keep && target.exists() {
                return Err(Error::input(
                    &target,
                    "it is there already; remove it, choose another --out, or give --overwrite",
                ));
            }
        }
        let part = dir.join(format!("{name}_files.part"));
        if part.exists() {
            // What a run that was killed left behind; the name is ours alone.
            fs::remove_dir_all(&part).map_err(Error::io("remove", &part))?;
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
        if self.existing == Existing::Replace && target.exists() {
            // The descriptor goes first, so that no viewer finds it without its tiles.
            if dzi.exists() {
                fs::remove_file(&dzi).map_err(Error::io("remove", &dzi))?;
            }
            fs::remove_dir_all(&target).map_err(Error::io("remove", &target))?;
        }
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
        fs::rename(&self.part, &target).map_err(Error::io("rename to", &target))?;
        self.finished = true;
        write_whole(&dzi, self.descriptor.to_xml().as_bytes())?;
        Ok(dzi)
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

/// Writes a file under a temporary name and renames it.
///
/// # Errors
/// A full disk and the like: then the old file, if there was one, still stands.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.part"));
    let result = fs::write(&part, bytes).map_err(Error::io("write", &part));
    let result = result.and_then(|()| fs::rename(&part, path).map_err(Error::io("rename to", path)));
    if result.is_err() {
        drop(fs::remove_file(&part));
    }
    result
}

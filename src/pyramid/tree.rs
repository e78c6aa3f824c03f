//! Reads a Deep Zoom tree on disk: any tile size and overlap, JPEG or PNG, gray or colour, any chroma sampling.
//!
//! `find` finds the parts of a tree, `absent` says what it lacks, `pixels` reads families and tiles, `originals` reads tile files
//! unchanged, `made` makes the tiles of levels that a tree does not have.

mod absent;
mod find;
mod made;
mod originals;
mod pixels;
mod samples;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::dzi::Descriptor;
use super::metadata::SlideMetadata;
use crate::image::geometry::{Geometry, TileId};
use crate::kernels::taps::TapCache;
use crate::pyramid::error::{Error, MissingTiles, Result};
use find::{find_descriptor, read_descriptor, read_metadata, stem};
use samples::Made;

/// What to do about missing tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Missing {
    /// An error that names them.
    #[default]
    #[cfg_attr(feature = "cli", value(name = "error"))]
    Refuse,
    /// Read them as white.
    Background,
}

/// A tree on disk.
pub struct Tree {
    dzi: PathBuf,
    files: PathBuf,
    descriptor: Descriptor,
    geometry: Geometry,
    metadata: SlideMetadata,
    icc: Option<Vec<u8>>,
    missing: Missing,
    /// File name extension of the tiles, as found.
    extension: String,
    absent: MissingTiles,
    /// Levels without any tile, which are made from the next finer ones.
    absent_levels: BTreeSet<u32>,
    made: Made,
    /// Whether L2 has tiles.
    has_l2: bool,
    taps: TapCache,
}

impl Tree {
    /// Opens a tree to read only its small levels; tiles of L0 may be missing.
    ///
    /// # Errors
    /// As [`Self::open`] with [`Missing::Refuse`].
    pub fn open_small_levels(path: &Path) -> Result<Self> {
        Self::open_levels(path, Missing::Refuse, false)
    }

    /// Opens a tree by its `.dzi`, by the directory that holds it, or by its `_files`.
    ///
    /// # Errors
    /// No descriptor, several of them, or a wrong one; missing tiles, with [`Missing::Refuse`].
    pub fn open(path: &Path, missing: Missing) -> Result<Self> {
        Self::open_levels(path, missing, true)
    }

    fn open_levels(path: &Path, missing: Missing, with_l0: bool) -> Result<Self> {
        let dzi = find_descriptor(path)?;
        let text = read_descriptor(&dzi)?;
        let descriptor = Descriptor::parse(&dzi, &text)?;
        let geometry = Geometry::new(descriptor.width, descriptor.height, descriptor.tile)
            .map_err(|e| Error::damaged(&dzi, e.to_string()))?;
        let files = dzi.with_file_name(format!("{}_files", stem(&dzi)));
        if !files.is_dir() {
            return Err(Error::damaged(
                &dzi,
                format!("its tiles should be in {}, which is not there; restore them", files.display()),
            ));
        }
        let finer = geometry.top_level() + 1;
        if files.join(finer.to_string()).is_dir() {
            let (w, h) = (geometry.width(), geometry.height());
            let problem = format!("{w}x{h} has no level {finer}, but {} has one", files.display());
            return Err(Error::damaged(&dzi, format!("{problem}; the descriptor is wrong")));
        }
        let (metadata, icc) = read_metadata(&dzi)?;
        let absent = MissingTiles { count: 0, all: 0, files: files.clone(), first: Vec::new() };
        let mut tree = Self {
            dzi,
            files,
            extension: descriptor.format.clone(),
            descriptor,
            geometry,
            metadata,
            icc,
            missing,
            absent,
            absent_levels: BTreeSet::new(),
            made: Made::default(),
            has_l2: false,
            taps: TapCache::default(),
        };
        tree.find_extension(with_l0)?;
        tree.find_absent(with_l0)?;
        Ok(tree)
    }

    /// The descriptor's path.
    pub fn path(&self) -> &Path {
        &self.dzi
    }
    /// The directory of the tiles.
    pub fn files(&self) -> &Path {
        &self.files
    }
    /// The contents of the `.dzi`.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
    /// Slide and tile size.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }
    /// The contents of the sidecar; empty where there is none.
    pub fn metadata(&self) -> &SlideMetadata {
        &self.metadata
    }
    /// The ICC profile beside the tree.
    pub fn icc_profile(&self) -> Option<&[u8]> {
        self.icc.as_deref()
    }
    /// The missing tiles, which are read as background.
    pub fn absent(&self) -> &MissingTiles {
        &self.absent
    }
    /// Levels that have no tiles. Their tiles are made from finer ones.
    pub fn absent_levels(&self) -> &BTreeSet<u32> {
        &self.absent_levels
    }

    /// The path of a tile's file.
    pub fn tile_path(&self, id: TileId) -> PathBuf {
        self.files.join(id.level.to_string()).join(format!("{}_{}.{}", id.x, id.y, self.extension))
    }

    /// Calls `take` with the address and the file of every tile that exists, level by level and row by row.
    ///
    /// # Errors
    /// A file that exists and whose metadata cannot be read.
    pub fn each_tile_file(&self, mut take: impl FnMut(TileId, &fs::Metadata)) -> Result<()> {
        for level in 0..=self.geometry.top_level() {
            let (cols, rows) = self.geometry.tiles(level);
            for id in (0..rows).flat_map(|y| (0..cols).map(move |x| TileId { level, x, y })) {
                let path = self.tile_path(id);
                match fs::metadata(&path) {
                    Ok(file) => take(id, &file),
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                    Err(e) => return Err(Error::io("read", &path)(e)),
                }
            }
        }
        Ok(())
    }

    /// The bytes of a tile, `None` where it is missing and read as background.
    fn read(&self, id: TileId) -> Result<Option<Vec<u8>>> {
        let path = self.tile_path(id);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && self.missing == Missing::Background => {
                Ok(None)
            }
            Err(e) => Err(Error::io("read", &path)(e)),
        }
    }

    fn tile_error(&self, id: TileId, problem: impl std::fmt::Display) -> Error {
        Error::tile(&self.tile_path(id), id, format!("{problem}; restore the tile"))
    }

    /// Size of a tile's file in pixels, overlap included.
    fn file_size(&self, id: TileId) -> (usize, usize) {
        let (w, h) = self.geometry.level_size(id.level);
        let side = |i: u32, n: u32| {
            let (tile, overlap) = (u64::from(self.descriptor.tile), u64::from(self.descriptor.overlap));
            let start = (u64::from(i) * tile).saturating_sub(if i > 0 { overlap } else { 0 });
            let end = (u64::from(i + 1) * tile + overlap).min(u64::from(n));
            (end - start) as usize
        };
        (side(id.x, w), side(id.y, h))
    }
}

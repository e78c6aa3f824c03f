//! Reads a Deep Zoom tree on disk: any tile size and overlap, JPEG or PNG, gray or colour, any chroma sampling.
//!
//! `find` finds the parts of a tree, `pixels` reads families and tiles, `originals` reads tile files unchanged.

mod find;
mod originals;
mod pixels;

use std::fs;
use std::path::{Path, PathBuf};

use super::dzi::Descriptor;
use super::metadata::SlideMetadata;
use crate::image::geometry::{Geometry, TileId};
use crate::kernels::taps::TapCache;
use crate::pyramid::error::{Error, MissingTiles, Refusal, Result};
use find::{find_descriptor, list_tiles, read_descriptor, read_metadata, stem};

/// Missing tiles that an error names.
const MAX_NAMED_TILES: usize = 5;

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
    absent: u64,
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
        let mut tree = Self {
            dzi,
            files,
            descriptor,
            geometry,
            metadata,
            icc,
            missing,
            absent: 0,
            taps: TapCache::default(),
        };
        tree.find_absent(with_l0)?;
        Ok(tree)
    }

    /// The descriptor's path.
    pub fn path(&self) -> &Path {
        &self.dzi
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
    /// Number of missing tiles, which are read as background.
    pub fn absent(&self) -> u64 {
        self.absent
    }

    /// The path of a tile's file.
    pub fn tile_path(&self, id: TileId) -> PathBuf {
        self.files.join(id.level.to_string()).join(format!("{}_{}.{}", id.x, id.y, self.descriptor.format))
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

    /// Lists the tiles of the levels that are read (the small ones, and L0 `with_l0`) and counts the missing ones.
    fn find_absent(&mut self, with_l0: bool) -> Result<()> {
        let mut levels: Vec<u32> = self.geometry.stored_levels().collect();
        if with_l0 && self.geometry.l2().is_some() {
            levels.push(self.geometry.top_level());
        }
        let absent = self.absent_of(&levels)?;
        self.absent = absent.count;
        if absent.count > 0 && self.missing == Missing::Refuse {
            return Err(Error::refused(&self.dzi, Refusal::MissingTiles(absent)));
        }
        Ok(())
    }

    /// The missing tiles of some levels.
    fn absent_of(&self, levels: &[u32]) -> Result<MissingTiles> {
        let mut all = MissingTiles { count: 0, files: self.files.clone(), first: Vec::new() };
        for &level in levels {
            let (_, missing) = self.tiles_on_disk(level)?;
            all.count += missing.count;
            all.first.extend(missing.first);
        }
        all.first.truncate(MAX_NAMED_TILES);
        Ok(all)
    }

    /// The tiles of a level that have a file, row by row, and those that have none.
    ///
    /// # Errors
    /// A directory that cannot be listed.
    pub fn tiles_on_disk(&self, level: u32) -> Result<(Vec<TileId>, MissingTiles)> {
        let (cols, rows) = self.geometry.tiles(level);
        let mut present = list_tiles(&self.files.join(level.to_string()), &self.descriptor.format)?;
        present.retain(|&(x, y)| x < cols && y < rows);
        // A descriptor may claim a billion tiles, so missing tiles are counted, and only those to be named are listed.
        let count = u64::from(cols) * u64::from(rows) - present.len() as u64;
        let named = count.min(MAX_NAMED_TILES as u64) as usize;
        let all = (0..rows).flat_map(|y| (0..cols).map(move |x| (x, y)));
        let absent = all.filter(|position| !present.contains(position)).take(named);
        let first = absent.map(|(x, y)| format!("{}.{}", TileId { level, x, y }, self.descriptor.format));
        let missing = MissingTiles { count, files: self.files.clone(), first: first.collect() };
        let mut present: Vec<_> = present.into_iter().map(|(x, y)| TileId { level, x, y }).collect();
        present.sort_unstable_by_key(|id| (id.y, id.x));
        Ok((present, missing))
    }
}

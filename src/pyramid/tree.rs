//! Reads a tree, on disk or at an address: any tile size and overlap, JPEG or PNG, gray or colour, any chroma sampling. Deep Zoom (also in a zip file,
//! SZI), Zoomify, static IIIF and Google Maps.
//!
//! `open` and `find` find the parts of a tree, `among` those in a list of keys, `others` reads the descriptors of other layouts, `layout` names tiles, `store` reads
//! files (`far` at an address), `absent` says what it lacks, `pixels` reads families and tiles, `originals` reads tile files unchanged, `made` and `samples`
//! make the tiles of levels that a tree does not have.

mod absent;
mod among;
#[cfg(feature = "remote")]
mod far;
mod find;
mod layout;
mod made;
mod open;
mod originals;
mod others;
mod pixels;
mod samples;
mod store;
#[cfg(test)]
mod tests;
mod zip;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::dzi::Descriptor;
use super::metadata::SlideMetadata;
use serde::{Deserialize, Serialize};

use crate::image::geometry::{Geometry, TileId};
use crate::kernels::taps::TapCache;
use crate::pyramid::ahead::Ahead;
use crate::pyramid::error::{Error, MissingTiles, Result};
use crate::store::Arrival;
use find::{read_metadata, read_zipped_metadata};
use open::Found;
use samples::Made;
use store::Store;

pub use among::{Teller, has_descriptor, keys_below, tile_root, tiles_of_trees, trees_among};
pub use layout::{Layout, first_level, zoomify_tiles};
pub use open::{is_tree_file, other_tree};
pub use store::TileFile;

/// What to do about missing tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    found: Found,
    metadata: SlideMetadata,
    icc: Option<Vec<u8>>,
    missing: Missing,
    /// File name extension of the tiles, as found.
    extension: String,
    /// The tiles of each level, where they are not listed level by level.
    index: Option<BTreeMap<u32, HashSet<(u32, u32)>>>,
    absent: MissingTiles,
    /// Levels without any tile, which are made from the next finer ones.
    absent_levels: BTreeSet<u32>,
    made: Made,
    /// Whether L2 has tiles.
    has_l2: bool,
    taps: TapCache,
}

/// Which tiles must be there when a tree is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    /// L0 and the small levels.
    All,
    /// The small levels.
    Small,
    /// None.
    Nothing,
}

impl Tree {
    /// Opens a tree to read only its small levels; tiles of L0 may be missing.
    ///
    /// # Errors
    /// As [`Self::open`] with [`Missing::Refuse`].
    pub fn open_small_levels(path: &Path) -> Result<Self> {
        Self::open_levels(path, Missing::Refuse, Check::Small)
    }

    /// Opens a tree to show what it has: any small level without tiles is made from finer ones, and a tile that lacks is an error when
    /// it is read.
    ///
    /// # Errors
    /// As [`Self::open`], but for missing tiles.
    pub fn open_incomplete(path: &Path) -> Result<Self> {
        Self::open_levels(path, Missing::Refuse, Check::Nothing)
    }

    /// The descriptor of a tree; of its tiles nothing is looked at, unless it needs them to know its size.
    ///
    /// # Errors
    /// No descriptor, several of them, or a wrong one.
    pub fn describe(path: &Path) -> Result<Descriptor> {
        open::open(path).map(|found| found.descriptor)
    }

    /// Opens a tree by its descriptor, by the directory that holds it, by its `_files`, or by its `.szi`.
    ///
    /// # Errors
    /// No descriptor, several of them, or a wrong one; missing tiles, with [`Missing::Refuse`].
    pub fn open(path: &Path, missing: Missing) -> Result<Self> {
        Self::open_levels(path, missing, Check::All)
    }

    fn open_levels(path: &Path, missing: Missing, check: Check) -> Result<Self> {
        let found = open::open(path)?;
        let (metadata, icc) = match &found.store {
            Store::Zip(zip, files) => read_zipped_metadata(zip, files)?,
            _ if found.layout == Layout::DeepZoom => read_metadata(&found.path)?,
            _ => Default::default(),
        };
        let absent = MissingTiles { count: 0, all: 0, files: found.files.clone(), first: Vec::new() };
        let mut tree = Self {
            extension: found.descriptor.format.clone(),
            found,
            metadata,
            icc,
            missing,
            index: None,
            absent,
            absent_levels: BTreeSet::new(),
            made: Made::default(),
            has_l2: false,
            taps: TapCache::default(),
        };
        tree.find_extension(check == Check::All)?;
        tree.find_absent(check)?;
        Ok(tree)
    }

    /// The descriptor's path; the directory of a tree without one, the file of one in a zip.
    pub fn path(&self) -> &Path {
        &self.found.path
    }
    /// The directory of the tiles; in a zip it is none of the file system's.
    fn files(&self) -> &Path {
        &self.found.files
    }
    /// The contents of the `.dzi`, or the same by the descriptor of another layout.
    pub fn descriptor(&self) -> &Descriptor {
        &self.found.descriptor
    }
    /// The bytes of the descriptor.
    pub fn record(&self) -> &[u8] {
        &self.found.record
    }
    /// How its tiles are named.
    pub fn layout(&self) -> Layout {
        self.found.layout
    }
    /// Slide and tile size.
    pub fn geometry(&self) -> &Geometry {
        &self.found.geometry
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

    /// What was assumed where the tree does not say, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.found.notes
    }

    /// The file of a tile; `None` where the tiles lie in a zip or at an address.
    pub fn tile_file(&self, id: TileId) -> Option<PathBuf> {
        self.found.store.file(&self.tile_name(id))
    }

    /// Directories whose times change when tiles are written anew: those of Deep Zoom's levels and of Zoomify's groups, the uppermost
    /// ones of other layouts; none of a zip, which is one file, and none at an address, where there are no directories.
    pub fn directories(&self) -> Vec<PathBuf> {
        let names = self.layout().directories(self.geometry());
        names.iter().filter_map(|name| self.found.store.file(name)).collect()
    }

    /// Files of these names beside the tiles or the descriptor, with their lengths; in a zip wherever they lie in it.
    pub fn files_named(&self, names: &[&str]) -> Vec<(PathBuf, u64)> {
        let is_directory = self.path() == self.files();
        let beside = self.path().parent().filter(|_| !is_directory);
        let dirs = [Some(self.files()), beside.filter(|dir| *dir != self.files())];
        self.found.store.named(names, &dirs.into_iter().flatten().collect::<Vec<_>>())
    }

    /// Where a tile lies, for messages; of a tile in a zip, its name behind that of the zip.
    fn tile_place(&self, id: TileId) -> PathBuf {
        self.found.store.place(&self.tile_name(id))
    }

    fn tile_name(&self, id: TileId) -> String {
        format!("{}.{}", self.layout().stem(self.geometry(), id), self.extension)
    }

    /// Calls `take` with the address and the file of every tile that exists, level by level and row by row.
    ///
    /// # Errors
    /// A file that exists and whose metadata cannot be read.
    pub fn each_tile_file(&self, mut take: impl FnMut(TileId, &TileFile)) -> Result<()> {
        for level in 0..=self.geometry().top_level() {
            for id in self.tiles_on_disk(level)?.0 {
                let file = self.found.store.stat(&self.tile_name(id));
                take(id, &file.map_err(Error::io("read", &self.tile_place(id)))?);
            }
        }
        Ok(())
    }

    /// The bytes of a tile's file as they are.
    ///
    /// # Errors
    /// A file that is missing or cannot be read.
    pub fn tile_bytes(&self, id: TileId) -> Result<Vec<u8>> {
        self.found.store.read(&self.tile_name(id)).map_err(Error::io("read", &self.tile_place(id)))
    }

    /// The bytes of a tile, `None` where it is missing and read as background.
    fn read(&self, id: TileId) -> Result<Option<Vec<u8>>> {
        match self.found.store.read(&self.tile_name(id)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && self.missing == Missing::Background => {
                Ok(None)
            }
            Err(e) => Err(Error::io("read", &self.tile_place(id))(e)),
        }
    }

    /// Says which tiles will be read soon: what lies far away is fetched ahead. A local tree ignores it.
    pub fn will_read(&self, tiles: impl IntoIterator<Item = TileId>) -> Arrival {
        self.found.store.will_read(tiles.into_iter().map(|id| self.tile_name(id)))
    }

    /// Tiles that will be read in this order, each with what there is to wait for. Those of a level without tiles need others.
    pub fn announced<'a>(
        &'a self,
        tiles: impl Iterator<Item = TileId> + 'a,
    ) -> impl Iterator<Item = (TileId, Arrival)> + 'a {
        Ahead::new(tiles, |id| self.will_read([id]))
    }

    fn tile_error(&self, id: TileId, problem: impl std::fmt::Display) -> Error {
        Error::tile(&self.tile_place(id), id, format!("{problem}; restore the tile"))
    }

    /// Size of a tile's file in pixels, overlap included.
    fn file_size(&self, id: TileId) -> (usize, usize) {
        let (tile, overlap) = (u64::from(self.descriptor().tile), u64::from(self.descriptor().overlap));
        if self.layout().is_padded() {
            return (tile as usize, tile as usize);
        }
        let (w, h) = self.geometry().level_size(id.level);
        let side = |i: u32, n: u32| {
            let start = (u64::from(i) * tile).saturating_sub(if i > 0 { overlap } else { 0 });
            let end = (u64::from(i + 1) * tile + overlap).min(u64::from(n));
            (end - start) as usize
        };
        (side(id.x, w), side(id.y, h))
    }

    /// Whether a tile's file has the pixels of the tile and no others.
    fn is_exact(&self, id: TileId) -> bool {
        let tile = self.geometry().tile_rect(id).map(|rect| (rect.width as usize, rect.height as usize));
        tile == Some(self.file_size(id))
    }
}

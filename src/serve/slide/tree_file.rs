//! Tiles that are files of a tree on a local disk. Each is read anew for every request: whoever writes one in place changes nothing else,
//! and what its file holds is the only thing that tells.

use std::io::ErrorKind;

use xxhash_rust::xxh3::Xxh3;

use super::Slide;
use crate::error::{Error, Result, ServedFault};
use crate::image::geometry::TileId;
use crate::store;

/// Most bytes of the file of a tile.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// The file of a tile.
pub enum TreeFile {
    /// What it holds.
    Read(Vec<u8>),
    /// It has more bytes than were allowed: so many.
    Larger(u64),
}

impl Slide {
    /// Whether the tiles of a level of its tree are such files.
    pub fn reads_files_of(&self, level: u32) -> bool {
        let tree = self.tree.as_ref().filter(|tree| !tree.absent_levels().contains(&level));
        tree.is_some_and(|tree| tree.tile_file(TileId { level, x: 0, y: 0 }).is_some())
    }

    /// What the file of a tile holds, if that is at most `most` bytes.
    ///
    /// # Errors
    /// A file that is missing, cannot be read, is no tile by its length, or lies elsewhere.
    pub fn tree_file(&self, tile: TileId, most: u64) -> Result<TreeFile> {
        let path = self.tree.as_ref().and_then(|tree| tree.tile_file(tile));
        let path = path.ok_or_else(|| Error::served(&self.name, ServedFault::NoSource(tile)))?;
        if !self.bounds.hold_file(&path) {
            return Err(Error::served(&self.name, ServedFault::Outside(path)));
        }
        match store::read(&path, most) {
            Ok(bytes) => Ok(TreeFile::Read(bytes)),
            Err(e) if e.kind() == ErrorKind::FileTooLarge => {
                let bytes = path.metadata().map_err(Error::io("read", &path))?.len();
                match bytes <= MAX_FILE_BYTES {
                    true => Ok(TreeFile::Larger(bytes)),
                    false => {
                        Err(Error::input(&path, format!("{bytes} bytes are too many for a tile; restore it")))
                    }
                }
            }
            Err(e) => Err(Error::io("read", &path)(e)),
        }
    }

    /// The hash of everything that a tile with this file depends on.
    pub fn identity_of_file(&self, tree_identity: u128, file: &[u8]) -> u128 {
        let mut hash = Xxh3::new();
        hash.update(&tree_identity.to_le_bytes());
        hash.update(file);
        hash.digest128()
    }

    /// A tile with this file in the output's format.
    ///
    /// # Errors
    /// Damage.
    pub fn stored_file(&self, tile: TileId, file: Vec<u8>) -> Result<Vec<u8>> {
        let tree =
            self.tree.as_ref().ok_or_else(|| Error::served(&self.name, ServedFault::NoSource(tile)))?;
        let (codec, bytes) = tree.stored_file(tile, Some(file), &self.recut())?;
        Ok(self.renderer.stored(tile, codec, bytes)?)
    }
}

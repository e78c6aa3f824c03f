//! Reads the tile files of a tree unchanged, for families that are stored as their original tiles.

use super::{Missing, Tree};
use crate::codec::decode_foreign;
use crate::image::geometry::{FamilyId, GeometryError, TileId};
use crate::kernels::taps::Filter;
use crate::pyramid::error::{Error, Refusal, Result};
use crate::pyramid::loaded::{L2Source, LoadedFamily, OriginalTiles};

impl Tree {
    /// Whether its tiles are JPEG files, by the extension.
    pub(super) fn is_jpeg(&self) -> bool {
        ["jpg", "jpeg"].iter().any(|name| self.extension.eq_ignore_ascii_case(name))
    }

    /// Checks that the tiles can be stored unchanged, and that none of L2 is missing.
    ///
    /// # Errors
    /// The reason why not, and what to do instead.
    pub fn check_originals(&self) -> Result<()> {
        let refused = |refusal| Err(Error::refused(self.path(), refusal));
        let descriptor = self.descriptor();
        if !self.is_jpeg() {
            return refused(Refusal::NotJpeg { format: self.extension.clone() });
        }
        if descriptor.overlap > 0 {
            return refused(Refusal::Overlap { overlap: descriptor.overlap });
        }
        if self.missing == Missing::Background {
            return refused(Refusal::LosslessBackground);
        }
        let Some(level) = self.geometry().l2() else { return Ok(()) };
        let (present, missing) = self.tiles_on_disk(level)?;
        match missing.count > 0 && !present.is_empty() {
            true => refused(Refusal::MissingL2(missing)),
            false => Ok(()),
        }
    }

    /// A tile's file. It is decoded once: a damaged tile must not go into an archive.
    ///
    /// # Errors
    /// A tile that is missing, damaged, no JPEG, or of another size than the descriptor says.
    pub fn original(&self, id: TileId) -> Result<Vec<u8>> {
        // Missing tiles are never background here: `check_originals` refuses that option.
        let bytes = self.read(id)?.ok_or_else(|| self.tile_error(id, "it is missing"))?;
        decode_foreign(&bytes, Some(self.file_size(id))).map_err(|e| self.tile_error(id, e))?;
        Ok(bytes)
    }

    /// The original tiles of L0 and L2 of a family.
    ///
    /// # Errors
    /// As [`Self::original`].
    pub fn originals(&self, id: FamilyId) -> Result<OriginalTiles> {
        let tiles = self.geometry().family_tiles(id, 0).map(|tile| Ok((tile, self.original(tile)?)));
        let tiles = tiles.collect::<Result<Vec<_>>>()?;
        let l2 = self.geometry().family_tiles(id, 2).next();
        let l2 = l2.ok_or(GeometryError::NoFamily(id))?;
        if self.has_l2 {
            return Ok(OriginalTiles { id, tiles, l2: L2Source::Stored(self.original(l2)?) });
        }
        let family = self.family(id, Filter::Lanczos3)?;
        let l2 = L2Source::Pixels(Box::new(LoadedFamily { family, l2_pixels: None }));
        Ok(OriginalTiles { id, tiles, l2 })
    }
}

//! Reads the tile files of a tree unchanged, for families that are stored as their original tiles.

use super::{Missing, Tree};
use crate::codec::{self, Foreign, JpegDecoder, cut_jpeg, decode_foreign};
use crate::image::geometry::{FamilyId, GeometryError, TileId};
use crate::image::ycc::Sampling;
use crate::kernels::taps::Filter;
use crate::params::EncodeParams;
use crate::pyramid::TileMetadata;
use crate::pyramid::error::{Error, Refusal, Result};
use crate::pyramid::loaded::{L2Source, LoadedFamily, OriginalTiles};

impl Tree {
    /// Whether its tiles are JPEG files, by the extension.
    pub(super) fn is_jpeg(&self) -> bool {
        ["jpg", "jpeg"].iter().any(|name| self.extension.eq_ignore_ascii_case(name))
    }

    /// Whether a bundle stores the file of this tile of a small level as it is, because it stores original tiles.
    pub fn is_original(&self, id: TileId, params: &EncodeParams) -> bool {
        let is_there = !self.absent_levels().contains(&id.level);
        params.originals && is_there && self.is_jpeg()
    }

    /// Checks that the tiles can be stored unchanged, and that none of L2 is missing. Of their metadata the first tile is an example.
    ///
    /// # Errors
    /// The reason why not, and what to do instead.
    pub fn check_originals(&self, metadata: TileMetadata) -> Result<()> {
        let refused = |refusal| Err(Error::refused(self.path(), refusal));
        if !self.is_jpeg() {
            return refused(Refusal::NotJpeg { format: self.extension.clone() });
        }
        if self.missing == Missing::Background {
            return refused(Refusal::LosslessBackground);
        }
        let Some(level) = self.geometry().l2() else { return Ok(()) };
        let (present, missing) = self.tiles_on_disk(level)?;
        match missing.count > 0 && !present.is_empty() {
            true => refused(Refusal::MissingL2(missing)),
            false => {
                // The first tile overlaps at its right and lower edge only; the next one, if there is one, at all.
                let level = self.geometry().top_level();
                let (columns, rows) = self.geometry().tiles(level);
                let next = TileId { level, x: 1.min(columns - 1), y: 1.min(rows - 1) };
                self.stored_original(next, metadata).map(drop)
            }
        }
    }

    /// A tile's file. It is decoded once: a damaged tile must not go into an archive.
    ///
    /// # Errors
    /// A tile that is missing, damaged, no JPEG, or of another size than the descriptor says.
    pub fn original(&self, id: TileId) -> Result<Vec<u8>> {
        self.checked_original(id, self.read(id)?)
    }

    /// As [`Self::original`], of what the tile's file holds.
    pub(super) fn checked_original(&self, id: TileId, bytes: Option<Vec<u8>>) -> Result<Vec<u8>> {
        // Missing tiles are never background here: `check_originals` refuses that option.
        let bytes = bytes.ok_or_else(|| self.tile_error(id, "it is missing"))?;
        decode_foreign(&bytes, Some(self.file_size(id))).map_err(|e| self.tile_error(id, e))?;
        Ok(bytes)
    }

    /// A tile's file as a lossless archive stores it: without its overlap or padding, which are cut off between blocks.
    ///
    /// # Errors
    /// As [`Self::original`]; metadata that may not be stored; an overlap that ends inside a block.
    pub fn stored_original(&self, id: TileId, metadata: TileMetadata) -> Result<Vec<u8>> {
        let refused = |refusal| Error::refused(&self.tile_place(id), refusal);
        let jpeg = metadata.apply(id, self.original(id)?).map_err(refused)?;
        if self.is_exact(id) { Ok(jpeg) } else { self.cut(id, &jpeg) }
    }

    /// The part of a tile's file without overlap, with its coefficients.
    pub(super) fn cut(&self, id: TileId, jpeg: &[u8]) -> Result<Vec<u8>> {
        let fail = |e: codec::Error| self.tile_error(id, e);
        let interior = self.interior(id);
        let factors = JpegDecoder::open(jpeg).map_err(fail)?.header().sampling.map(Sampling::factors);
        // In 4:2:0 an MCU has 16 x 16 pixels: 2 x 2 blocks of luma, one of each chroma.
        let grid_px = factors.map_or(16, |(fx, fy)| 8 * fx.max(fy) as u32);
        if !interior.x.is_multiple_of(grid_px) || !interior.y.is_multiple_of(grid_px) {
            let overlap = self.descriptor().overlap;
            return Err(Error::refused(self.path(), Refusal::Overlap { overlap, grid_px }));
        }
        let [x, y, width, height] =
            [interior.x, interior.y, interior.width, interior.height].map(|n| n as usize);
        cut_jpeg(jpeg, (x, y), (width, height)).map_err(fail)
    }

    /// The tiles that are read of a family: those of L0, and of L2 where that is stored.
    pub fn family_files(&self, id: FamilyId) -> impl Iterator<Item = TileId> + '_ {
        let l2 = self.geometry().family_tiles(id, 2).take(usize::from(self.has_l2));
        self.geometry().family_tiles(id, 0).chain(l2)
    }

    /// The original tiles of L0 and L2 of a family.
    ///
    /// # Errors
    /// As [`Self::stored_original`].
    pub fn originals(&self, id: FamilyId, metadata: TileMetadata) -> Result<OriginalTiles> {
        drop(self.will_read(self.family_files(id)));
        let stored = |tile| self.stored_original(tile, metadata);
        let tiles = self.geometry().family_tiles(id, 0).map(|tile| Ok((tile, Foreign::jpeg(stored(tile)?))));
        let tiles = tiles.collect::<Result<Vec<_>>>()?;
        let l2 = self.geometry().family_tiles(id, 2).next();
        let l2 = l2.ok_or(GeometryError::NoFamily(id))?;
        if self.has_l2 {
            return Ok(OriginalTiles { id, tiles, l2: L2Source::Stored(stored(l2)?) });
        }
        let family = self.family(id, Filter::Lanczos3)?;
        let l2 = L2Source::Pixels(Box::new(LoadedFamily { family, l2_pixels: None }));
        Ok(OriginalTiles { id, tiles, l2 })
    }
}

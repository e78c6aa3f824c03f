//! Tiles of archives that hold the source slide's own tiles: each is read and unpacked alone.

use super::Slide;
use crate::codec::Foreign;
use crate::error::{Error, Result, ServedFault};
use crate::image::family::PayloadKind;
use crate::image::geometry::{FamilyId, TileId};
use crate::lossless::{original, tiles_below};
use crate::span::span;

impl Slide {
    /// A tile of L0 or L1 in the output's format. Reads only the payloads that it is made of.
    ///
    /// # Errors
    /// Damage.
    pub fn original(&self, id: FamilyId, tile: TileId) -> Result<Vec<u8>> {
        if tile.level == self.geometry.top_level() {
            let mut l0 = self.unpacked(id, &[tile])?;
            let Some((_, image)) = l0.pop() else {
                return Err(Error::served(&self.name, ServedFault::NoSource(tile)));
            };
            return self.renderer.original(tile, image).map_err(|e| self.in_tile(id, tile, e.into()));
        }
        let below: Vec<_> = tiles_below(&self.geometry, tile).collect();
        self.halved(id, tile, &self.unpacked(id, &below)?)
    }

    /// A tile of L0 as it is stored.
    ///
    /// # Errors
    /// Damage.
    pub fn as_stored(&self, id: FamilyId, tile: TileId) -> Result<Vec<u8>> {
        let stored = self.unpacked(id, &[tile])?.pop();
        let (_, image) = stored.ok_or_else(|| Error::served(&self.name, ServedFault::NoSource(tile)))?;
        Ok(image.bytes)
    }

    /// Whether tiles of L0 are stored in a codec that few viewers show, and are coded anew for them.
    ///
    /// # Errors
    /// A damaged record.
    pub fn recodes_originals(&self) -> Result<bool> {
        Ok(self.keeps_originals() && !self.input.as_ref().map_or(Ok(true), |input| input.stores_jpegs())?)
    }

    /// The payloads that a tile of L0 or L1 is made of.
    pub(super) fn originals_of(&self, tile: TileId) -> Vec<PayloadKind> {
        match tile.level == self.geometry.top_level() {
            true => vec![PayloadKind::original(tile)],
            false => tiles_below(&self.geometry, tile).map(PayloadKind::original).collect(),
        }
    }

    /// A tile of L1 and the tiles of L0 below it, in the output's format.
    ///
    /// # Errors
    /// Damage.
    pub fn original_quad(&self, id: FamilyId, l1: TileId) -> Result<Vec<(TileId, Vec<u8>)>> {
        let below: Vec<_> = tiles_below(&self.geometry, l1).collect();
        let unpacked = self.unpacked(id, &below)?;
        let mut made = vec![(l1, self.halved(id, l1, &unpacked)?)];
        for (tile, image) in unpacked {
            made.push((
                tile,
                self.renderer.original(tile, image).map_err(|e| self.in_tile(id, tile, e.into()))?,
            ));
        }
        Ok(made)
    }

    /// A tile of L1, downsampled from the tiles below it.
    fn halved(&self, id: FamilyId, l1: TileId, below: &[(TileId, Foreign)]) -> Result<Vec<u8>> {
        let Some(coding) = &self.coding else {
            return Err(Error::served(&self.name, ServedFault::NoArchive));
        };
        self.renderer.halved(coding, below).map_err(|e| self.in_tile(id, l1, e.into()))
    }

    /// Tiles of L0 as they are stored.
    fn unpacked(&self, id: FamilyId, tiles: &[TileId]) -> Result<Vec<(TileId, Foreign)>> {
        let Some(input) = &self.input else {
            return Err(Error::served(&self.name, ServedFault::NoArchive));
        };
        let kinds: Vec<_> = tiles.iter().map(|&tile| PayloadKind::original(tile)).collect();
        let payloads = tiles.iter().zip(span!("read").run(|| input.read_payloads(id, &kinds))?);
        let unpack = |(&tile, payload)| {
            let image = span!("decode").run(|| original(&self.geometry, tile, payload));
            Ok((tile, image.map_err(|e| self.in_tile(id, tile, e.into()))?))
        };
        payloads.map(unpack).collect()
    }

    fn in_tile(&self, id: FamilyId, tile: TileId, e: Error) -> Error {
        let path = self.input.as_ref().map(|input| input.path(id)).unwrap_or_default();
        Error::stored_tile(&path, tile)(e)
    }
}

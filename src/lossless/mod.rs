//! Lossless families: the source's original L0 tiles and an L2 tile are stored, L1 tiles are made from L0.
//!
//! This is the alternative to prediction and residual ([`crate::params::Coding::originals`]). Each JPEG is one payload,
//! repacked where that makes it smaller, so that every tile can be read and unpacked separately. The module knows bytes and
//! planes, no files.

mod error;
mod l1;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::archive::{FamilyRecord, Payload};
use crate::codec::{CodecId, Entropy, decode_foreign, unpacked};
use crate::image::family::{PayloadKind, Proof};
use crate::image::geometry::{FamilyId, Geometry, GeometryError, TileId};

pub use error::{Error, Result};
pub use l1::l1_from_l0;

/// The JPEG files of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalFamily {
    /// The original tiles of L0, row by row.
    pub tiles: Vec<(TileId, Vec<u8>)>,
    /// The tile of L2.
    pub l2: Vec<u8>,
}

/// Width and height of a tile in pixels.
///
/// # Errors
/// A tile that the slide does not have.
pub fn tile_size(geometry: &Geometry, tile: TileId) -> Result<(usize, usize), GeometryError> {
    let rect = geometry.tile_rect(tile).ok_or(GeometryError::NoTile(tile))?;
    Ok((rect.width as usize, rect.height as usize))
}

/// The tiles of L0 that a tile of L1 covers, row by row: one to four.
pub fn tiles_below(geometry: &Geometry, l1: TileId) -> impl Iterator<Item = TileId> + use<> {
    let (cols, rows) = geometry.tiles(l1.level + 1);
    let (x0, y0) = (2 * l1.x, 2 * l1.y);
    let xs = x0..(x0 + 2).min(cols);
    (y0..(y0 + 2).min(rows)).flat_map(move |y| xs.clone().map(move |x| TileId { level: l1.level + 1, x, y }))
}

/// The original JPEG of a payload.
///
/// # Errors
/// Damaged bytes; a payload that is not a JPEG.
pub fn jpeg(geometry: &Geometry, tile: TileId, payload: Payload) -> Result<Vec<u8>> {
    let (width, height) = tile_size(geometry, tile)?;
    match unpacked(payload.codec, payload.bytes, width, height)? {
        (CodecId::Jpeg, bytes) => Ok(bytes),
        #[allow(unreachable_patterns, reason = "codecs come and go by feature")]
        (other, _) => Err(Error::Payload {
            what: format!("{} {tile}", payload.kind.name()),
            problem: format!("{} where a JPEG belongs", other.name()),
        }),
    }
}

impl OriginalFamily {
    /// The record to store. A JPEG that cannot be repacked losslessly, or that does not get smaller, is stored unchanged.
    ///
    /// # Errors
    /// A tile that the slide does not have.
    pub fn record(self, geometry: &Geometry, id: FamilyId, entropy: Entropy) -> Result<FamilyRecord> {
        let proof = self.proof();
        let l2 = (PayloadKind::Baseline, l2_tile(geometry, id)?, self.l2);
        let tiles = self.tiles.into_iter().map(|(tile, bytes)| (PayloadKind::original(tile), tile, bytes));
        let mut payloads: Vec<Payload> = Vec::new();
        // A JPEG that equals the previous one, as blank tiles do, is not repacked again.
        let mut last: Option<(Vec<u8>, Payload)> = None;
        for (kind, tile, bytes) in std::iter::once(l2).chain(tiles) {
            let payload = match &last {
                Some((same, payload)) if *same == bytes => Payload { kind, ..payload.clone() },
                _ => {
                    let size = tile_size(geometry, tile)?;
                    let (codec, bytes) = entropy.store_foreign(CodecId::Jpeg, bytes.clone(), size);
                    Payload { kind, codec, bytes }
                }
            };
            last = Some((bytes, payload.clone()));
            payloads.push(payload);
        }
        Ok(FamilyRecord { proof, payloads })
    }

    /// The JPEG files of a record, which must hold each tile of the family once and nothing else.
    ///
    /// # Errors
    /// A missing, unexpected or damaged payload.
    pub fn unpack(geometry: &Geometry, id: FamilyId, record: FamilyRecord) -> Result<Self> {
        let broken = |problem: String| Error::Payload { what: format!("family {id}"), problem };
        let mut left = record.payloads;
        let mut take = |kind: PayloadKind, tile: TileId| {
            let index = left.iter().position(|p| p.kind == kind);
            let index = index.ok_or_else(|| broken(format!("it has no {}", kind.name())))?;
            jpeg(geometry, tile, left.swap_remove(index)).map_err(|e| Error::Within {
                what: format!("{} of family {id}", kind.name()),
                source: Box::new(e),
            })
        };
        let l2 = take(PayloadKind::Baseline, l2_tile(geometry, id)?)?;
        let tiles =
            geometry.family_tiles(id, 0).map(|tile| Ok((tile, take(PayloadKind::original(tile), tile)?)));
        let tiles = tiles.collect::<Result<Vec<_>>>()?;
        match left.first() {
            Some(extra) => Err(broken(format!("{}, which it cannot have", extra.kind.name()))),
            None => Ok(Self { tiles, l2 }),
        }
    }

    /// XXH3-128 of the files: one hash over the L0 tiles in order, each after its length (u64, little-endian), and one over the
    /// L2 tile.
    pub fn proof(&self) -> Proof {
        let mut state = Xxh3::new();
        for (_, bytes) in &self.tiles {
            state.update(&(bytes.len() as u64).to_le_bytes());
            state.update(bytes);
        }
        Proof { luma: state.digest128(), chroma: xxh3_128(&self.l2) }
    }

    /// Decodes every tile as a check.
    ///
    /// # Errors
    /// A tile that does not decode to its size.
    pub fn check(&self, geometry: &Geometry, id: FamilyId) -> Result<()> {
        let l2 = (l2_tile(geometry, id)?, &self.l2);
        for (tile, bytes) in self.tiles.iter().map(|(tile, bytes)| (*tile, bytes)).chain([l2]) {
            decode_foreign(bytes, Some(tile_size(geometry, tile)?))
                .map_err(|e| Error::Within { what: format!("tile {tile}"), source: Box::new(e.into()) })?;
        }
        Ok(())
    }
}

fn l2_tile(geometry: &Geometry, id: FamilyId) -> Result<TileId> {
    let tile = geometry.family_tiles(id, 2).next();
    Ok(tile.ok_or(GeometryError::NoFamily(id))?)
}

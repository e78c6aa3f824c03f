//! Lossless families: the source's original L0 tiles and an L2 tile are stored, L1 tiles are made from L0.
//!
//! This is the alternative to prediction and residual ([`crate::params::Coding::originals`]). Each tile is one payload, a JPEG
//! repacked where that makes it smaller or a codestream of JPEG 2000 as it is, so that every tile can be read and unpacked
//! separately. The module knows bytes and planes, no files.

mod error;
mod l1;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::archive::{FamilyRecord, Payload};
use crate::codec::{CodecId, Entropy, Foreign, decode_foreign, unpacked};
use crate::image::family::{PayloadKind, Proof};
use crate::image::geometry::{FamilyId, Geometry, GeometryError, TileId};

pub use error::{Error, Result};
pub use l1::l1_from_l0;

/// The coded images of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalFamily {
    /// The original tiles of L0, row by row.
    pub tiles: Vec<(TileId, Foreign)>,
    /// The tile of L2, a JPEG file.
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

/// The image of a payload, unpacked.
///
/// # Errors
/// Damaged bytes; a codec that does not belong there.
pub fn original(geometry: &Geometry, tile: TileId, payload: Payload) -> Result<Foreign> {
    let (width, height) = tile_size(geometry, tile)?;
    match unpacked(payload.codec, payload.bytes, width, height)? {
        (CodecId::Jpeg, bytes) => Ok(Foreign::jpeg(bytes)),
        (CodecId::Jpeg2000, bytes) if payload.kind.is_original() => {
            Ok(Foreign { codec: CodecId::Jpeg2000, bytes })
        }
        (other, _) => Err(Error::Payload {
            what: format!("{} {tile}", payload.kind.name()),
            problem: format!("{} where a JPEG belongs", other.name()),
        }),
    }
}

impl OriginalFamily {
    /// The record to store. An image that cannot be repacked losslessly, or that does not get smaller, is stored unchanged.
    ///
    /// # Errors
    /// A tile that the slide does not have.
    pub fn record(self, geometry: &Geometry, id: FamilyId, entropy: Entropy) -> Result<FamilyRecord> {
        let proof = self.proof();
        let l2 = (PayloadKind::Baseline, l2_tile(geometry, id)?, Foreign::jpeg(self.l2));
        let tiles = self.tiles.into_iter().map(|(tile, image)| (PayloadKind::original(tile), tile, image));
        let mut payloads: Vec<Payload> = Vec::new();
        // A JPEG that equals the previous one, as blank tiles do, is not repacked again.
        let mut last: Option<(Foreign, Payload)> = None;
        for (kind, tile, image) in std::iter::once(l2).chain(tiles) {
            let payload = match &last {
                Some((same, payload)) if *same == image => Payload { kind, ..payload.clone() },
                _ => {
                    let size = tile_size(geometry, tile)?;
                    let (codec, bytes) = entropy.store_foreign(image.codec, image.bytes.clone(), size);
                    Payload { kind, codec, bytes }
                }
            };
            last = Some((image, payload.clone()));
            payloads.push(payload);
        }
        Ok(FamilyRecord { proof, payloads })
    }

    /// The images of a record, which must hold each tile of the family once and nothing else.
    ///
    /// # Errors
    /// A missing, unexpected or damaged payload.
    pub fn unpack(geometry: &Geometry, id: FamilyId, record: FamilyRecord) -> Result<Self> {
        let broken = |problem: String| Error::Payload { what: format!("family {id}"), problem };
        let mut left = record.payloads;
        let mut take = |kind: PayloadKind, tile: TileId| {
            let index = left.iter().position(|p| p.kind == kind);
            let index = index.ok_or_else(|| broken(format!("it has no {}", kind.name())))?;
            original(geometry, tile, left.swap_remove(index)).map_err(|e| Error::Within {
                what: format!("{} of family {id}", kind.name()),
                source: Box::new(e),
            })
        };
        let l2 = take(PayloadKind::Baseline, l2_tile(geometry, id)?)?.bytes;
        let tiles =
            geometry.family_tiles(id, 0).map(|tile| Ok((tile, take(PayloadKind::original(tile), tile)?)));
        let tiles = tiles.collect::<Result<Vec<_>>>()?;
        match left.first() {
            Some(extra) => Err(broken(format!("{}, which it cannot have", extra.kind.name()))),
            None => Ok(Self { tiles, l2 }),
        }
    }

    /// XXH3-128 of the unpacked payloads: one hash over the L0 tiles in order, each after its length (u64, little-endian), and one over the
    /// L2 tile.
    pub fn proof(&self) -> Proof {
        let mut state = Xxh3::new();
        for (_, image) in &self.tiles {
            state.update(&(image.bytes.len() as u64).to_le_bytes());
            state.update(&image.bytes);
        }
        Proof { luma: state.digest128(), chroma: xxh3_128(&self.l2) }
    }

    /// Decodes every tile as a check.
    ///
    /// # Errors
    /// A tile that does not decode to its size.
    pub fn check(&self, geometry: &Geometry, id: FamilyId) -> Result<()> {
        let within = |tile: TileId| {
            move |e: crate::codec::Error| Error::Within {
                what: format!("tile {tile}"),
                source: Box::new(e.into()),
            }
        };
        for (tile, image) in &self.tiles {
            image.planes(tile_size(geometry, *tile)?).map_err(within(*tile))?;
        }
        let l2 = l2_tile(geometry, id)?;
        decode_foreign(&self.l2, Some(tile_size(geometry, l2)?)).map_err(within(l2))?;
        Ok(())
    }
}

fn l2_tile(geometry: &Geometry, id: FamilyId) -> Result<TileId> {
    let tile = geometry.family_tiles(id, 2).next();
    Ok(tile.ok_or(GeometryError::NoFamily(id))?)
}

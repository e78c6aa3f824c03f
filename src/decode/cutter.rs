//! The tiles of a family, and stored tiles: from an archive to output tiles.

use std::time::{Duration, Instant};

use super::input::Input;
use crate::backend::Backend;
use crate::codec::CodecId;
use crate::error::{Error, Result};
use crate::image::family::{DecodedFamily, PayloadKind};
use crate::image::geometry::{FamilyId, Geometry, TileId};
use crate::lossless::{OriginalFamily, tiles_below};
use crate::output::render::Renderer;
use crate::params::Coding;
use crate::pyramid::tree::Tree;
use crate::residual::FamilyDecoder;

/// Time that each step of one family took.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The family.
    pub id: FamilyId,
    /// Reading and checking.
    pub read: Duration,
    /// JPEG to planes.
    pub decode: Duration,
    /// Prediction, residual, chroma, L1; on a device including the wait for it.
    pub reconstruct: Duration,
    /// Coding the tiles.
    pub encode: Duration,
    /// Writing the files.
    pub write: Duration,
}

/// Tiles as they are coded.
pub type Tiles = Vec<(TileId, Vec<u8>)>;

/// Makes the tiles of families, and stored tiles.
pub struct Cutter {
    /// Slide and tile size.
    pub geometry: Geometry,
    /// How they are coded.
    pub renderer: Renderer,
    /// Whether original tiles in JPEG 2000 come as they are stored, as a payload of [`crate::codec::jpeg2000`].
    pub keeps_jpeg2000: bool,
}

impl Cutter {
    /// Decodes a family and codes its tiles. Writing is left to the caller, and its time is 0.
    ///
    /// # Errors
    /// Damage.
    pub async fn family(
        &self,
        input: &Input,
        coding: &Coding,
        backend: &dyn Backend,
        id: FamilyId,
    ) -> Result<(Tiles, Timing)> {
        let mut clock = Instant::now();
        let mut lap = || {
            let now = Instant::now();
            now - std::mem::replace(&mut clock, now)
        };
        let record = input.load(id).await?;
        let read = lap();
        let decoder = FamilyDecoder { geometry: &self.geometry, coding, id, record: &record };
        let mut decoded = DecodedFamily::default();
        let packed =
            decoder.decode_for(backend, &mut decoded).map_err(Error::stored_family(&input.path(id), id))?;
        let decode = lap();
        let (want, mut made) = (self.renderer.want(), None);
        if let Some(residual) = packed {
            let packed = backend.reconstruct_packed(coding, &decoded, &residual, want).await;
            made = packed.map_err(Error::in_family(id))?;
            if made.is_none() {
                decoder.decode_left(&mut decoded).map_err(Error::stored_family(&input.path(id), id))?;
            }
        }
        let reconstruction = match made {
            Some(made) => made,
            None => backend.reconstruct(coding, &decoded, want).await.map_err(Error::in_family(id))?,
        };
        let reconstruct = lap();
        let cut = |tile| Ok((tile, self.renderer.cut(id, &reconstruction, tile)?));
        let mut tiles = self.renderer.tiles(id).map(cut).collect::<Result<Vec<_>>>()?;
        reconstruction.give_back();
        decoded.residual.give_back();
        let l2 = TileId { level: self.geometry.top_level() - 2, x: id.x(), y: id.y() };
        if let Some(payload) = record.payload(PayloadKind::Baseline) {
            let bytes = payload.bytes.clone();
            tiles.push((l2, self.renderer.decoded(payload.codec, bytes, decoded.baseline)?));
        }
        let timing = Timing { id, read, decode, reconstruct, encode: lap(), write: Duration::ZERO };
        Ok((tiles, timing))
    }

    /// As [`Self::family`], for a lossless family.
    pub async fn originals(&self, input: &Input, coding: &Coding, id: FamilyId) -> Result<(Tiles, Timing)> {
        let mut clock = Instant::now();
        let mut lap = || {
            let now = Instant::now();
            now - std::mem::replace(&mut clock, now)
        };
        let path = input.path(id);
        let named =
            |e: Error| Error::stored_family(&path, id)(Error::Family { family: id, source: Box::new(e) });
        let record = input.load(id).await?;
        let read = lap();
        let OriginalFamily { tiles, l2 } =
            OriginalFamily::unpack(&self.geometry, id, record).map_err(|e| named(e.into()))?;
        let decode = lap();
        let mut made = Vec::new();
        for l1 in self.geometry.family_tiles(id, 1) {
            let below = tiles_below(&self.geometry, l1);
            let below: Vec<_> =
                below.filter_map(|id| tiles.iter().find(|(tile, _)| *tile == id).cloned()).collect();
            made.push((l1, self.renderer.halved(coding, &below).map_err(|e| named(e.into()))?));
        }
        let reconstruct = lap();
        for (tile, image) in tiles {
            let bytes = match image.codec {
                CodecId::Jpeg2000 if self.keeps_jpeg2000 => image.bytes,
                _ => self.renderer.original(tile, image).map_err(|e| named(e.into()))?,
            };
            made.push((tile, bytes));
        }
        if let Some(tile) = self.geometry.family_tiles(id, 2).next() {
            made.push((tile, self.renderer.stored(tile, CodecId::Jpeg, l2).map_err(|e| named(e.into()))?));
        }
        let timing = Timing { id, read, decode, reconstruct, encode: lap(), write: Duration::ZERO };
        Ok((made, timing))
    }

    /// A tile of a small level, of the archive or else of the tree.
    ///
    /// # Errors
    /// A tile that is in neither; damage.
    pub fn stored_tile(&self, input: &Input, tree: Option<&Tree>, id: TileId) -> Result<Vec<u8>> {
        let (codec, bytes) = match (input.archive().find_tile(id), tree) {
            (Some(entry), _) => (entry.codec, input.archive().read_tile(entry)?),
            (None, Some(tree)) => tree.stored_tile(id, &input.meta().encode)?,
            (None, None) => {
                let path = input.archive().path().to_path_buf();
                return Err(Error::TileNotStored { path, tile: id });
            }
        };
        self.renderer.stored(id, codec, bytes).map_err(|e| {
            let tree = tree.filter(|_| input.archive().find_tile(id).is_none());
            let file = tree.and_then(|tree| tree.tile_file(id));
            let whole = tree.map_or(input.archive().path(), Tree::path);
            Error::stored_tile(file.as_deref().unwrap_or(whole), id)(e)
        })
    }
}

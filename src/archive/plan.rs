//! The order of an archive's parts, and the bytes of its directory.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::error::{Error, Result};
use super::layout::{HEADER_BYTES, Header, Kind};
use super::meta::Meta;
use crate::codec::CodecId;
use crate::image::geometry::{FamilyId, Geometry, TileId};

/// The place of a blob in the spool file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Blob {
    pub offset: u64,
    pub bytes: u32,
}

/// A family that has been spooled.
pub struct FamilyRow {
    pub id: FamilyId,
    pub blob: Blob,
    pub payloads: u16,
    pub check: u64,
}

/// A tile that has been spooled.
pub struct TileRow {
    pub id: TileId,
    pub blob: Blob,
    pub codec: CodecId,
    pub check: u64,
}

/// The bytes of header and directory, and the blobs that follow in order.
pub struct Plan {
    pub start: Vec<u8>,
    pub blobs: Vec<Blob>,
    pub file_bytes: u64,
}

/// Lays a file out: small levels first, then the colour profile, then the families in the order of their rows.
///
/// # Errors
/// More entries than the indexes hold, metadata that JSON cannot express.
pub fn plan(
    kind: Kind,
    geometry: &Geometry,
    meta: &Meta,
    families: &[FamilyRow],
    tiles: &[TileRow],
    icc: Option<(Blob, u64)>,
) -> Result<Plan> {
    let json = serde_json::to_vec(meta).map_err(Error::Metadata)?;
    let too_many = |_| Error::TooManyEntries;
    let mut header = Header {
        kind,
        file_bytes: 0,
        width: geometry.width(),
        height: geometry.height(),
        tile: geometry.tile(),
        families: u32::try_from(families.len()).map_err(too_many)?,
        tiles: u32::try_from(tiles.len()).map_err(too_many)?,
        meta_bytes: blob_len(&json)?,
        icc_offset: 0,
        icc_bytes: 0,
        icc_check: 0,
        directory_check: 0,
    };
    let mut end = header.data_start();
    let (mut blobs, mut placed) = (Vec::new(), HashMap::new());
    // Small levels first: a viewer that opens a slide reads them right after the directory.
    let mut place = |blob: Blob| {
        *placed.entry(blob).or_insert_with(|| {
            blobs.push(blob);
            end += u64::from(blob.bytes);
            end - u64::from(blob.bytes)
        })
    };
    let mut tile_index = Vec::new();
    for row in tiles {
        tile_index.extend(place(row.blob).to_le_bytes());
        tile_index.extend(row.blob.bytes.to_le_bytes());
        tile_index.extend((row.codec as u16).to_le_bytes());
        tile_index.extend(0u16.to_le_bytes());
        tile_index.extend(row.check.to_le_bytes());
    }
    if let Some((blob, check)) = icc {
        (header.icc_offset, header.icc_bytes, header.icc_check) = (place(blob), blob.bytes, check);
    }
    let mut directory = Vec::new();
    for row in families {
        directory.extend(row.id.x().to_le_bytes());
        directory.extend(row.id.y().to_le_bytes());
        directory.extend(place(row.blob).to_le_bytes());
        directory.extend(row.blob.bytes.to_le_bytes());
        directory.extend(row.payloads.to_le_bytes());
        directory.extend(0u16.to_le_bytes());
        directory.extend(row.check.to_le_bytes());
    }
    directory.extend(tile_index);
    directory.extend(json);
    header.directory_check = xxh3_64(&directory);
    header.file_bytes = end;
    let mut start = header.to_bytes().to_vec();
    start.extend(directory);
    debug_assert_eq!(start.len() as u64, HEADER_BYTES as u64 + header.directory_bytes());
    Ok(Plan { start, blobs, file_bytes: end })
}

/// The length of a blob, if the format can hold it.
///
/// # Errors
/// 4 GiB or more.
pub fn blob_len(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| Error::BlobTooLarge)
}

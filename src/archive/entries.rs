//! The entries of an archive's indexes, as places in the file.

use crate::codec::CodecId;
use crate::image::family::PayloadKind;
use crate::image::geometry::{FamilyId, TileId};

/// An entry of the family index: the place of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyEntry {
    /// The family.
    pub id: FamilyId,
    /// First byte of the record.
    pub offset: u64,
    /// Length of the record in bytes.
    pub bytes: u32,
    pub(super) payloads: u16,
    pub(super) check: u64,
}

/// An entry of a record's payload table, with the place of the payload in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadEntry {
    /// The kind of the payload.
    pub kind: PayloadKind,
    /// Its codec.
    pub codec: CodecId,
    /// First byte in the file.
    pub offset: u64,
    /// Length in bytes.
    pub bytes: u32,
    /// Whether the record stores these bytes for an earlier payload, which is equal.
    pub repeats: bool,
    pub(super) check: u64,
}

/// An entry of the tile index: the place of a tile of a small level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileEntry {
    /// The tile.
    pub id: TileId,
    /// First byte in the file.
    pub offset: u64,
    /// Length in bytes.
    pub bytes: u32,
    /// Its codec.
    pub codec: CodecId,
    pub(super) check: u64,
}

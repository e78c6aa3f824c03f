//! The two indexes of an archive, parsed and checked piece by piece.

use super::entries::{FamilyEntry, TileEntry};
use super::layout::{
    FAMILY_ENTRY_BYTES, Fault, HEADER_BYTES, Header, Kind, MAX_PAYLOADS, TILE_ENTRY_BYTES, u16_at, u32_at,
    u64_at,
};
use super::limits;
use crate::codec::CodecId;
use crate::image::geometry::{Geometry, TileId, hilbert};

/// Checks that a blob lies between the directory and the end of the file, and is no longer than `most`.
pub fn in_data(
    header: &Header,
    at: u64,
    what: &str,
    (offset, bytes): (u64, u32),
    most: u64,
) -> Result<(), Fault> {
    let end = offset.checked_add(u64::from(bytes));
    if offset < header.data_start() || end.is_none_or(|end| end > header.file_bytes) {
        let range = format!("bytes {} to {}", header.data_start(), header.file_bytes);
        let found = format_args!("{bytes} bytes at {offset}");
        return Err(Fault::new(at, format!("place of {what}"), range, found));
    }
    if u64::from(bytes) > most {
        return Err(Fault::new(at + 8, format!("length of {what}"), format_args!("at most {most}"), bytes));
    }
    Ok(())
}

/// Makes room for more entries.
fn reserve<T>(entries: &mut Vec<T>, more: usize, at: u64) -> Result<(), Fault> {
    let short = |_| Fault::new(at, "size of the directory", "what there is memory for", more);
    entries.try_reserve(more).map_err(short)
}

/// Adds whole entries of the family index: every family at most once, along the Hilbert curve, each record inside the file.
pub fn parse_families(
    header: &Header,
    geometry: &Geometry,
    families: &mut Vec<FamilyEntry>,
    piece: &[u8],
) -> Result<(), Fault> {
    let first = families.len();
    let at = |i: usize| (HEADER_BYTES + (first + i) * FAMILY_ENTRY_BYTES) as u64;
    reserve(families, piece.len() / FAMILY_ENTRY_BYTES, at(0))?;
    for (i, row) in piece.chunks_exact(FAMILY_ENTRY_BYTES).enumerate() {
        let at = at(i);
        let (x, y) = (u32_at(row, 0), u32_at(row, 4));
        let (cols, rows) = geometry.families();
        let id = geometry.family(x, y).ok_or_else(|| {
            Fault::new(at, "family index", format_args!("a family of {cols}x{rows}"), format_args!("{x}_{y}"))
        })?;
        if families.last().is_some_and(|last| hilbert(last.id) >= hilbert(id)) {
            return Err(Fault::new(at, "family index", "Hilbert order, each family once", id));
        }
        let entry = FamilyEntry {
            id,
            offset: u64_at(row, 8),
            bytes: u32_at(row, 16),
            payloads: u16_at(row, 20),
            check: u64_at(row, 24),
        };
        if usize::from(entry.payloads) > MAX_PAYLOADS || u16_at(row, 22) != 0 {
            return Err(Fault::new(
                at + 20,
                "payloads of a family",
                format_args!("at most {MAX_PAYLOADS}"),
                u32_at(row, 20),
            ));
        }
        let most = limits::record_bytes(geometry, id);
        in_data(header, at + 8, &format!("family {id}"), (entry.offset, entry.bytes), most)?;
        families.push(entry);
    }
    Ok(())
}

/// Checks the number of families of a pack.
pub fn check_families(header: &Header, families: &[FamilyEntry]) -> Result<(), Fault> {
    if header.kind == Kind::Pack && families.len() != 1 {
        return Err(Fault::new(28, "families in a pack", 1, families.len()));
    }
    Ok(())
}

/// Adds whole entries of the tile index, which has every tile of the small levels: those that `ids` gives next. Each lies inside the file.
pub fn parse_tiles(
    header: &Header,
    geometry: &Geometry,
    ids: &mut impl Iterator<Item = TileId>,
    tiles: &mut Vec<TileEntry>,
    piece: &[u8],
) -> Result<(), Fault> {
    let index_at = HEADER_BYTES + header.families as usize * FAMILY_ENTRY_BYTES;
    let first = tiles.len();
    let at = |i: usize| (index_at + (first + i) * TILE_ENTRY_BYTES) as u64;
    reserve(tiles, piece.len() / TILE_ENTRY_BYTES, at(0))?;
    for ((i, row), id) in piece.chunks_exact(TILE_ENTRY_BYTES).enumerate().zip(ids) {
        let at = at(i);
        let codec = CodecId::from_u16(u16_at(row, 12)).ok_or_else(|| {
            Fault::new(at + 12, format!("tile {id}"), "a codec this version knows", u16_at(row, 12))
        })?;
        if u16_at(row, 14) != 0 {
            return Err(Fault::new(at + 14, "reserved bytes", 0, u16_at(row, 14)));
        }
        let entry =
            TileEntry { id, offset: u64_at(row, 0), bytes: u32_at(row, 8), codec, check: u64_at(row, 16) };
        let most = limits::tile_bytes(geometry, id);
        in_data(header, at, &format!("tile {id}"), (entry.offset, entry.bytes), most)?;
        tiles.push(entry);
    }
    Ok(())
}

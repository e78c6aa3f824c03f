//! The two indexes of an archive, parsed and checked.

use super::entries::{FamilyEntry, TileEntry};
use super::layout::{
    FAMILY_ENTRY_BYTES, Fault, HEADER_BYTES, Header, Kind, MAX_PAYLOADS, TILE_ENTRY_BYTES, u16_at, u32_at,
    u64_at,
};
use crate::codec::CodecId;
use crate::image::geometry::{Geometry, hilbert};

/// Checks that a blob lies between the directory and the end of the file.
pub fn in_data(header: &Header, at: u64, what: &str, offset: u64, bytes: u32) -> Result<(), Fault> {
    let end = offset.checked_add(u64::from(bytes));
    if offset >= header.data_start() && end.is_some_and(|end| end <= header.file_bytes) {
        return Ok(());
    }
    let range = format!("bytes {} to {}", header.data_start(), header.file_bytes);
    Err(Fault::new(at, format!("place of {what}"), range, format_args!("{bytes} bytes at {offset}")))
}

/// The family index: every family at most once, along the Hilbert curve, each record inside the file.
pub fn parse_families(header: &Header, geometry: &Geometry, index: &[u8]) -> Result<Vec<FamilyEntry>, Fault> {
    let mut families: Vec<FamilyEntry> = Vec::with_capacity(header.families as usize);
    let mut last = None;
    for (i, row) in index.chunks_exact(FAMILY_ENTRY_BYTES).enumerate() {
        let at = (HEADER_BYTES + i * FAMILY_ENTRY_BYTES) as u64;
        let (x, y) = (u32_at(row, 0), u32_at(row, 4));
        let (cols, rows) = geometry.families();
        let id = geometry.family(x, y).ok_or_else(|| {
            Fault::new(at, "family index", format_args!("a family of {cols}x{rows}"), format_args!("{x}_{y}"))
        })?;
        if last.replace(hilbert(id)).is_some_and(|key| key >= hilbert(id)) {
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
        in_data(header, at + 8, &format!("family {id}"), entry.offset, entry.bytes)?;
        families.push(entry);
    }
    if header.kind == Kind::Pack && families.len() != 1 {
        return Err(Fault::new(28, "families in a pack", 1, families.len()));
    }
    Ok(families)
}

/// The tile index: every tile of the small levels, each inside the file.
pub fn parse_tiles(header: &Header, geometry: &Geometry, index: &[u8]) -> Result<Vec<TileEntry>, Fault> {
    let rows = index.chunks_exact(TILE_ENTRY_BYTES).enumerate();
    geometry
        .stored_tiles()
        .zip(rows)
        .map(|(id, (i, row))| {
            let at =
                (HEADER_BYTES + header.families as usize * FAMILY_ENTRY_BYTES + i * TILE_ENTRY_BYTES) as u64;
            let codec = CodecId::from_u16(u16_at(row, 12)).ok_or_else(|| {
                Fault::new(at + 12, format!("tile {id}"), "a codec this version knows", u16_at(row, 12))
            })?;
            if u16_at(row, 14) != 0 {
                return Err(Fault::new(at + 14, "reserved bytes", 0, u16_at(row, 14)));
            }
            let entry = TileEntry {
                id,
                offset: u64_at(row, 0),
                bytes: u32_at(row, 8),
                codec,
                check: u64_at(row, 16),
            };
            in_data(header, at, &format!("tile {id}"), entry.offset, entry.bytes)?;
            Ok(entry)
        })
        .collect()
}

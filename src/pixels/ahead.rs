//! What a read of a bundle takes of its file.

use std::ops::Range;

use crate::archive::Archive;
use crate::image::family::PayloadKind;
use crate::image::geometry::{FamilyId, Rect, TileId};
use crate::lossless::tiles_below;

use super::cache::{Decoded, SlideKey};

/// An open bundle, and what was decoded of it.
pub struct Ahead<'a> {
    /// The bundle.
    pub archive: &'a Archive,
    /// What was decoded.
    pub decoded: &'a Decoded,
    /// Its key there.
    pub key: SlideKey,
}

impl Ahead<'_> {
    /// The records of the families of a region of L0 or L1 that are to be decoded.
    pub fn families(&self, level: usize, region: Rect) -> Vec<Range<u64>> {
        let geometry = self.archive.geometry();
        let is_there = |&id: &FamilyId| {
            let whole = self.decoded.has_family(self.key, id);
            whole || (level == 1 && self.decoded.has_half(self.key, id))
        };
        cells(region, (geometry.tile() * 4) >> level)
            .filter_map(|(x, y)| geometry.family(x, y))
            .filter(|id| !is_there(id))
            .filter_map(|id| self.family(id))
            .collect()
    }

    /// The payload tables of the families that hold tiles of a region which are to be decoded.
    pub fn heads(&self, level: usize, region: Rect) -> Vec<Range<u64>> {
        let family = |id| self.archive.find(self.archive.geometry().family_of(id)?);
        self.missing(level, region).filter_map(family).map(Archive::head_range).collect()
    }

    /// The tiles of a region that are to be decoded, or what they are made of. Reads the payload tables of their families.
    pub fn tiles(&self, level: usize, region: Rect) -> Vec<Range<u64>> {
        let mut found = Vec::new();
        for id in self.missing(level, region) {
            match self.archive.geometry().family_of(id) {
                Some(family) => found.extend(self.payloads(level, id, family)),
                None => found.extend(self.archive.find_tile(id).map(|tile| span(tile.offset, tile.bytes))),
            }
        }
        found
    }

    /// The tiles of a region that are to be decoded.
    fn missing(&self, level: usize, region: Rect) -> impl Iterator<Item = TileId> {
        let number = self.archive.geometry().top_level() - level as u32;
        cells(region, self.archive.geometry().tile())
            .map(move |(x, y)| TileId { level: number, x, y })
            .filter(|&id| !self.decoded.has_tile(self.key, id))
    }

    /// The payloads that a tile of a family is made of. Whoever reads them learns of an error.
    fn payloads(&self, level: usize, id: TileId, family: FamilyId) -> Vec<Range<u64>> {
        let kinds = match level {
            0 => vec![PayloadKind::original(id)],
            1 => tiles_below(self.archive.geometry(), id).map(PayloadKind::original).collect(),
            _ => vec![PayloadKind::Baseline],
        };
        let head = self.archive.find(family).and_then(|entry| self.archive.read_head(entry).ok());
        let wanted = head.unwrap_or_default().into_iter().filter(|payload| kinds.contains(&payload.kind));
        wanted.map(|payload| span(payload.offset, payload.bytes)).collect()
    }

    fn family(&self, id: FamilyId) -> Option<Range<u64>> {
        self.archive.find(id).map(|entry| span(entry.offset, entry.bytes))
    }
}

fn span(offset: u64, bytes: u32) -> Range<u64> {
    offset..offset.saturating_add(bytes.into())
}

/// The cells of a grid of `side` pixels that a region of at least one pixel touches, row by row.
pub fn cells(region: Rect, side: u32) -> impl Iterator<Item = (u32, u32)> {
    let columns = region.x / side..(region.x + region.width).div_ceil(side);
    let rows = region.y / side..(region.y + region.height).div_ceil(side);
    rows.flat_map(move |y| columns.clone().map(move |x| (x, y)))
}

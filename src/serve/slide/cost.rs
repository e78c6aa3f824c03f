//! How many bytes the making of a tile holds at its peak, estimated from above by sizes alone. `tests/server/memory.rs` holds the server
//! to it.

use std::sync::Arc;

use super::reader::FileLevel;
use super::scan::MAX_HALVINGS;
use super::{Slide, TileSource};
use crate::image::family::Want;
use crate::image::geometry::{FamilyId, TileId};
use crate::image::ycc::Sampling;
use crate::slide::AssociatedSize;

/// What is held besides pixels: tables, headers, the file of a small tile.
const BASE_BYTES: u64 = 64 << 10;
/// Of each pixel that is decoded and coded again: coefficients of three components, planes, RGB, converted colours, the coded tile.
const RECODED: u64 = 18;
/// Of each pixel of a family's L0 that is made in planes: residual, baseline, L0, L1, and tiles that are being coded.
const FAMILY: u64 = 6;
/// The same in 4:4:4 or RGB, or with a residual of chroma.
const FAMILY_444: u64 = 12;
/// Of each pixel that is read from a scanned slide: RGB, and its halvings.
const READ: u64 = 6;

impl Slide {
    /// For a whole family.
    pub fn family_bytes(&self, id: FamilyId) -> u64 {
        let (rect, input) = (self.geometry.family_rect(id), self.input.as_ref());
        let pixels = u64::from(rect.width) * u64::from(rect.height);
        let stored = input.and_then(|input| input.archive().find(id)).map_or(0, |entry| entry.bytes);
        let is_small = matches!(self.renderer.want(), Want::Planes(Sampling::Gray | Sampling::S420));
        let each = match &self.coding {
            // Each L1 tile with those below it.
            Some(coding) if coding.originals => RECODED * 5 / 4,
            Some(coding) if is_small && !coding.chroma_residual => FAMILY,
            _ => FAMILY_444,
        };
        BASE_BYTES + each * pixels + 2 * u64::from(stored)
    }

    /// For a tile that is made alone.
    pub fn tile_bytes(&self, tile: TileId, source: TileSource) -> u64 {
        let own = self.tile_px();
        let archive = self.input.as_ref().map(|input| input.archive());
        let stored = archive.map_or(0, |archive| match source {
            TileSource::Archived => archive.find_tile(tile).map_or(0, |entry| entry.bytes),
            TileSource::Baseline(id) | TileSource::Original(id) => {
                archive.find(id).map_or(0, |entry| entry.bytes)
            }
            _ => 0,
        });
        BASE_BYTES
            + u64::from(stored)
            + match source {
                TileSource::Original(_) if tile.level == self.geometry.top_level() => RECODED * own,
                // Of the four tiles below it.
                TileSource::Original(_) => 5 * RECODED * own,
                TileSource::Scan | TileSource::Cut => {
                    RECODED * own
                        + ((READ * own) << (2 * self.halvings(self.geometry.top_level() - tile.level)))
                }
                _ => RECODED * own,
            }
    }

    /// For a tile that is put together from finer ones, which have their own: at each level between it and them, four tiles of RGB.
    pub fn finer_bytes(&self, tile: TileId) -> u64 {
        let top = self.geometry.top_level();
        let is_finer = |level: u32| {
            let first = TileId { level, x: 0, y: 0 };
            matches!(self.source(first), Some((TileSource::Finer, _)))
        };
        let levels = (tile.level..=top).take_while(|&level| is_finer(level)).count() as u64;
        BASE_BYTES + self.tile_px() * (RECODED + 15 + 12 * levels)
    }

    /// For an image beside the slide, which is decoded and coded.
    pub fn associated_bytes(size: AssociatedSize) -> u64 {
        BASE_BYTES + size.part_bytes + RECODED * u64::from(size.width) * u64::from(size.height)
    }

    /// What a view has in memory that it does not share with its slide, about: texts, and a colour profile if it is not that of the slide.
    pub(super) fn own_bytes_beside(&self, slide: &Slide) -> u64 {
        let Some(scan) = &self.scan else { return 0 };
        let texts = scan.info.warnings.iter().chain(&scan.info.associated).chain(&self.warning);
        let texts: usize = texts.map(|text| text.len() + 32).sum();
        let of_slide = slide.scan.as_ref().and_then(|scan| scan.icc.as_ref());
        let own = scan.icc.as_ref().filter(|own| of_slide.is_none_or(|of| !Arc::ptr_eq(own, of)));
        // The file, and tables that are made of it.
        let profile = own.map_or(0, |own| 2 * own.bytes().len());
        (texts + 16 * scan.info.levels.len() + profile) as u64
    }

    /// Bytes of its colour profile as it is stored.
    pub fn icc_bytes(&self) -> u64 {
        let stored = self.input.as_ref().map_or(0, |input| input.archive().icc_bytes().into());
        let of_scan = self.scan.as_ref().and_then(|scan| scan.icc.as_ref());
        stored + of_scan.map_or(0, |icc| icc.bytes().len() as u64)
    }

    /// How often pixels of a file are halved for a tile so many levels below L0.
    fn halvings(&self, down: u32) -> u32 {
        let from = self.scan.as_ref().and_then(|scan| scan.file_level(down)).unwrap_or(FileLevel::FULL);
        down.saturating_sub(from.down).min(MAX_HALVINGS)
    }

    /// Pixels of a whole tile.
    fn tile_px(&self) -> u64 {
        u64::from(self.geometry.tile()) * u64::from(self.geometry.tile())
    }
}

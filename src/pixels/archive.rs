//! A bundle as a source: families, stored tiles, original tiles.

use std::path::Path;
use std::sync::Arc;

use crate::archive::{Archive, Kind as ArchiveKind, Payload};
use crate::backend::cpu::{reconstruct_part, rows_of_part};
use crate::backend::{Backend, CpuBackend};
use crate::codec::{Foreign, decode_png};
use crate::error::Error as Library;
use crate::image::family::{DecodedFamily, PayloadKind, Pixels, Want};
use crate::image::geometry::{FamilyId, Geometry, Rect, TileId};
use crate::image::ycc::Sampling;
use crate::kernels::taps::TapCache;
use crate::lossless::{self, l1_from_l0, tiles_below};
use crate::output::render::stored_pixels;
use crate::residual::FamilyDecoder;
use pollster::block_on;

use super::cache::{Decoded, Family, SlideKey};
use super::{Info, Kind, Patch, Reading, Result, Rgb, Source, pyramid_levels};

/// Most pixels of a slide's label and the like.
const MAX_ASSOCIATED_PX: usize = 1 << 28;

/// An open bundle.
pub struct Bundle {
    archive: Archive,
    info: Info,
    levels: Vec<(u32, u32)>,
    decoded: Arc<Decoded>,
    key: SlideKey,
    taps: TapCache,
}

impl Bundle {
    /// Opens a bundle, which keeps what it decodes in `decoded`.
    ///
    /// # Errors
    /// What the library says of it.
    pub fn open(path: &Path, decoded: &Arc<Decoded>) -> Result<Self> {
        let archive = Archive::open(path).map_err(Library::from)?;
        if archive.kind() != ArchiveKind::Bundle {
            let problem = "a pack holds one family of a slide; open the bundle".into();
            return Err(Library::Input { path: path.into(), problem }.into());
        }
        let (geometry, meta) = (*archive.geometry(), archive.meta());
        let have = archive.families().len() as u64;
        let left_out = geometry.family_count() - have.min(geometry.family_count());
        let warnings = match left_out {
            0 => Vec::new(),
            _ => vec![format!("it holds {have} of the slide's {} families", geometry.family_count())],
        };
        let info = Info {
            kind: Kind::Bundle,
            vendor: meta.source.format.clone(),
            microns_per_pixel: meta.microns_per_pixel,
            objective_power: meta.objective_power,
            tile: Some((geometry.tile(), geometry.tile())),
            icc: archive.icc_profile().map_err(Library::from)?,
            associated: meta.associated.iter().map(|image| image.name.clone()).collect(),
            warnings,
            is_original: meta.coding.originals,
            content: Some(meta.content.clone()),
        };
        Ok(Self {
            levels: pyramid_levels(&geometry),
            info,
            key: decoded.slide(),
            decoded: Arc::clone(decoded),
            taps: TapCache::default(),
            archive,
        })
    }

    fn geometry(&self) -> &Geometry {
        self.archive.geometry()
    }

    /// Whether a level (from 0, the full resolution) is made of families by prediction.
    fn is_predicted(&self, level: usize) -> bool {
        level < 2 && self.geometry().l2().is_some() && !self.archive.meta().coding.originals
    }

    fn absent(&self, family: FamilyId) -> Library {
        let problem = format!("family {family} is not here; encode the whole slide");
        Library::Input { path: self.archive.path().into(), problem }
    }

    /// The payloads of a family, decoded; where only a part of L0 is wanted, of the residual at least the rows for it.
    fn payloads(&self, id: FamilyId, part: Option<Rect>) -> Result<DecodedFamily, Library> {
        let coding = &self.archive.meta().coding;
        let entry = self.archive.find(id).ok_or_else(|| self.absent(id))?;
        let record = self.archive.read_family(entry)?;
        let decoder = FamilyDecoder { geometry: self.geometry(), coding, id, record: &record };
        let whole = self.geometry().family_rect(id);
        let size = (whole.width as usize, whole.height as usize);
        let rows = part.map_or(0..size.1, |part| rows_of_part(coding, size, Want::Rgb, part));
        let mut family = DecodedFamily::default();
        decoder.decode_rows(rows, &mut family).map_err(|e| self.in_family(id, e.into()))?;
        Ok(family)
    }

    fn in_family(&self, family: FamilyId, source: Library) -> Library {
        Library::StoredFamily { path: self.archive.path().into(), family, source: Box::new(source) }
    }

    fn in_tile(&self, tile: TileId, source: Library) -> Library {
        Library::StoredTile { path: self.archive.path().into(), tile, source: Box::new(source) }
    }

    /// L0 and L1 of a family.
    fn family(&self, id: FamilyId) -> Result<Arc<Family>> {
        let decode = || {
            let decoded = self.payloads(id, None)?;
            let coding = &self.archive.meta().coding;
            let made = block_on(CpuBackend::new().reconstruct(coding, &decoded, Want::Rgb))?;
            Ok(Family { levels: [Rgb::of_pixels(made.l0), Rgb::of_pixels(made.l1)] })
        };
        self.decoded.family(self.key, id, decode)
    }

    /// A part of a family's L0, given in pixels of the family, and nothing else of it.
    fn part(&self, id: FamilyId, part: Rect) -> Result<Rgb> {
        let decoded = self.payloads(id, Some(part))?;
        let coding = &self.archive.meta().coding;
        Ok(Rgb::of_pixels(reconstruct_part(coding, &decoded, Want::Rgb, part).map_err(Library::from)?))
    }

    fn read_families(
        &self,
        level: usize,
        patch: &mut Patch<'_>,
        how: Reading<'_>,
        inside: Rect,
    ) -> Result<()> {
        let side = (self.geometry().tile() * 4) >> level;
        for y in inside.y / side..(inside.y + inside.height).div_ceil(side) {
            for x in inside.x / side..(inside.x + inside.width).div_ceil(side) {
                how.go_on()?;
                let Some(id) = self.geometry().family(x, y) else { continue };
                let corner = (x * side, y * side);
                // A part of a family that is not cached costs less than the family.
                if how.alone && level == 0 && !self.decoded.has_family(self.key, id) {
                    let rect = self.geometry().family_rect(id);
                    let (left, top) = (inside.x.max(rect.x), inside.y.max(rect.y));
                    let right = (inside.x + inside.width).min(rect.x + rect.width);
                    let bottom = (inside.y + inside.height).min(rect.y + rect.height);
                    let (width, height) = (right - left, bottom - top);
                    let part = Rect { x: left - rect.x, y: top - rect.y, width, height };
                    patch.paste(&self.part(id, part)?, (left, top));
                    continue;
                }
                patch.paste(&self.family(id)?.levels[level], corner);
            }
        }
        Ok(())
    }

    fn read_tiles(&self, level: usize, patch: &mut Patch<'_>, how: Reading<'_>, inside: Rect) -> Result<()> {
        let side = self.geometry().tile();
        let number = self.geometry().top_level() - level as u32;
        for y in inside.y / side..(inside.y + inside.height).div_ceil(side) {
            for x in inside.x / side..(inside.x + inside.width).div_ceil(side) {
                how.go_on()?;
                let id = TileId { level: number, x, y };
                let tile = self.decoded.tile(self.key, id, || self.tile(id).map(Rgb::of_pixels))?;
                patch.paste(&tile, (x * side, y * side));
            }
        }
        Ok(())
    }

    /// The pixels of a tile that is stored, or made of the original tiles of a family.
    fn tile(&self, id: TileId) -> Result<Pixels, Library> {
        let filter = self.archive.meta().coding.upsample_filter;
        let stored = |codec, bytes| {
            stored_pixels(self.geometry(), id, codec, bytes, filter, &self.taps)
                .map_err(|e| self.in_tile(id, e.into()))
        };
        let Some(family) = self.geometry().family_of(id) else {
            let absent = || Library::TileNotStored { path: self.archive.path().into(), tile: id };
            let entry = self.archive.find_tile(id).ok_or_else(absent)?;
            return stored(entry.codec, self.archive.read_tile(entry)?);
        };
        let entry = self.archive.find(family).ok_or_else(|| self.absent(family))?;
        let payload = |kind| -> Result<Payload, Library> {
            let none = || {
                self.in_family(family, Library::TileNotStored { path: self.archive.path().into(), tile: id })
            };
            self.archive.read_payloads(entry, &[kind])?.pop().ok_or_else(none)
        };
        match self.geometry().top_level() - id.level {
            0 => {
                let (image, size) = self.original(id, payload(PayloadKind::original(id))?)?;
                image.pixels(size).map_err(|e| self.in_tile(id, e.into()))
            }
            1 => {
                let below = tiles_below(self.geometry(), id).map(|tile| {
                    let (image, size) = self.original(tile, payload(PayloadKind::original(tile))?)?;
                    let planes = image.planes(size).map_err(|e| self.in_tile(tile, e.into()))?;
                    Ok((((tile.x % 2) as usize, (tile.y % 2) as usize), planes))
                });
                let (coding, side) = (&self.archive.meta().coding, self.geometry().tile() as usize);
                let below = below.collect::<Result<Vec<_>, Library>>()?;
                Ok(Pixels::Ycc(l1_from_l0(coding, &self.taps, side, below, Sampling::S444)))
            }
            _ => {
                let Payload { codec, bytes, .. } = payload(PayloadKind::Baseline)?;
                stored(codec, bytes)
            }
        }
    }

    /// An original tile, and the width and height that it must have.
    fn original(&self, tile: TileId, payload: Payload) -> Result<(Foreign, (usize, usize)), Library> {
        let wrong = |e: lossless::Error| self.in_tile(tile, e.into());
        let image = lossless::original(self.geometry(), tile, payload).map_err(wrong)?;
        Ok((image, lossless::tile_size(self.geometry(), tile)?))
    }
}

impl Source for Bundle {
    fn info(&self) -> &Info {
        &self.info
    }

    fn levels(&self) -> &[(u32, u32)] {
        &self.levels
    }

    fn downsample(&self, level: usize) -> f64 {
        f64::from(1u32 << level)
    }

    fn read(&self, level: usize, patch: &mut Patch<'_>, how: Reading<'_>) -> Result<()> {
        let size = self.levels.get(level).copied().unwrap_or_default();
        let Some(inside) = patch.inside(size) else { return Ok(()) };
        match self.is_predicted(level) {
            true => self.read_families(level, patch, how, inside),
            false => self.read_tiles(level, patch, how, inside),
        }
    }

    fn associated(&self, name: &str) -> Result<Rgb> {
        let path = self.archive.path();
        let wrong = |problem: String| Library::Input { path: path.into(), problem };
        let image = self.archive.meta().associated.iter().find(|image| image.name == name);
        let image = image.ok_or_else(|| wrong(format!("it holds no image {name:?}")))?;
        let png =
            image.bytes().ok_or_else(|| wrong(format!("its image {name:?} is damaged: it is no Base64")))?;
        let pixels = decode_png(&png, MAX_ASSOCIATED_PX).map_err(Library::from)?;
        Ok(Rgb::of_samples(pixels.width, pixels.height, pixels.channels, pixels.data))
    }
}

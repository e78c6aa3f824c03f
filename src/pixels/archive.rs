//! A bundle as a source: families, stored tiles, original tiles.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::archive::{Archive, FamilyRecord, Kind as ArchiveKind, Payload};
use crate::backend::cpu::{reconstruct_l1, reconstruct_part, residual_of_part};
use crate::codec::{CodecId, Foreign, decode_png};
use crate::decode::Input;
use crate::error::Error;
use crate::image::family::{DecodedFamily, PayloadKind, Pixels, Want};
use crate::image::geometry::{FamilyId, Geometry, Rect, TileId};
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::taps::TapCache;
use crate::lossless::{self, l1_from_l0, tiles_below};
use crate::output::render::stored_pixels;
use crate::params::Coding;
use crate::residual::{self, FamilyDecoder};

use super::ahead::{Ahead, cells};
use super::cache::{Decoded, FamilyStart, JpegResidual, SlideKey};
use super::{Info, Kind, Patch, Reading, Result, Rgb, Source, pyramid_levels};

/// Most pixels of a slide's label and the like.
const MAX_ASSOCIATED_PX: usize = 1 << 28;

/// The residual of a family.
enum Residual {
    /// As it is stored.
    Stored(FamilyRecord),
    /// As a JPEG.
    Jpeg(Arc<JpegResidual>),
}

/// An open bundle, or a directory of packs, which has families alone.
pub struct Bundle {
    input: Arc<Input>,
    coding: Coding,
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
        Self::of(Archive::open(path).map_err(Error::from)?, decoded)
    }

    /// As [`Self::open`], of a bundle that is open.
    ///
    /// # Errors
    /// A pack; a damaged colour profile.
    pub fn of(archive: Archive, decoded: &Arc<Decoded>) -> Result<Self> {
        if archive.kind() != ArchiveKind::Bundle {
            let problem = "a pack holds one family of a slide; open the bundle".into();
            return Err(Error::Input { path: archive.path().into(), problem }.into());
        }
        let coding = archive.meta().coding.clone();
        Self::over(Arc::new(Input::of_archive(archive)), coding, decoded)
    }

    /// As [`Self::of`], of families that others read as well, and that are decoded as `coding` says.
    ///
    /// # Errors
    /// A damaged colour profile.
    pub fn over(input: Arc<Input>, coding: Coding, decoded: &Arc<Decoded>) -> Result<Self> {
        let archive = input.archive();
        let (geometry, meta) = (*archive.geometry(), archive.meta());
        let have = input.families().len() as u64;
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
            icc: archive.icc_profile().map_err(Error::from)?,
            associated: meta.associated.iter().map(|image| image.name.clone()).collect(),
            warnings,
            is_original: coding.originals,
            content: Some(meta.content.clone()),
        };
        Ok(Self {
            levels: pyramid_levels(&geometry),
            info,
            key: decoded.slide(),
            decoded: Arc::clone(decoded),
            taps: TapCache::default(),
            coding,
            input,
        })
    }

    fn geometry(&self) -> &Geometry {
        self.input.geometry()
    }

    fn archive(&self) -> &Archive {
        self.input.archive()
    }

    /// Whether a level (from 0, the full resolution) is made of families by prediction.
    fn is_predicted(&self, level: usize) -> bool {
        level < 2 && self.geometry().l2().is_some() && !self.coding.originals
    }

    fn ahead(&self) -> Ahead<'_> {
        Ahead { archive: self.archive(), decoded: &self.decoded, key: self.key }
    }

    /// Decodes what `decode` says of a record.
    fn decode<T>(
        &self,
        id: FamilyId,
        record: &FamilyRecord,
        decode: impl FnOnce(&FamilyDecoder<'_>) -> residual::Result<T>,
    ) -> Result<T, Error> {
        let decoder = FamilyDecoder { geometry: self.geometry(), coding: &self.coding, id, record };
        decode(&decoder).map_err(|e| self.in_family(id, e.into()))
    }

    fn in_family(&self, family: FamilyId, source: Error) -> Error {
        Error::StoredFamily { path: self.input.path(family), family, source: Box::new(source) }
    }

    fn in_tile(&self, tile: TileId, source: Error) -> Error {
        Error::StoredTile { path: self.archive().path().into(), tile, source: Box::new(source) }
    }

    /// The payloads of a family.
    fn family(&self, id: FamilyId) -> Result<Arc<DecodedFamily>> {
        self.decoded
            .family(self.key, id, || self.decode(id, &self.input.read(id)?, |decoder| decoder.decode()))
    }

    /// L1 of a family in 4:4:4.
    fn half(&self, id: FamilyId) -> Result<Arc<Ycc>> {
        // Kept beside it: patches of L0 around the same centre need it too.
        let family = self.family(id)?;
        self.decoded.half(self.key, id, || Ok(reconstruct_l1(&self.coding, &family, Sampling::S444)?))
    }

    /// A part of a family's L0, given in pixels of the family, in 4:4:4 or gray.
    fn part(&self, family: &DecodedFamily, part: Rect) -> Result<Ycc> {
        let made = reconstruct_part(&self.coding, family, Want::Planes(Sampling::S444), part);
        Ok(made.map_err(Error::from)?.into_ycc())
    }

    /// As [`Self::part`], of a family that is not kept: its residual is decoded no further than the part needs it. L2 and entry points
    /// into the residual are kept, since they are small and patches are likely to come back to them.
    fn part_alone(&self, id: FamilyId, part: Rect) -> Result<Ycc> {
        thread_local! {
            /// Planes of the size of a family, which every patch of a thread uses anew.
            static FAMILY: RefCell<DecodedFamily> = RefCell::default();
        }
        if let Some(family) = self.decoded.known_family(self.key, id) {
            return self.part(&family, part);
        }
        let start = self.decoded.start(self.key, id, || {
            let (mut family, record) =
                (DecodedFamily::default(), self.input.read_part(id, &[PayloadKind::Baseline])?);
            self.decode(id, &record, |decoder| decoder.decode_baseline(&mut family))?;
            Ok(family.baseline)
        })?;
        let residual = self.residual(id, &start)?;
        let (record, points) = match &residual {
            Residual::Stored(record) => (record, &start.points),
            Residual::Jpeg(jpeg) => (&jpeg.record, &jpeg.points),
        };
        let whole = self.geometry().family_rect(id);
        let size = (whole.width as usize, whole.height as usize);
        let read = residual_of_part(&self.coding, size, Want::Planes(Sampling::S444), part);
        FAMILY.with_borrow_mut(|family| {
            (family.width, family.height) = size;
            family.baseline.clone_from(&start.baseline);
            self.decode(id, record, |decoder| decoder.decode_residual_of(read, Some(points), family))?;
            self.part(family, part)
        })
    }

    /// The residual of a family for a read of a part. Codecs that can only be read from the start of a stripe become a JPEG, which is kept, when a
    /// family is read for the second time: a patch that stays the only one of its family would pay for all of it.
    fn residual(&self, id: FamilyId, start: &FamilyStart) -> Result<Residual, Error> {
        if let Some(jpeg) = self.decoded.known_jpeg(self.key, id) {
            return Ok(Residual::Jpeg(jpeg));
        }
        let record = self.input.read_part(id, &[PayloadKind::Residual])?;
        let is_jpeg = record.payloads.iter().all(|payload| payload.codec == CodecId::Jpeg);
        if is_jpeg || !start.was_read.swap(true, Ordering::Relaxed) {
            return Ok(Residual::Stored(record));
        }
        let jpeg = self.decode(id, &record, |decoder| decoder.residual_as_jpeg(&start.baseline))?;
        Ok(match jpeg {
            Some(jpeg) => Residual::Jpeg(self.decoded.keep_jpeg(self.key, id, jpeg)),
            None => Residual::Stored(record),
        })
    }

    fn read_families(
        &self,
        level: usize,
        patch: &mut Patch<'_>,
        how: Reading<'_>,
        inside: Rect,
    ) -> Result<()> {
        let side = (self.geometry().tile() * 4) >> level;
        for (x, y) in cells(inside, side) {
            how.go_on()?;
            let Some(id) = self.geometry().family(x, y) else { continue };
            if level == 1 {
                patch.paste_planes(&*self.half(id)?, (x * side, y * side));
                continue;
            }
            let rect = self.geometry().family_rect(id);
            let (left, top) = (inside.x.max(rect.x), inside.y.max(rect.y));
            let right = (inside.x + inside.width).min(rect.x + rect.width);
            let bottom = (inside.y + inside.height).min(rect.y + rect.height);
            let (width, height) = (right - left, bottom - top);
            let part = Rect { x: left - rect.x, y: top - rect.y, width, height };
            let made = match how.alone {
                true => self.part_alone(id, part)?,
                false => self.part(&*self.family(id)?, part)?,
            };
            patch.paste_planes(&made, (left, top));
            made.give_back();
        }
        Ok(())
    }

    fn read_tiles(&self, level: usize, patch: &mut Patch<'_>, how: Reading<'_>, inside: Rect) -> Result<()> {
        let side = self.geometry().tile();
        let number = self.geometry().top_level() - level as u32;
        for (x, y) in cells(inside, side) {
            how.go_on()?;
            let id = TileId { level: number, x, y };
            let tile = self.decoded.tile(self.key, id, || self.tile(id).map(Rgb::of_pixels))?;
            patch.paste(&tile, (x * side, y * side));
        }
        Ok(())
    }

    /// The pixels of a tile that is stored, or made of the original tiles of a family.
    fn tile(&self, id: TileId) -> Result<Pixels, Error> {
        let filter = self.coding.upsample_filter;
        let stored = |codec, bytes| {
            stored_pixels(self.geometry(), id, codec, bytes, filter, &self.taps)
                .map_err(|e| self.in_tile(id, e.into()))
        };
        let Some(family) = self.geometry().family_of(id) else {
            let absent = || Error::TileNotStored { path: self.archive().path().into(), tile: id };
            let entry = self.archive().find_tile(id).ok_or_else(absent)?;
            return stored(entry.codec, self.archive().read_tile(entry)?);
        };
        let payload = |kind| -> Result<Payload, Error> {
            let none =
                || self.in_family(family, Error::TileNotStored { path: self.input.path(family), tile: id });
            self.input.read_payloads(family, &[kind])?.pop().ok_or_else(none)
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
                let (coding, side) = (&self.coding, self.geometry().tile() as usize);
                let below = below.collect::<Result<Vec<_>, Error>>()?;
                Ok(Pixels::Ycc(l1_from_l0(coding, &self.taps, side, below, Sampling::S444)))
            }
            _ => {
                let Payload { codec, bytes, .. } = payload(PayloadKind::Baseline)?;
                stored(codec, bytes)
            }
        }
    }

    /// An original tile, and the width and height that it must have.
    fn original(&self, tile: TileId, payload: Payload) -> Result<(Foreign, (usize, usize)), Error> {
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

    fn read(&self, level: usize, patch: &mut Patch<'_>, how: Reading<'_>) -> Result<()> {
        let size = self.levels.get(level).copied().unwrap_or_default();
        let Some(inside) = patch.inside(size) else { return Ok(()) };
        match self.is_predicted(level) {
            true => self.read_families(level, patch, how, inside),
            false => self.read_tiles(level, patch, how, inside),
        }
    }

    fn heads(&self, level: usize, region: Rect) -> Vec<Range<u64>> {
        match self.is_predicted(level) {
            true => Vec::new(),
            false => self.ahead().heads(level, region),
        }
    }

    fn needs(&self, level: usize, region: Rect) -> Vec<Range<u64>> {
        match self.is_predicted(level) {
            true => self.ahead().families(level, region),
            false => self.ahead().tiles(level, region),
        }
    }

    fn associated(&self, name: &str) -> Result<Rgb> {
        let path = self.archive().path();
        let wrong = |problem: String| Error::Input { path: path.into(), problem };
        let image = self.input.meta().associated.iter().find(|image| image.name == name);
        let image = image.ok_or_else(|| wrong(format!("it holds no image {name:?}")))?;
        let png =
            image.bytes().ok_or_else(|| wrong(format!("its image {name:?} is damaged: it is no Base64")))?;
        let pixels = decode_png(&png, MAX_ASSOCIATED_PX).map_err(Error::from)?;
        Ok(Rgb::of_samples(pixels.width, pixels.height, pixels.channels, pixels.data))
    }
}

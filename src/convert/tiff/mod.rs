//! A pyramidal, tiled BigTIFF: tiles are appended as they come, the directories follow at the end.
//!
//! `fit` makes a tile one of a TIFF: of full size, sequential. `tags` has the numbers of the format, `describe` the texts. In a TIFF all tiles of a level are
//! coded in one way; those that differ are coded anew at the end.

mod describe;
mod fit;
mod tags;

use std::path::Path;

use super::out_file::OutFile;
use crate::error::{Error, Result};
use crate::image::geometry::{Geometry, TileId};
use crate::image::ycc::Sampling;
use crate::pyramid::SlideMetadata;
use crate::pyramid::write::Existing;

use self::fit::{Fitted, Kind, fit, refit};
use self::tags::{Directory, HEADER, compression, photometric};

/// Writes a TIFF.
pub struct TiffWriter {
    file: OutFile,
    geometry: Geometry,
    quality: u8,
    is_ome: bool,
    /// The finest level first.
    levels: Vec<Level>,
}

/// A level, and where its tiles lie.
struct Level {
    number: u32,
    columns: u32,
    tiles: Vec<Option<Place>>,
}

/// A tile in the file.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    bytes: u64,
    kind: Kind,
}

impl TiffWriter {
    /// Begins `out`. `quality` is that of tiles that must be coded anew.
    ///
    /// # Errors
    /// As of [`OutFile::create`].
    pub fn create(
        out: &Path,
        geometry: Geometry,
        quality: u8,
        is_ome: bool,
        existing: Existing,
    ) -> Result<Self> {
        let mut file = OutFile::create(out, existing)?;
        file.append(&HEADER)?;
        let mut writer = Self { file, geometry, quality, is_ome, levels: Vec::new() };
        for number in (writer.coarsest()..=geometry.top_level()).rev() {
            let (columns, rows) = geometry.tiles(number);
            let tiles = vec![None; columns as usize * rows as usize];
            writer.levels.push(Level { number, columns, tiles });
        }
        Ok(writer)
    }

    /// The coarsest level that is written: the first that is one tile.
    pub fn coarsest(&self) -> u32 {
        let is_one = |&level: &u32| self.geometry.tiles(level) == (1, 1);
        (0..=self.geometry.top_level()).rev().find(is_one).unwrap_or(0)
    }

    /// Adds a tile: a JPEG file, or a payload of [`crate::codec::jpeg2000`].
    ///
    /// # Errors
    /// A damaged tile; a full disk or another file error.
    pub fn tile(&mut self, id: TileId, coded: Vec<u8>) -> Result<()> {
        let size = crate::lossless::tile_size(&self.geometry, id)?;
        let Fitted { kind, bytes } = fit(coded, size, self.geometry.tile() as usize, self.quality)?;
        let offset = self.file.append(&bytes)?;
        let down = (self.geometry.top_level() - id.level) as usize;
        let level = self.levels.get_mut(down);
        let place = level.and_then(|level| level.tiles.get_mut((id.y * level.columns + id.x) as usize));
        if let Some(place) = place {
            *place = Some(Place { offset, bytes: bytes.len() as u64, kind });
        }
        Ok(())
    }

    /// Writes the directories and gives the file its name. Returns how many levels it has, and how many tiles were coded anew.
    ///
    /// # Errors
    /// As of [`Self::tile`]; a level without some of its tiles.
    pub fn finish(mut self, metadata: &SlideMetadata, icc: Option<&[u8]>) -> Result<(u32, u64)> {
        // A tree may lack its coarse levels.
        let whole = self.levels.iter().take_while(|level| level.tiles.iter().all(Option::is_some)).count();
        if whole == 0 {
            return Err(Error::input(self.file.path(), "some tiles of the finest level were not made"));
        }
        self.levels.truncate(whole);
        let kinds = self.kinds();
        let mut recoded = 0;
        for (down, kind) in kinds.iter().enumerate() {
            recoded += self.unify(down, *kind)?;
        }
        let levels = std::mem::take(&mut self.levels);
        let mut directories = Vec::new();
        for (level, kind) in levels.iter().zip(kinds) {
            directories.push(self.directory(level, kind, metadata, icc));
        }
        if self.is_ome {
            let below = directories.split_off(1);
            let mut at = Vec::new();
            for directory in below {
                at.push(directory.write(&mut self.file)?);
            }
            if let (Some(first), false) = (directories.first_mut(), at.is_empty()) {
                first.offsets(tags::SUB_IFDS, tags::IFD8, &at);
            }
        }
        // The header points at the first directory, each directory at the next.
        let mut link = tags::FIRST_LINK;
        for directory in directories {
            let next = directory.link();
            let at = directory.write(&mut self.file)?;
            self.file.replace(link, &at.to_le_bytes())?;
            link = at + next;
        }
        self.file.publish()?;
        Ok((levels.len() as u32, recoded))
    }

    /// How the tiles of each level are coded. All levels are in colour where one is.
    fn kinds(&self) -> Vec<Kind> {
        let own: Vec<Kind> = self
            .levels
            .iter()
            .map(|level| fit::common(level.tiles.iter().flatten().map(|tile| tile.kind)))
            .collect();
        let is_gray = own.iter().all(|kind| kind.is_gray());
        let in_colour =
            |kind: Kind| if kind.is_gray() && !is_gray { Kind::Ycc(Sampling::S420) } else { kind };
        own.into_iter().map(in_colour).collect()
    }

    /// Codes those tiles of a level anew that are coded in another way; returns how many.
    fn unify(&mut self, down: usize, kind: Kind) -> Result<u64> {
        let Some(level) = self.levels.get_mut(down) else { return Ok(0) };
        let side = self.geometry.tile() as usize;
        let mut recoded = 0;
        for place in level.tiles.iter_mut().flatten().filter(|place| place.kind != kind) {
            let old = self.file.read(place.offset, place.bytes)?;
            let bytes = refit(place.kind, old, kind, side, self.quality)?;
            let offset = self.file.append(&bytes)?;
            *place = Place { offset, bytes: bytes.len() as u64, kind };
            recoded += 1;
        }
        Ok(recoded)
    }

    /// The directory of a level.
    fn directory(
        &self,
        level: &Level,
        kind: Kind,
        metadata: &SlideMetadata,
        icc: Option<&[u8]>,
    ) -> Directory {
        let (width, height) = self.geometry.level_size(level.number);
        let down = self.geometry.top_level() - level.number;
        let samples = if kind.is_gray() { 1 } else { 3 };
        let mut tags = Directory::default();
        tags.long(tags::NEW_SUBFILE_TYPE, u32::from(down > 0));
        tags.long(tags::IMAGE_WIDTH, width);
        tags.long(tags::IMAGE_LENGTH, height);
        tags.shorts(tags::BITS_PER_SAMPLE, &vec![8; samples]);
        tags.shorts(tags::COMPRESSION, &[compression(kind)]);
        tags.shorts(tags::PHOTOMETRIC, &[photometric(kind)]);
        if down == 0 {
            let jpeg2000 = matches!(kind, Kind::Jpeg2000(_));
            let text = match self.is_ome {
                true => describe::ome(metadata, &self.geometry, samples),
                false => describe::plain(metadata, &self.geometry, jpeg2000, self.quality),
            };
            tags.text(tags::IMAGE_DESCRIPTION, &text);
        }
        tags.shorts(tags::SAMPLES_PER_PIXEL, &[samples as u16]);
        tags.shorts(tags::PLANAR_CONFIGURATION, &[1]);
        if let Some((x, y)) = metadata.microns_per_pixel {
            // Levels are rounded up, so their pixels are not exactly twice as large.
            let scale = |full: u32, own: u32| f64::from(full) / f64::from(own);
            let x = tags::rational(10_000.0 / (x * scale(self.geometry.width(), width)));
            let y = tags::rational(10_000.0 / (y * scale(self.geometry.height(), height)));
            if let (Some(x), Some(y)) = (x, y) {
                tags.rational(tags::X_RESOLUTION, x);
                tags.rational(tags::Y_RESOLUTION, y);
                tags.shorts(tags::RESOLUTION_UNIT, &[tags::CENTIMETRE]);
            }
        }
        tags.text(tags::SOFTWARE, &metadata.generator);
        tags.long(tags::TILE_WIDTH, self.geometry.tile());
        tags.long(tags::TILE_LENGTH, self.geometry.tile());
        let numbers = |of: fn(&Place) -> u64| level.tiles.iter().flatten().map(of).collect::<Vec<_>>();
        tags.offsets(tags::TILE_OFFSETS, tags::LONG8, &numbers(|tile| tile.offset));
        tags.offsets(tags::TILE_BYTE_COUNTS, tags::LONG8, &numbers(|tile| tile.bytes));
        if let Kind::Ycc(sampling) = kind {
            let (across, down) = sampling.factors();
            tags.shorts(tags::YCBCR_SUBSAMPLING, &[across as u16, down as u16]);
            tags.shorts(tags::YCBCR_POSITIONING, &[1]);
        }
        if let Some(icc) = icc {
            tags.bytes(tags::ICC_PROFILE, icc);
        }
        tags
    }
}

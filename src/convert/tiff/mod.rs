//! A pyramidal, tiled BigTIFF: tiles are appended as they come, the directories follow at the end.
//!
//! `tags` has the numbers of the format, `describe` the texts.

mod describe;
mod tags;

use std::path::Path;

use super::collected::{Collected, Level, Place, Settled};
use super::fit::Kind;
use super::options::Made;
use super::out_file::OutFile;
use crate::codec::jpeg2000::Colours;
use crate::error::Result;
use crate::image::geometry::Geometry;
use crate::pyramid::SlideMetadata;
use crate::pyramid::write::Existing;
use crate::slide::maker_and_model;

use self::tags::{Directory, HEADER, compression, photometric};

/// Writes a TIFF.
pub struct TiffWriter {
    tiles: Collected,
    is_ome: bool,
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
        Ok(Self { tiles: Collected::new(file, geometry, quality), is_ome })
    }

    /// The coarsest level that is written.
    pub fn coarsest(&self) -> u32 {
        self.tiles.coarsest()
    }

    /// Adds a tile.
    ///
    /// # Errors
    /// As of [`Collected::add`].
    pub fn tile(&mut self, made: Made) -> Result<()> {
        self.tiles.add(made)
    }

    /// Writes the directories and gives the file its name. Returns how many levels it has, and how many tiles were coded anew.
    ///
    /// # Errors
    /// As of [`Collected::settle`].
    pub fn finish(mut self, metadata: &SlideMetadata, icc: Option<&[u8]>) -> Result<(u32, u64)> {
        let Settled { levels, again: recoded, .. } = self.tiles.settle()?;
        let mut directories = Vec::new();
        for (level, kind) in &levels {
            directories.push(self.directory(level, *kind, metadata, icc));
        }
        if self.is_ome {
            let below = directories.split_off(1);
            let mut at = Vec::new();
            for directory in below {
                at.push(directory.write(&mut self.tiles.file)?);
            }
            if let (Some(first), false) = (directories.first_mut(), at.is_empty()) {
                first.offsets(tags::SUB_IFDS, tags::IFD8, &at);
            }
        }
        // The header points at the first directory, each directory at the next.
        let mut link = tags::FIRST_LINK;
        for directory in directories {
            let next = directory.link();
            let at = directory.write(&mut self.tiles.file)?;
            self.tiles.file.replace(link, &at.to_le_bytes())?;
            link = at + next;
        }
        self.tiles.file.publish()?;
        Ok((levels.len() as u32, recoded))
    }

    /// The directory of a level.
    fn directory(
        &self,
        level: &Level,
        kind: Kind,
        metadata: &SlideMetadata,
        icc: Option<&[u8]>,
    ) -> Directory {
        let geometry = self.tiles.geometry();
        let (width, height) = geometry.level_size(level.number);
        let down = geometry.top_level() - level.number;
        let samples = if kind.is_gray() { 1 } else { 3 };
        let mut tags = Directory::default();
        tags.long(tags::NEW_SUBFILE_TYPE, u32::from(down > 0));
        tags.long(tags::IMAGE_WIDTH, width);
        tags.long(tags::IMAGE_LENGTH, height);
        tags.shorts(tags::BITS_PER_SAMPLE, &vec![8; samples]);
        tags.shorts(tags::COMPRESSION, &[compression(kind)]);
        tags.shorts(tags::PHOTOMETRIC, &[photometric(kind)]);
        if down == 0 {
            // Of gray codestreams no reader knows Aperio's form.
            let jpeg2000 = matches!(kind, Kind::Jpeg2000(..)) && !kind.is_gray();
            let text = match self.is_ome {
                true => describe::ome(metadata, geometry, samples),
                false => describe::plain(metadata, geometry, jpeg2000),
            };
            tags.text(tags::IMAGE_DESCRIPTION, &text);
            let scanner = maker_and_model(metadata.scanner.as_deref());
            for (tag, name) in [tags::MAKE, tags::MODEL].into_iter().zip(scanner) {
                if let Some(name) = name {
                    tags.text(tag, &name);
                }
            }
        }
        tags.shorts(tags::SAMPLES_PER_PIXEL, &[samples as u16]);
        tags.shorts(tags::PLANAR_CONFIGURATION, &[1]);
        if let Some((x, y)) = metadata.microns_per_pixel {
            // Levels are rounded up, so their pixels are not exactly twice as large.
            let scale = |full: u32, own: u32| f64::from(full) / f64::from(own);
            let x = tags::rational(10_000.0 / (x * scale(geometry.width(), width)));
            let y = tags::rational(10_000.0 / (y * scale(geometry.height(), height)));
            if let (Some(x), Some(y)) = (x, y) {
                tags.rational(tags::X_RESOLUTION, x);
                tags.rational(tags::Y_RESOLUTION, y);
                tags.shorts(tags::RESOLUTION_UNIT, &[tags::CENTIMETRE]);
            }
        }
        tags.text(tags::SOFTWARE, &metadata.generator);
        tags.long(tags::TILE_WIDTH, geometry.tile());
        tags.long(tags::TILE_LENGTH, geometry.tile());
        let numbers = |of: fn(&Place) -> u64| level.tiles.iter().flatten().map(of).collect::<Vec<_>>();
        tags.offsets(tags::TILE_OFFSETS, tags::LONG8, &numbers(|tile| tile.offset));
        tags.offsets(tags::TILE_BYTE_COUNTS, tags::LONG8, &numbers(|tile| tile.bytes));
        let factors = match kind {
            Kind::Ycc(sampling) => Some(sampling.factors()),
            Kind::Jpeg2000(Colours::Ycbcr, (across, down)) => Some((across.into(), down.into())),
            _ => None,
        };
        if let Some((across, down)) = factors {
            // Where chroma is not halved across, Bio-Formats takes this tag for a sign that a JPEG decodes to luma and chroma, and converts RGB once
            // more. Without it the JPEG tells, to libtiff too (its tag `YCbCrSubSampling`, JPEGFixupTagsSubsampling).
            if !(self.is_ome && across == 1 && matches!(kind, Kind::Ycc(_))) {
                tags.shorts(tags::YCBCR_SUBSAMPLING, &[across as u16, down as u16]);
            }
            tags.shorts(tags::YCBCR_POSITIONING, &[1]);
        }
        if let Some(icc) = icc {
            tags.bytes(tags::ICC_PROFILE, icc);
        }
        tags
    }
}

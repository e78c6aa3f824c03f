//! The container that is written: where its tiles go.

use std::collections::BTreeMap;
use std::path::Path;

use super::about::About;
use super::dicom::DicomWriter;
use super::options::{Container, ConvertOptions, Converted, Made, TILE_EXTENSION};
use super::szi::SziWriter;
use super::tiff::TiffWriter;
use crate::error::{Error, Result};
use crate::image::geometry::Geometry;
use crate::pyramid::write::TreeWriter;
use crate::pyramid::{SlideMetadata, generator};

/// A container that is being written.
pub struct Writer {
    target: Target,
    geometry: Geometry,
    metadata: SlideMetadata,
    icc: Option<Vec<u8>>,
    tiles: u64,
    tile_bytes: u64,
    /// Tiles that were coded again; those of containers that collect tiles are counted there.
    recoded: u64,
}

enum Target {
    Tree(TreeWriter),
    Szi(SziWriter),
    Tiff(TiffWriter),
    Dicom(Box<DicomWriter>),
}

impl Writer {
    /// Begins `out`.
    ///
    /// # Errors
    /// As of [`TreeWriter::create`].
    pub fn create(out: &Path, options: &ConvertOptions, geometry: &Geometry, about: &About) -> Result<Self> {
        let metadata = SlideMetadata {
            generator: generator(),
            source: about.name.clone(),
            format: "origami".into(),
            microns_per_pixel: about.microns_per_pixel,
            objective_power: about.objective_power,
            scanner: about.scanner.clone(),
            origin: None,
            icc_profile: None,
        };
        let (quality, existing) = (options.quality, options.existing);
        let target = match options.container {
            Container::Tiff | Container::OmeTiff => {
                let is_ome = options.container == Container::OmeTiff;
                Target::Tiff(TiffWriter::create(out, *geometry, quality, is_ome, existing)?)
            }
            Container::Dicom => Target::Dicom(Box::new(DicomWriter::create(out, *geometry, options, about)?)),
            Container::Szi => Target::Szi(SziWriter::create(out, *geometry, existing)?),
            Container::Dzi => {
                let name = out.file_stem().and_then(|name| name.to_str());
                let name = name.ok_or_else(|| Error::input(out, "its name is no text; give another"))?;
                let dir = out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
                Target::Tree(TreeWriter::create(dir, name, geometry, TILE_EXTENSION, existing)?)
            }
        };
        let icc = about.icc.clone();
        Ok(Self { target, geometry: *geometry, metadata, icc, tiles: 0, tile_bytes: 0, recoded: 0 })
    }

    /// How many tiles it will take.
    pub fn expected(&self) -> u64 {
        let coarsest = match &self.target {
            Target::Tiff(tiff) => tiff.coarsest(),
            Target::Dicom(dicom) => dicom.coarsest(),
            Target::Tree(_) | Target::Szi(_) => 0,
        };
        let count = |level| {
            let (columns, rows) = self.geometry.tiles(level);
            u64::from(columns) * u64::from(rows)
        };
        (coarsest..=self.geometry.top_level()).map(count).sum()
    }

    /// Takes a coded tile; returns whether the container has that level.
    ///
    /// # Errors
    /// A tile that cannot be decoded where it must be; a file that cannot be written.
    pub fn put(&mut self, made: Made) -> Result<bool> {
        let (id, bytes, is_again) = (made.id, made.coded.len() as u64, made.is_again);
        match &mut self.target {
            Target::Tree(tree) => tree.tile(id, &made.coded)?,
            Target::Szi(zip) => zip.tile(id, &made.coded)?,
            Target::Tiff(tiff) if id.level < tiff.coarsest() => return Ok(false),
            Target::Tiff(tiff) => tiff.tile(made)?,
            Target::Dicom(dicom) if id.level < dicom.coarsest() => return Ok(false),
            Target::Dicom(dicom) => dicom.tile(made)?,
        }
        self.tiles += 1;
        self.tile_bytes += bytes;
        self.recoded += u64::from(is_again);
        Ok(true)
    }

    /// Gives the container its name.
    ///
    /// # Errors
    /// As of [`Self::put`].
    pub fn finish(self) -> Result<Converted> {
        let Self { target, geometry, metadata, icc, tiles, tile_bytes, mut recoded } = self;
        let mut levels = geometry.top_level() + 1;
        let mut placeholders = BTreeMap::new();
        match target {
            Target::Tree(tree) => drop(tree.finish(&metadata, icc.as_deref())?),
            Target::Szi(zip) => zip.finish(&metadata, icc.as_deref())?,
            Target::Tiff(tiff) => (levels, recoded) = tiff.finish(&metadata, icc.as_deref())?,
            Target::Dicom(dicom) => (levels, recoded, placeholders) = dicom.finish()?,
        }
        let size = (geometry.width(), geometry.height());
        let tile = geometry.tile();
        let written = Converted {
            size,
            levels,
            tile,
            tiles,
            tile_bytes,
            recoded,
            placeholders,
            ..Converted::default()
        };
        Ok(written)
    }
}

//! A directory of DICOM whole-slide instances, `level-0.dcm` for the finest level and one for each below it, all tiles of a level in one grid.
//!
//! Frames must come in order, and their offsets before them: tiles are collected in a file first. `dataset` makes the attributes with `builder`, `given` reads
//! those that a user gives, `values` knows how values are written.
//!
//! Source: DICOM PS3.3, A.32.8; PS3.5, A.4; PS3.10, 7.

mod builder;
mod dataset;
mod given;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

use dicom_dictionary_std::uids;
use dicom_encoding::encode::EncoderFor;
use dicom_encoding::encode::explicit_le::ExplicitVRLittleEndianEncoder;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use xxhash_rust::xxh3::Xxh3;

use super::about::About;
use super::collected::{Collected, Level};
use super::fit::Kind;
use super::options::{ConvertOptions, DicomOptions, Made};
use super::out_dir::OutDir;
use super::out_file::OutFile;
use crate::error::{Error, Result};
use crate::image::geometry::Geometry;
use crate::image::ycc::Sampling;
use crate::pyramid::generator;
use crate::pyramid::write::Existing;

use self::dataset::{LevelFacts, SlideFacts, dataset, photometric};

pub use self::given::Attributes;

/// Two bytes and a length of four: the head of an item.
const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
const END_OF_ITEMS: [u8; 8] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];

/// Writes the instances.
pub struct DicomWriter {
    tiles: Collected,
    options: DicomOptions,
    /// What is known of the slide.
    name: String,
    spacing: Option<(f64, f64)>,
    objective_power: Option<f64>,
    icc: Option<Vec<u8>>,
    is_original: bool,
    /// Dropped last.
    dir: OutDir,
}

/// A level whose frames are known.
struct Instance {
    level: Level,
    kind: Kind,
    /// Hash of its frames.
    hash: u128,
    photometric: &'static str,
}

impl DicomWriter {
    /// Begins the directory `out`. What is wrong with given attributes is told here, before the work.
    ///
    /// # Errors
    /// As of [`OutDir::create`]; attributes that cannot be given; a scale that nobody knows; placeholders where they are to be refused.
    pub fn create(out: &Path, geometry: Geometry, options: &ConvertOptions, about: &About) -> Result<Self> {
        let dir = OutDir::create(out, options.existing)?;
        let file = OutFile::create(&dir.part().join("tiles"), Existing::Keep)?;
        let writer = Self {
            tiles: Collected::new(file, geometry, options.quality),
            options: options.dicom.clone(),
            name: about.name.clone(),
            spacing: about.microns_per_pixel.map(|(across, down)| (across / 1000.0, down / 1000.0)),
            objective_power: about.objective_power,
            icc: about.icc.clone(),
            is_original: about.is_original,
            dir,
        };
        let sample = LevelFacts {
            uid: uid(0),
            number: 1,
            size: (geometry.width(), geometry.height()),
            tile: geometry.tile(),
            frames: 1,
            kind: Kind::Ycc(Sampling::S420),
            photometric: "YBR_FULL_422",
            ratio: 1.0,
            is_original: false,
        };
        let (_, mut placeholders) = writer.dataset(&sample, 0)?;
        // Whether the slide is in colour is known at the end.
        placeholders.remove("ICCProfile");
        writer.check(&placeholders)?;
        Ok(writer)
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

    /// Writes the instances and gives the directory its name. Returns how many levels there are, how many tiles were coded anew, and what
    /// was assumed.
    ///
    /// # Errors
    /// As of [`Collected::settle`]; placeholders where they are to be refused.
    pub fn finish(mut self) -> Result<(u32, u64, BTreeMap<String, String>)> {
        let (levels, recoded) = self.tiles.settle()?;
        let mut instances = Vec::new();
        for (level, kind) in levels {
            instances.push(self.instance(level, kind)?);
        }
        let slide = instances.first().map_or(0, |finest| finest.hash);
        let mut placeholders = BTreeMap::new();
        for (down, instance) in instances.iter().enumerate() {
            placeholders.extend(self.write(down as u32, instance, slide)?);
        }
        self.check(&placeholders)?;
        let Self { tiles, dir, .. } = self;
        // Its file lies in the directory.
        drop(tiles);
        dir.publish()?;
        Ok((instances.len() as u32, recoded, placeholders))
    }

    fn check(&self, placeholders: &BTreeMap<String, String>) -> Result<()> {
        if !self.options.strict || placeholders.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = placeholders.keys().map(String::as_str).collect();
        let problem = format!(
            "DICOM demands what nothing says: {}; give them as attributes, or allow placeholders",
            names.join(", ")
        );
        Err(Error::input(Path::new(&self.name), problem))
    }

    /// The frames of a level in one pass: their hash, and what they are.
    fn instance(&mut self, level: Level, kind: Kind) -> Result<Instance> {
        let mut state = Xxh3::new();
        let mut meaning = None;
        for place in level.tiles.iter().flatten() {
            let frame = self.tiles.file.read(place.offset, place.bytes)?;
            state.update(&frame);
            let own = photometric(kind, &frame);
            if *meaning.get_or_insert(own) != own {
                let problem = format!(
                    "some of its JPEG 2000 tiles are {own}, others not, which an instance cannot say"
                );
                return Err(Error::input(Path::new(&self.name), problem));
            }
        }
        Ok(Instance { level, kind, hash: state.digest128(), photometric: meaning.unwrap_or("YBR_FULL_422") })
    }

    /// The dataset of a level of the slide whose finest level has the hash `slide`.
    fn dataset(
        &self,
        level: &LevelFacts,
        slide: u128,
    ) -> Result<(InMemDicomObject, BTreeMap<String, String>)> {
        let of_role = |role: &str| {
            let mut state = Xxh3::new();
            state.update(&slide.to_le_bytes());
            state.update(role.as_bytes());
            uid(state.digest128())
        };
        let geometry = self.tiles.geometry();
        let facts = SlideFacts {
            attributes: &self.options.attributes,
            name: &self.name,
            generator: &generator(),
            spacing: self.spacing,
            size: (geometry.width(), geometry.height()),
            objective_power: self.objective_power,
            icc: self.icc.as_deref(),
            file_date: values::date_and_time(self.options.file_date),
            uid: &of_role,
        };
        dataset(&facts, level)
    }

    /// Writes an instance; returns what was assumed in it.
    fn write(&mut self, down: u32, instance: &Instance, slide: u128) -> Result<BTreeMap<String, String>> {
        let Instance { level, kind, hash, photometric } = instance;
        let tile = self.tiles.geometry().tile();
        let places: Vec<_> = level.tiles.iter().flatten().copied().collect();
        let coded: u64 = places.iter().map(|place| place.bytes).sum();
        let samples = if kind.is_gray() { 1 } else { 3 };
        let facts = LevelFacts {
            uid: uid(*hash),
            number: down + 1,
            size: self.tiles.geometry().level_size(level.number),
            tile,
            frames: places.len(),
            kind: *kind,
            photometric,
            ratio: samples as f64 * f64::from(tile) * f64::from(tile) * places.len() as f64
                / coded.max(1) as f64,
            is_original: self.is_original,
        };
        let (data, placeholders) = self.dataset(&facts, slide)?;
        let path = self.dir.part().join(format!("level-{down}.dcm"));
        let mut file = OutFile::create(&path, Existing::Keep)?;
        file.append(&head(&path, &data, *kind, &facts.uid)?)?;
        let sizes: Vec<u64> = places.iter().map(|place| place.bytes.next_multiple_of(2)).collect();
        file.append(&pixel_data_head(&sizes))?;
        for (place, size) in places.iter().zip(sizes) {
            let mut frame = self.tiles.file.read(place.offset, place.bytes)?;
            frame.resize(size as usize, 0);
            file.append(&ITEM)?;
            file.append(&(size as u32).to_le_bytes())?;
            file.append(&frame)?;
        }
        file.append(&END_OF_ITEMS)?;
        file.publish()?;
        Ok(placeholders)
    }
}

/// A UID of 128 bits (PS3.5, B.2).
fn uid(number: u128) -> String {
    format!("2.25.{number}")
}

/// The bytes of a file before its pixel data.
fn head(path: &Path, data: &InMemDicomObject, kind: Kind, uid: &str) -> Result<Vec<u8>> {
    let failed = |problem: String| Error::input(path, problem);
    let syntax = if matches!(kind, Kind::Jpeg2000(..)) { uids::JPEG2000 } else { uids::JPEG_BASELINE8_BIT };
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(syntax)
        .media_storage_sop_class_uid(uids::VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE)
        .media_storage_sop_instance_uid(uid)
        .build()
        .map_err(|e| failed(e.to_string()))?;
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    meta.write(&mut bytes).map_err(|e| failed(e.to_string()))?;
    data.write_dataset(&mut bytes, EncoderFor::new(ExplicitVRLittleEndianEncoder::default()))
        .map_err(|e| failed(e.to_string()))?;
    Ok(bytes)
}

/// The head of the pixel data of frames of these sizes in bytes, up to the first frame, with where each begins: in the basic offset table, or where its
/// numbers are too small in the extended one.
fn pixel_data_head(sizes: &[u64]) -> Vec<u8> {
    let mut next = 0;
    let offsets: Vec<u64> = sizes
        .iter()
        .map(|size| {
            let at = next;
            next += 8 + size;
            at
        })
        .collect();
    let mut bytes = Vec::new();
    let basic: Option<Vec<u32>> = offsets.iter().map(|&at| u32::try_from(at).ok()).collect();
    if basic.is_none() {
        for (element, numbers) in [(1_u8, &offsets[..]), (2, sizes)] {
            bytes.extend([0xE0, 0x7F, element, 0, b'O', b'V', 0, 0]);
            bytes.extend((8 * numbers.len() as u32).to_le_bytes());
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
    }
    // Pixel data of unknown length, in items.
    bytes.extend([0xE0, 0x7F, 0x10, 0, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    let basic = basic.unwrap_or_default();
    bytes.extend(ITEM);
    bytes.extend((4 * basic.len() as u32).to_le_bytes());
    bytes.extend(basic.iter().flat_map(|at| at.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_beyond_four_gigabytes_are_in_the_extended_table() {
        let head = pixel_data_head(&[10, 20, 30]);
        assert_eq!(head[..12], [0xE0, 0x7F, 0x10, 0, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(head[12..20], [0xFE, 0xFF, 0, 0xE0, 12, 0, 0, 0]);
        assert_eq!(head[20..], [0, 0, 0, 0, 18, 0, 0, 0, 46, 0, 0, 0]);
        let far = pixel_data_head(&[1 << 31, 1 << 31, 30]);
        assert_eq!(far[..12], [0xE0, 0x7F, 1, 0, b'O', b'V', 0, 0, 24, 0, 0, 0]);
        assert_eq!(far[28..36], (16 + (1_u64 << 32)).to_le_bytes());
        assert_eq!(far[36..48], [0xE0, 0x7F, 2, 0, b'O', b'V', 0, 0, 24, 0, 0, 0]);
        assert_eq!(far[72..84], [0xE0, 0x7F, 0x10, 0, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(far[84..], [0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0]);
    }
}

//! A directory of DICOM whole-slide instances, `level-0.dcm` for the finest level and one for each below it, all tiles of a level in one grid.
//!
//! Frames must come in order, and their offsets before them: tiles are collected in a file first. `subject` knows the slide, `dataset` and
//! `image` make the attributes of `facts` with `builder`, `given` reads those that a user gives, `allowed` says how many values some may have, and which, `values` knows how values are written, `uids` what they are called, `part10` the bytes around frames.
//!
//! Source: DICOM PS3.3, A.32.8; PS3.5, A.4; PS3.10, 7.

mod allowed;
mod builder;
mod dataset;
mod facts;
mod given;
mod image;
mod part10;
mod subject;
mod uids;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use super::about::About;
use super::collected::{Collected, Level, Settled};
use super::fit::Kind;
use super::options::{ConvertOptions, DicomOptions, Made};
use super::out_dir::OutDir;
use super::out_file::OutFile;
use crate::error::{Error, Result};
use crate::image::geometry::Geometry;
use crate::image::ycc::Sampling;
use crate::pyramid::write::Existing;

pub use self::facts::LevelFacts;
pub use self::given::Attributes;
pub use self::image::photometric;
pub use self::part10::{END_OF_FRAMES, head, item, pixel_data_head};
pub use self::subject::{Subject, ratio, sampled, transfer_syntax};
pub use self::uids::{FrameOrigin, of_slide, uid};

/// Writes the instances.
pub struct DicomWriter {
    tiles: Collected,
    subject: Subject,
    strict: bool,
    /// What decides the frames; `None` of a tree, of which nothing but its tiles tells.
    origin: Option<FrameOrigin>,
    /// Dropped last.
    dir: OutDir,
}

/// A level whose frames are known.
struct Instance {
    level: Level,
    kind: Kind,
    /// What its UID is made of.
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
        let DicomOptions { attributes, strict, file_date } = options.dicom.clone();
        let own = about.geometry.tile();
        let origin = about.content.clone().map(|content| FrameOrigin {
            content,
            tile: geometry.tile(),
            quality: options.quality,
            way: if own == geometry.tile() { String::new() } else { format!("cut anew from {own}") },
        });
        let subject = Subject::new(about, &geometry, attributes, file_date);
        let writer =
            Self { tiles: Collected::new(file, geometry, options.quality), subject, strict, origin, dir };
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
        let (_, mut placeholders) = writer.subject.dataset(&sample, 0)?;
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
        let Settled { levels, again, is_mixed } = self.tiles.settle()?;
        if let Some(origin) = self.origin.as_mut().filter(|_| is_mixed) {
            // Which tiles were coded anew depends on all of them.
            origin.way += " of one kind";
        }
        let mut instances = Vec::new();
        for (down, (level, kind)) in (0..).zip(levels) {
            instances.push(self.instance(down, level, kind)?);
        }
        let slide = of_slide(instances.iter().map(|instance| instance.hash));
        let mut placeholders = BTreeMap::new();
        for (down, instance) in instances.iter().enumerate() {
            placeholders.extend(self.write(down as u32, instance, slide)?);
        }
        self.check(&placeholders)?;
        let Self { tiles, dir, .. } = self;
        // Its file lies in the directory.
        drop(tiles);
        dir.publish()?;
        Ok((instances.len() as u32, again, placeholders))
    }

    fn check(&self, placeholders: &BTreeMap<String, String>) -> Result<()> {
        if !self.strict || placeholders.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = placeholders.keys().map(String::as_str).collect();
        let problem = format!(
            "DICOM demands what nothing says: {}; give them as attributes, or allow placeholders",
            names.join(", ")
        );
        Err(Error::input(Path::new(&self.subject.name), problem))
    }

    /// A level: its hash, and what its frames are. They are read only where they have to tell.
    fn instance(&mut self, down: u32, level: Level, kind: Kind) -> Result<Instance> {
        let known = self.origin.as_ref().map(|origin| origin.level(down, ""));
        let mut meaning = (!matches!(kind, Kind::Jpeg2000(..))).then(|| photometric(kind, &[]));
        if let (Some(hash), Some(photometric)) = (known, meaning) {
            return Ok(Instance { level, kind, hash, photometric });
        }
        let mut state = Xxh3::new();
        for place in level.tiles.iter().flatten() {
            let frame = self.tiles.file.read(place.offset, place.bytes)?;
            state.update(&frame);
            let own = photometric(kind, &frame);
            if *meaning.get_or_insert(own) != own {
                let problem = format!(
                    "some of its JPEG 2000 tiles are {own}, others not, which an instance cannot say"
                );
                return Err(Error::input(Path::new(&self.subject.name), problem));
            }
        }
        let hash = known.unwrap_or_else(|| state.digest128());
        Ok(Instance { level, kind, hash, photometric: meaning.unwrap_or("YBR_FULL_422") })
    }

    /// Writes an instance; returns what was assumed in it.
    fn write(&mut self, down: u32, instance: &Instance, slide: u128) -> Result<BTreeMap<String, String>> {
        let Instance { level, kind, hash, photometric } = instance;
        let tile = self.tiles.geometry().tile();
        let places: Vec<_> = level.tiles.iter().flatten().copied().collect();
        let some = sampled(places.len()).filter_map(|at| places.get(at)).map(|place| place.bytes);
        let facts = LevelFacts {
            uid: uid(*hash),
            number: down + 1,
            size: self.tiles.geometry().level_size(level.number),
            tile,
            frames: places.len(),
            kind: *kind,
            photometric,
            ratio: ratio(*kind, tile, some),
            is_original: self.subject.is_original,
        };
        let (data, placeholders) = self.subject.dataset(&facts, slide)?;
        let path = self.dir.part().join(format!("level-{down}.dcm"));
        let mut file = OutFile::create(&path, Existing::Keep)?;
        let head = head(&data, transfer_syntax(*kind), &facts.uid);
        file.append(&head.map_err(|problem| Error::input(&path, problem))?)?;
        let sizes: Vec<u64> = places.iter().map(|place| place.bytes.next_multiple_of(2)).collect();
        file.append(&pixel_data_head(&sizes))?;
        for place in places {
            let frame = self.tiles.file.read(place.offset, place.bytes)?;
            file.append(&item(&frame))?;
        }
        file.append(&END_OF_FRAMES)?;
        file.publish()?;
        Ok(placeholders)
    }
}

//! A slide as instances, one for each level: what they are called, and what they say.

use std::path::Path;

use dicom_object::InMemDicomObject;

use crate::convert::{Attributes, FrameOrigin, Kind, LevelFacts, Subject, coarsest, date_of, of_slide, uid};
use crate::error::{Error, Result};
use crate::image::geometry::{Geometry, TileId};
use crate::image::ycc::Sampling;
use crate::output::render::Output;
use crate::serve::slide::Slide;

/// The instances of a slide, without their frames.
pub struct Pyramid {
    subject: Subject,
    geometry: Geometry,
    /// What the UIDs of its levels are made of, the finest first.
    hashes: Vec<u128>,
    slide: u128,
}

impl Pyramid {
    /// The instances of an open slide whose file is `file`, with what is given of it.
    ///
    /// # Errors
    /// A slide that has none, with the reason; attributes that cannot be given; a file that cannot be read.
    pub fn of(slide: &Slide, file: &Path, attributes: Attributes, output: &Output) -> Result<Self> {
        if let Some(reason) = slide.is_no_instance() {
            return Err(Error::input(file, reason));
        }
        let about = slide.about()?;
        let geometry = about.geometry;
        let content = about.content.clone().unwrap_or_default();
        let (tile, quality) = (geometry.tile(), output.quality);
        let origin = FrameOrigin { content, tile, quality, way: slide.way(output) };
        let downs = 0..=geometry.top_level() - coarsest(&geometry);
        let hashes: Vec<u128> = downs.map(|down| origin.level(down, &slide.way_of_level(down))).collect();
        let all = of_slide(hashes.iter().copied());
        let subject = Subject::new(&about, &geometry, attributes, date_of(file));
        let pyramid = Self { subject, geometry, hashes, slide: all };
        // What is wrong with attributes is told now.
        pyramid.dataset(0, &Look::default())?;
        Ok(pyramid)
    }

    /// The UIDs of its instances, the finest first.
    pub fn uids(&self) -> Vec<String> {
        self.hashes.iter().map(|&hash| uid(hash)).collect()
    }

    /// The dataset of an instance without its pixels.
    ///
    /// # Errors
    /// Attributes that cannot be given.
    pub fn dataset(&self, down: u32, look: &Look) -> Result<InMemDicomObject> {
        let hash = self.hashes.get(down as usize).copied().unwrap_or_default();
        let facts = LevelFacts {
            uid: uid(hash),
            number: down + 1,
            size: self.geometry.level_size(self.geometry.top_level() - down),
            tile: self.geometry.tile(),
            frames: count_of_frames(&self.geometry, down) as usize,
            kind: look.kind,
            photometric: look.photometric,
            ratio: look.ratio,
            is_original: self.subject.is_original,
        };
        Ok(self.subject.dataset(&facts, self.slide)?.0)
    }
}

/// What the frames of a level are.
#[derive(Clone, Copy)]
pub struct Look {
    /// How they are coded.
    pub kind: Kind,
    /// Photometric interpretation.
    pub photometric: &'static str,
    /// Bytes of pixels for a byte of them.
    pub ratio: f64,
}

/// As nobody has looked: tiles are in luma and chroma but for a few slides.
impl Default for Look {
    fn default() -> Self {
        Self { kind: Kind::Ycc(Sampling::S420), photometric: "YBR_FULL_422", ratio: 1.0 }
    }
}

/// Frames of a level.
pub fn count_of_frames(geometry: &Geometry, down: u32) -> u32 {
    let (columns, rows) = geometry.tiles(geometry.top_level() - down);
    columns * rows
}

/// The tile that is a frame of a level, counted from 0, row by row.
pub fn tile_of(geometry: &Geometry, down: u32, frame: u32) -> TileId {
    let level = geometry.top_level() - down;
    let (columns, _) = geometry.tiles(level);
    TileId { level, x: frame % columns, y: frame / columns }
}

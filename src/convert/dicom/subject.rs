//! The slide of which instances are made, and what is the same for all who make them.

use std::collections::BTreeMap;

use dicom_dictionary_std::uids;
use dicom_object::InMemDicomObject;

use super::dataset::dataset;
use super::facts::{LevelFacts, SlideFacts};
use super::given::Attributes;
use super::uids::of_role;
use super::values::{date_and_time, long_string};
use crate::convert::about::About;
use crate::convert::fit::Kind;
use crate::error::Result;
use crate::image::geometry::Geometry;
use crate::pyramid::generator;
use crate::slide::maker_and_model;

/// Most frames of a level that tell how much their compression saves.
const SAMPLED: usize = 8;

/// A slide without its pixels.
pub struct Subject {
    /// Its name, for messages.
    pub name: String,
    /// Size of the finest level in pixels.
    pub size: (u32, u32),
    /// Millimetres between pixels of the finest level, across and down.
    spacing: Option<(f64, f64)>,
    objective_power: Option<f64>,
    /// Maker and model of the scanner, as DICOM writes them.
    scanner: [Option<String>; 2],
    icc: Option<Vec<u8>>,
    /// Whether the finest level keeps the frames of the slide's file.
    pub is_original: bool,
    /// What is given of it.
    pub attributes: Attributes,
    /// When the source's file was written, in seconds since 1970.
    file_date: u64,
}

impl Subject {
    /// What is known of a slide, in the pyramid that is made of it, and what is given.
    pub fn new(about: &About, geometry: &Geometry, attributes: Attributes, file_date: u64) -> Self {
        Self {
            name: about.name.clone(),
            size: (geometry.width(), geometry.height()),
            spacing: about.microns_per_pixel.map(|(across, down)| (across / 1000.0, down / 1000.0)),
            objective_power: about.objective_power,
            scanner: maker_and_model(about.scanner.as_deref()).map(|name| Some(long_string(&name?))),
            icc: about.icc.clone(),
            is_original: about.is_original,
            attributes,
            file_date,
        }
    }

    /// The dataset of a level of the slide with the hash `slide`, without its pixel data, and what was assumed in it.
    ///
    /// # Errors
    /// An attribute that cannot be given; a scale that is neither known nor given.
    pub fn dataset(
        &self,
        level: &LevelFacts,
        slide: u128,
    ) -> Result<(InMemDicomObject, BTreeMap<String, String>)> {
        let facts = SlideFacts {
            attributes: &self.attributes,
            name: &self.name,
            generator: &generator(),
            spacing: self.spacing,
            size: self.size,
            objective_power: self.objective_power,
            maker: self.scanner[0].as_deref(),
            model: self.scanner[1].as_deref(),
            icc: self.icc.as_deref(),
            file_date: date_and_time(self.file_date),
            uid: &|role| of_role(slide, role),
        };
        dataset(&facts, level)
    }
}

/// Which of so many frames of a level tell how much their compression saves: all of few, some of many, evenly spread.
pub fn sampled(frames: usize) -> impl Iterator<Item = usize> + Clone {
    let count = frames.min(SAMPLED);
    (0..count).map(move |i| (2 * i + 1) * frames / (2 * count))
}

/// How much compression saves of frames of a kind: bytes of pixels for a byte of them, by some of a level.
pub fn ratio(kind: Kind, tile: u32, some: impl Iterator<Item = u64> + Clone) -> f64 {
    let samples = if kind.is_gray() { 1.0 } else { 3.0 };
    let (count, bytes) = (some.clone().count(), some.sum::<u64>());
    samples * f64::from(tile) * f64::from(tile) * count as f64 / bytes.max(1) as f64
}

/// The transfer syntax of instances whose frames are of a kind.
pub fn transfer_syntax(kind: Kind) -> &'static str {
    if matches!(kind, Kind::Jpeg2000(..)) { uids::JPEG2000 } else { uids::JPEG_BASELINE8_BIT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_tell_are_all_or_spread_evenly() {
        let of = |frames| sampled(frames).collect::<Vec<_>>();
        assert_eq!(of(0), Vec::<usize>::new());
        assert_eq!(of(1), [0]);
        assert_eq!(of(8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(of(160), [10, 30, 50, 70, 90, 110, 130, 150]);
        assert!(of(9).is_sorted() && of(9).iter().all(|&at| at < 9));
        assert_eq!(ratio(Kind::Gray, 16, [64, 64].into_iter()), 4.0);
    }
}

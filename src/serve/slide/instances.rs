//! What makes a slide the instances of DICOM: what identifies its contents, and in which way its tiles are made.

use super::reader::FileLevel;
use super::{Slide, TileSource};
use crate::convert::{About, content_of_bundle, content_of_slide, positive};
use crate::error::Result;
use crate::image::geometry::TileId;
use crate::image::ycc::Sampling;
use crate::output::icc::Icc;
use crate::output::render::Output;
use crate::pyramid::identity::Identity;

impl Slide {
    /// What is known of it besides its pixels.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn about(&self) -> Result<About> {
        let content = match (&self.input, &self.scan) {
            (Some(input), _) => Some(content_of_bundle(&input.meta().content)),
            (None, Some(scan)) => Some(content_of_slide(&Identity::of_view(&scan.path, &scan.view)?.text)),
            (None, None) => None,
        };
        let stored = self.input.as_ref().map(|input| input.archive().icc_profile()).transpose()?.flatten();
        let of_scan = || Some(self.scan.as_ref()?.icc.as_ref()?.bytes().to_vec());
        // Its tiles are in sRGB then, whatever its pixels are.
        let is_srgb = self.colours.of_tiles().mode() == Icc::Srgb;
        Ok(About {
            name: self.name.clone(),
            geometry: self.geometry,
            microns_per_pixel: positive(self.microns_per_pixel()),
            objective_power: self.objective_power(),
            scanner: self.scanner(),
            icc: stored.or_else(of_scan).filter(|_| !is_srgb),
            is_original: self.keeps_originals(),
            content,
        })
    }

    /// Why it has no instances: not all of its tiles are made of what identifies it.
    pub fn is_no_instance(&self) -> Option<&'static str> {
        let tiles = (0..=self.geometry.top_level()).map(|level| TileId { level, x: 0, y: 0 });
        let of_tree = |tile| matches!(self.source_of(tile), None | Some(TileSource::Tree));
        match &self.input {
            Some(_) if (self.families.len() as u64) < self.geometry.family_count() => {
                Some("its archive does not hold the whole slide")
            }
            _ if tiles.into_iter().any(of_tree) => Some("some of its tiles are those of a tree"),
            _ => None,
        }
    }

    /// In which way all of its tiles are made, where it is not the one of a conversion.
    pub fn way(&self, output: &Output) -> String {
        let mut ways = Vec::new();
        if output.sampling != Sampling::S420 {
            ways.push(format!("{:?}", output.sampling));
        }
        if output.grayscale {
            ways.push("luma".into());
        }
        if self.colours.of_tiles().mode() == Icc::Srgb {
            ways.push("sRGB".into());
        }
        let recorded = self.input.as_ref().map(|input| input.meta().coding.sharpen_q8);
        let own = self.coding.as_ref().map(|coding| coding.sharpen_q8);
        if let Some(own) = own.filter(|_| recorded != own) {
            ways.push(format!("sharpened {own}"));
        }
        ways.join(" ")
    }

    /// The same of a level alone: a scanned slide's may be made of a coarse level of its file, a conversion's are made of the finest.
    pub fn way_of_level(&self, down: u32) -> String {
        match self.scan.as_ref().map(|scan| scan.file_level(down)) {
            None | Some(Some(FileLevel::FULL)) => String::new(),
            Some(Some(level)) => format!("of level {} of the file", level.level),
            Some(None) => "of finer tiles".into(),
        }
    }
}

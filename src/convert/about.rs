//! What is known of a slide besides its pixels, from whichever source it comes.

use std::path::Path;

use super::options::{Source, TILE_PX};
use crate::error::{Error, Result};
use crate::image::geometry::Geometry;
use crate::pyramid;
use crate::pyramid::identity::Identity;
use crate::pyramid::source::slide_metadata;

/// A slide without its pixels.
pub struct About {
    /// File name of the slide, without its directory.
    pub name: String,
    /// Slide and tile size.
    pub geometry: Geometry,
    /// Microns per pixel of L0, across and down.
    pub microns_per_pixel: Option<(f64, f64)>,
    /// Magnification of the objective.
    pub objective_power: Option<f64>,
    /// Maker and model of the scanner.
    pub scanner: Option<String>,
    /// The colour profile.
    pub icc: Option<Vec<u8>>,
    /// Whether the finest level keeps the frames of the slide's file.
    pub is_original: bool,
    /// What identifies its contents; `None` of a tree, of which only all of its tiles tell.
    pub content: Option<String>,
}

impl About {
    /// What a source says.
    ///
    /// # Errors
    /// A bundle without some of the slide's families; a damaged profile; a slide of too many tiles.
    pub fn of(source: &Source) -> Result<Self> {
        match source {
            Source::Bundle(input) => {
                let (geometry, meta) = (*input.geometry(), input.meta());
                let (have, all) = (input.families().len() as u64, geometry.family_count());
                if have < all {
                    let problem =
                        format!("it holds {have} of the slide's {all} families; encode the whole slide");
                    return Err(Error::input(input.archive().path(), problem));
                }
                Ok(Self {
                    name: meta.source.name.clone(),
                    geometry,
                    microns_per_pixel: positive(meta.microns_per_pixel),
                    objective_power: meta.objective_power,
                    scanner: meta.scanner.clone(),
                    icc: input.archive().icc_profile()?,
                    is_original: meta.coding.originals,
                    content: Some(content_of_bundle(&meta.content)),
                })
            }
            Source::Tree(tree) => {
                let metadata = tree.metadata();
                let own = match metadata.source.is_empty() {
                    true => name(tree.path()),
                    false => metadata.source.clone(),
                };
                Ok(Self {
                    name: own,
                    geometry: *tree.geometry(),
                    microns_per_pixel: positive(metadata.microns_per_pixel),
                    objective_power: metadata.objective_power,
                    scanner: metadata.scanner.clone(),
                    icc: tree.icc_profile().map(<[u8]>::to_vec),
                    is_original: false,
                    content: None,
                })
            }
            Source::Slide(slide) => {
                let metadata = slide_metadata(slide);
                let geometry = Geometry::new(slide.info.width, slide.info.height, TILE_PX)
                    .map_err(|source| pyramid::Error::Shape { path: slide.path.clone(), source })?;
                Ok(Self {
                    name: metadata.source,
                    geometry,
                    microns_per_pixel: positive(metadata.microns_per_pixel),
                    objective_power: metadata.objective_power,
                    scanner: metadata.scanner.clone(),
                    icc: slide.info.icc_profile.clone(),
                    is_original: false,
                    content: Some(content_of_slide(&Identity::of_slide(slide)?.text)),
                })
            }
        }
    }
}

/// What identifies the contents of a bundle, by the hash that it records of them.
pub fn content_of_bundle(hash: &str) -> String {
    format!("bundle {hash}")
}

/// What identifies the contents of a slide, by its identity.
pub fn content_of_slide(identity: &str) -> String {
    format!("slide {identity}")
}

/// A scale that is one: sidecars may hold anything.
pub fn positive(scale: Option<(f64, f64)>) -> Option<(f64, f64)> {
    let is_good = |value: f64| value.is_finite() && value > 0.0;
    scale.filter(|&(across, down)| is_good(across) && is_good(down))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Text as an attribute or the content of an element of XML has it.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            // XML has no other control characters, and tags of TIFF hold ASCII.
            letter if letter.is_ascii() && !letter.is_ascii_control() => out.push(letter),
            letter if letter.is_control() => out.push(' '),
            letter => out += &format!("&#{};", u32::from(letter)),
        }
    }
    out
}

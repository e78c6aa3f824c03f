//! The pixels of bundles, trees and slides behind one trait: levels, and any region of a level in RGB.
//!
//! The module knows files and levels. It deliberately knows nothing of Python but the error of an interrupted call.

mod archive;
mod cache;
mod image;
mod open;
mod scan;
mod tree;

use std::sync::Arc;

pub use self::cache::Decoded;
pub use self::image::{Layout, Patch, Rgb};
pub use self::open::{Kind, detect, open, open_alone};
use crate::errors::Result;

/// What is known of a slide besides its pixels.
pub struct Info {
    /// What it was opened from.
    pub kind: Kind,
    /// OpenSlide's name of the vendor, or the format of the source.
    pub vendor: String,
    /// Microns per pixel across and down.
    pub microns_per_pixel: Option<(f64, f64)>,
    /// Magnification of the objective.
    pub objective_power: Option<f64>,
    /// Width and height of the tiles of the full resolution.
    pub tile: Option<(u32, u32)>,
    /// The colour profile.
    pub icc: Option<Vec<u8>>,
    /// Names of other images.
    pub associated: Vec<String>,
    /// What the reader assumed or left out, a sentence each.
    pub warnings: Vec<String>,
    /// Identifies the pixels of an archive.
    pub content: Option<String>,
}

/// How a read is done.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Whether no neighbour of the region is expected soon: of a family only what the region needs is decoded, and only its L2 kept.
    pub alone: bool,
    /// Called between the parts of a read; its error ends it.
    pub poll: &'a dyn Fn() -> Result<()>,
}

/// An open bundle, tree or slide.
pub trait Source: Send + Sync {
    /// What is known of it besides its pixels.
    fn info(&self) -> &Info;

    /// Width and height of each level, the full resolution first.
    fn levels(&self) -> &[(u32, u32)];

    /// Pixels of the full resolution along a side of a pixel of the level.
    fn downsample(&self, level: usize) -> f64;

    /// Fills the part of the patch that lies inside the level.
    ///
    /// # Errors
    /// Damaged data; the error of `poll`.
    fn read(&self, level: usize, patch: &mut Patch<'_>, how: Reading<'_>) -> Result<()>;

    /// Another image of the slide, by its name in [`Info::associated`].
    ///
    /// # Errors
    /// No such image, or a damaged one.
    fn associated(&self, name: &str) -> Result<Rgb>;
}

/// An open source that threads share.
pub type Shared = Arc<dyn Source>;

/// Levels of a Deep Zoom pyramid from the full resolution to the first that is one tile.
fn pyramid_levels(geometry: &origami::image::geometry::Geometry) -> Vec<(u32, u32)> {
    let all = (0..=geometry.top_level()).rev().map(|level| geometry.level_size(level));
    let mut levels: Vec<_> = all.collect();
    let fits = |&(width, height): &(u32, u32)| width.max(height) <= geometry.tile();
    let end = levels.iter().position(fits).map_or(levels.len(), |first| first + 1);
    levels.truncate(end);
    levels
}

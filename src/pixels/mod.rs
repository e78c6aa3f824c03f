//! The pixels of bundles, trees and slides behind one trait: levels, and any region of a level in RGB.
//!
//! For callers that read regions and not tiles: tours, crops, the server's regions, and the Python package. Tiles of the server come from
//! its caches of coded tiles instead.

mod ahead;
mod archive;
mod cache;
mod image;
mod open;
mod region;
mod scale;
mod scan;
mod tree;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub use self::archive::Bundle;
pub use self::cache::Decoded;
pub use self::image::{Layout, Patch, Rgb};
pub use self::open::{detect, open, open_alone, open_bundle, open_with};
pub use self::region::{Limits, Place, Plan, Region, RegionError, Scale};
pub use self::scale::Ratio;
pub use self::scan::{BAND_PX, read_slide};
use crate::backend;
use crate::error::Error;
use crate::image::geometry::Rect;

/// What a source was opened from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bundle of this program.
    Bundle,
    /// A tree of tiles.
    Tree,
    /// A slide or an image.
    Slide,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bundle => "bundle",
            Kind::Tree => "tree",
            Kind::Slide => "slide",
        }
    }
}

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
    /// Whether the full resolution is what a source's own tiles decode to: not so in a bundle whose families are predicted.
    pub is_original: bool,
    /// Identifies the pixels of an archive.
    pub content: Option<String>,
}

/// The result of a read.
pub type Result<T, E = ReadError> = std::result::Result<T, E>;

/// Why a read ended.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read. Readers of one tile share the error.
    #[error(transparent)]
    Failed(Arc<Error>),
    /// [`Reading::goes_on`] said so.
    #[error("the read was ended")]
    Stopped,
}

impl ReadError {
    /// The error of a call that read `path`.
    pub fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Failed(error) => {
                Arc::try_unwrap(error).unwrap_or_else(|shared| Error::input(path, shared.to_string()))
            }
            Self::Stopped => backend::Error::Interrupted.into(),
        }
    }
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Failed(Arc::new(error))
    }
}

/// How a read is done.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Whether no neighbour of the region is expected soon: of a family only what the region needs is decoded, and only its L2 kept.
    pub alone: bool,
    /// Asked between the parts of a read: whether it goes on.
    pub goes_on: &'a (dyn Fn() -> bool + 'a),
}

impl Reading<'_> {
    fn go_on(self) -> Result<()> {
        if (self.goes_on)() { Ok(()) } else { Err(ReadError::Stopped) }
    }
}

/// An open bundle, tree or slide.
pub trait Source: Send + Sync {
    /// What is known of it besides its pixels.
    fn info(&self) -> &Info;

    /// Width and height of each level, the full resolution first.
    fn levels(&self) -> &[(u32, u32)];

    /// Pixels of the full resolution along a side of a pixel of the level: in a Deep Zoom pyramid a power of two.
    fn downsample(&self, level: usize) -> f64 {
        f64::from(1u32 << level)
    }

    /// Fills the part of the patch that lies inside the level.
    ///
    /// # Errors
    /// Damaged data; [`ReadError::Stopped`].
    fn read(&self, level: usize, patch: &mut Patch<'_>, how: Reading<'_>) -> Result<()>;

    /// Bytes of its file that [`Self::needs`] reads for a region, for whoever fetches them ahead from a store far away.
    fn heads(&self, _level: usize, _region: Rect) -> Vec<Range<u64>> {
        Vec::new()
    }

    /// Bytes of its file that a read of a region takes and that were not decoded before. Of sources that do not say it, none.
    fn needs(&self, _level: usize, _region: Rect) -> Vec<Range<u64>> {
        Vec::new()
    }

    /// Another image of the slide, by its name in [`Info::associated`].
    ///
    /// # Errors
    /// No such image, or a damaged one.
    fn associated(&self, name: &str) -> Result<Rgb>;
}

/// An open source that threads share.
pub type Shared = Arc<dyn Source>;

/// Levels of a Deep Zoom pyramid from the full resolution to the first that is one tile.
pub fn pyramid_levels(geometry: &crate::image::geometry::Geometry) -> Vec<(u32, u32)> {
    let all = (0..=geometry.top_level()).rev().map(|level| geometry.level_size(level));
    let mut levels: Vec<_> = all.collect();
    let fits = |&(width, height): &(u32, u32)| width.max(height) <= geometry.tile();
    let end = levels.iter().position(fits).map_or(levels.len(), |first| first + 1);
    levels.truncate(end);
    levels
}

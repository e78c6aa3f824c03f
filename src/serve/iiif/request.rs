//! A request for an image. Data.

use crate::image::geometry::{Geometry, TileId};

/// Most pixels of a side of an image: `maxWidth` and `maxHeight` of `info.json`.
pub const MAX_SIDE: u32 = 8192;
/// Most pixels of an image: `maxArea` of `info.json`.
pub const MAX_AREA: u64 = 1 << 24;

/// A region of L0 in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Left.
    pub x: u32,
    /// Top.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

/// Colours of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// All channels.
    Color,
    /// Luma.
    Gray,
    /// Black and white.
    Bitonal,
}

/// File format of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG.
    Jpg,
    /// PNG.
    Png,
    /// WebP, where this build has it.
    Webp,
}

/// The version of the Image API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 2.1.
    Two,
    /// 3.0.
    Three,
}

impl Version {
    /// Its number in addresses.
    pub fn number(self) -> u32 {
        match self {
            Version::Two => 2,
            Version::Three => 3,
        }
    }
}

/// A request for an image, parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageRequest {
    /// In L0.
    pub region: Region,
    /// Width and height before rotation.
    pub size: (u32, u32),
    /// Quarter turns clockwise, 0 to 3.
    pub turns: u32,
    /// Colours.
    pub quality: Quality,
    /// File format.
    pub format: Format,
}

impl ImageRequest {
    /// The tile of Deep Zoom that has this region and this size, where the image is that tile as it is sent: upright, in all its
    /// channels.
    pub fn tile(&self, geometry: &Geometry) -> Option<TileId> {
        let Region { x, y, width, height } = self.region;
        if self.turns != 0 || self.quality != Quality::Color {
            return None;
        }
        let top = geometry.top_level();
        let on_grid = |down: u32| {
            let side = u64::from(geometry.tile()) << down;
            let (x, y) = (u64::from(x), u64::from(y));
            if x % side != 0 || y % side != 0 {
                return None;
            }
            let covers =
                |start: u64, length: u32, whole: u32| u64::from(length) == side.min(u64::from(whole) - start);
            let is_region = covers(x, width, geometry.width()) && covers(y, height, geometry.height());
            // Both are below the number of tiles.
            let id = TileId { level: top - down, x: (x / side) as u32, y: (y / side) as u32 };
            let rect = geometry.tile_rect(id).filter(|_| is_region)?;
            ((rect.width, rect.height) == self.size).then_some(id)
        };
        (0..=top).find_map(on_grid)
    }
}

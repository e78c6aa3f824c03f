//! A request for an image. Data.

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

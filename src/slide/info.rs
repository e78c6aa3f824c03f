//! What a slide's file says about the slide.

/// Size, format and metadata of a slide.
#[derive(Debug, Clone, PartialEq)]
pub struct SlideInfo {
    /// Width of the full resolution, in pixels; at least 1.
    pub width: u32,
    /// Height of the full resolution, in pixels; at least 1.
    pub height: u32,
    /// 1 gray, 3 RGB.
    pub channels: u8,
    /// OpenSlide's name of the vendor (`aperio`, `hamamatsu`...), or `dicom`, `tiff`, `png`, `jpeg`.
    pub format: String,
    /// Microns per pixel across and down, when the file gives a value that is plausible for a microscope.
    pub microns_per_pixel: Option<(f64, f64)>,
    /// Magnification of the objective (20, 40), when the file names it.
    pub objective_power: Option<f64>,
    /// The embedded ICC colour profile, unchanged.
    pub icc_profile: Option<Vec<u8>>,
    /// Width and height of every resolution in the file that [`RandomAccess::read_level`](super::RandomAccess::read_level) reads, the
    /// full one first; empty where only the full one is read.
    pub levels: Vec<(u32, u32)>,
    /// Width and height of the tiles in which the file stores the full resolution, if it is tiled and says so.
    pub tile: Option<(u32, u32)>,
    /// Names of other images in the file (label, macro, thumbnail).
    pub associated: Vec<String>,
    /// What the reader assumed where the file does not say, and what it left out: a sentence each, without the file's name.
    pub warnings: Vec<String>,
}

//! Opens any slide or image and hands out its full-resolution pixels.
//!
//! One question, [`Slide::open`], and two kinds of answer: regions in any order from many threads
//! ([`RandomAccess`]: OpenSlide, TIFF), or rows from the top, once ([`Sequential`]: PNG, JPEG), which keeps memory flat
//! for files of any size. Pixels are 8-bit gray or RGB, transparency over white. It deliberately does not know
//! pyramids, tiles of the output or colour management: levels below the first are ignored, profiles are handed on.
//!
//! The readers: `openslide` (whatever OpenSlide knows, when it is installed), `tiff` (TIFF, BigTIFF, Aperio SVS
//! without OpenSlide), `png`, `jpeg`. Files are hostile until checked: sizes are computed with checked arithmetic and
//! compared with limits before memory is asked for, and every failure is a [`SlideError`].

mod error;
mod jpeg;
#[cfg(feature = "openslide")]
mod openslide;
mod png;
mod positioned;
mod region;
mod resolution;
mod samples;
mod select;
#[cfg(test)]
mod tests;
mod tiff;

pub use error::SlideError;
pub use select::openslide_library;

use std::fmt;
use std::path::{Path, PathBuf};

/// Whether to use OpenSlide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum OpenSlideUse {
    /// Where it is installed and recognises a scanner's format; the built-in readers otherwise.
    #[default]
    Auto,
    /// Never; only the built-in readers.
    Never,
    /// Always; a file that it cannot read is an error.
    Only,
}

/// Which OpenSlide was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSlideLibrary {
    /// `3.4.1`.
    pub version: String,
    /// The library's file, or the name that it goes by where the system does not tell the file.
    pub file: String,
}

/// How to open a slide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOptions {
    /// Bytes that a source may hold at once: a strip or tile of a TIFF, an interlaced PNG, the coefficients of a progressive
    /// JPEG, the cache of decoded tiles. Sources that stream stay far below.
    pub max_memory_bytes: u64,
    /// Whether to use OpenSlide.
    pub openslide: OpenSlideUse,
}

impl Default for OpenOptions {
    /// 1 GiB, and OpenSlide where it helps.
    fn default() -> Self {
        Self { max_memory_bytes: 1 << 30, openslide: OpenSlideUse::Auto }
    }
}

/// What a slide says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct SlideInfo {
    /// Width of the full resolution, in pixels; at least 1.
    pub width: u32,
    /// Height of the full resolution, in pixels; at least 1.
    pub height: u32,
    /// 1 gray, 3 RGB.
    pub channels: u8,
    /// OpenSlide's name of the vendor (`aperio`, `hamamatsu`...), or `tiff`, `png`, `jpeg`.
    pub format: String,
    /// Microns per pixel across and down, when the file gives a value that a microscope could have.
    pub microns_per_pixel: Option<(f64, f64)>,
    /// Magnification of the objective (20, 40), when the file names it.
    pub objective_power: Option<f64>,
    /// The embedded ICC colour profile, as it is.
    pub icc_profile: Option<Vec<u8>>,
    /// Names of other images in the file (label, macro, thumbnail); only OpenSlide lists them.
    pub associated: Vec<String>,
}

/// An image held in memory: rows from the top, three bytes a pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbImage {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// `width * height * 3` bytes, red first.
    pub rgb: Vec<u8>,
}

/// Any region, from many threads at once.
pub trait RandomAccess: Send + Sync {
    /// Reads a region into `out`: interleaved 8-bit samples, rows tightly packed, `width * height * channels` bytes.
    ///
    /// # Errors
    /// A region that is not inside the slide, a buffer of another size, damaged data.
    fn read(&self, x: u32, y: u32, width: u32, height: u32, out: &mut [u8]) -> Result<(), SlideError>;

    /// The JPEG tiles that the file itself has.
    ///
    /// # Errors
    /// Why there are none that could be taken as they are.
    fn own_tiles(&self) -> Result<&dyn OwnTiles, String> {
        Err("its JPEG tiles, if it has any, are only taken from TIFF and SVS files as they are".into())
    }
}

/// A slide's JPEG tiles of full resolution, as they are in the file.
pub trait OwnTiles: Send + Sync {
    /// Width and height of a tile in pixels; at the right and lower edge it is what is left.
    fn side(&self) -> u32;

    /// A tile as a JPEG file of its own, with the coefficients that it has in the slide's.
    ///
    /// # Errors
    /// Damaged data; a tile that is not coded as its neighbours are.
    fn jpeg(&self, column: u32, row: u32) -> Result<Vec<u8>, SlideError>;
}

/// Rows from the top, once.
pub trait Sequential: Send {
    /// Reads the next `rows` rows into `out`: interleaved 8-bit samples, `rows * width * channels` bytes.
    ///
    /// # Errors
    /// More rows than are left, a buffer of another size, damaged data. After damage, nothing more can be read.
    fn read_rows(&mut self, rows: u32, out: &mut [u8]) -> Result<(), SlideError>;
}

/// The two ways to the pixels.
pub enum Access {
    /// Any region, from many threads.
    Random(Box<dyn RandomAccess>),
    /// Rows from the top.
    Sequential(Box<dyn Sequential>),
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Random(_) => "Random",
            Self::Sequential(_) => "Sequential",
        })
    }
}

/// Reads the named pictures that come with a slide.
trait Associated: Send + Sync {
    fn image(&self, name: &str) -> Result<RgbImage, SlideError>;
}

/// An open slide.
pub struct Slide {
    /// The file it was opened from.
    pub path: PathBuf,
    /// What it says about itself.
    pub info: SlideInfo,
    /// The way to its pixels.
    pub access: Access,
    associated: Option<Box<dyn Associated>>,
}

impl fmt::Debug for Slide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slide")
            .field("path", &self.path)
            .field("info", &self.info)
            .field("access", &self.access)
            .finish()
    }
}

impl Slide {
    /// Opens a slide or an image, told apart by its content.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, is of an unknown or unsupported kind, needs OpenSlide where there is none,
    /// or needs more memory than `options` allow.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, SlideError> {
        select::open(path, options)
    }

    /// The JPEG tiles that the file itself has.
    ///
    /// # Errors
    /// Why there are none that could be taken as they are.
    pub fn own_tiles(&self) -> Result<&dyn OwnTiles, String> {
        match &self.access {
            Access::Random(pixels) => pixels.own_tiles(),
            Access::Sequential(_) => Err("it is one image without tiles".into()),
        }
    }

    /// Decodes the associated image of that name (see [`SlideInfo::associated`]).
    ///
    /// # Errors
    /// No image of that name, or a damaged one.
    pub fn associated_image(&self, name: &str) -> Result<RgbImage, SlideError> {
        if let (Some(images), true) =
            (&self.associated, self.info.associated.iter().any(|known| known == name))
        {
            return images.image(name);
        }
        let known =
            if self.info.associated.is_empty() { "none".into() } else { self.info.associated.join(", ") };
        Err(SlideError::NoAssociatedImage { path: self.path.clone(), name: name.into(), known })
    }
}

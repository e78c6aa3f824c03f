//! An open slide and the two ways to its pixels: what every reader provides.

use super::error::SlideError;
use super::info::SlideInfo;
use super::options::Selection;
use super::region::Region;
use crate::codec::Foreign;
use crate::store::Arrival;
use std::fmt;
use std::path::PathBuf;

/// Any region, from many threads at once.
pub trait RandomAccess: Send + Sync {
    /// Reads a region into `out`: interleaved 8-bit samples, rows tightly packed, `width * height * channels` bytes.
    ///
    /// # Errors
    /// A region that is not inside the slide, a buffer of another size, damaged data.
    fn read(&self, x: u32, y: u32, width: u32, height: u32, out: &mut [u8]) -> Result<(), SlideError>;

    /// Reads a region of the resolution `level` of [`SlideInfo::levels`], in that resolution's pixels; otherwise as
    /// [`read`](Self::read). 0 is the full resolution, and all that a reader without levels has.
    ///
    /// # Errors
    /// As of `read`; a level that the reader does not have.
    fn read_level(&self, level: usize, region: Region, out: &mut [u8]) -> Result<(), SlideError>;

    /// Says that a region of the full resolution will be read soon, so that its bytes can be on their way from where the file lies. Of a
    /// local file they are there at once.
    fn will_read(&self, _region: Region) -> Arrival {
        Arrival::default()
    }

    /// The file's own tiles at full resolution, JPEG or JPEG 2000.
    ///
    /// # Errors
    /// The reason why no tiles can be taken unchanged.
    fn stored_tiles(&self) -> Result<&dyn StoredTiles, String> {
        Err("its coded tiles, if it has any, are only taken from TIFF, SVS and DICOM files as they are"
            .into())
    }
}

/// The coded tiles of a slide's full resolution, without another lossy step.
pub trait StoredTiles: Send + Sync {
    /// Width and height of a tile in pixels. JPEG tiles at the right and lower edge are cropped to the slide, those of JPEG 2000
    /// may be larger than their part of it.
    fn side_px(&self) -> u32;

    /// A tile as a complete JPEG file with the coefficients that the slide stores, or as its codestream of JPEG 2000. It was
    /// decoded once, as a check.
    ///
    /// # Errors
    /// Damaged data; a tile that is coded in another way than sequential JPEG or JPEG 2000, at 8 bits.
    fn tile(&self, column: u32, row: u32) -> Result<Foreign, SlideError>;
}

/// Rows from the top, once.
pub trait Sequential: Send {
    /// Reads the next `rows` rows into `out`: interleaved 8-bit samples, `rows * width * channels` bytes.
    ///
    /// # Errors
    /// More rows than are left, a buffer of another size, damaged data. After damage, nothing more can be read.
    fn read_rows(&mut self, rows: u32, out: &mut [u8]) -> Result<(), SlideError>;
}

/// How the pixels of a slide can be read.
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

/// How large an image beside a slide is, before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssociatedSize {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Bytes of the largest part of it that is decoded at once, which may be larger than the image.
    pub part_bytes: u64,
}

/// Decodes the named images that come with a slide (label, macro, thumbnail).
pub(super) trait AssociatedImages: Send + Sync {
    fn size(&self, name: &str) -> Result<AssociatedSize, SlideError>;

    fn image(&self, name: &str) -> Result<RgbImage, SlideError>;
}

/// An open slide. `Slide::open` opens one.
pub struct Slide {
    /// The file that it was opened from.
    pub path: PathBuf,
    /// Size, format and metadata.
    pub info: SlideInfo,
    /// How its pixels can be read.
    pub access: Access,
    /// Which of its planes were chosen.
    pub selection: Selection,
    pub(super) associated: Option<Box<dyn AssociatedImages>>,
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
    /// The file's own tiles at full resolution, JPEG or JPEG 2000.
    ///
    /// # Errors
    /// The reason why no tiles can be taken unchanged.
    pub fn stored_tiles(&self) -> Result<&dyn StoredTiles, String> {
        match &self.access {
            Access::Random(pixels) => pixels.stored_tiles(),
            Access::Sequential(_) => Err("it is one image without tiles".into()),
        }
    }

    /// Decodes the associated image of that name (see [`SlideInfo::associated`]).
    ///
    /// # Errors
    /// No image of that name, or a damaged one.
    pub fn associated_image(&self, name: &str) -> Result<RgbImage, SlideError> {
        self.images(name)?.image(name)
    }

    /// The size of the associated image of that name, without decoding it.
    ///
    /// # Errors
    /// No image of that name, or one that cannot be read.
    pub fn associated_size(&self, name: &str) -> Result<AssociatedSize, SlideError> {
        self.images(name)?.size(name)
    }

    /// The images, of which one has that name.
    fn images(&self, name: &str) -> Result<&dyn AssociatedImages, SlideError> {
        if let (Some(images), true) =
            (&self.associated, self.info.associated.iter().any(|known| known == name))
        {
            return Ok(&**images);
        }
        let known =
            if self.info.associated.is_empty() { "none".into() } else { self.info.associated.join(", ") };
        Err(SlideError::NoAssociatedImage { path: self.path.clone(), name: name.into(), known })
    }
}

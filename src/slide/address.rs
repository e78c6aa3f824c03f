//! Slides at addresses: TIFF, SVS, NDPI and DICOM by the readers here, through requests for the ranges they need. What is decoded from
//! the first byte to the last, and what only OpenSlide reads, goes through a copy on the local disk.
//!
//! OpenSlide is not asked about a TIFF or DICOM file at an address: it would need the copy. So such a slide has the pixels of a local
//! one that is opened without OpenSlide. This module deliberately does not decode anything.

use super::access::{
    Access, AssociatedImages, AssociatedSize, RandomAccess, RgbImage, Sequential, Slide, StoredTiles,
};
use super::error::SlideError;
use super::options::{OpenOptions, OpenSlideUse};
use super::positional::PositionalFile;
use super::region::Region;
use super::scratch::Scratch;
use super::{dicom, ndpi, tiff, unread};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens what lies at an address. `open_local` opens a local copy.
pub(super) fn open(
    path: &Path,
    options: &OpenOptions,
    open_local: impl FnOnce(&Path, &OpenOptions) -> Result<Slide, SlideError>,
) -> Result<Slide, SlideError> {
    let extension = path.extension().map(|text| text.to_string_lossy().to_lowercase()).unwrap_or_default();
    let magic = first_bytes(path)?;
    if let Some(refusal) = unread::refusal(path, &extension, &magic) {
        return Err(refusal);
    }
    if options.openslide != OpenSlideUse::Only {
        if dicom::claims(path) {
            return dicom::open(path, options);
        }
        let is_tiff = tiff::MARKS.iter().any(|mark| magic.starts_with(mark));
        if is_tiff && extension == "ndpi" {
            return ndpi::open(path, options);
        }
        match is_tiff.then(|| tiff::open(path, options)) {
            // A layout of its maker's, which OpenSlide may read.
            Some(Err(SlideError::Unsupported { .. })) if options.openslide != OpenSlideUse::Never => {}
            Some(opened) => return opened,
            None => {}
        }
    }
    let copy = Arc::new(Scratch::of(path, &extension)?);
    let slide = open_local(&copy.main, options).map_err(|e| e.of(path))?;
    Ok(held(slide, path, &copy))
}

/// Up to eight bytes from the start.
fn first_bytes(path: &Path) -> Result<Vec<u8>, SlideError> {
    let file = PositionalFile::open(path)?;
    if file.len() == 0 {
        return Err(SlideError::corrupt(path, "slide", "start", "the object is empty"));
    }
    let mut magic = vec![0; file.len().min(8) as usize];
    file.read_exact_at(0, &mut magic).map_err(|source| SlideError::io(path, "cannot read it", source))?;
    Ok(magic)
}

/// The slide of a copy, under the name of its address. Whoever reads its pixels holds the copy.
fn held(slide: Slide, path: &Path, copy: &Arc<Scratch>) -> Slide {
    let access = match slide.access {
        Access::Random(pixels) => Access::Random(Box::new(Held::new(pixels, path, copy))),
        Access::Sequential(rows) => Access::Sequential(Box::new(Held::new(rows, path, copy))),
    };
    let hold = |images| Box::new(Held::new(images, path, copy)) as Box<dyn AssociatedImages>;
    Slide { path: path.to_path_buf(), access, associated: slide.associated.map(hold), ..slide }
}

/// A reader, and the copy that it reads. Its errors name the address.
struct Held<T> {
    of: T,
    path: PathBuf,
    _copy: Arc<Scratch>,
}

impl<T> Held<T> {
    fn new(of: T, path: &Path, copy: &Arc<Scratch>) -> Self {
        Self { of, path: path.to_path_buf(), _copy: copy.clone() }
    }
}

impl RandomAccess for Held<Box<dyn RandomAccess>> {
    fn read(&self, x: u32, y: u32, width: u32, height: u32, out: &mut [u8]) -> Result<(), SlideError> {
        self.of.read(x, y, width, height, out).map_err(|e| e.of(&self.path))
    }

    fn read_level(&self, level: usize, region: Region, out: &mut [u8]) -> Result<(), SlideError> {
        self.of.read_level(level, region, out).map_err(|e| e.of(&self.path))
    }

    fn stored_tiles(&self) -> Result<&dyn StoredTiles, String> {
        self.of.stored_tiles()
    }
}

impl Sequential for Held<Box<dyn Sequential>> {
    fn read_rows(&mut self, rows: u32, out: &mut [u8]) -> Result<(), SlideError> {
        self.of.read_rows(rows, out).map_err(|e| e.of(&self.path))
    }
}

impl AssociatedImages for Held<Box<dyn AssociatedImages>> {
    fn size(&self, name: &str) -> Result<AssociatedSize, SlideError> {
        self.of.size(name).map_err(|e| e.of(&self.path))
    }

    fn image(&self, name: &str) -> Result<RgbImage, SlideError> {
        self.of.image(name).map_err(|e| e.of(&self.path))
    }
}

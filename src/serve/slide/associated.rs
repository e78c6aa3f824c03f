//! Label, macro and other images that a scanned file holds beside the slide.
//!
//! They are asked for rarely, so each request opens the file anew.

use std::path::Path;

use super::Slide;
use super::reader::READER_BYTES;
use crate::error::{Error, Result, ServedFault};
use crate::image::family::Pixels;
use crate::image::plane::Plane;
use crate::output::tile::{OutputFormat, TileCoder};
use crate::slide::{AssociatedSize, OpenOptions, Selection, Slide as Opened};

impl Slide {
    /// The scanned file, and what is read of it: the slide itself, or the one that its archive was made of.
    fn scanned(&self) -> Option<(&Path, &Selection)> {
        let own = self.scan.as_ref().map(|scan| (scan.path.as_path(), &scan.view));
        own.or_else(|| self.source.as_ref().map(|source| source.file()))
    }

    /// The names of its images that are among `shown`.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn associated(&self, shown: &[String]) -> Result<Vec<String>> {
        let mut names = match (&self.scan, &self.source) {
            (Some(scan), _) => scan.info.associated.clone(),
            (None, Some(source)) => source.associated()?,
            (None, None) => Vec::new(),
        };
        names.retain(|name| shown.contains(name));
        Ok(names)
    }

    /// How large an image beside the slide is, as its file says; `None` if it has none of that name.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn associated_size(&self, name: &str) -> Result<Option<AssociatedSize>> {
        let reader = match (&self.scan, &self.source) {
            (Some(scan), _) => scan.readers().get(&scan.path, &scan.view)?,
            (None, Some(source)) => source.reader()?,
            (None, None) => return Ok(None),
        };
        let place = reader.info.associated.iter().position(|known| known == name);
        // One that cannot be read says why when it is.
        let nothing = AssociatedSize { width: 0, height: 0, part_bytes: 0 };
        Ok(place.map(|at| reader.beside.get(at).copied().flatten().unwrap_or(nothing)))
    }

    /// An image beside the slide, of this size, as JPEG.
    ///
    /// # Errors
    /// A file that cannot be read, or has another image by now; a damaged image.
    pub fn associated_image(&self, name: &str, size: AssociatedSize, quality: u8) -> Result<Vec<u8>> {
        let Some((path, view)) = self.scanned() else {
            return Err(Error::served(&self.name, ServedFault::NoFiles));
        };
        let options =
            OpenOptions { max_memory_bytes: READER_BYTES, selection: view.clone(), ..Default::default() };
        let file = Opened::open(path, &options)?;
        if file.associated_size(name)? != size {
            return Err(Error::input(path, "it was replaced while it was read"));
        }
        let image = file.associated_image(name)?;
        let pixels = Pixels::Rgb(Plane::from_vec(3 * image.width as usize, image.height as usize, image.rgb));
        Ok(TileCoder::new(OutputFormat::Jpeg, quality)?.encode(pixels.view())?)
    }
}

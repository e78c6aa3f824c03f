//! TIFF slides, made in code.

use std::fs;
use std::path::Path;

use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;

use crate::kit::image::Image;

/// Writes an RGB image as an uncompressed TIFF, with a colour profile if there is one.
pub fn write_tiff(path: &Path, image: &Image, icc: Option<&[u8]>) {
    let mut file = fs::File::create(path).unwrap();
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    let mut page = encoder.new_image::<colortype::RGB8>(image.width as u32, image.height as u32).unwrap();
    if let Some(icc) = icc {
        // TIFF 6 technical note: the ICC profile.
        page.encoder().write_tag(Tag::Unknown(34_675), icc).unwrap();
    }
    page.write_data(&image.data).unwrap();
}

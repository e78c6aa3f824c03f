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

/// Writes gray images of one size as the pages of a TIFF, and what the first page says of them.
pub fn write_pages(path: &Path, pages: &[Image], description: &str) {
    let mut file = fs::File::create(path).unwrap();
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    for (number, image) in pages.iter().enumerate() {
        let mut page =
            encoder.new_image::<colortype::Gray8>(image.width as u32, image.height as u32).unwrap();
        if number == 0 {
            page.encoder().write_tag(Tag::ImageDescription, description).unwrap();
        }
        page.write_data(&image.data).unwrap();
    }
}

/// What OME-TIFF says of pages of channels, which run fastest, and focal planes.
pub fn ome(channels: &[&str], focal_planes: usize) -> String {
    let named: String = channels.iter().map(|name| format!("<Channel Name=\"{name}\"/>")).collect();
    format!(
        "<?xml version=\"1.0\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\"><Image ID=\"Image:0\">\
         <Pixels DimensionOrder=\"XYCZT\" Type=\"uint8\" SizeC=\"{}\" SizeZ=\"{focal_planes}\" SizeT=\"1\">{named}<TiffData/>\
         </Pixels></Image></OME>",
        channels.len()
    )
}

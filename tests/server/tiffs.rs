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

/// Writes a TIFF in tiles of so many pixels a side, in full resolution and in further ones. All tiles are the same bytes of the file, so a
/// slide of gigabytes is a small file: a JPEG in 4:2:0 if there is one, else samples.
pub fn write_tiled(path: &Path, tile: u32, levels: &[(u32, u32)], jpeg: Option<&[u8]>, description: &str) {
    let samples: Vec<u8> = (0..3 * tile * tile).map(|i| (i % 251) as u8).collect();
    let stored = jpeg.unwrap_or(&samples);
    let (compression, photometric) = if jpeg.is_some() { (7, 6) } else { (1, 2) };
    let mut out = b"II*\0\0\0\0\0".to_vec();
    fn put(out: &mut Vec<u8>, bytes: &[u8]) -> u32 {
        out.resize(out.len().next_multiple_of(4), 0);
        let at = out.len() as u32;
        out.extend_from_slice(bytes);
        at
    }
    let data = put(&mut out, stored);
    let bits = put(&mut out, &[8, 0, 8, 0, 8, 0]);
    let text = put(&mut out, format!("{description}\0").as_bytes());
    // Where the place of the next page goes.
    let mut link = 4;
    for (number, &(width, height)) in levels.iter().enumerate() {
        let n = width.div_ceil(tile) * height.div_ceil(tile);
        assert!(n > 1, "one value stands in the entry itself");
        let places = put(&mut out, &data.to_le_bytes().repeat(n as usize));
        let lengths = put(&mut out, &(stored.len() as u32).to_le_bytes().repeat(n as usize));
        let entries: [(u16, u16, u32, u32); 14] = [
            (254, 4, 1, u32::from(number > 0)),
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 3, bits),
            (259, 3, 1, compression),
            (262, 3, 1, photometric),
            (270, 2, description.len() as u32 + 1, text),
            (277, 3, 1, 3),
            (284, 3, 1, 1),
            (322, 4, 1, tile),
            (323, 4, 1, tile),
            (324, 4, n, places),
            (325, 4, n, lengths),
            // Chroma at half size, where there is chroma.
            (530, 3, 2, 2 | 2 << 16),
        ];
        let mut page = (entries.len() as u16).to_le_bytes().to_vec();
        for (tag, kind, count, value) in entries {
            page.extend(tag.to_le_bytes());
            page.extend(kind.to_le_bytes());
            page.extend(count.to_le_bytes());
            page.extend(value.to_le_bytes());
        }
        page.extend([0; 4]);
        let at = put(&mut out, &page);
        out[link..link + 4].copy_from_slice(&at.to_le_bytes());
        link = out.len() - 4;
    }
    fs::write(path, out).unwrap();
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

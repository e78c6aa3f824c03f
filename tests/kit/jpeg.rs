//! JPEGs of kinds that the crate reads and never writes, such as progressive ones, and the segments of a JPEG.

use origami::codec::{ImageEncoder, JpegDecoder, JpegEncoder};
use origami::image::ycc::Sampling;
use turbojpeg::{Colorspace, Compressor, Image as Pixels, PixelFormat, Subsamp};

use super::image::Image;

/// A baseline JPEG of quality 95 as any viewer's encoder makes it.
pub fn baseline(image: &Image, sampling: Sampling) -> Vec<u8> {
    of_quality(95, image, sampling)
}

/// A baseline JPEG of any quality.
pub fn of_quality(quality: u8, image: &Image, sampling: Sampling) -> Vec<u8> {
    let mut encoder = JpegEncoder::new().unwrap();
    match image.channels {
        1 => encoder.encode(image.planes().view(), quality.into()).unwrap(),
        _ => encoder.encode_rgb(&image.data, image.width, image.height, quality, sampling).unwrap(),
    }
}

/// A progressive JPEG of quality 95.
pub fn progressive(image: &Image, sampling: Sampling) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_progressive(true).unwrap();
    compressor.set_subsamp(if sampling == Sampling::S420 { Subsamp::Sub2x2 } else { Subsamp::None }).unwrap();
    compress(compressor, image)
}

/// A baseline JPEG of quality 95 with a restart marker after every row of blocks.
pub fn restarts(image: &Image, sampling: Sampling) -> Vec<u8> {
    let planes = JpegDecoder::open(&baseline(image, sampling)).unwrap().planes().unwrap();
    let mut encoder = JpegEncoder::new().unwrap();
    encoder.set_stripes(8 * sampling.factors().1);
    let jpeg = encoder.encode(planes.view(), 95.into()).unwrap();
    assert!(image.height <= 8 || jpeg.windows(2).any(|marker| marker == [0xFF, 0xDD]), "DRI");
    jpeg
}

/// Red, green and blue as they are, marked by Adobe's marker with transform 0.
pub fn rgb_coded(image: &Image) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_colorspace(Colorspace::RGB).unwrap();
    compress(compressor, image)
}

/// RGB, at the quality of a new compressor: 95.
fn compress(mut compressor: Compressor, image: &Image) -> Vec<u8> {
    assert_eq!((image.channels, image.data.len()), (3, 3 * image.width * image.height));
    let (width, height, format) = (image.width, image.height, PixelFormat::RGB);
    let pixels = Pixels { pixels: &image.data[..], width, pitch: 3 * width, height, format };
    compressor.compress_to_vec(pixels).unwrap()
}

/// Marker segments before the scan: marker, whole segment; and what follows from SOS on.
pub fn segments(jpeg: &[u8]) -> (Vec<(u8, Vec<u8>)>, Vec<u8>) {
    let (mut at, mut found) = (2, Vec::new());
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        found.push((jpeg[at + 1], jpeg[at..end].to_vec()));
        at = end;
    }
    (found, jpeg[at..].to_vec())
}

/// Width, height, and the sampling factors of each component, from the frame header.
pub fn frame(jpeg: &[u8]) -> (u32, u32, Vec<(u8, u8)>) {
    assert_eq!(jpeg[..2], [0xFF, 0xD8], "a JPEG");
    let (found, _) = segments(jpeg);
    let (_, header) = found.iter().find(|(marker, _)| (0xC0..=0xC2).contains(marker)).unwrap();
    let number = |at: usize| u32::from(u16::from_be_bytes([header[at], header[at + 1]]));
    (number(7), number(5), header[10..].chunks(3).map(|c| (c[1] >> 4, c[1] & 15)).collect())
}

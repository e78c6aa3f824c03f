//! Small files made in code, and functions that read all pixels of a file.

use super::super::*;
use std::path::{Path, PathBuf};

/// Options without OpenSlide, with 256 MiB.
pub(super) fn built_in() -> OpenOptions {
    OpenOptions { max_memory_bytes: 256 << 20, openslide: OpenSlideUse::Never, ..OpenOptions::default() }
}

/// Options without OpenSlide, with a memory limit.
pub(super) fn limited(max_memory_bytes: u64) -> OpenOptions {
    OpenOptions { max_memory_bytes, ..built_in() }
}

/// A deterministic picture, smooth with some detail.
pub(super) fn picture(width: u32, height: u32, channels: u32) -> Vec<u8> {
    let sample = |x: u32, y: u32, c: u32| ((x * 3 + y * 5 + c * 70 + (x * y) % 7) % 256) as u8;
    let rows = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    rows.flat_map(|(x, y)| (0..channels).map(move |c| sample(x / 4, y / 4, c))).collect()
}

pub(super) fn open_bytes(
    folder: &Path,
    name: &str,
    bytes: &[u8],
    options: &OpenOptions,
) -> Result<Slide, SlideError> {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    Slide::open(&path, options)
}

/// All pixels: in blocks of 7 rows, or in regions of 19x13 pixels, which divide no tile evenly.
pub(super) fn read_all(slide: &mut Slide) -> Result<Vec<u8>, SlideError> {
    let (width, height) = (slide.info.width, slide.info.height);
    let stride = width as usize * slide.info.channels as usize;
    let mut pixels = vec![0; stride * height as usize];
    match &mut slide.access {
        Access::Sequential(rows) => {
            let mut rest = pixels.as_mut_slice();
            for y in (0..height).step_by(7) {
                let count = 7.min(height - y);
                let (part, after) = rest.split_at_mut(stride * count as usize);
                rows.read_rows(count, part)?;
                rest = after;
            }
        }
        Access::Random(regions) => {
            let channels = slide.info.channels as usize;
            for y in (0..height).step_by(13) {
                for x in (0..width).step_by(19) {
                    let (wide, high) = (19.min(width - x), 13.min(height - y));
                    let mut part = vec![0; wide as usize * high as usize * channels];
                    regions.read(x, y, wide, high, &mut part)?;
                    for (row, line) in part.chunks_exact(wide as usize * channels).enumerate() {
                        let start = (y as usize + row) * stride + x as usize * channels;
                        pixels[start..start + line.len()].copy_from_slice(line);
                    }
                }
            }
        }
    }
    Ok(pixels)
}

/// Opens a file and reads all pixels.
pub(super) fn pixels(folder: &Path, name: &str, bytes: &[u8]) -> Result<Vec<u8>, SlideError> {
    open_bytes(folder, name, bytes, &built_in()).and_then(|mut slide| read_all(&mut slide))
}

/// The largest absolute difference between samples of two pictures.
pub(super) fn max_difference(left: &[u8], right: &[u8]) -> u8 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum JpegKind {
    Baseline,
    Progressive,
    Arithmetic,
    /// RGB without colour transform, declared by an Adobe marker.
    Rgb,
    /// Four components, without colour transform.
    Cmyk,
}

/// A JPEG at quality 100 without chroma subsampling.
pub(super) fn encode_jpeg(pixels: &[u8], width: u32, samples: u32, kind: JpegKind) -> Vec<u8> {
    use turbojpeg::{Colorspace, Compressor, Image, PixelFormat, Subsamp};
    let height = pixels.len() as u32 / (width * samples);
    assert_eq!(pixels.len() as u32, width * height * samples);
    let (format, subsamp) = match samples {
        1 => (PixelFormat::GRAY, Subsamp::Gray),
        3 => (PixelFormat::RGB, Subsamp::None),
        _ => (PixelFormat::CMYK, Subsamp::None),
    };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(100).unwrap();
    compressor.set_subsamp(subsamp).unwrap();
    match kind {
        JpegKind::Baseline => Ok(()),
        JpegKind::Progressive => compressor.set_progressive(true),
        JpegKind::Arithmetic => compressor.set_arithmetic(true),
        JpegKind::Rgb => compressor.set_colorspace(Colorspace::RGB),
        JpegKind::Cmyk => compressor.set_colorspace(Colorspace::CMYK),
    }
    .unwrap();
    let (width, height, pitch) = (width as usize, height as usize, (width * samples) as usize);
    compressor.compress_to_vec(Image { pixels, width, pitch, height, format }).unwrap()
}

/// The folder of test images; prints a note where the variable is not set.
pub(super) fn test_data() -> Option<PathBuf> {
    let folder = std::env::var_os("ORIGAMI_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("SKIPPED: set ORIGAMI_TEST_DATA to the folder with the test images");
    }
    folder
}

/// A picture of `width * height` pixels in JPEG tiles of 32 x 32, of which the last column and row are padded.
pub(super) fn tiled_picture(
    width: u32,
    height: u32,
    encode: impl Fn(&[u8]) -> Vec<u8>,
) -> (Vec<Vec<u8>>, Vec<u8>) {
    let (across, down) = (width.div_ceil(32), height.div_ceil(32));
    let stride = across as usize * 96;
    let whole = picture(across * 32, down * 32, 3);
    let part = |x: usize, y: usize| -> Vec<u8> {
        let rows = whole.chunks_exact(stride).skip(y * 32).take(32);
        rows.flat_map(|row| row[x * 96..(x + 1) * 96].to_vec()).collect()
    };
    let places = (0..down as usize).flat_map(|y| (0..across as usize).map(move |x| (x, y)));
    let tiles = places.map(|(x, y)| encode(&part(x, y))).collect();
    let rows = whole.chunks_exact(stride).take(height as usize);
    (tiles, rows.flat_map(|row| row[..width as usize * 3].to_vec()).collect())
}

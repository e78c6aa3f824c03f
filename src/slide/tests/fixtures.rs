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

/// A TIFF made tag by tag, so that any tag can be wrong.
#[derive(Clone)]
pub(super) struct TiffFile {
    pub big: bool,
    /// Tag, type, values.
    pub tags: Vec<(u16, u16, Vec<u64>)>,
    pub chunks: Vec<Vec<u8>>,
    pub tiled: bool,
}

impl TiffFile {
    /// Gray or RGB in one uncompressed strip.
    pub fn strips(width: u32, height: u32, samples: u64, pixels: Vec<u8>) -> Self {
        let photometric = if samples == 1 { 1 } else { 2 };
        let tags = vec![
            (256, 4, vec![width.into()]),
            (257, 4, vec![height.into()]),
            (258, 3, vec![8; samples as usize]),
            (259, 3, vec![1]),
            (262, 3, vec![photometric]),
            (277, 3, vec![samples]),
        ];
        Self { big: false, tags, chunks: vec![pixels], tiled: false }
    }

    pub fn tiles(
        width: u32,
        height: u32,
        samples: u64,
        tile: u32,
        compression: u64,
        chunks: Vec<Vec<u8>>,
    ) -> Self {
        let size = (322, 4, vec![tile.into()]);
        let file = Self { tiled: true, chunks, ..Self::strips(width, height, samples, Vec::new()) };
        file.with(259, 3, vec![compression]).with(size.0, size.1, size.2).with(323, 4, vec![tile.into()])
    }

    /// Sets or replaces a tag.
    pub fn with(mut self, tag: u16, kind: u16, values: Vec<u64>) -> Self {
        self.tags.retain(|(old, _, _)| *old != tag);
        self.tags.push((tag, kind, values));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let word = |out: &mut Vec<u8>, value: u64| {
            out.extend_from_slice(&value.to_le_bytes()[..if self.big { 8 } else { 4 }]);
        };
        let mut out = if self.big { b"II+\0\x08\0\0\0".to_vec() } else { b"II*\0".to_vec() };
        let directory_field = out.len();
        word(&mut out, 0);
        let mut offsets = Vec::new();
        for chunk in &self.chunks {
            offsets.push(out.len() as u64);
            out.extend_from_slice(chunk);
        }
        let mut tags = self.tags.clone();
        let mut default = |tag: u16, values: Vec<u64>| {
            if !tags.iter().any(|(old, _, _)| *old == tag) {
                tags.push((tag, 4, values));
            }
        };
        default(if self.tiled { 324 } else { 273 }, offsets);
        default(
            if self.tiled { 325 } else { 279 },
            self.chunks.iter().map(|chunk| chunk.len() as u64).collect(),
        );
        tags.sort();
        let mut entries = Vec::new();
        for (tag, kind, values) in &tags {
            let size = match kind {
                1 | 2 | 7 => 1,
                3 => 2,
                4 => 4,
                _ => 8,
            };
            let value: Vec<u8> =
                values.iter().flat_map(|value| value.to_le_bytes()[..size].to_vec()).collect();
            entries.extend_from_slice(&tag.to_le_bytes());
            entries.extend_from_slice(&kind.to_le_bytes());
            word(&mut entries, values.len() as u64);
            if value.len() <= if self.big { 8 } else { 4 } {
                let mut inline = value;
                inline.resize(if self.big { 8 } else { 4 }, 0);
                entries.extend_from_slice(&inline);
            } else {
                word(&mut entries, out.len() as u64);
                out.extend_from_slice(&value);
            }
        }
        let first = (out.len() as u64).to_le_bytes();
        let length = if self.big { 8 } else { 4 };
        out[directory_field..directory_field + length].copy_from_slice(&first[..length]);
        let number = (tags.len() as u64).to_le_bytes();
        out.extend_from_slice(&number[..if self.big { 8 } else { 2 }]);
        out.extend_from_slice(&entries);
        word(&mut out, 0);
        out
    }
}

/// The folder of test images; prints a note where the variable is not set.
pub(super) fn test_data() -> Option<PathBuf> {
    let folder = std::env::var_os("ORIGAMI_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("SKIPPED: set ORIGAMI_TEST_DATA to the folder with the test images");
    }
    folder
}

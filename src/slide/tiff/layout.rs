//! The layout of a TIFF's pixels, checked as a whole: grid of chunks, sample format, compression.
//!
//! It deliberately does not read pixels. A chunk is a tile or a strip. In uncompressed strips it is a number of rows, which
//! may cross strips, so that a file of one huge strip still streams.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::super::samples::Pixel;
use super::super::window::Window;
use super::directory::{ByteOrder, Directory};
use super::holds::{Samples, check_file};
use super::numbers::Numbers;
use super::pixel_tags::{Color, Compression, PixelTags};
use super::range::Ranges;
use super::tag;
use std::path::Path;

/// The compression of Aperio's JPEG 2000 in YCbCr, whatever the photometric tag says.
const APERIO_YCBCR: u64 = 33003;
/// Target size of a chunk of uncompressed rows.
const RAW_CHUNK_BYTES: u64 = 1 << 20;

/// Position of a chunk in the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkCoord {
    pub column: u32,
    pub row: u32,
}

/// The checked layout of an image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub width: u32,
    pub height: u32,
    pub order: ByteOrder,
    pub compression: Compression,
    /// Samples are stored as differences to the left neighbour (predictor 2).
    pub predictor: bool,
    /// The bits of each byte are stored in reverse.
    pub reversed_bits: bool,
    /// 1, 2, 4, or 8 to 16; 8 to 64 of numbers that become codes.
    pub bits: u32,
    /// Samples that become 16-bit codes.
    pub numbers: Option<Numbers>,
    /// The values of samples of more than 8 bits that become black and white.
    pub window: Window,
    /// Whether the file says that these are the values in use.
    pub declared: bool,
    /// The values in use of each sample.
    pub ranges: Ranges,
    /// Samples of a pixel, including extra samples.
    pub samples: usize,
    /// Samples in separate chunks (planar configuration 2).
    pub planar: bool,
    pub color: Color,
    /// The samples that `color` takes: the colours, then the opacity.
    pub wanted: Vec<usize>,
    /// What stands for a chunk that the file leaves out: white of slides, black of channels.
    pub blank: u8,
    /// YCbCr; only with JPEG and JPEG 2000.
    pub ycbcr: bool,
    pub tiled: bool,
    pub chunk_width: u32,
    pub chunk_height: u32,
    /// Chunks in a row.
    pub across: u32,
    /// Rows of chunks.
    pub down: u32,
    /// Rows of a strip in the file; of tiles, the height of a chunk.
    pub strip_rows: u32,
    /// Byte offsets of the file's strips or tiles, plane after plane.
    pub offsets: Vec<u64>,
    pub byte_counts: Vec<u64>,
    pub jpeg_tables: Option<Vec<u8>>,
}

impl Layout {
    pub fn channels(&self) -> u8 {
        match &self.color {
            Color::Direct { pixel, .. } => pixel.channels(),
            Color::Palette(_) => 3,
        }
    }

    /// Samples of a pixel in one chunk.
    pub fn chunk_samples(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Planes that are stored separately.
    pub fn planes(&self) -> usize {
        if self.planar { self.samples } else { 1 }
    }

    /// The numbers of the stored planes that are needed.
    pub fn wanted_planes(&self) -> &[usize] {
        if self.planar { &self.wanted } else { &[0] }
    }

    /// Bytes of a sample of at least 8 bits once it is unpacked.
    pub fn sample_bytes(&self) -> usize {
        if self.bits > 8 || self.numbers.is_some() { 2 } else { 1 }
    }

    /// Whether pixels are inks, which become RGB.
    pub fn is_inks(&self) -> bool {
        matches!(self.color, Color::Direct { pixel: Pixel::Cmyk, .. })
    }

    /// Whether one sample is taken of the pixels.
    pub fn is_channel(&self) -> bool {
        self.blank == 0
    }

    /// Takes one sample of the pixels alone, as gray.
    pub fn pick(&mut self, path: &Path, sample: usize) -> Result<(), SlideError> {
        let Color::Direct { pixel, .. } = &mut self.color else {
            let advice = "convert it to gray";
            return Err(SlideError::unsupported(path, "TIFF", "a channel of palette colours", advice));
        };
        if self.bits < 8 && sample > 0 && !self.planar {
            let what = format!("several channels of {} bits in one page", self.bits);
            return Err(SlideError::unsupported(path, "TIFF", what, "save each channel as a page"));
        }
        *pixel = Pixel::Gray;
        self.wanted = vec![sample];
        self.blank = 0;
        if self.numbers.is_none() {
            let wrong =
                |problem| SlideError::corrupt(path, "TIFF", format!("range of sample {sample}"), problem);
            (self.window, self.declared) = self.ranges.window(self.bits, &self.wanted).map_err(wrong)?;
        }
        Ok(())
    }

    /// Bytes of one stored row of a chunk. Below 2^32 * 2^16 * 2, so the product does not overflow.
    pub fn raw_row_bytes(&self) -> u64 {
        (u64::from(self.chunk_width) * self.chunk_samples() as u64 * u64::from(self.bits)).div_ceil(8)
    }

    /// Bytes of a decoded chunk; `read` checked that it fits the memory limit.
    pub fn chunk_bytes(&self) -> u64 {
        (u64::from(self.chunk_width) * u64::from(self.chunk_height))
            .saturating_mul(u64::from(self.channels()))
    }

    /// Bytes of its lists of chunks and of other tables.
    pub fn table_bytes(&self) -> u64 {
        let tables = self.jpeg_tables.as_ref().map_or(0, Vec::len);
        (8 * (self.offsets.len() + self.byte_counts.len()) + tables) as u64
    }

    /// Whether the file leaves a chunk out.
    pub fn is_absent(&self, ChunkCoord { column, row }: ChunkCoord) -> bool {
        // Chunks of uncompressed rows are not those of the file's list.
        if !self.tiled && self.compression == Compression::None {
            return false;
        }
        let in_plane = u64::from(row) * u64::from(self.across) + u64::from(column);
        let plane = u64::from(self.across) * u64::from(self.down);
        let count = |&number: &usize| self.byte_counts.get((number as u64 * plane + in_plane) as usize);
        self.wanted_planes().iter().all(|number| count(number) == Some(&0))
    }

    /// Width and height of its tiles; `None` for strips.
    pub fn tile_size(&self) -> Option<(u32, u32)> {
        self.tiled.then_some((self.chunk_width, self.chunk_height))
    }

    /// Rows of the image in a row of chunks.
    pub fn rows_in(&self, chunk_row: u32) -> u32 {
        let top = u64::from(chunk_row) * u64::from(self.chunk_height);
        u64::from(self.height).saturating_sub(top).min(u64::from(self.chunk_height)) as u32
    }

    /// Columns of the image in a column of chunks.
    pub fn columns_in(&self, chunk_column: u32) -> u32 {
        let left = u64::from(chunk_column) * u64::from(self.chunk_width);
        u64::from(self.width).saturating_sub(left).min(u64::from(self.chunk_width)) as u32
    }

    /// Reads and checks all tags. A chunk may take at most `limit_bytes`, stored samples and decoded pixels together.
    pub fn read(
        file: &PositionalFile,
        directory: &Directory<'_>,
        limit_bytes: u64,
    ) -> Result<Self, SlideError> {
        let tags = PixelTags { file, directory };
        let (width, height) = (tags.side(tag::IMAGE_WIDTH)?, tags.side(tag::IMAGE_LENGTH)?);
        let samples = tags.small_number(tag::SAMPLES_PER_PIXEL, 1)?;
        let bits = tags.bits()?;
        let compression = tags.compression()?;
        let predictor = tags.predictor(compression, bits)?;
        let planar = match tags.small_number(tag::PLANAR_CONFIGURATION, 1)? {
            2 => samples > 1,
            _ => false,
        };
        let photometric = tags.required(tag::PHOTOMETRIC)?;
        let (color, wanted) = tags.color(photometric, samples, bits)?;
        let numbers = Numbers::new(tags.kind()?, bits);
        let ranges = Ranges::of(directory);
        let colors = match &color {
            Color::Direct { pixel: Pixel::Cmyk, .. } => 4,
            Color::Direct { pixel, .. } => usize::from(pixel.channels()),
            Color::Palette(_) => 1,
        };
        let (window, declared) = match numbers {
            Some(_) => (Window::of_bits(16), false),
            None => ranges
                .window(bits, wanted.get(..colors).unwrap_or_default())
                .map_err(|problem| directory.corrupt(tag::S_MAX_SAMPLE_VALUE, problem))?,
        };
        let ycbcr = photometric == 6 || directory.number(tag::COMPRESSION)? == Some(APERIO_YCBCR);
        if compression.is_file() {
            check_file(&tags, compression, Samples { bits, count: samples, planar, ycbcr }, &color)?;
        }
        let tiled = directory.has(tag::TILE_WIDTH) || directory.has(tag::TILE_OFFSETS);
        let (chunk_width, strip_rows) = if tiled {
            (tags.side(tag::TILE_WIDTH)?, tags.side(tag::TILE_LENGTH)?)
        } else {
            (
                width,
                directory
                    .number(tag::ROWS_PER_STRIP)?
                    .unwrap_or(u64::from(height))
                    .min(u64::from(height))
                    .max(1) as u32,
            )
        };
        let mut layout = Self {
            width,
            height,
            order: directory.order,
            compression,
            predictor,
            reversed_bits: tags.reversed_bits(compression)?,
            bits,
            numbers,
            window,
            declared,
            ranges,
            samples,
            planar,
            color,
            wanted,
            blank: 255,
            ycbcr,
            tiled,
            chunk_width,
            chunk_height: strip_rows,
            across: width.div_ceil(chunk_width),
            down: height.div_ceil(strip_rows),
            strip_rows,
            offsets: Vec::new(),
            byte_counts: Vec::new(),
            jpeg_tables: directory.bytes(tag::JPEG_TABLES)?,
        };
        layout.locate(&tags)?;
        layout.check_presence(directory)?;
        if !tiled && compression == Compression::None {
            let rows = (RAW_CHUNK_BYTES / layout.raw_row_bytes().max(1)).clamp(1, u64::from(height)) as u32;
            layout.chunk_height = rows;
            layout.down = height.div_ceil(rows);
        }
        layout.check_memory(file, limit_bytes)?;
        Ok(layout)
    }

    /// Reads the chunks' offsets and sizes; there must be one of each for every chunk of the grid.
    fn locate(&mut self, tags: &PixelTags<'_>) -> Result<(), SlideError> {
        let (offset_tag, count_tag) = if self.tiled {
            (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS)
        } else {
            (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS)
        };
        let directory = tags.directory;
        let missing = |number| move || directory.corrupt(number, "missing");
        self.offsets = directory.numbers(offset_tag)?.ok_or_else(missing(offset_tag))?;
        let expected = u128::from(self.across) * u128::from(self.down) * self.planes() as u128;
        if (self.offsets.len() as u128) < expected {
            let problem = format!("{} chunks where the image has {expected}", self.offsets.len());
            return Err(directory.corrupt(offset_tag, problem));
        }
        self.byte_counts = match directory.numbers(count_tag)? {
            Some(counts) => counts,
            // Old files lack the sizes; without compression they follow from the layout.
            None if self.compression == Compression::None => {
                let rows = self.raw_row_bytes().saturating_mul(u64::from(self.strip_rows));
                vec![rows; self.offsets.len()]
            }
            None => return Err(missing(count_tag)()),
        };
        if self.byte_counts.len() < self.offsets.len() {
            let problem = format!("{} sizes for {} chunks", self.byte_counts.len(), self.offsets.len());
            return Err(directory.corrupt(count_tag, problem));
        }
        Ok(())
    }

    /// Refuses a file none of whose chunks holds a byte: nothing of the slide is there.
    fn check_presence(&self, directory: &Directory<'_>) -> Result<(), SlideError> {
        let place = if self.tiled { tag::TILE_BYTE_COUNTS } else { tag::STRIP_BYTE_COUNTS };
        match self.byte_counts.iter().any(|&count| count > 0) {
            true => Ok(()),
            false => Err(directory.corrupt(place, "no tile or strip holds a byte, so there is no image")),
        }
    }

    /// Whether the file holds the strip or tile of a pixel.
    pub fn holds(&self, x: u32, y: u32) -> bool {
        let down = u64::from(self.height.div_ceil(self.strip_rows));
        let row = u64::from(y / self.strip_rows);
        let plane = self.wanted_planes().first().map_or(0, |&plane| plane as u64);
        let index = (plane * down + row) * u64::from(self.across) + u64::from(x / self.chunk_width);
        usize::try_from(index)
            .ok()
            .and_then(|index| self.byte_counts.get(index))
            .is_some_and(|&count| count > 0)
    }

    /// Chunks that the file leaves out.
    pub fn absent(&self) -> usize {
        self.byte_counts.iter().filter(|&&count| count == 0).count()
    }

    /// Bytes that a chunk takes: stored samples and decoded pixels together.
    pub fn memory(&self) -> u64 {
        let raw = self
            .raw_row_bytes()
            .saturating_mul(u64::from(self.chunk_height))
            .saturating_mul(self.wanted_planes().len() as u64);
        // JPEG decodes straight into the result, unless its planes are apart.
        let raw = if self.compression == Compression::Jpeg && !self.planar { 0 } else { raw };
        raw.saturating_add(self.chunk_bytes())
    }

    fn check_memory(&self, file: &PositionalFile, limit_bytes: u64) -> Result<(), SlideError> {
        let needed = self.memory();
        if needed > limit_bytes {
            let what = if self.tiled { "one tile" } else { "one strip" };
            let what = format!("{what} of {}x{} pixels", self.chunk_width, self.chunk_height);
            let advice = "allow more memory or save the file with smaller tiles or strips";
            return Err(SlideError::too_large(file.path(), what, needed, limit_bytes, advice));
        }
        Ok(())
    }
}

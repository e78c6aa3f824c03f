//! What a TIFF's tags say about its pixels, checked as a whole: grid of chunks, sample format, compression.
//!
//! It deliberately does not read pixels. A chunk is a tile, a strip, or, where nothing is compressed, a handful of rows
//! across strips, so that a file of one huge strip still streams.

use super::super::error::SlideError;
use super::super::positioned::PositionedFile;
use super::super::samples::Pixel;
use super::directory::{ByteOrder, Directory};

/// Rows of uncompressed strips are read about this many bytes at a time.
const RAW_CHUNK_BYTES: u64 = 1 << 20;
const ADVICE: &str = "convert it to 8-bit RGB with JPEG, deflate or LZW compression";

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Jpeg,
}

/// What the samples of a pixel mean, after any palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Color {
    /// Samples that are the colour itself; `invert` where 0 is white.
    Direct { pixel: Pixel, invert: bool, alpha_at: usize },
    /// Indices into these colours.
    Palette(Vec<[u8; 3]>),
}

/// The checked layout of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub width: u32,
    pub height: u32,
    pub order: ByteOrder,
    pub compression: Compression,
    /// Differences between neighbours instead of values (predictor 2).
    pub predictor: bool,
    /// 1, 2, 4, 8 or 16.
    pub bits: u32,
    /// Samples of a pixel, extra ones included.
    pub samples: usize,
    /// Samples in separate chunks (planar configuration 2).
    pub planar: bool,
    pub color: Color,
    /// Photometric interpretation YCbCr; only with JPEG.
    pub ycbcr: bool,
    pub tiled: bool,
    pub chunk_width: u32,
    pub chunk_height: u32,
    /// Chunks in a row.
    pub across: u32,
    /// Rows of chunks.
    pub down: u32,
    /// Rows of a strip in the file; the chunk's height for tiles.
    pub strip_rows: u32,
    /// Where the file's strips or tiles are, plane after plane.
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

    /// Planes that are stored apart.
    pub fn planes(&self) -> usize {
        if self.planar { self.samples } else { 1 }
    }

    /// Bytes of one stored row of a chunk. Below 2^32 * 2^16 * 2, so nothing overflows.
    pub fn raw_row_bytes(&self) -> u64 {
        (u64::from(self.chunk_width) * self.chunk_samples() as u64 * u64::from(self.bits)).div_ceil(8)
    }

    /// Bytes of a chunk as handed out; `read` checked that it fits memory.
    pub fn chunk_bytes(&self) -> u64 {
        (u64::from(self.chunk_width) * u64::from(self.chunk_height))
            .saturating_mul(u64::from(self.channels()))
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

    /// Reads and checks all tags. A chunk may take at most `limit_bytes`, decoded twice over.
    pub fn read(
        file: &PositionedFile,
        directory: &Directory<'_>,
        limit_bytes: u64,
    ) -> Result<Self, SlideError> {
        let tags = Tags { file, directory };
        let (width, height) = (tags.side(256)?, tags.side(257)?);
        let samples = tags.small(277, 1)?;
        let bits = tags.bits()?;
        let compression = tags.compression()?;
        let predictor = tags.predictor(compression, bits)?;
        let planar = match tags.small(284, 1)? {
            2 => samples > 1,
            _ => false,
        };
        let photometric = tags.required(262)?;
        let color = tags.color(photometric, samples, bits)?;
        if compression == Compression::Jpeg
            && (bits != 8 || planar || !matches!((samples, &color), (1 | 3, Color::Direct { .. })))
        {
            return Err(tags.unsupported("JPEG compression of samples other than gray or RGB at 8 bits"));
        }
        let tiled = directory.has(322) || directory.has(324);
        let (chunk_width, strip_rows) = if tiled {
            (tags.side(322)?, tags.side(323)?)
        } else {
            (width, directory.number(278)?.unwrap_or(u64::from(height)).min(u64::from(height)).max(1) as u32)
        };
        let mut layout = Self {
            width,
            height,
            order: directory.order,
            compression,
            predictor,
            bits,
            samples,
            planar,
            color,
            ycbcr: photometric == 6,
            tiled,
            chunk_width,
            chunk_height: strip_rows,
            across: width.div_ceil(chunk_width),
            down: height.div_ceil(strip_rows),
            strip_rows,
            offsets: Vec::new(),
            byte_counts: Vec::new(),
            jpeg_tables: directory.bytes(347)?,
        };
        layout.locate(&tags)?;
        if !tiled && compression == Compression::None {
            let rows = (RAW_CHUNK_BYTES / layout.raw_row_bytes().max(1)).clamp(1, u64::from(height)) as u32;
            layout.chunk_height = rows;
            layout.down = height.div_ceil(rows);
        }
        layout.check_memory(file, limit_bytes)?;
        Ok(layout)
    }

    /// Finds the chunks in the file; their number must match the grid.
    fn locate(&mut self, tags: &Tags<'_>) -> Result<(), SlideError> {
        let (offset_tag, count_tag) = if self.tiled { (324, 325) } else { (273, 279) };
        let directory = tags.directory;
        let missing = |tag| move || directory.corrupt(tag, "missing");
        self.offsets = directory.numbers(offset_tag)?.ok_or_else(missing(offset_tag))?;
        let expected = u128::from(self.across) * u128::from(self.down) * self.planes() as u128;
        if (self.offsets.len() as u128) < expected {
            let problem = format!("{} chunks where the image has {expected}", self.offsets.len());
            return Err(directory.corrupt(offset_tag, problem));
        }
        self.byte_counts = match directory.numbers(count_tag)? {
            Some(counts) => counts,
            // Old files leave the sizes out; without compression they follow from the image.
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

    fn check_memory(&self, file: &PositionedFile, limit_bytes: u64) -> Result<(), SlideError> {
        let raw = self
            .raw_row_bytes()
            .saturating_mul(u64::from(self.chunk_height))
            .saturating_mul(self.planes() as u64);
        // JPEG decodes straight into the result.
        let raw = if self.compression == Compression::Jpeg { 0 } else { raw };
        let needed = raw.saturating_add(self.chunk_bytes());
        if needed > limit_bytes {
            let what = if self.tiled { "one tile" } else { "one strip" };
            let what = format!("{what} of {}x{} pixels", self.chunk_width, self.chunk_height);
            let advice = "allow more memory or save the file with smaller tiles or strips";
            return Err(SlideError::too_large(file.path(), what, needed, limit_bytes, advice));
        }
        Ok(())
    }
}

/// The tags of a layout, one by one.
struct Tags<'a> {
    file: &'a PositionedFile,
    directory: &'a Directory<'a>,
}

impl Tags<'_> {
    fn unsupported(&self, what: impl Into<String>) -> SlideError {
        SlideError::unsupported(self.file.path(), "TIFF", what, ADVICE)
    }

    fn required(&self, tag: u16) -> Result<u64, SlideError> {
        self.directory.number(tag)?.ok_or_else(|| self.directory.corrupt(tag, "missing"))
    }

    /// A size of 1 to 2^32 - 1 pixels.
    fn side(&self, tag: u16) -> Result<u32, SlideError> {
        let size = self.required(tag)?;
        let side = u32::try_from(size).ok().filter(|&side| side > 0);
        side.ok_or_else(|| self.directory.corrupt(tag, format!("a size of {size} pixels")))
    }

    /// A number of 1 to 65535.
    fn small(&self, tag: u16, default: u64) -> Result<usize, SlideError> {
        let value = self.directory.number(tag)?.unwrap_or(default);
        let small = u16::try_from(value).ok().filter(|&value| value > 0);
        small.map(usize::from).ok_or_else(|| self.directory.corrupt(tag, format!("a value of {value}")))
    }

    fn bits(&self) -> Result<u32, SlideError> {
        let all = self.directory.numbers(258)?.unwrap_or_else(|| vec![1]);
        let first = all.first().copied().unwrap_or(1);
        let formats = self.directory.numbers(339)?.unwrap_or_default();
        // 1 is unsigned, 4 is untyped and read as unsigned.
        if formats.iter().any(|format| !matches!(format, 1 | 4)) {
            return Err(self.unsupported("signed or floating-point samples"));
        }
        match first {
            1 | 2 | 4 | 8 | 16 if all.iter().all(|&bits| bits == first) => Ok(first as u32),
            _ => Err(self.unsupported(format!("{first} or mixed bits per sample"))),
        }
    }

    fn compression(&self) -> Result<Compression, SlideError> {
        let name = match self.directory.number(259)?.unwrap_or(1) {
            1 => return Ok(Compression::None),
            5 => return Ok(Compression::Lzw),
            7 => return Ok(Compression::Jpeg),
            8 | 32946 => return Ok(Compression::Deflate),
            32773 => return Ok(Compression::PackBits),
            2..=4 => "fax compression".to_string(),
            6 => "old-style JPEG compression (6)".into(),
            33003..=33005 | 34712 => "JPEG 2000 compression".into(),
            50000 => "Zstandard compression".into(),
            50001 => "WebP compression".into(),
            other => format!("compression {other}"),
        };
        let advice = format!("open it with OpenSlide, or {ADVICE}");
        Err(SlideError::unsupported(self.file.path(), "TIFF", name, advice))
    }

    fn predictor(&self, compression: Compression, bits: u32) -> Result<bool, SlideError> {
        // The tag only means something with LZW and deflate.
        if !matches!(compression, Compression::Lzw | Compression::Deflate) {
            return Ok(false);
        }
        match self.directory.number(317)?.unwrap_or(1) {
            1 => Ok(false),
            2 if bits >= 8 => Ok(true),
            other => Err(self.unsupported(format!("predictor {other} on {bits}-bit samples"))),
        }
    }

    fn color(&self, photometric: u64, samples: usize, bits: u32) -> Result<Color, SlideError> {
        let extras = self.directory.numbers(338)?.unwrap_or_default();
        let colors = match photometric {
            0 | 1 => 1,
            2 => 3,
            3 => return self.palette(samples, bits),
            5 => return Err(self.unsupported("CMYK colours")),
            6 if self.compression()? == Compression::Jpeg => 3,
            6 => return Err(self.unsupported("YCbCr colours outside JPEG")),
            8..=10 => return Err(self.unsupported("CIE L*a*b* colours")),
            other => return Err(self.unsupported(format!("photometric interpretation {other}"))),
        };
        if samples < colors || (colors == 3 && bits < 8) {
            return Err(self.unsupported(format!("{samples} samples of {bits} bits for {colors} colours")));
        }
        // Only an extra sample that says it is opacity is taken for it: 1 premultiplied, 2 not.
        let alpha =
            extras.iter().position(|&extra| matches!(extra, 1 | 2)).filter(|&at| colors + at < samples);
        let alpha = if bits < 8 { None } else { alpha };
        let premultiplied = alpha.is_some_and(|at| extras.get(at) == Some(&1));
        let pixel = match (colors, alpha, premultiplied) {
            (1, None, _) => Pixel::Gray,
            (1, Some(_), false) => Pixel::GrayAlpha,
            (1, Some(_), true) => Pixel::GrayPremultiplied,
            (_, None, _) => Pixel::Rgb,
            (_, Some(_), false) => Pixel::RgbAlpha,
            (_, Some(_), true) => Pixel::RgbPremultiplied,
        };
        Ok(Color::Direct { pixel, invert: photometric == 0, alpha_at: colors + alpha.unwrap_or(0) })
    }

    /// The colour map: all reds, all greens, all blues, 16 bits each.
    fn palette(&self, samples: usize, bits: u32) -> Result<Color, SlideError> {
        if samples != 1 || bits > 8 {
            return Err(self.unsupported(format!("a palette for {samples} samples of {bits} bits")));
        }
        let map = self.directory.numbers(320)?.ok_or_else(|| self.directory.corrupt(320, "missing"))?;
        let size = 1usize << bits;
        let (reds, greens, blues) =
            match (map.get(..size), map.get(size..2 * size), map.get(2 * size..3 * size)) {
                (Some(reds), Some(greens), Some(blues)) => (reds, greens, blues),
                _ => {
                    return Err(self
                        .directory
                        .corrupt(320, format!("{} values, expected {}", map.len(), 3 * size)));
                }
            };
        // Some writers store 8-bit values; nothing above 255 anywhere gives them away.
        let narrow = map.iter().all(|&value| value < 256);
        let byte = |value: u64| {
            let value = value.min(65535) as u16;
            if narrow { value as u8 } else { super::super::samples::high_byte(value) }
        };
        let colors =
            reds.iter().zip(greens).zip(blues).map(|((&red, &green), &blue)| [red, green, blue].map(byte));
        Ok(Color::Palette(colors.collect()))
    }
}

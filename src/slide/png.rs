//! PNG files as slides: rows from the top, at any bit depth and colour type.
//!
//! An ordinary PNG streams; an interlaced one has no final row before its last pass and is decoded whole, within the
//! memory allowed. 16-bit samples are rounded to 8, transparency (alpha or tRNS) goes over white, a suggested background
//! (bKGD) and gamma (gAMA) are ignored. Check sums are verified: a damaged file is an error, not a picture.

use super::error::SlideError;
use super::region::{Extent, allocate};
use super::samples::{self, Pixel};
use super::{OpenOptions, Sequential, SlideInfo, resolution};
use png::{BitDepth, ColorType, Reader, Transformations, Unit};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

const FORMAT: &str = "PNG";
/// Memory for a colour profile and other small chunks, beside the rows.
const CHUNK_BYTES: u64 = 64 << 20;

/// Opens a PNG file; an interlaced one is decoded here.
pub(super) fn open(
    path: &Path,
    options: &OpenOptions,
) -> Result<(SlideInfo, Box<dyn Sequential>), SlideError> {
    let limit = options.max_memory_bytes;
    let file = File::open(path).map_err(|source| SlideError::io(path, "cannot open", source))?;
    let bytes = usize::try_from(limit.saturating_add(CHUNK_BYTES)).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(BufReader::new(file), png::Limits { bytes });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.ignore_checksums(false);
    let mut reader = decoder.read_info().map_err(|error| problem(path, "header", error))?;
    let (color, depth) = reader.output_color_type();
    let pixel = match color {
        ColorType::Grayscale => Pixel::Gray,
        ColorType::GrayscaleAlpha => Pixel::GrayAlpha,
        ColorType::Rgb => Pixel::Rgb,
        ColorType::Rgba => Pixel::RgbAlpha,
        ColorType::Indexed => {
            return Err(SlideError::corrupt(path, FORMAT, "header", "indexed colours without a palette"));
        }
    };
    let wide = depth == BitDepth::Sixteen;
    let header = reader.info();
    let extent = Extent { width: header.width, height: header.height, channels: pixel.channels() };
    let interlaced = header.interlaced;
    let microns = header.pixel_dims.filter(|dims| matches!(dims.unit, Unit::Meter));
    let info = SlideInfo {
        width: extent.width,
        height: extent.height,
        channels: extent.channels,
        format: "png".into(),
        microns_per_pixel: microns
            .and_then(|dims| resolution::from_density(f64::from(dims.xppu), f64::from(dims.yppu), 1e6)),
        objective_power: None,
        icc_profile: header.icc_profile.as_ref().map(|profile| profile.to_vec()),
        associated: Vec::new(),
    };
    // At most 2^32 * 4 * 2.
    let line_bytes = u64::from(extent.width) * pixel.samples() as u64 * if wide { 2 } else { 1 };
    let advice = "allow more memory";
    if line_bytes > limit {
        return Err(SlideError::too_large(path, "one row", line_bytes, limit, advice));
    }
    let source = if interlaced {
        let total = line_bytes.saturating_mul(u64::from(extent.height));
        let advice = "allow more memory or save the PNG without interlacing";
        let mut whole = allocate(path, "an interlaced PNG", total, limit, advice)?;
        reader.next_frame(&mut whole).map_err(|error| problem(path, "interlaced image", error))?;
        reader.finish().map_err(|error| problem(path, "end of the file", error))?;
        Source::Whole { pixels: whole, line_bytes: line_bytes as usize }
    } else {
        Source::Stream(Box::new(reader))
    };
    Ok((info, Box::new(PngRows { path: path.to_path_buf(), extent, pixel, wide, source, next_row: 0 })))
}

fn problem(path: &Path, place: &str, error: png::DecodingError) -> SlideError {
    match error {
        png::DecodingError::IoError(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            SlideError::corrupt(path, FORMAT, place, "the file ends too early")
        }
        png::DecodingError::IoError(source) => SlideError::io(path, format!("cannot read ({place})"), source),
        other => SlideError::corrupt(path, FORMAT, place, other.to_string()),
    }
}

enum Source {
    Stream(Box<Reader<BufReader<File>>>),
    Whole { pixels: Vec<u8>, line_bytes: usize },
}

struct PngRows {
    path: PathBuf,
    extent: Extent,
    pixel: Pixel,
    wide: bool,
    source: Source,
    next_row: u32,
}

impl Sequential for PngRows {
    fn read_rows(&mut self, rows: u32, out: &mut [u8]) -> Result<(), SlideError> {
        self.extent.check_rows(&self.path, self.next_row, rows, out.len())?;
        if rows == 0 {
            return Ok(());
        }
        let convert = if self.wide { samples::convert_16 } else { samples::convert_8 };
        // `out` holds `rows` rows by the check above, so a row fits a usize; it is never 0 wide.
        for to in out.chunks_exact_mut(self.extent.row_bytes() as usize) {
            let place = || format!("row {}", self.next_row);
            match &mut self.source {
                Source::Whole { pixels, line_bytes } => {
                    let start = self.next_row as usize * *line_bytes;
                    let line = pixels.get(start..start + *line_bytes);
                    let missing = || SlideError::corrupt(&self.path, FORMAT, place(), "the row is missing");
                    convert(self.pixel, line.ok_or_else(missing)?, to);
                }
                Source::Stream(reader) => {
                    let row = reader.next_row().map_err(|error| problem(&self.path, &place(), error))?;
                    let row = row.ok_or_else(|| {
                        SlideError::corrupt(&self.path, FORMAT, place(), "the row is missing")
                    })?;
                    convert(self.pixel, row.data(), to);
                }
            }
            self.next_row += 1;
        }
        if let (true, Source::Stream(reader)) = (self.next_row == self.extent.height, &mut self.source) {
            reader.finish().map_err(|error| problem(&self.path, "end of the file", error))?;
        }
        Ok(())
    }
}

//! PNG files as slides: rows from the top, at any bit depth and colour type.
//!
//! An ordinary PNG streams. An interlaced one has no final row before its last pass, so it is decoded whole, within the
//! memory limit. 16-bit samples are rounded to 8, transparency (alpha or tRNS) is composited over white, a suggested
//! background (bKGD) and gamma (gAMA) are ignored. Checksums are verified: a damaged file is an error.

use super::access::{Access, Sequential, Slide};
use super::error::SlideError;
use super::info::SlideInfo;
use super::options::OpenOptions;
use super::region::{Extent, allocate};
use super::resolution;
use super::samples::{self, Pixel};
use png::{BitDepth, ColorType, Reader, Transformations, Unit};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

const FORMAT: &str = "PNG";
/// Memory for a colour profile and other small chunks, in addition to the rows.
const ANCILLARY_BYTES: u64 = 64 << 20;

/// Opens a PNG file; an interlaced one is decoded here.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    let limit = options.max_memory_bytes;
    let file = File::open(path).map_err(|source| SlideError::io(path, "cannot open it", source))?;
    let bytes = usize::try_from(limit.saturating_add(ANCILLARY_BYTES)).unwrap_or(usize::MAX);
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
        levels: vec![(extent.width, extent.height)],
        tile: None,
        associated: Vec::new(),
        warnings: Vec::new(),
    };
    // At most 2^32 * 4 * 2, so it does not overflow.
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
        RowSource::Whole { pixels: whole, line_bytes: line_bytes as usize }
    } else {
        RowSource::Stream(Box::new(reader))
    };
    let rows = PngRows { path: path.to_path_buf(), extent, pixel, wide, source, next_row: 0 };
    let access = Access::Sequential(Box::new(rows));
    Ok(Slide { path: path.to_path_buf(), info, access, associated: None })
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

enum RowSource {
    Stream(Box<Reader<BufReader<File>>>),
    Whole { pixels: Vec<u8>, line_bytes: usize },
}

struct PngRows {
    path: PathBuf,
    extent: Extent,
    pixel: Pixel,
    /// 16-bit samples.
    wide: bool,
    source: RowSource,
    next_row: u32,
}

impl Sequential for PngRows {
    fn read_rows(&mut self, rows: u32, out: &mut [u8]) -> Result<(), SlideError> {
        self.extent.check_rows(&self.path, self.next_row, rows, out.len())?;
        if rows == 0 {
            return Ok(());
        }
        let convert = if self.wide { samples::convert_16 } else { samples::convert_8 };
        // `out` holds `rows` rows by the check above, so a row fits a usize; a row has at least one byte.
        for to in out.chunks_exact_mut(self.extent.row_bytes() as usize) {
            let place = || format!("row {}", self.next_row);
            match &mut self.source {
                RowSource::Whole { pixels, line_bytes } => {
                    let start = self.next_row as usize * *line_bytes;
                    let line = pixels.get(start..start + *line_bytes);
                    let missing = || SlideError::corrupt(&self.path, FORMAT, place(), "the row is missing");
                    convert(self.pixel, line.ok_or_else(missing)?, to);
                }
                RowSource::Stream(reader) => {
                    let row = reader.next_row().map_err(|error| problem(&self.path, &place(), error))?;
                    let row = row.ok_or_else(|| {
                        SlideError::corrupt(&self.path, FORMAT, place(), "the row is missing")
                    })?;
                    convert(self.pixel, row.data(), to);
                }
            }
            self.next_row += 1;
        }
        if let (true, RowSource::Stream(reader)) = (self.next_row == self.extent.height, &mut self.source) {
            reader.finish().map_err(|error| problem(&self.path, "end of the file", error))?;
        }
        Ok(())
    }
}

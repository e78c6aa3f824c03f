//! PNG files as slides: rows from the top, at any bit depth and colour type.
//!
//! An ordinary PNG streams. An interlaced one has no final row before its last pass, so it is decoded whole, within the
//! memory limit. 16-bit samples become 8 by a window (`window`), transparency (alpha or tRNS) is composited over white, a suggested
//! background (bKGD) is ignored, a gamma (gAMA) is not applied. The orientation in EXIF data (eXIf) is applied. Checksums are verified: damaged pixels
//! are an error; a damaged profile (iCCP) is left out, with a warning.

use super::access::{Access, Sequential, Slide};
use super::error::SlideError;
use super::info::SlideInfo;
use super::options::{OpenOptions, Selection};
use super::region::{Extent, allocate};
use super::samples::{self, Pixel};
use super::window::{Histogram, Window};
use super::{exif, icc, resolution, turned};
use crate::store::Retried;
use png::{BitDepth, ColorType, Reader, Transformations, Unit};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const FORMAT: &str = "PNG";
/// Memory for a colour profile and other small chunks, in addition to the rows.
const ANCILLARY_BYTES: u64 = 64 << 20;
/// The exponent of displays, of which gAMA usually holds the inverse.
const USUAL_GAMMA: f32 = 2.2;
/// Bytes before the first chunk.
const SIGNATURE_BYTES: u64 = 8;
/// Chunks that are looked at for an orientation.
const MAX_CHUNKS: usize = 1 << 20;
/// Largest EXIF data that is read for it.
const MAX_EXIF_BYTES: u64 = 16 << 20;

/// Opens a PNG file; an interlaced one is decoded here.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    options.selection.refuse_planes(path, "it is a PNG")?;
    let limit = options.max_memory_bytes;
    let mut reader = reader(path, limit)?;
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
    let profile = header.icc_profile.as_ref().map(|profile| profile.to_vec());
    let mut warnings = unapplied(header);
    let beside = beside_pixels(path)?;
    if beside.has_profile && profile.is_none() {
        warnings.push(icc::left_out("it is damaged"));
    }
    let is_scaled = header.sbit.is_some();
    let mut info = SlideInfo {
        width: extent.width,
        height: extent.height,
        channels: extent.channels,
        format: "png".into(),
        microns_per_pixel: microns
            .and_then(|dims| resolution::from_density(f64::from(dims.xppu), f64::from(dims.yppu), 1e6)),
        objective_power: None,
        scanner: None,
        icc_profile: icc::checked(profile, extent.channels, &mut warnings),
        levels: vec![(extent.width, extent.height)],
        tile: None,
        associated: Vec::new(),
        warnings,
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
    let mut rows = PngRows {
        path: path.to_path_buf(),
        extent,
        pixel,
        wide,
        window: Window::of_bits(16),
        source,
        next_row: 0,
    };
    let bits = if wide { 16 } else { 8 };
    if let Some(values) = options.selection.window {
        rows.window = Window::chosen(path, values, bits)?;
        info.warnings.push(rows.window.note(bits, "as was asked for"));
    } else if wide && !is_scaled {
        rows.measure(limit, &mut info.warnings)?;
    }
    let access = Access::Sequential(Box::new(rows));
    let slide =
        Slide { path: path.to_path_buf(), info, access, associated: None, selection: Selection::default() };
    turned::oriented(slide, beside.orientation, limit)
}

/// The rows of a file.
type Rows = Reader<BufReader<Retried<File>>>;

/// A reader of the file after its header. Checksums are verified.
fn reader(path: &Path, limit: u64) -> Result<Rows, SlideError> {
    let file = File::open(path).map_err(|source| SlideError::io(path, "cannot open it", source))?;
    let bytes = usize::try_from(limit.saturating_add(ANCILLARY_BYTES)).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(BufReader::new(Retried(file)), png::Limits { bytes });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.ignore_checksums(false);
    decoder.read_info().map_err(|error| problem(path, "header", error))
}

/// What the header says about its colours that is not followed.
fn unapplied(header: &png::Info<'_>) -> Vec<String> {
    if header.icc_profile.is_some() || header.srgb.is_some() {
        return Vec::new();
    }
    let gamma = header.gama_chunk.map(|gamma| gamma.into_value());
    let unusual = gamma.filter(|gamma| (gamma * USUAL_GAMMA - 1.0).abs() > 0.05);
    let gamma = unusual.map(|gamma| format!("its gamma of {gamma:.3} (gAMA) was not applied"));
    let space =
        header.coding_independent_code_points.map(|_| "its colour space (cICP) was not applied".to_string());
    gamma.into_iter().chain(space).collect()
}

/// What a file holds beside its pixels that the decoder does not tell.
#[derive(Default)]
struct Beside {
    /// The orientation in its eXIf chunk.
    orientation: Option<u64>,
    /// Whether there is an iCCP chunk, be it damaged.
    has_profile: bool,
}

/// Walks over all chunks: an eXIf chunk may lie before or after the pixels.
fn beside_pixels(path: &Path) -> Result<Beside, SlideError> {
    let failed = |source| SlideError::io(path, "cannot read its chunks", source);
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let (mut at, mut beside) = (SIGNATURE_BYTES, Beside::default());
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; 8];
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        if at + 8 > length {
            break;
        }
        file.read_exact(&mut head).map_err(failed)?;
        let [a, b, c, d, name @ ..] = head;
        let size = u64::from(u32::from_be_bytes([a, b, c, d]));
        beside.has_profile |= &name == b"iCCP";
        if &name == b"eXIf" && size <= MAX_EXIF_BYTES {
            // Of several the first counts.
            let mut exif = Vec::new();
            (&file).take(size).read_to_end(&mut exif).map_err(failed)?;
            beside.orientation = beside.orientation.or(exif::orientation(&exif));
        }
        at += 12 + size;
    }
    Ok(beside)
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
    Stream(Box<Rows>),
    Whole { pixels: Vec<u8>, line_bytes: usize },
}

struct PngRows {
    path: PathBuf,
    extent: Extent,
    pixel: Pixel,
    /// 16-bit samples.
    wide: bool,
    /// What becomes black and white of them.
    window: Window,
    source: RowSource,
    next_row: u32,
}

impl PngRows {
    /// Finds the window of 16-bit samples. The standard has them span the full range; where all lie in its lowest quarter, the
    /// writer did not follow it. The file is read once more for this.
    fn measure(&mut self, limit: u64, warnings: &mut Vec<String>) -> Result<(), SlideError> {
        let mut histogram = Histogram::new();
        let (colors, samples) = (usize::from(self.pixel.channels()), self.pixel.samples());
        let mut see = |line: &[u8]| {
            for pixel in line.as_chunks::<2>().0.chunks_exact(samples) {
                pixel.iter().take(colors).for_each(|&pair| histogram.add(u16::from_be_bytes(pair)));
            }
        };
        match &self.source {
            RowSource::Whole { pixels, .. } => see(pixels),
            RowSource::Stream(_) => {
                let mut reader = reader(&self.path, limit)?;
                let failed = |error| problem(&self.path, "rows, while measuring", error);
                while let Some(row) = reader.next_row().map_err(failed)? {
                    see(row.data());
                }
            }
        }
        if histogram.is_dark(self.window) {
            let full = self.window;
            self.window = if colors == 1 { histogram.of_channel(full) } else { histogram.of_colors(full) };
            warnings.push(self.window.note(16, "measured on all pixels"));
        }
        Ok(())
    }
}

impl Sequential for PngRows {
    fn read_rows(&mut self, rows: u32, out: &mut [u8]) -> Result<(), SlideError> {
        self.extent.check_rows(&self.path, self.next_row, rows, out.len())?;
        if rows == 0 {
            return Ok(());
        }
        let convert = |line: &[u8], to: &mut [u8]| {
            if self.wide {
                samples::convert_16(self.pixel, self.window, line, to);
            } else {
                samples::convert_8(self.pixel, line, to);
            }
        };
        // `out` holds `rows` rows by the check above, so a row fits a usize; a row has at least one byte.
        for to in out.chunks_exact_mut(self.extent.row_bytes() as usize) {
            let place = || format!("row {}", self.next_row);
            match &mut self.source {
                RowSource::Whole { pixels, line_bytes } => {
                    let start = self.next_row as usize * *line_bytes;
                    let line = pixels.get(start..start + *line_bytes);
                    let missing = || SlideError::corrupt(&self.path, FORMAT, place(), "the row is missing");
                    convert(line.ok_or_else(missing)?, to);
                }
                RowSource::Stream(reader) => {
                    let row = reader.next_row().map_err(|error| problem(&self.path, &place(), error))?;
                    let row = row.ok_or_else(|| {
                        SlideError::corrupt(&self.path, FORMAT, place(), "the row is missing")
                    })?;
                    convert(row.data(), to);
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

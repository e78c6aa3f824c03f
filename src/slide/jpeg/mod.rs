//! JPEG files as slides: rows from the top, decoded by libjpeg-turbo.
//!
//! A sequential image of any size streams in constant memory. A progressive or multi-scan one needs all its coefficients
//! at once, and is read when they fit the memory limit; so is one that EXIF says is to be turned. CMYK becomes RGB by the inks
//! alone, without a profile, as Pillow does it: with or without an Adobe marker, 0 is full ink.

pub(super) mod decoder;
pub(super) mod header;

use super::access::{Access, Sequential, Slide};
use super::error::SlideError;
use super::info::SlideInfo;
use super::options::{OpenOptions, Selection};
use super::region::Extent;
use super::{icc, resolution, samples, turned};
use decoder::{Decoder, Shape};
use header::Header;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

const FORMAT: &str = "JPEG";

/// Opens a JPEG file and reads its header; of a multi-scan image, all data.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    options.selection.refuse(path, "it is a JPEG")?;
    let file = || File::open(path).map_err(|source| SlideError::io(path, "cannot open it", source));
    let corrupt = |problem| SlideError::corrupt(path, FORMAT, "header", problem);
    let header = Header::parse(BufReader::new(file()?)).map_err(corrupt)?;
    check_supported(path, &header)?;
    if header.multi_scan() {
        let needed = header.coefficient_bytes();
        if needed > options.max_memory_bytes {
            let advice = "allow more memory or convert the file to a baseline JPEG";
            return Err(SlideError::too_large(
                path,
                "a progressive or multi-scan JPEG",
                needed,
                options.max_memory_bytes,
                advice,
            ));
        }
    }
    // More than the estimate: the library also counts its row buffers.
    let limit = options.max_memory_bytes.saturating_add(64 << 20);
    let mut decoder = Decoder::new(Box::new(file()?), limit).map_err(corrupt)?;
    let Shape { width, height, components } = decoder.header().map_err(corrupt)?;
    if (width, height) != (header.width, header.height) || components as usize != header.components.len() {
        return Err(corrupt("two readers of the header disagree".into()));
    }
    let stored = match components {
        1 => 1,
        3 => 3,
        _ => 4,
    };
    decoder
        .start(None, stored)
        .map_err(|problem| SlideError::corrupt(path, FORMAT, "start of the image", problem))?;
    let extent = Extent { width, height, channels: stored.min(3) };
    let mut warnings = Vec::new();
    if stored == 4 {
        warnings.push("its CMYK inks became RGB without a colour profile".into());
    }
    warnings.extend(header.icc_fault.iter().map(|fault| icc::left_out(fault)));
    let info = SlideInfo {
        width,
        height,
        channels: extent.channels,
        format: "jpeg".into(),
        microns_per_pixel: microns(&header),
        objective_power: None,
        scanner: None,
        icc_profile: icc::checked(header.icc, extent.channels, &mut warnings),
        levels: vec![(width, height)],
        tile: None,
        associated: Vec::new(),
        warnings,
    };
    let cmyk = (stored == 4).then(Vec::new);
    let rows = JpegRows { path: path.to_path_buf(), extent, decoder, cmyk, next_row: 0 };
    let access = Access::Sequential(Box::new(rows));
    let slide =
        Slide { path: path.to_path_buf(), info, access, associated: None, selection: Selection::default() };
    turned::oriented(slide, header.orientation, options.max_memory_bytes)
}

fn check_supported(path: &Path, header: &Header) -> Result<(), SlideError> {
    let what = match (header.sof, header.precision, header.components.len()) {
        (5..=7 | 13..=15, _, _) => "hierarchical coding".to_string(),
        (_, bits, _) if bits != 8 => format!("{bits} bits per sample"),
        (_, _, 1 | 3 | 4) => return Ok(()),
        (_, _, count) => format!("{count} colour components"),
    };
    Err(SlideError::unsupported(path, FORMAT, what, "convert it to an 8-bit gray or RGB image"))
}

fn microns(header: &Header) -> Option<(f64, f64)> {
    let (unit, across, down) = header.density?;
    let unit_um = match unit {
        1 => 25_400.0,
        2 => 10_000.0,
        _ => return None,
    };
    resolution::from_density(f64::from(across), f64::from(down), unit_um)
}

struct JpegRows {
    path: PathBuf,
    extent: Extent,
    decoder: Decoder<'static>,
    /// One row of inks, of an image in CMYK.
    cmyk: Option<Vec<u8>>,
    next_row: u32,
}

impl Sequential for JpegRows {
    fn read_rows(&mut self, rows: u32, out: &mut [u8]) -> Result<(), SlideError> {
        self.extent.check_rows(&self.path, self.next_row, rows, out.len())?;
        let first = self.next_row;
        let last = first.saturating_add(rows.saturating_sub(1));
        let damaged =
            |problem| SlideError::corrupt(&self.path, FORMAT, format!("rows {first} to {last}"), problem);
        // A JPEG is at most 65500 pixels wide, so a row always fits a usize.
        let width = self.extent.width as usize;
        let stride = width * usize::from(self.extent.channels);
        match &mut self.cmyk {
            None => self.decoder.rows(out, stride).map_err(damaged)?,
            Some(cmyk) => {
                cmyk.resize(width * 4, 0);
                for row in out.chunks_exact_mut(stride) {
                    self.decoder.rows(cmyk, width * 4).map_err(damaged)?;
                    for (to, from) in row.chunks_exact_mut(3).zip(cmyk.as_chunks::<4>().0) {
                        to.copy_from_slice(&samples::cmyk(from.map(|left| 255 - left)));
                    }
                }
            }
        }
        // `check_rows` checked that next_row + rows is at most the height.
        self.next_row += rows;
        Ok(())
    }
}

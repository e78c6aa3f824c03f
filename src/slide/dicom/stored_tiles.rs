//! Frames as they are coded: JPEGs as complete files, with an Adobe marker where the file declares RGB, padding past the slide cropped
//! off; codestreams of JPEG 2000 as they are.
//!
//! Coefficients do not change. A frame inside the slide keeps its entropy-coded bytes; one that reaches past the edge is cropped by
//! libjpeg-turbo's lossless transform.

use super::super::error::SlideError;
use super::super::fault::Fault;
use super::super::jpeg::header::{ColorModel, Header};
use super::elements::{ADVICE, FORMAT};
use super::format::{Color, Format};
use super::level::Level;
use super::pixels;
use super::syntax::Coding;
use crate::codec::jpeg2000::{self, Colours};
use crate::codec::{CodecId, Foreign, crop_jpeg, decode_foreign};
use crate::image::spec::MAX_TILE;
use std::path::Path;

/// Why the frames cannot be taken unchanged; `None` where they can.
pub(super) fn refusal(level: &Level) -> Option<String> {
    let Format { coding, color, width, height, is_deep, .. } = level.image.format;
    if !matches!(coding, Coding::Jpeg | Coding::Jpeg2000) {
        return Some("its pixels are compressed neither as JPEG nor as JPEG 2000".into());
    }
    if is_deep {
        return Some("its samples have more than 8 bits".into());
    }
    if width != height || width > MAX_TILE {
        return Some(format!(
            "its tiles are {width}x{height}, and a pyramid has square tiles of at most {MAX_TILE}"
        ));
    }
    if color == (Color::Gray { invert: true }) {
        return Some("0 is white in it, and black in tiles that stand alone".into());
    }
    if level.palette.is_some() {
        return Some("its gray values are shown in the colours of a palette".into());
    }
    let absent = level.missing();
    (absent > 0).then(|| format!("{absent} of its tiles were left out by its scanner"))
}

/// Reads a frame: a complete JPEG file of its part inside the slide, or its codestream. `slide` is the path in errors.
pub(super) fn read(
    level: &Level,
    (column, row): (u32, u32),
    slide: &Path,
    limit_bytes: u64,
) -> Result<Foreign, SlideError> {
    let name = format!("tile at column {column}, row {row}");
    let Some((frames, frame, _)) = level.frame(column, row) else {
        return Err(SlideError::corrupt(slide, FORMAT, name, "it is not in the file"));
    };
    let path = frames.file().path();
    let place = format!("frame {}, {name}", u64::from(frame) + 1);
    let corrupt = |problem: String| SlideError::corrupt(path, FORMAT, place.clone(), problem);
    let stored = frames.read(frame, limit_bytes)?;
    if level.image.format.coding == Coding::Jpeg2000 {
        let packed = jpeg2000::pack(colours(level, &stored), &stored, size(level, column, row));
        let failed = |error| Fault::from(error).at(path, FORMAT, &place, ADVICE);
        return packed.map(|bytes| Foreign { codec: CodecId::Jpeg2000, bytes }).map_err(failed);
    }
    let header = Header::parse(stored.as_slice()).map_err(&corrupt)?;
    if header.sof > 1 || header.precision != 8 {
        return Err(SlideError::NotSequential { path: path.to_path_buf(), place });
    }
    complete(level, (column, row), stored, &header).map(Foreign::jpeg).map_err(corrupt)
}

/// What the components of a codestream are.
fn colours(level: &Level, stored: &[u8]) -> Colours {
    match level.image.format.color {
        Color::Gray { .. } => Colours::Gray,
        Color::Ycbcr { .. } => Colours::declared_ycbcr(stored),
        Color::Rgb | Color::JpegTransform => Colours::Rgb,
    }
}

/// The size of a tile's part inside the slide.
fn size(level: &Level, column: u32, row: u32) -> (usize, usize) {
    let Format { width, height, .. } = level.image.format;
    let inside = |at: u32, side: u32, of: u32| of.saturating_sub(at.saturating_mul(side)).min(side) as usize;
    (inside(column, width, level.image.width), inside(row, height, level.image.height))
}

/// The complete JPEG file. It is decoded once, as a check.
fn complete(
    level: &Level,
    (column, row): (u32, u32),
    mut stored: Vec<u8>,
    header: &Header,
) -> Result<Vec<u8>, String> {
    let format = &level.image.format;
    pixels::check_jpeg(format, header)?;
    // A frame has an even number of bytes: one may follow the end of the image.
    if !stored.ends_with(b"\xFF\xD9")
        && stored.len().checked_sub(3).is_some_and(|at| stored[at..].starts_with(b"\xFF\xD9"))
    {
        stored.pop();
    }
    let rgb = header.components.len() == 3 && pixels::jpeg_model(format, header) == ColorModel::Rgb;
    let mut jpeg = stored;
    if rgb && header.adobe.is_none() {
        jpeg.splice(2..2, *b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00");
    }
    let (width, height) = size(level, column, row);
    if (header.width as usize, header.height as usize) != (width, height) {
        jpeg = crop_jpeg(&jpeg, width, height).map_err(|e| e.to_string())?;
    }
    decode_foreign(&jpeg, Some((width, height))).map_err(|e| e.to_string())?;
    Ok(jpeg)
}

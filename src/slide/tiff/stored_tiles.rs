//! The coded tiles of a TIFF: JPEGs as complete files, with shared tables inserted, an Adobe marker for RGB, padding cropped off;
//! codestreams of JPEG 2000 as they are.
//!
//! Coefficients do not change. A tile inside the slide keeps its entropy-coded bytes; one that is padded past the edge of
//! the slide is cropped by libjpeg-turbo's lossless transform. Markers: ITU-T T.81 annex B, TIFF Technical Note 2, Adobe
//! Technical Note 5116.

use super::super::error::SlideError;
use super::super::jpeg::header::{ColorModel, Header};
use super::super::positional::PositionalFile;
use super::chunk;
use super::jpeg;
use super::layout::{ChunkCoord, Layout};
use super::pixel_tags::{Color, Compression};
use crate::codec::jpeg2000::{self, Colours};
use crate::codec::{CodecId, Foreign, crop_jpeg, decode_foreign};
use crate::image::spec::MAX_TILE;

/// Why the tiles cannot be taken unchanged; `None` where they can.
pub(super) fn refusal(layout: &Layout) -> Option<String> {
    if !matches!(layout.compression, Compression::Jpeg | Compression::Jpeg2000) {
        return Some("its pixels are compressed neither as JPEG nor as JPEG 2000".into());
    }
    if layout.bits != 8 {
        return Some(format!("its samples have {} bits, and lossless bundles hold 8", layout.bits));
    }
    if layout.planar {
        return Some("its colours are in separate images (PlanarConfiguration 2)".into());
    }
    if matches!(layout.color, Color::Palette(_)) {
        return Some("its pixels are indices into a palette".into());
    }
    if layout.wanted.len() != layout.samples {
        return Some("its pixels have samples besides the colours".into());
    }
    let (width, height) = (layout.chunk_width, layout.chunk_height);
    if !layout.tiled || width != height || width > MAX_TILE {
        let kind = if layout.tiled { "tiles" } else { "strips" };
        return Some(format!(
            "its {kind} are {width}x{height}, and a pyramid has square tiles of at most {MAX_TILE}"
        ));
    }
    if matches!(layout.color, Color::Direct { invert: true, .. }) {
        return Some("0 is white in it, and black in tiles that stand alone".into());
    }
    let grid = layout.across as usize * layout.down as usize;
    let absent = layout.byte_counts.iter().take(grid).filter(|&&count| count == 0).count();
    (absent > 0).then(|| format!("{absent} of its tiles were left out by its scanner"))
}

/// Reads a tile: a complete JPEG file of its part inside the slide, or its codestream.
pub(super) fn read(file: &PositionalFile, layout: &Layout, coord: ChunkCoord) -> Result<Foreign, SlideError> {
    let stored = chunk::stored_file(file, layout, coord)?;
    if layout.compression == Compression::Jpeg2000 {
        let size = (layout.columns_in(coord.column) as usize, layout.rows_in(coord.row) as usize);
        let packed = jpeg2000::pack(colours(layout), &stored, size);
        let bytes = packed.map_err(|error| chunk::failed(file, layout, coord, error.into()))?;
        return Ok(Foreign { codec: CodecId::Jpeg2000, bytes });
    }
    complete(layout, coord, &stored).map(Foreign::jpeg).map_err(|fault| match fault {
        Fault::NotSequential => chunk::not_sequential(file, layout, coord),
        Fault::Damaged(problem) => chunk::corrupt(file, layout, coord, problem),
    })
}

/// What the components of a codestream are. TIFF readers take a declared YCbCr at its word, whatever transform it has.
fn colours(layout: &Layout) -> Colours {
    match layout.samples {
        1 => Colours::Gray,
        _ if layout.ycbcr => Colours::Ycbcr,
        _ => Colours::Rgb,
    }
}

/// Why a tile cannot be made a complete JPEG file.
enum Fault {
    /// Another process than baseline or extended sequential DCT at 8 bits.
    NotSequential,
    /// What is wrong with its bytes.
    Damaged(String),
}

impl From<String> for Fault {
    fn from(problem: String) -> Self {
        Self::Damaged(problem)
    }
}

/// The complete JPEG file. It is decoded once, as a check.
fn complete(layout: &Layout, coord: ChunkCoord, tile: &[u8]) -> Result<Vec<u8>, Fault> {
    let header = Header::parse(tile)?;
    if header.sof > 1 || header.precision != 8 {
        return Err(Fault::NotSequential);
    }
    let (width, height) = (layout.columns_in(coord.column) as usize, layout.rows_in(coord.row) as usize);
    let (stored_width, stored_height) = (header.width as usize, header.height as usize);
    if stored_width < width || stored_height < height {
        let problem =
            format!("a JPEG of {stored_width}x{stored_height} pixels, expected {width}x{height} at least");
        return Err(problem.into());
    }
    let rgb = header.components.len() == 3 && jpeg::color_model(layout, &header) == ColorModel::Rgb;
    let mut file = vec![0xFF, 0xD8];
    if rgb && header.adobe.is_none() {
        file.extend(b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00");
    }
    append_tables(layout.jpeg_tables.as_deref().unwrap_or_default(), &mut file)?;
    file.extend_from_slice(tile.get(2..).unwrap_or_default());
    if (stored_width, stored_height) != (width, height) {
        file = crop_jpeg(&file, width, height).map_err(|e| e.to_string())?;
    }
    decode_foreign(&file, Some((width, height))).map_err(|e| e.to_string())?;
    Ok(file)
}

/// Appends the tables of a tables-only stream (tag 347) to `out`, without its other segments.
fn append_tables(stream: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let broken = || "its tables (tag 347) are broken".to_string();
    let mut rest = stream.strip_prefix(b"\xFF\xD8").unwrap_or(stream);
    while let [0xFF, marker, after @ ..] = rest {
        match marker {
            0xFF => rest = &rest[1..],
            0xD9 => break,
            0x01 | 0xD0..=0xD8 => rest = after,
            _ => {
                let length = after.first_chunk().map(|&length| usize::from(u16::from_be_bytes(length)));
                let end = 2 + length.filter(|&n| n >= 2).ok_or_else(broken)?;
                let segment = rest.get(..end).ok_or_else(broken)?;
                // DQT, DHT, DAC. A tile's own tables follow and override these.
                if matches!(marker, 0xDB | 0xC4 | 0xCC) {
                    out.extend_from_slice(segment);
                }
                rest = &rest[end..];
            }
        }
    }
    Ok(())
}

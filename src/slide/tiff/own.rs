//! The JPEG tiles of a TIFF as files: shared tables and tile put together, colours said, padding cut off.
//!
//! Coefficients are not touched. A tile in the middle keeps its entropy-coded bytes; one that is padded past the edge of the slide is
//! cropped by libjpeg-turbo's lossless transform. Markers: ITU-T T.81 annex B, TIFF Technical Note 2, Adobe Technical Note 5116.

use super::super::OwnTiles;
use super::super::error::SlideError;
use super::super::jpeg::header::{Coded, Header};
use super::TiffRegions;
use super::chunk::{self, Place};
use super::layout::{Color, Compression, Layout};
use crate::codec::{crop_jpeg, decode_foreign};
use crate::image::spec::MAX_TILE;

/// Why the tiles cannot be taken as they are, if so.
pub(super) fn refusal(layout: &Layout) -> Option<String> {
    if layout.compression != Compression::Jpeg {
        return Some("its pixels are not compressed as JPEG".into());
    }
    let (width, height) = (layout.chunk_width, layout.chunk_height);
    if !layout.tiled || width != height || width > MAX_TILE {
        let kind = if layout.tiled { "tiles" } else { "strips" };
        return Some(format!(
            "its {kind} are {width}x{height}, and a pyramid has square tiles of at most {MAX_TILE}"
        ));
    }
    if matches!(layout.color, Color::Direct { invert: true, .. }) {
        return Some("0 is white in it, and black in a JPEG file".into());
    }
    let grid = layout.across as usize * layout.down as usize;
    let absent = layout.byte_counts.iter().take(grid).filter(|&&count| count == 0).count();
    (absent > 0).then(|| format!("{absent} of its tiles were left out by its scanner"))
}

impl OwnTiles for TiffRegions {
    fn side(&self) -> u32 {
        self.layout.chunk_width
    }

    fn jpeg(&self, column: u32, row: u32) -> Result<Vec<u8>, SlideError> {
        let (layout, at) = (&self.layout, Place { column, row });
        let stored = chunk::stored_jpeg(&self.file, layout, at)?;
        whole(layout, at, &stored).map_err(|problem| chunk::corrupt(&self.file, layout, at, problem))
    }
}

/// A complete JPEG of the part of a tile that lies on the slide. It has been decoded once.
fn whole(layout: &Layout, at: Place, tile: &[u8]) -> Result<Vec<u8>, String> {
    let header = Header::parse(tile)?;
    if header.frame > 1 || header.precision != 8 {
        return Err("a JPEG that is not sequential at 8 bits, which --preset lossless does not take".into());
    }
    let (width, height) = (layout.columns_in(at.column) as usize, layout.rows_in(at.row) as usize);
    let (has_width, has_height) = (header.width as usize, header.height as usize);
    if has_width < width || has_height < height {
        return Err(format!("a JPEG of {has_width}x{has_height} pixels, expected {width}x{height} at least"));
    }
    let by_tag = if layout.ycbcr { Coded::YCbCr } else { Coded::Rgb };
    let rgb = header.components.len() == 3 && header.coded().unwrap_or(by_tag) == Coded::Rgb;
    let mut jpeg = vec![0xFF, 0xD8];
    if rgb && header.adobe.is_none() {
        jpeg.extend(b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00");
    }
    tables(layout.jpeg_tables.as_deref().unwrap_or_default(), &mut jpeg)?;
    jpeg.extend_from_slice(tile.get(2..).unwrap_or_default());
    if (has_width, has_height) != (width, height) {
        jpeg = crop_jpeg(&jpeg, width, height).map_err(|e| e.to_string())?;
    }
    decode_foreign(&jpeg, Some((width, height))).map_err(|e| e.to_string())?;
    Ok(jpeg)
}

/// The tables of a tables-only stream (tag 347), without whatever else is in it.
fn tables(stream: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
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
                // Quantisation, Huffman and arithmetic coding; a tile's own come later and count.
                if matches!(marker, 0xDB | 0xC4 | 0xCC) {
                    out.extend_from_slice(segment);
                }
                rest = &rest[end..];
            }
        }
    }
    Ok(())
}

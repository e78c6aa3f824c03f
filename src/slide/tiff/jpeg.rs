//! JPEG chunks of a TIFF: shared tables, and whose word on colour to believe.
//!
//! Whole-slide files are often wrong about themselves: tagged RGB and coded YCbCr, or coded RGB without saying so in the
//! JPEG. So the JPEG's own signs come first (Adobe marker, JFIF marker, names of its components), the TIFF's tag last.

use super::super::jpeg::decoder::Decoder;
use super::super::jpeg::header::{Coded, Header};
use super::chunk::Place;
use super::layout::{Color, Layout};

/// Decodes a chunk into `out`, which has `chunk_width * chunk_height` pixels.
pub(super) fn decode(
    layout: &Layout,
    at: Place,
    bytes: &[u8],
    limit_bytes: u64,
    out: &mut [u8],
) -> Result<(), String> {
    let header = Header::parse(bytes)?;
    let components = header.components.len();
    if header.precision != 8 || !matches!(components, 1 | 3) || matches!(header.frame, 5..=7 | 13..=15) {
        return Err(format!(
            "a JPEG of {components} components at {} bits, expected 1 or 3 at 8",
            header.precision
        ));
    }
    // At most the whole chunk, at least the part of it that the image shows.
    let (least_width, least_height) = (layout.columns_in(at.column), layout.rows_in(at.row));
    let width_fits = (least_width..=layout.chunk_width).contains(&header.width);
    if !width_fits || !(least_height..=layout.chunk_height).contains(&header.height) {
        let (width, height) = (layout.chunk_width, layout.chunk_height);
        return Err(format!(
            "a JPEG of {}x{} pixels, expected {width}x{height}",
            header.width, header.height
        ));
    }
    if header.multi_scan() && header.coefficient_bytes() > limit_bytes {
        return Err("a progressive JPEG that needs more memory than allowed".into());
    }
    let limit = limit_bytes.saturating_add(64 << 20);
    let mut decoder = match &layout.jpeg_tables {
        Some(tables) => {
            let mut decoder = Decoder::new(Box::new(tables.as_slice()), limit)?;
            decoder
                .tables_then(Box::new(bytes))
                .map_err(|problem| format!("its tables (tag 347): {problem}"))?;
            decoder
        }
        None => Decoder::new(Box::new(bytes), limit)?,
    };
    let shape = decoder.header()?;
    if (shape.width, shape.height) != (header.width, header.height) {
        return Err("two readers of the JPEG header disagree".into());
    }
    let by_tag = if layout.ycbcr { Coded::YCbCr } else { Coded::Rgb };
    let coded = (components == 3).then(|| header.coded().unwrap_or(by_tag));
    decoder.start(coded, layout.channels())?;
    // The JPEG is no wider than the chunk, so its rows fit the chunk's.
    let stride = layout.chunk_width as usize * usize::from(layout.channels());
    let rows = out.get_mut(..stride * header.height as usize).ok_or("the chunk has too few rows")?;
    decoder.rows(rows, stride)?;
    if matches!(layout.color, Color::Direct { invert: true, .. }) {
        out.iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(())
}

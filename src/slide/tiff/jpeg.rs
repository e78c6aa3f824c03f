//! JPEG chunks of a TIFF: shared tables, and the choice of the colour model.
//!
//! In whole-slide files the photometric tag is often wrong: tagged RGB and coded YCbCr. So markers of the JPEG itself decide
//! first: the Adobe marker, the JFIF marker, components named R, G and B. Without them the tag decides, as in libtiff; the
//! numbers 1, 2, 3 of the components say nothing, as every encoder writes them. Only where the chroma is subsampled the tag RGB
//! is not believed.

use super::super::fault::Fault;
use super::super::jpeg::decoder::Decoder;
use super::super::jpeg::header::{ColorModel, Header};
use super::layout::{ChunkCoord, Layout};
use super::pixel_tags::Color;

/// Decodes a chunk into `out`, which has `chunk_width * chunk_height` pixels.
pub(super) fn decode(
    layout: &Layout,
    coord: ChunkCoord,
    bytes: &[u8],
    limit_bytes: u64,
    out: &mut [u8],
) -> Result<(), Fault> {
    decode_samples(layout, coord, bytes, limit_bytes, layout.channels(), out)?;
    if matches!(layout.color, Color::Direct { invert: true, .. }) {
        out.iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(())
}

/// Decodes the samples of a chunk, or of one plane of it: `samples` is 1 for gray, 3 for RGB.
pub(super) fn decode_samples(
    layout: &Layout,
    coord: ChunkCoord,
    bytes: &[u8],
    limit_bytes: u64,
    samples: u8,
    out: &mut [u8],
) -> Result<(), Fault> {
    let header = Header::parse(bytes)?;
    let components = header.components.len();
    if header.precision != 8 || matches!(header.sof, 5..=7 | 13..=15) {
        let process = if header.precision == 8 { "hierarchical coding" } else { "another depth than 8 bits" };
        return Err(Fault::unsupported(format!("a JPEG of {process}")));
    }
    let shape_fits = if layout.planar { components == 1 } else { matches!(components, 1 | 3) };
    if !shape_fits {
        let expected = if layout.planar { "1" } else { "1 or 3" };
        return Err(format!("a JPEG of {components} components, expected {expected}").into());
    }
    // At most the whole chunk, at least its part inside the image.
    let (min_width, min_height) = (layout.columns_in(coord.column), layout.rows_in(coord.row));
    let width_fits = (min_width..=layout.chunk_width).contains(&header.width);
    if !width_fits || !(min_height..=layout.chunk_height).contains(&header.height) {
        let (width, height) = (layout.chunk_width, layout.chunk_height);
        return Err(format!(
            "a JPEG of {}x{} pixels, expected {width}x{height}",
            header.width, header.height
        )
        .into());
    }
    if header.multi_scan() && header.coefficient_bytes() > limit_bytes {
        return Err(Fault::unsupported("a progressive JPEG that needs more memory than is allowed"));
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
    let model = (components == 3).then(|| color_model(layout, &header));
    decoder.start(model, samples)?;
    // The JPEG is no wider than the chunk, so its rows fit the chunk's.
    let stride = layout.chunk_width as usize * usize::from(samples);
    let rows = out.get_mut(..stride * header.height as usize).ok_or("the chunk has too few rows")?;
    decoder.rows(rows, stride)?;
    Ok(())
}

/// What the three components of a chunk are.
pub(super) fn color_model(layout: &Layout, header: &Header) -> ColorModel {
    header.color_model().unwrap_or(match (layout.ycbcr, header.is_subsampled()) {
        // Nobody halves the resolution of red or blue.
        (false, false) => ColorModel::Rgb,
        _ => ColorModel::YCbCr,
    })
}

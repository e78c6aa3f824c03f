//! Chunks that are image files of their own, JPEG 2000 and WebP, to rows of samples as the TIFF would store them.
//!
//! It deliberately does not know colours beyond YCbCr in JPEG 2000, which those files do not undo.

use super::super::fault::Fault;
use super::directory::ByteOrder;
use super::layout::{ChunkCoord, Layout};
use crate::codec::jpeg2000;

/// Decodes a JPEG 2000 chunk into `out`: `chunk_height` rows of `raw_row_bytes`.
pub(super) fn jpeg2000(
    layout: &Layout,
    coord: ChunkCoord,
    stored: &[u8],
    limit_bytes: u64,
    out: &mut [u8],
) -> Result<(), Fault> {
    let decoded = jpeg2000::decode(stored, limit_bytes)?;
    let header = &decoded.header;
    let wanted = layout.chunk_samples();
    if header.components != wanted || header.bits != layout.bits {
        let (components, bits) = (header.components, header.bits);
        return Err(format!(
            "JPEG 2000 of {components} components at {bits} bits, expected {wanted} at {}",
            layout.bits
        )
        .into());
    }
    check_size(layout, coord, header.width, header.height)?;
    let mut components = decoded.components;
    if layout.ycbcr && !header.is_subsampled {
        to_rgb(&mut components);
    }
    let size = layout.sample_bytes();
    let width = header.width as usize;
    for (y, row) in
        out.chunks_exact_mut(layout.raw_row_bytes() as usize).take(header.height as usize).enumerate()
    {
        for (index, component) in components.iter().enumerate() {
            let line = component.get(y * width..(y + 1) * width).unwrap_or_default();
            let places = row.chunks_exact_mut(size).skip(index).step_by(wanted);
            for (to, &sample) in places.zip(line) {
                match (size, layout.order) {
                    (1, _) => to.fill(sample as u8),
                    (_, ByteOrder::Little) => to.copy_from_slice(&sample.to_le_bytes()),
                    (_, ByteOrder::Big) => to.copy_from_slice(&sample.to_be_bytes()),
                }
            }
        }
    }
    Ok(())
}

/// Decodes a WebP chunk into `out`: `chunk_height` rows of 8-bit RGB, with opacity where pixels have four samples.
#[cfg(feature = "webp")]
pub(super) fn webp(layout: &Layout, coord: ChunkCoord, stored: &[u8], out: &mut [u8]) -> Result<(), Fault> {
    let features = webp::BitstreamFeatures::new(stored).ok_or("no WebP file")?;
    check_size(layout, coord, features.width(), features.height())?;
    let image = webp::Decoder::new(stored).decode().ok_or("a damaged WebP file")?;
    let samples = layout.chunk_samples();
    let stored_samples = if image.is_alpha() { 4 } else { 3 };
    let width = image.width() as usize;
    let rows = image.chunks_exact(width * stored_samples);
    for (to, from) in out.chunks_exact_mut(layout.raw_row_bytes() as usize).zip(rows) {
        for (to, from) in to.chunks_exact_mut(samples).zip(from.chunks_exact(stored_samples)) {
            // A file without opacity is opaque.
            to.iter_mut().zip(from.iter().chain([&255])).for_each(|(to, from)| *to = *from);
        }
    }
    Ok(())
}

/// At most the whole chunk, at least its part inside the image.
fn check_size(layout: &Layout, coord: ChunkCoord, width: u32, height: u32) -> Result<(), Fault> {
    let (least_width, least_height) = (layout.columns_in(coord.column), layout.rows_in(coord.row));
    match (least_width..=layout.chunk_width).contains(&width)
        && (least_height..=layout.chunk_height).contains(&height)
    {
        true => Ok(()),
        false => Err(format!(
            "an image of {width}x{height} pixels, expected {}x{}",
            layout.chunk_width, layout.chunk_height
        )
        .into()),
    }
}

/// YCbCr of 8 bits to RGB (ITU-R BT.601, full range, as JFIF), rounded to nearest.
fn to_rgb(components: &mut [Vec<u16>]) {
    let [luma, blue, red] = components else { return };
    for ((y, cb), cr) in luma.iter_mut().zip(blue).zip(red) {
        let (level, u, v) = (i32::from(*y) << 16, i32::from(*cb) - 128, i32::from(*cr) - 128);
        // 1.402, 0.344136, 0.714136 and 1.772 in units of 2^-16.
        let round = |sum: i32| ((sum + (1 << 15)) >> 16).clamp(0, 255) as u16;
        (*y, *cb, *cr) =
            (round(level + 91_881 * v), round(level - 22_554 * u - 46_802 * v), round(level + 116_130 * u));
    }
}

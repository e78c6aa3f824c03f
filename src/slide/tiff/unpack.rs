//! Conversion of decompressed samples of any depth, byte order and planar configuration to 8-bit gray or RGB.
//!
//! It deliberately does not know compression: its input is one buffer a plane, each of `chunk_height` rows of
//! `raw_row_bytes`.

use super::super::samples::{self, Pixel};
use super::directory::ByteOrder;
use super::layout::Layout;
use super::pixel_tags::Color;

/// Unpacks a chunk into `out`. The planes are used as scratch space.
pub(super) fn unpack(layout: &Layout, planes: &mut [Vec<u8>], out: &mut [u8]) {
    let row_bytes = layout.raw_row_bytes() as usize;
    let out_bytes = layout.chunk_width as usize * usize::from(layout.channels());
    if layout.bits >= 8 {
        for row in planes.iter_mut().flat_map(|plane| plane.chunks_exact_mut(row_bytes)) {
            normalise(layout, row);
        }
    }
    let mut gathered = Vec::new();
    for (index, to) in out.chunks_exact_mut(out_bytes).enumerate() {
        let start = index * row_bytes;
        let rows: Vec<&[u8]> =
            planes.iter().filter_map(|plane| plane.get(start..start + row_bytes)).collect();
        let first = rows.first().copied().unwrap_or_default();
        match &layout.color {
            Color::Palette(colors) => {
                for (to, sample) in to.chunks_exact_mut(3).zip(bit_samples(first, layout.bits, 1)) {
                    to.copy_from_slice(colors.get(usize::from(sample)).unwrap_or(&[0; 3]));
                }
            }
            Color::Direct { invert, .. } if layout.bits < 8 => {
                let max = (1u32 << layout.bits) - 1;
                for (to, sample) in to.iter_mut().zip(bit_samples(first, layout.bits, layout.chunk_samples()))
                {
                    let level = u32::from(sample) * 255 / max;
                    *to = if *invert { 255 - level as u8 } else { level as u8 };
                }
            }
            Color::Direct { pixel, invert, alpha_index } => {
                gather(layout, *pixel, *alpha_index, &rows, &mut gathered);
                if *invert {
                    let color_bytes = usize::from(pixel.channels()) * layout.bits as usize / 8;
                    let pixel_bytes = pixel.samples() * layout.bits as usize / 8;
                    for pixel in gathered.chunks_exact_mut(pixel_bytes) {
                        pixel.iter_mut().take(color_bytes).for_each(|byte| *byte = !*byte);
                    }
                }
                let convert = if layout.bits == 16 { samples::convert_16 } else { samples::convert_8 };
                convert(*pixel, &gathered, to);
            }
        }
    }
}

/// Undoes the predictor and makes 16-bit samples big-endian.
fn normalise(layout: &Layout, row: &mut [u8]) {
    let samples = layout.chunk_samples();
    if layout.bits == 8 {
        if layout.predictor {
            for index in samples..row.len() {
                let (done, rest) = row.split_at_mut(index);
                if let (Some(left), Some(byte)) = (done.get(index - samples), rest.first_mut()) {
                    *byte = byte.wrapping_add(*left);
                }
            }
        }
        return;
    }
    if layout.order == ByteOrder::Little {
        row.chunks_exact_mut(2).for_each(|pair| pair.reverse());
    }
    if layout.predictor {
        let (pairs, _) = row.as_chunks_mut::<2>();
        for index in samples..pairs.len() {
            let (done, rest) = pairs.split_at_mut(index);
            if let (Some(left), Some(pair)) = (done.get(index - samples), rest.first_mut()) {
                *pair = u16::from_be_bytes(*pair).wrapping_add(u16::from_be_bytes(*left)).to_be_bytes();
            }
        }
    }
}

/// Gathers one row of interleaved pixels with the samples of `pixel`: colours, then opacity.
fn gather(layout: &Layout, pixel: Pixel, alpha_index: usize, rows: &[&[u8]], out: &mut Vec<u8>) {
    let size = layout.bits as usize / 8;
    let colors = usize::from(pixel.channels());
    let wanted = (0..colors).chain((pixel.samples() > colors).then_some(alpha_index));
    out.clear();
    if !layout.planar && layout.samples == pixel.samples() {
        out.extend_from_slice(rows.first().copied().unwrap_or_default());
        return;
    }
    out.resize(layout.chunk_width as usize * pixel.samples() * size, 0);
    for (slot, sample) in wanted.enumerate() {
        let (row, start, step) =
            if layout.planar { (sample, 0, size) } else { (0, sample * size, layout.samples * size) };
        let from = rows.get(row).copied().unwrap_or_default().chunks_exact(step);
        for (to, from) in out.chunks_exact_mut(pixel.samples() * size).zip(from) {
            if let (Some(to), Some(from)) =
                (to.get_mut(slot * size..(slot + 1) * size), from.get(start..start + size))
            {
                to.copy_from_slice(from);
            }
        }
    }
}

/// Every `step`-th sample of 1, 2, 4 or 8 bits; the first sample is in the highest bits.
fn bit_samples(row: &[u8], bits: u32, step: usize) -> impl Iterator<Item = u8> {
    let per_byte = 8 / bits;
    let all = row.iter().flat_map(move |&byte| {
        (1..=per_byte).map(move |nth| (u32::from(byte) >> (8 - nth * bits)) as u8 & (0xFF >> (8 - bits)))
    });
    all.step_by(step)
}

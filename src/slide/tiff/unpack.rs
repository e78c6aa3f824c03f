//! Conversion of decompressed samples of any depth, byte order and planar configuration to 8-bit gray or RGB.
//!
//! It deliberately does not know compression: its input is one buffer a plane, each of `chunk_height` rows of
//! `raw_row_bytes`.

use super::super::samples;
use super::directory::ByteOrder;
use super::layout::Layout;
use super::numbers::Numbers;
use super::pixel_tags::Color;

/// Unpacks a chunk into `out`: the planes of the layout's wanted samples, or one plane of all samples.
pub(super) fn unpack(layout: &Layout, planes: Vec<Vec<u8>>, out: &mut [u8]) {
    let out_bytes = layout.chunk_width as usize * usize::from(layout.channels());
    let mut gathered = Vec::new();
    let planes = normalised(layout, planes);
    for (index, to) in out.chunks_exact_mut(out_bytes).enumerate() {
        let rows = rows(layout, &planes, index);
        let first = rows.first().copied().unwrap_or_default();
        let step = layout.chunk_samples();
        match &layout.color {
            Color::Palette(colors) => {
                for (to, sample) in to.chunks_exact_mut(3).zip(bit_samples(first, layout.bits, step)) {
                    to.copy_from_slice(colors.get(usize::from(sample)).unwrap_or(&[0; 3]));
                }
            }
            Color::Direct { pixel, invert } if layout.bits < 8 && pixel.samples() > 1 => {
                gather_bits(layout, &rows, *invert, &mut gathered);
                samples::convert_8(*pixel, &gathered, to);
            }
            Color::Direct { invert, .. } if layout.bits < 8 => {
                let max = (1u32 << layout.bits) - 1;
                for (to, sample) in to.iter_mut().zip(bit_samples(first, layout.bits, step)) {
                    let level = u32::from(sample) * 255 / max;
                    *to = if *invert { 255 - level as u8 } else { level as u8 };
                }
            }
            Color::Direct { pixel, invert } => {
                gather(layout, &rows, &mut gathered);
                let size = layout.sample_bytes();
                if *invert {
                    let color_bytes = usize::from(pixel.channels()) * size;
                    for pixel in gathered.chunks_exact_mut(pixel.samples() * size) {
                        pixel.iter_mut().take(color_bytes).for_each(|byte| *byte = !*byte);
                    }
                }
                let window = if *invert { layout.window.complement() } else { layout.window };
                match size {
                    2 => samples::convert_16(*pixel, window, &gathered, to),
                    _ => samples::convert_8(*pixel, &gathered, to),
                }
            }
        }
    }
}

/// Calls `see` with every colour sample of a chunk of more than 8 bits, in its first `columns` columns and `rows` rows.
pub(super) fn values(
    layout: &Layout,
    planes: Vec<Vec<u8>>,
    (columns, height): (u32, u32),
    see: &mut dyn FnMut(u16),
) {
    let Color::Direct { pixel, .. } = &layout.color else { return };
    let planes = normalised(layout, planes);
    let mut gathered = Vec::new();
    for index in 0..height as usize {
        gather(layout, &rows(layout, &planes, index), &mut gathered);
        for pixels in gathered.chunks_exact(2 * pixel.samples()).take(columns as usize) {
            for pair in pixels.as_chunks::<2>().0.iter().take(usize::from(pixel.channels())) {
                see(u16::from_be_bytes(*pair));
            }
        }
    }
}

/// One row of every plane after [`normalised`].
fn rows<'p>(layout: &Layout, planes: &'p [Vec<u8>], index: usize) -> Vec<&'p [u8]> {
    let row_bytes = match layout.bits {
        _ if layout.numbers.is_some() => layout.chunk_width as usize * layout.chunk_samples() * 2,
        9..16 => layout.chunk_width as usize * layout.chunk_samples() * 2,
        _ => layout.raw_row_bytes() as usize,
    };
    planes.iter().filter_map(|plane| plane.get(index * row_bytes..(index + 1) * row_bytes)).collect()
}

/// Undoes the predictor and makes samples of more than 8 bits 16-bit big-endian ones.
fn normalised(layout: &Layout, mut planes: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let row_bytes = layout.raw_row_bytes() as usize;
    if let Some(numbers) = layout.numbers {
        let coded = |mut plane: Vec<u8>| {
            plain_rows(layout, numbers, &mut plane);
            numbers.values(&plane, layout.order).flat_map(|value| numbers.code(value).to_be_bytes()).collect()
        };
        return planes.into_iter().map(coded).collect();
    }
    match layout.bits {
        8 | 16 => {
            for row in planes.iter_mut().flat_map(|plane| plane.chunks_exact_mut(row_bytes)) {
                normalise(layout, row);
            }
            planes
        }
        9..16 => {
            let widened = |plane: Vec<u8>| {
                let samples = layout.chunk_width as usize * layout.chunk_samples();
                plane.chunks_exact(row_bytes).flat_map(|row| widen(row, layout.bits, samples)).collect()
            };
            planes.into_iter().map(widened).collect()
        }
        _ => planes,
    }
}

/// Undoes the predictor of numbers.
fn plain_rows(layout: &Layout, numbers: Numbers, plane: &mut [u8]) {
    if layout.predictor {
        for row in plane.chunks_exact_mut(layout.raw_row_bytes() as usize) {
            numbers.undo_predictor(row, layout.chunk_samples(), layout.order);
        }
    }
}

/// Calls `see` with every number of a chunk, in its first `columns` columns and `rows` rows.
pub(super) fn numbers(
    layout: &Layout,
    planes: Vec<Vec<u8>>,
    (columns, rows): (u32, u32),
    see: &mut dyn FnMut(f64),
) {
    let Some(numbers) = layout.numbers else { return };
    for mut plane in planes {
        plain_rows(layout, numbers, &mut plane);
        for row in plane.chunks_exact(layout.raw_row_bytes() as usize).take(rows as usize) {
            numbers.values(row, layout.order).take(columns as usize).for_each(&mut *see);
        }
    }
}

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

/// `samples` samples of 9 to 15 bits, one after the other from the highest bit of the first byte, whatever the byte order of
/// the file, as 16-bit big-endian ones.
fn widen(row: &[u8], bits: u32, samples: usize) -> Vec<u8> {
    let (mut held, mut count) = (0u32, 0);
    let mut bytes = row.iter();
    let mut out = Vec::with_capacity(samples * 2);
    for _ in 0..samples {
        while count < bits {
            held = held << 8 | u32::from(bytes.next().copied().unwrap_or(0));
            count += 8;
        }
        count -= bits;
        out.extend_from_slice(&((held >> count) as u16).to_be_bytes());
        held &= (1 << count) - 1;
    }
    out
}

/// Gathers the wanted samples of one row of pixels, interleaved: colours, then opacity.
fn gather(layout: &Layout, rows: &[&[u8]], out: &mut Vec<u8>) {
    let size = layout.sample_bytes();
    let wanted = &layout.wanted;
    out.clear();
    if !layout.planar && wanted.iter().copied().eq(0..layout.samples) {
        out.extend_from_slice(rows.first().copied().unwrap_or_default());
        return;
    }
    out.resize(layout.chunk_width as usize * wanted.len() * size, 0);
    for (slot, &sample) in wanted.iter().enumerate() {
        let (row, start, step) =
            if layout.planar { (slot, 0, size) } else { (0, sample * size, layout.samples * size) };
        let from = rows.get(row).copied().unwrap_or_default().chunks_exact(step);
        for (to, from) in out.chunks_exact_mut(wanted.len() * size).zip(from) {
            if let (Some(to), Some(from)) =
                (to.get_mut(slot * size..(slot + 1) * size), from.get(start..start + size))
            {
                to.copy_from_slice(from);
            }
        }
    }
}

/// As [`gather`], of gray and opacity in fewer than 8 bits, as levels.
fn gather_bits(layout: &Layout, rows: &[&[u8]], invert: bool, out: &mut Vec<u8>) {
    let (max, count) = ((1u32 << layout.bits) - 1, layout.wanted.len());
    out.clear();
    out.resize(layout.chunk_width as usize * count, 0);
    for (slot, &sample) in layout.wanted.iter().enumerate() {
        let (row, first) = if layout.planar { (slot, 0) } else { (0, sample) };
        let row = rows.get(row).copied().unwrap_or_default();
        let from = bit_samples(row, layout.bits, 1).skip(first).step_by(layout.chunk_samples());
        for (to, sample) in out.iter_mut().skip(slot).step_by(count).zip(from) {
            let level = (u32::from(sample) * 255 / max) as u8;
            *to = if invert && slot == 0 { 255 - level } else { level };
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

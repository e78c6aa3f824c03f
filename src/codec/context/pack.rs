//! A JPEG to a payload.

use super::arithmetic::Encoder as BitWriter;
use super::decoder::Decoder;
use super::layout::Layout;
use super::model::{Block, MAX_COEFFICIENT};
use super::payload::{GRAY, S420, write_length};
use super::stripe::{BlockPlace, Blocks, code_stripe};
use crate::codec::image_codec::{ImageDecoder, Shape};
use crate::codec::turbo::{Component, Decoder as JpegDecoder, coefficients};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

/// The blocks of a JPEG.
struct JpegBlocks<'a>(&'a [Component]);

impl Blocks for JpegBlocks<'_> {
    fn load(&mut self, (plane, x, y): BlockPlace, block: &mut Block) {
        let of = &self.0[plane];
        *block = of.blocks[y * of.columns + x];
    }

    fn store(&mut self, _: BlockPlace, _: &Block, _: u8) {}
}

/// Repacks a JPEG, gray or 4:2:0, in stripes of `rows` pixel rows, of which the last may have fewer; in one stripe where `rows` is not
/// a whole number of units. `None` for other JPEGs, and where the payload would not be smaller than the JPEG.
pub fn pack(jpeg: &[u8], shape: Shape, rows: usize) -> Option<Vec<u8>> {
    let (Some(sampling @ (Sampling::Gray | Sampling::S420)), Ok(width), Ok(height)) =
        (shape.sampling, u16::try_from(shape.width), u16::try_from(shape.height))
    else {
        return None;
    };
    let mut layout = Layout { width: shape.width, height: shape.height, sampling, stripe: 1 };
    let units = shape.height.div_ceil(layout.unit());
    layout.stripe = if rows > 0 && rows.is_multiple_of(layout.unit()) {
        (rows / layout.unit()).min(units)
    } else {
        units
    };
    let components = coefficients(jpeg).ok()?;
    let fits = |(i, c): (usize, &Component)| {
        (c.columns, c.rows) == layout.blocks(i)
            && c.steps.iter().all(|step| (1..=255).contains(step))
            && c.blocks.iter().flatten().all(|v| v.unsigned_abs() <= MAX_COEFFICIENT)
    };
    let alike = || layout.planes() == 1 || components[1].steps == components[2].steps;
    if components.len() != layout.planes() || !components.iter().enumerate().all(fits) || !alike() {
        return None;
    }
    let mut out = vec![if sampling == Sampling::Gray { GRAY } else { S420 }];
    for number in [width, height, layout.stripe as u16] {
        out.extend(number.to_le_bytes());
    }
    for component in &components[..layout.planes().min(2)] {
        let steps = component.steps.map(|step| step as u8);
        if steps == [steps[0]; 64] {
            out.push(steps[0]);
        } else {
            out.push(0);
            out.extend(steps);
        }
    }
    let coded = (0..layout.stripes()).map(|stripe| {
        let mut writer = BitWriter::new();
        code_stripe(&mut writer, &layout, stripe, &mut JpegBlocks(&components));
        writer.finish()
    });
    let coded: Vec<_> = coded.collect();
    for (bits, plain) in &coded {
        write_length(&mut out, bits.len());
        write_length(&mut out, plain.len());
    }
    coded.iter().for_each(|(bits, plain)| out.extend(bits.iter().chain(plain)));
    // Coefficients that no encoder of residuals writes may overflow here in another way than in libjpeg-turbo.
    let pays = out.len() < jpeg.len()
        && same(&Decoder.decode(&out, shape).ok()?, &JpegDecoder.decode(jpeg, shape).ok()?);
    pays.then_some(out)
}

/// Whether two images have the same samples; what lies between the rows does not count.
pub fn same(a: &Ycc, b: &Ycc) -> bool {
    fn planes(image: &Ycc) -> impl Iterator<Item = &Plane> {
        std::iter::once(&image.luma).chain(image.chroma.iter().flatten())
    }
    let equal = |(a, b): (&Plane, &Plane)| {
        (a.width(), a.height()) == (b.width(), b.height()) && (0..a.height()).all(|y| a.row(y) == b.row(y))
    };
    a.sampling == b.sampling && planes(a).zip(planes(b)).all(equal)
}

//! Coefficients to a payload: those of an encoder, or of a JPEG.

use super::arithmetic::Encoder as BitWriter;
use super::decoder::Decoder;
use super::layout::Layout;
use super::model::{Block, MAX_COEFFICIENT, ZIGZAG};
use super::payload::{GRAY, S420, write_length};
use super::stripe::{BlockPlace, Blocks, code_stripe};
use crate::codec::coefficients::{Coefficients, Factors};
use crate::codec::image_codec::{ImageDecoder, Shape};
use crate::codec::turbo::{Decoder as JpegDecoder, coefficients};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

/// The blocks of a plane, row by row.
struct Component<'a> {
    /// In zigzag order.
    steps: [u16; 64],
    blocks: &'a [Block],
    /// Blocks in a row, with those that hold no samples.
    columns: usize,
}

/// The blocks of an image, which an encoder reads.
struct Source<'a>(&'a [Component<'a>]);

impl Blocks for Source<'_> {
    fn load(&mut self, (plane, x, y): BlockPlace, block: &mut Block) {
        let of = &self.0[plane];
        *block = of.blocks[y * of.columns + x];
    }

    fn store(&mut self, _: BlockPlace, _: &Block, _: u8) {}
}

/// Packs coefficients, gray or 4:2:0, in stripes of `rows` pixel rows, of which the last may have fewer; in one stripe where `rows` is not a
/// whole number of units. `None` for other samplings.
pub fn pack_coefficients(coefficients: &Coefficients, rows: usize) -> Option<Vec<u8>> {
    let ((width, height), sampling) = coefficients.shape();
    let layout = layout(Shape { width, height, sampling: Some(sampling) }, rows)?;
    let of = |(steps, blocks, columns): (&Factors, _, _)| {
        let steps = ZIGZAG.map(|place| steps[usize::from(place)]);
        Component { steps, blocks, columns }
    };
    let components: Vec<_> = coefficients.components().map(of).collect();
    payload(&layout, &components)
}

/// As [`pack_coefficients`], of a JPEG. `None` where the payload would not be smaller than the JPEG, too.
pub fn pack(jpeg: &[u8], shape: Shape, rows: usize) -> Option<Vec<u8>> {
    let layout = layout(shape, rows)?;
    let read = coefficients(jpeg).ok()?;
    let whole = |(plane, component): (usize, &crate::codec::turbo::Component)| {
        (component.columns, component.rows) == layout.blocks(plane)
    };
    if !read.iter().take(layout.planes()).enumerate().all(whole) {
        return None;
    }
    let components: Vec<_> = read
        .iter()
        .map(|of| Component { steps: of.steps, blocks: &of.blocks, columns: of.columns })
        .collect();
    let out = payload(&layout, &components)?;
    // Coefficients that no encoder of residuals writes may overflow here in another way than in libjpeg-turbo.
    let pays = out.len() < jpeg.len()
        && same(&Decoder.decode(&out, shape).ok()?, &JpegDecoder.decode(jpeg, shape).ok()?);
    pays.then_some(out)
}

/// The sizes of a payload. `None` for an image that has none.
fn layout(shape: Shape, rows: usize) -> Option<Layout> {
    let Some(sampling @ (Sampling::Gray | Sampling::S420)) = shape.sampling else { return None };
    let mut layout = Layout { width: shape.width, height: shape.height, sampling, stripe: 1 };
    let units = shape.height.div_ceil(layout.unit());
    layout.stripe = if rows > 0 && rows.is_multiple_of(layout.unit()) {
        (rows / layout.unit()).min(units)
    } else {
        units
    };
    Some(layout)
}

/// Codes the components. `None` for what a payload cannot say.
fn payload(layout: &Layout, components: &[Component<'_>]) -> Option<Vec<u8>> {
    let fits = |c: &Component<'_>| {
        c.steps.iter().all(|step| (1..=255).contains(step))
            && c.blocks.iter().flatten().all(|v| v.unsigned_abs() <= MAX_COEFFICIENT)
    };
    let alike = || layout.planes() == 1 || components[1].steps == components[2].steps;
    if components.len() != layout.planes() || !components.iter().all(fits) || !alike() {
        return None;
    }
    let mut out = vec![if layout.sampling == Sampling::Gray { GRAY } else { S420 }];
    for number in [layout.width, layout.height, layout.stripe] {
        out.extend(u16::try_from(number).ok()?.to_le_bytes());
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
        code_stripe(&mut writer, layout, stripe, &mut Source(components))?;
        Some(writer.finish())
    });
    let coded = coded.collect::<Option<Vec<_>>>()?;
    for (bits, plain) in &coded {
        write_length(&mut out, bits.len());
        write_length(&mut out, plain.len());
    }
    coded.iter().for_each(|(bits, plain)| out.extend(bits.iter().chain(plain)));
    Some(out)
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

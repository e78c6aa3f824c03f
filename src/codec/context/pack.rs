//! Coefficients to a payload: those of an encoder, or of a JPEG.

use super::arithmetic::Encoder as BitWriter;
use super::cell::{BlockPlace, Blocks, code_cell};
use super::decoder::Decoder;
use super::layout::Layout;
use super::model::{Block, MAX_COEFFICIENT, ZIGZAG};
use super::payload::{MAX_CELLS, head, write_length};
use super::start;
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

/// The shortest side of a cell in pixels: smaller ones learn too little of what they hold, and are stripes as wide as the image.
const MIN_CELL: usize = 192;

/// Packs coefficients, gray or 4:2:0, in cells of `side` x `side` pixels, of which the last may be smaller; in one cell where `side` is not a
/// whole number of units. `None` for other samplings.
pub fn pack_coefficients(coefficients: &Coefficients, side: usize) -> Option<Vec<u8>> {
    let ((width, height), sampling) = coefficients.shape();
    let layout = layout(Shape { width, height, sampling: Some(sampling) }, side)?;
    let of = |(steps, blocks, columns): (&Factors, _, _)| {
        let steps = ZIGZAG.map(|place| steps[usize::from(place)]);
        Component { steps, blocks, columns }
    };
    let components: Vec<_> = coefficients.components().map(of).collect();
    payload(&layout, &components)
}

/// As [`pack_coefficients`], of a JPEG. `None` where the payload would not be smaller than the JPEG, too.
pub fn pack(jpeg: &[u8], shape: Shape, side: usize) -> Option<Vec<u8>> {
    let layout = layout(shape, side)?;
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
fn layout(shape: Shape, side: usize) -> Option<Layout> {
    let Some(sampling @ (Sampling::Gray | Sampling::S420)) = shape.sampling else { return None };
    let mut layout = Layout { width: shape.width, height: shape.height, sampling, cell: (1, 1) };
    layout.cell = layout.units();
    // Units are square.
    let unit = layout.unit().0;
    if side > 0 && side.is_multiple_of(unit) {
        layout.cell.1 = layout.cell.1.min(side / unit);
        if side >= MIN_CELL {
            layout.cell.0 = layout.cell.0.min(side / unit);
        }
    }
    let (across, down) = layout.cells();
    if across * down > MAX_CELLS {
        layout.cell = layout.units();
    }
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
    let mut out = head(layout)?;
    for component in &components[..layout.planes().min(2)] {
        let steps = component.steps.map(|step| step as u8);
        if steps == [steps[0]; 64] {
            out.push(steps[0]);
        } else {
            out.push(0);
            out.extend(steps);
        }
    }
    let (across, down) = layout.cells();
    let coded = (0..across * down).map(|cell| {
        let (mut writer, cell) = (BitWriter::new(), (cell % across, cell / across));
        code_cell(&mut writer, layout, cell, start::trained(), &mut Source(components))?;
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

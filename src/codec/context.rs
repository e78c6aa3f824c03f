//! Residuals by a coder of this project's own: the quantised DCT coefficients of a JPEG, by context-adaptive binary arithmetic coding.
//!
//! A JPEG that an encoder made is taken apart and its coefficients are coded anew; no JPEG comes back, only its samples, exactly. That
//! is smaller than the same coefficients in Lepton, which is made for photographs, and twice as quick to decode: no file has to be
//! put together to be taken apart again. An image is coded in stripes that do not know of each other. Format: section 7.1 of
//! `docs/format.md`.

mod arithmetic;
mod model;
#[cfg(test)]
mod tests;
mod transform;

use std::ops::Range;

use arithmetic::{Coder, Decoder as Bits, Encoder as BitWriter};
use model::{Around, Block, Model, Sizes, ZIGZAG};
use transform::{Samples, Steps, inverse};

use super::turbo::{Component, coefficients};
use super::{ImageDecoder, JpegDecoder, Shape};
use crate::codec::error::{Error, Result};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

/// The first byte of a payload: version and sampling.
const GRAY: u8 = 0x10;
const S420: u8 = 0x12;
/// Samples of a block, each way.
const BLOCK: usize = 8;

fn damaged(problem: impl Into<String>) -> Error {
    Error::Image { what: "context-coded residual".into(), problem: problem.into() }
}

/// Sizes of an image in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    width: usize,
    height: usize,
    sampling: Sampling,
    /// Rows of units in a stripe, at least 1.
    stripe: usize,
}

impl Layout {
    fn planes(&self) -> usize {
        if self.sampling == Sampling::Gray { 1 } else { 3 }
    }

    /// Rows of blocks of a plane in a unit.
    fn unit_rows(&self, plane: usize) -> usize {
        if plane == 0 { self.sampling.factors().1 } else { 1 }
    }

    /// Pixel rows of a unit.
    fn unit(&self) -> usize {
        BLOCK * self.unit_rows(0)
    }

    fn size(&self, plane: usize) -> (usize, usize) {
        if plane == 0 {
            (self.width, self.height)
        } else {
            self.sampling.chroma_size(self.width, self.height)
        }
    }

    /// Columns and rows of blocks of a plane.
    fn blocks(&self, plane: usize) -> (usize, usize) {
        let (width, height) = self.size(plane);
        (width.div_ceil(BLOCK), height.div_ceil(BLOCK))
    }

    /// Gives an image this shape; its samples are then anything.
    fn shape(&self, image: &mut Ycc) {
        image.luma.reset(self.width, self.height);
        image.sampling = self.sampling;
        if self.sampling == Sampling::Gray {
            image.chroma = None;
        } else {
            let (width, height) = self.size(1);
            image.chroma.get_or_insert_default().iter_mut().for_each(|plane| plane.reset(width, height));
        }
    }

    fn stripes(&self) -> usize {
        self.height.div_ceil(self.unit()).div_ceil(self.stripe)
    }

    /// Rows of blocks of a plane in a stripe.
    fn rows(&self, plane: usize, stripe: usize) -> Range<usize> {
        let rows = self.stripe * self.unit_rows(plane);
        let end = self.blocks(plane).1;
        (stripe * rows).min(end)..((stripe + 1) * rows).min(end)
    }
}

/// Where blocks come from and go to: plane, column, row.
trait Blocks {
    /// What an encoder codes; a decoder leaves the zeros that are there.
    fn load(&mut self, at: (usize, usize, usize), block: &mut Block);
    /// What a decoder has got, and how many of it are not zero.
    fn store(&mut self, at: (usize, usize, usize), block: &Block, count: u8);
}

/// Codes one stripe: luma, row by row, then Cb, then Cr.
fn code_stripe<C: Coder>(coder: &mut C, layout: &Layout, stripe: usize, blocks: &mut impl Blocks) {
    const NOTHING: Sizes = [0; 64];
    let mut models = [Model::NEW, Model::NEW];
    // Counts of the stripe's blocks, plane by plane, for the planes that follow.
    let mut counts: [Vec<u8>; 3] = Default::default();
    for plane in 0..layout.planes() {
        let (columns, rows) = (layout.blocks(plane).0, layout.rows(plane, stripe));
        let model = &mut models[plane.min(1)];
        let mut own = vec![0u8; columns * rows.len()];
        let (mut above, mut current) = (vec![NOTHING; columns + 1], vec![NOTHING; columns + 1]);
        for (y, row) in rows.enumerate() {
            for x in 0..columns {
                let at = y * columns + x;
                let up = if y > 0 { Some(own[at - columns]) } else { None };
                let back = if x > 0 { Some(own[at - 1]) } else { None };
                let beside = match (up, back) {
                    (Some(up), Some(back)) => (up + back).div_ceil(2),
                    (one, other) => one.or(other).unwrap_or(0),
                };
                let hint = match plane {
                    0 if y > 0 && x + 1 < columns => own[at - columns + 1],
                    0 => up.or(back).unwrap_or(0),
                    1 => mean_of_four(&counts[0], layout.blocks(0).0, x, y),
                    _ => counts[1][at],
                };
                // Shifted by one: the first is nothing, left of the edge.
                let (before, now) = current.split_at_mut(x + 1);
                let around =
                    Around { above: &above[x + 1], left: &before[x], corner: &above[x], beside, hint };
                let mut block = [0; 64];
                blocks.load((plane, x, row), &mut block);
                own[at] = model::code(coder, model, &around, &mut block, &mut now[0]);
                blocks.store((plane, x, row), &block, own[at]);
            }
            std::mem::swap(&mut above, &mut current);
        }
        counts[plane] = own;
    }
}

/// Mean count of the luma blocks that a chroma block covers; what lies beyond the edge counts as none.
fn mean_of_four(luma: &[u8], columns: usize, x: usize, y: usize) -> u8 {
    let count = |x: usize, y: usize| {
        let of = if x < columns { luma.get(y * columns + x) } else { None };
        u16::from(of.copied().unwrap_or(0))
    };
    let sum =
        count(2 * x, 2 * y) + count(2 * x + 1, 2 * y) + count(2 * x, 2 * y + 1) + count(2 * x + 1, 2 * y + 1);
    ((sum + 2) / 4) as u8
}

/// A JPEG's blocks on their way in.
struct Source<'a>(&'a [Component]);

impl Blocks for Source<'_> {
    fn load(&mut self, (plane, x, y): (usize, usize, usize), block: &mut Block) {
        let of = &self.0[plane];
        *block = of.blocks[y * of.columns + x];
    }

    fn store(&mut self, _: (usize, usize, usize), _: &Block, _: u8) {}
}

/// Planes on their way out.
struct Target<'a> {
    planes: [Option<&'a mut Plane>; 3],
    steps: &'a [Steps; 2],
}

impl Blocks for Target<'_> {
    fn load(&mut self, _: (usize, usize, usize), _: &mut Block) {}

    #[inline(always)]
    fn store(&mut self, (plane, x, y): (usize, usize, usize), block: &Block, count: u8) {
        let mut samples = Samples::default();
        inverse(block, count, &self.steps[plane.min(1)], &mut samples);
        let Some(plane) = &mut self.planes[plane] else { return };
        let (left, top) = (BLOCK * x, BLOCK * y);
        let (width, height, stride) = (plane.width() - left, plane.height() - top, plane.stride());
        let rows = plane.data_mut()[top * stride + left..].chunks_mut(stride).take(height);
        for (row, samples) in rows.zip(&samples) {
            match row.first_chunk_mut::<BLOCK>() {
                Some(whole) if width >= BLOCK => *whole = *samples,
                _ => row[..width].copy_from_slice(&samples[..width]),
            }
        }
    }
}

/// Repacks a JPEG, gray or 4:2:0, in stripes of `rows` pixel rows, of which the last may have fewer; in one stripe where `rows` is no
/// whole number of units. `None` where that cannot be done or does not pay.
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
            && c.blocks.iter().flatten().all(|v| v.unsigned_abs() <= model::LARGEST)
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
        code_stripe(&mut writer, &layout, stripe, &mut Source(&components));
        writer.finish()
    });
    let coded: Vec<_> = coded.collect();
    for (bits, plain) in &coded {
        write_length(&mut out, bits.len());
        write_length(&mut out, plain.len());
    }
    coded.iter().for_each(|(bits, plain)| out.extend(bits.iter().chain(plain)));
    // What no encoder of residuals writes may overflow here in one way and in libjpeg-turbo in another.
    let pays = out.len() < jpeg.len()
        && same(&Decoder.decode(&out, shape).ok()?, &JpegDecoder.decode(jpeg, shape).ok()?);
    pays.then_some(out)
}

/// The same samples, whatever lies between the rows.
fn same(a: &Ycc, b: &Ycc) -> bool {
    fn planes(image: &Ycc) -> impl Iterator<Item = &Plane> {
        std::iter::once(&image.luma).chain(image.chroma.iter().flatten())
    }
    let equal = |(a, b): (&Plane, &Plane)| {
        (a.width(), a.height()) == (b.width(), b.height()) && (0..a.height()).all(|y| a.row(y) == b.row(y))
    };
    a.sampling == b.sampling && planes(a).zip(planes(b)).all(equal)
}

/// Seven bits a byte, the lowest first; the highest bit says that there is more.
fn write_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn read_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let byte = bytes.split_off_first()?;
        length |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

/// A payload, taken apart.
struct Payload<'a> {
    layout: Layout,
    /// Of luma, of chroma; row by row.
    steps: [Steps; 2],
    /// Coded and plain bits of each stripe.
    stripes: Vec<[&'a [u8]; 2]>,
}

impl<'a> Payload<'a> {
    /// Every size held to what belongs there and to what is there.
    fn parse(bytes: &'a [u8], expect: Shape) -> Result<Self> {
        let Some((&[kind, w0, w1, h0, h1, s0, s1], mut rest)) = bytes.split_first_chunk::<7>() else {
            return Err(damaged("it is shorter than its header"));
        };
        let sampling = match kind {
            GRAY => Sampling::Gray,
            S420 => Sampling::S420,
            other => {
                return Err(damaged(format!(
                    "it begins with {other:#04x}, which this version does not know"
                )));
            }
        };
        let [width, height, stripe] =
            [[w0, w1], [h0, h1], [s0, s1]].map(|n| usize::from(u16::from_le_bytes(n)));
        if (width, height) != (expect.width, expect.height) {
            let (w, h) = (expect.width, expect.height);
            return Err(damaged(format!("the image is {width}x{height} where {w}x{h} belongs")));
        }
        if let Some(belongs) = expect.sampling.filter(|&belongs| belongs != sampling) {
            return Err(damaged(format!("the sampling is {sampling:?} where {belongs:?} belongs")));
        }
        let layout = Layout { width, height, sampling, stripe };
        if stripe == 0 || width == 0 || height == 0 {
            return Err(damaged("its stripes are empty"));
        }
        let short = || damaged("it ends within its header");
        let mut steps = [[0; 64]; 2];
        for steps in &mut steps[..layout.planes().min(2)] {
            *steps = read_steps(&mut rest).ok_or_else(short)?;
        }
        // No more stripes than bytes for their lengths.
        if layout.stripes() > rest.len() {
            return Err(short());
        }
        let mut lengths = Vec::with_capacity(layout.stripes());
        for _ in 0..layout.stripes() {
            lengths
                .push([read_length(&mut rest).ok_or_else(short)?, read_length(&mut rest).ok_or_else(short)?]);
        }
        let mut stripes = Vec::with_capacity(lengths.len());
        for lengths in lengths {
            let mut part =
                |length| rest.split_off(..length).ok_or_else(|| damaged("it ends within a stripe"));
            stripes.push([part(lengths[0])?, part(lengths[1])?]);
        }
        if !rest.is_empty() {
            return Err(damaged(format!("{} bytes are left behind its last stripe", rest.len())));
        }
        Ok(Self { layout, steps, stripes })
    }

    fn decode(&self, stripes: Range<usize>, image: &mut Ycc) {
        let [cb, cr] = image.chroma.as_mut().map_or([None, None], |planes| planes.each_mut().map(Some));
        let mut target = Target { planes: [Some(&mut image.luma), cb, cr], steps: &self.steps };
        for stripe in stripes {
            let [coded, plain] = self.stripes[stripe];
            code_stripe(&mut Bits::new(coded, plain), &self.layout, stripe, &mut target);
        }
    }
}

/// One step for all frequencies, or 0 and a step for each in zigzag order.
fn read_steps(bytes: &mut &[u8]) -> Option<Steps> {
    let mut steps = [0; 64];
    match bytes.split_off_first()? {
        0 => {
            let (each, rest) = bytes.split_first_chunk::<64>().filter(|(each, _)| !each.contains(&0))?;
            *bytes = rest;
            each.iter().zip(ZIGZAG).for_each(|(&step, place)| steps[usize::from(place)] = u16::from(step));
        }
        &one => steps = [u16::from(one); 64],
    }
    Some(steps)
}

/// Decodes what [`pack`] gives.
pub struct Decoder;

impl ImageDecoder for Decoder {
    fn decode_into(&mut self, bytes: &[u8], expect: Shape, image: &mut Ycc) -> Result<()> {
        let payload = Payload::parse(bytes, expect)?;
        payload.layout.shape(image);
        payload.decode(0..payload.stripes.len(), image);
        Ok(())
    }

    fn decode_stripe(
        &mut self,
        bytes: &[u8],
        expect: Shape,
        rows: Range<usize>,
        image: &mut Ycc,
    ) -> Result<bool> {
        let payload = Payload::parse(bytes, expect)?;
        let stripe = payload.layout.stripe * payload.layout.unit();
        let stripes = rows.start / stripe..rows.end.min(expect.height).div_ceil(stripe);
        if rows.is_empty() || stripes.is_empty() || stripes.len() >= payload.stripes.len() {
            return Ok(false);
        }
        // What earlier calls put there stays: the shape is then the same.
        payload.layout.shape(image);
        payload.decode(stripes, image);
        Ok(true)
    }
}

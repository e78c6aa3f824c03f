//! The decoder of JPEG payloads: all of an image, or the samples of a part, from known entry points where there are some.
//!
//! Files of one sequential scan are decoded here. Whatever is unusual or damaged is left to libjpeg-turbo, which decides whether it is an image
//! and says what is wrong.

use std::ops::Range;

use super::batch::{Batch, write};
use super::block::SIDE;
use super::entry::{EntryPoints, Trail};
use super::lookup::{Bits, Lookup};
use super::packed::{PackedImage, PackedPlane};
use super::tables::{Component, Tables, with_tables};
use crate::codec::error::Result;
use crate::codec::image_codec::{ImageDecoder, Shape};
use crate::codec::jpeg::stripes::Striped;
use crate::codec::turbo;
use crate::image::geometry::Rect;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};

/// JPEG to planes: those of [`turbo::Decoder`], sooner.
#[derive(Default)]
pub struct Decoder;

impl ImageDecoder for Decoder {
    fn decode_into(&mut self, bytes: &[u8], expect: Shape, image: &mut Ycc) -> Result<()> {
        if decode(bytes, expect, None, None, image).is_some() {
            return Ok(());
        }
        turbo::Decoder.decode_into(bytes, expect, image)
    }

    fn decode_part(&mut self, bytes: &[u8], expect: Shape, part: Rect, image: &mut Ycc) -> Result<bool> {
        self.decode_part_from(None, bytes, expect, part, image)
    }

    fn decode_part_from(
        &mut self,
        points: Option<&EntryPoints>,
        bytes: &[u8],
        expect: Shape,
        part: Rect,
        image: &mut Ycc,
    ) -> Result<bool> {
        if decode(bytes, expect, Some(part), points, image).is_some() {
            return Ok(true);
        }
        turbo::Decoder.decode_part(bytes, expect, part, image)
    }
}

/// Decodes all, or a part. `None`: the file is left to libjpeg-turbo, and the samples of the part are unspecified.
pub(super) fn decode(
    bytes: &[u8],
    expect: Shape,
    part: Option<Rect>,
    points: Option<&EntryPoints>,
    image: &mut Ycc,
) -> Option<()> {
    let striped = Striped::parse(bytes)?;
    let Shape { width, height, sampling } = striped.shape();
    let sampling = sampling?;
    if (width, height) != (expect.width, expect.height) || expect.sampling.is_some_and(|s| s != sampling) {
        return None;
    }
    let (columns, rows) = part.map_or((0..width, 0..height), |part| (part.columns(), part.rows()));
    if part.is_some() && points.is_none() && striped.intervals().len() == 1 && columns.len() == width {
        // Every bit is read for any rows.
        return None;
    }
    image.lay_out(sampling, width, height);
    with_tables(striped.head(), |tables| decode_intervals(&striped, tables, (columns, rows), points, image))
}

/// The coefficients of a file as a device takes them. `None`: the file is left to [`Decoder`].
pub fn packed(bytes: &[u8], expect: Shape) -> Option<PackedImage> {
    let striped = Striped::parse(bytes)?;
    let Shape { width, height, sampling } = striped.shape();
    let sampling = sampling?;
    if (width, height) != (expect.width, expect.height) || expect.sampling.is_some_and(|s| s != sampling) {
        return None;
    }
    with_tables(striped.head(), |tables| {
        let (fx, fy) = sampling.factors();
        let sizes =
            [(width, height), sampling.chroma_size(width, height), sampling.chroma_size(width, height)];
        let count = if sampling == Sampling::Gray { 1 } else { 3 };
        let components = tables.components.get(..count)?;
        let mut planes = Vec::with_capacity(count);
        for (component, size) in components.iter().zip(sizes) {
            let mut steps = [0; SIDE * SIDE];
            for (step, &factor) in steps.iter_mut().zip(&component.steps) {
                *step = u8::try_from(factor).ok()?;
            }
            planes.push(PackedPlane::new(size, steps));
        }
        for (index, interval) in striped.intervals().iter().enumerate() {
            let top = index * striped.rows();
            let rows = top / (fy * SIDE)..(top + striped.rows()).min(height).div_ceil(fy * SIDE);
            pack_interval(
                &mut Bits::new(interval),
                tables,
                (width.div_ceil(fx * SIDE), rows),
                (fx, fy),
                &mut planes,
            )?;
        }
        Some(PackedImage { size: (width, height), sampling, planes })
    })
}

/// Packs the blocks of an interval of so many MCUs across and these rows of MCUs.
fn pack_interval(
    bits: &mut Bits<'_>,
    tables: &Tables,
    (columns, rows): (usize, Range<usize>),
    (fx, fy): (usize, usize),
    planes: &mut [PackedPlane],
) -> Option<()> {
    let code = |index: usize| tables.codes.get(index)?.as_deref();
    let mut before = [0; 3];
    for row in rows {
        for column in 0..columns {
            for (index, (plane, component)) in planes.iter_mut().zip(&tables.components).enumerate() {
                let (dc, ac) = (code(component.dc)?, code(component.ac)?);
                let (across, down) = if index == 0 { (fx, fy) } else { (1, 1) };
                for part in 0..across * down {
                    let mut block = [0; SIDE * SIDE];
                    before[index % 3] += bits.dc(dc)?;
                    block[0] = i16::try_from(before[index % 3]).ok()?;
                    bits.ac::<true>(ac, &mut block)?;
                    plane.push(&block, (across * column + part % across, down * row + part / across));
                }
            }
        }
        bits.is_inside().then_some(())?;
    }
    bits.is_at_end().then_some(())
}

/// Decodes the samples in these columns and rows to an image that was laid out for the file.
fn decode_intervals(
    striped: &Striped<'_>,
    tables: &Tables,
    (columns, rows): (Range<usize>, Range<usize>),
    points: Option<&EntryPoints>,
    image: &mut Ycc,
) -> Option<()> {
    let (Shape { width, height, .. }, sampling) = (striped.shape(), image.sampling);
    let (fx, fy) = sampling.factors();
    let mcus =
        |range: Range<usize>, factor: usize| range.start / (factor * SIDE)..range.end.div_ceil(factor * SIDE);
    let wanted = (mcus(columns, fx), mcus(rows.clone(), fy));
    let across = width.div_ceil(fx * SIDE);
    let intervals = rows.start / striped.rows()..rows.end.div_ceil(striped.rows());
    for (index, interval) in striped.intervals().iter().enumerate().take(intervals.end).skip(intervals.start)
    {
        let top = index * striped.rows();
        let bottom = (top + striped.rows()).min(height);
        let own = mcus(top..bottom, fy);
        let mut scan = Scan {
            bits: Bits::new(interval),
            tables,
            sampling,
            columns: across,
            // What follows the last row that is wanted is not read.
            rows: own.start..own.end.min(wanted.1.end),
            wanted: wanted.clone(),
            trail: Trail::new(points, (index, striped.intervals().len()), across, fx * SIDE),
        };
        let last = match sampling {
            Sampling::Gray => gray_rows(&mut scan, &mut image.luma)?,
            _ => colour_rows(&mut scan, image)?,
        };
        let is_read_to_its_end = own.end <= wanted.1.end && last == across;
        (!is_read_to_its_end || scan.bits.is_at_end()).then_some(())?;
        scan.trail.keep();
    }
    Some(())
}

/// An interval of a scan and how it is decoded.
struct Scan<'a> {
    bits: Bits<'a>,
    tables: &'a Tables,
    sampling: Sampling,
    /// MCUs across.
    columns: usize,
    /// Its rows of MCUs, up to the last one that is wanted.
    rows: Range<usize>,
    /// The columns and rows of MCUs whose samples are wanted.
    wanted: (Range<usize>, Range<usize>),
    /// Where its MCUs begin, as far as that is known.
    trail: Trail<'a>,
}

impl Scan<'_> {
    /// The rows to read: not those above the ones that are wanted, where their ends are known.
    fn rows_to_read(&self) -> Range<usize> {
        let known = self.rows.start + self.trail.rows();
        known.min(self.wanted.1.start).clamp(self.rows.start, self.rows.end)..self.rows.end
    }

    /// The columns of MCUs of a row whose samples are wanted.
    fn wanted_in(&self, row: usize) -> Range<usize> {
        if self.wanted.1.contains(&row) { self.wanted.0.clone() } else { 0..0 }
    }

    /// The columns of MCUs of a row that are read. Moves to the first of them, before which `before` are the DC coefficients.
    fn enter<const N: usize>(&mut self, row: usize, before: [&mut i32; N]) -> Range<usize> {
        let Some((column, point)) = self.trail.enter(row - self.rows.start, self.wanted.0.start) else {
            return 0..self.columns;
        };
        self.bits.go_to(point.bits);
        before.into_iter().zip(point.before).for_each(|(before, known)| *before = known.into());
        let is_known = row - self.rows.start < self.trail.rows();
        column..if is_known { self.wanted.0.end } else { self.columns }
    }
}

/// The rows of an interval of one component. Returns the last column that was read, or `None`: libjpeg decides.
fn gray_rows(scan: &mut Scan<'_>, plane: &mut Plane) -> Option<usize> {
    let mut decoder = ComponentDecoder::new(scan.tables, scan.tables.components.first()?)?;
    let mut last = 0;
    for row in scan.rows_to_read() {
        let wanted = scan.wanted_in(row);
        let columns = scan.enter(row, [&mut decoder.before]);
        last = columns.end;
        for column in columns {
            decoder.block(&mut scan.bits, plane, (column, row), wanted.contains(&column))?;
            scan.trail.pass(row - scan.rows.start, column, &scan.bits, [decoder.before]);
        }
        scan.bits.is_inside().then_some(())?;
    }
    decoder.finish(plane)?;
    Some(last)
}

/// The rows of an interval of three components. Returns the last column that was read, or `None`: libjpeg decides.
fn colour_rows(scan: &mut Scan<'_>, image: &mut Ycc) -> Option<usize> {
    let [first, second, third] = scan.tables.components.first_chunk()?;
    let mut luma = ComponentDecoder::new(scan.tables, first)?;
    let mut chroma =
        [ComponentDecoder::new(scan.tables, second)?, ComponentDecoder::new(scan.tables, third)?];
    let planes = image.chroma.as_mut()?;
    let (across, down) = scan.sampling.factors();
    let mut last = 0;
    for row in scan.rows_to_read() {
        let wanted = scan.wanted_in(row);
        let [cb, cr] = &mut chroma;
        let columns = scan.enter(row, [&mut luma.before, &mut cb.before, &mut cr.before]);
        last = columns.end;
        for column in columns {
            let wanted = wanted.contains(&column);
            for index in 0..across * down {
                let place = (across * column + index % across, down * row + index / across);
                luma.block(&mut scan.bits, &mut image.luma, place, wanted)?;
            }
            for (decoder, plane) in chroma.iter_mut().zip(&mut *planes) {
                decoder.block(&mut scan.bits, plane, (column, row), wanted)?;
            }
            let before = [luma.before, chroma[0].before, chroma[1].before];
            scan.trail.pass(row - scan.rows.start, column, &scan.bits, before);
        }
        scan.bits.is_inside().then_some(())?;
    }
    luma.finish(&mut image.luma)?;
    let [cb, cr] = chroma;
    cb.finish(&mut planes[0])?;
    cr.finish(&mut planes[1])?;
    Some(last)
}

/// Decodes the blocks of a component in order.
struct ComponentDecoder<'a> {
    dc: &'a Lookup,
    ac: &'a Lookup,
    /// The DC coefficient of the block before.
    before: i32,
    batch: Batch<'a>,
    /// Cleared where libjpeg decides.
    good: bool,
}

impl<'a> ComponentDecoder<'a> {
    fn new(tables: &'a Tables, component: &'a Component) -> Option<Self> {
        let code = |index: usize| tables.codes.get(index)?.as_deref();
        let (dc, ac) = (code(component.dc)?, code(component.ac)?);
        Some(Self { dc, ac, before: 0, batch: Batch::new(&component.steps), good: true })
    }

    /// Reads a block. Its samples go to the column and row of blocks `place`, if they are wanted.
    #[inline(always)]
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        plane: &mut Plane,
        place: (usize, usize),
        wanted: bool,
    ) -> Option<()> {
        self.before += bits.dc(self.dc)?;
        let dc = i16::try_from(self.before).ok()?;
        if !wanted {
            return bits.ac::<false>(self.ac, &mut [0; SIDE * SIDE]).map(|_| ());
        }
        let block = self.batch.free();
        block[0] = dc;
        if !bits.ac::<true>(self.ac, block)? {
            self.batch.write_mean(dc, place, plane, &mut self.good);
        } else if self.batch.push(place) {
            write(&mut self.batch, plane, &mut self.good);
        }
        Some(())
    }

    /// Writes what waits. Returns whether all decoders agree about the samples.
    #[inline(always)]
    fn finish(mut self, plane: &mut Plane) -> Option<()> {
        write(&mut self.batch, plane, &mut self.good);
        self.good.then_some(())
    }
}

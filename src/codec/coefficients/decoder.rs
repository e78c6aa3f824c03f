//! The decoder of JPEG payloads: all of an image, or the samples of a part.
//!
//! Files of one sequential scan are decoded here. Whatever is unusual or damaged is left to libjpeg-turbo, which decides whether it is an image
//! and says what is wrong.

use std::ops::Range;

use super::block::{Block, Factors, SIDE, Samples};
use super::dct::{CENTER, MAX_SAMPLE, inverse};
use super::lookup::{Bits, Lookup};
use super::tables::{Component, Tables};
use super::vector::{Vector, by_level};
use crate::codec::error::Result;
use crate::codec::image_codec::{ImageDecoder, Shape};
use crate::codec::jpeg::lay_out;
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
        if decode(bytes, expect, None, image).is_some() {
            return Ok(());
        }
        turbo::Decoder.decode_into(bytes, expect, image)
    }

    fn decode_part(&mut self, bytes: &[u8], expect: Shape, part: Rect, image: &mut Ycc) -> Result<bool> {
        if decode(bytes, expect, Some(part), image).is_some() {
            return Ok(true);
        }
        turbo::Decoder.decode_part(bytes, expect, part, image)
    }
}

/// Decodes all, or a part. `None`: the file is left to libjpeg-turbo, and the samples of the part are unspecified.
pub(super) fn decode(bytes: &[u8], expect: Shape, part: Option<Rect>, image: &mut Ycc) -> Option<()> {
    let striped = Striped::parse(bytes)?;
    let (shape, tables) = (striped.shape(), Tables::parse(striped.head())?);
    let (width, height, sampling) = (shape.width, shape.height, shape.sampling?);
    if (width, height) != (expect.width, expect.height) || expect.sampling.is_some_and(|s| s != sampling) {
        return None;
    }
    let (columns, rows) = part.map_or((0..width, 0..height), |part| (part.columns(), part.rows()));
    if part.is_some() && striped.intervals().len() == 1 && columns.len() == width {
        // Every bit is read for any rows.
        return None;
    }
    lay_out(image, sampling, width, height);
    let (fx, fy) = sampling.factors();
    let mcus =
        |range: Range<usize>, factor: usize| range.start / (factor * SIDE)..range.end.div_ceil(factor * SIDE);
    let wanted = (mcus(columns, fx), mcus(rows.clone(), fy));
    let intervals = rows.start / striped.rows()..rows.end.div_ceil(striped.rows());
    for (index, interval) in striped.intervals().iter().enumerate().take(intervals.end).skip(intervals.start)
    {
        let top = index * striped.rows();
        let bottom = (top + striped.rows()).min(height);
        let mut scan = Scan {
            bits: Bits::new(interval),
            tables: &tables,
            sampling,
            columns: width.div_ceil(fx * SIDE),
            rows: mcus(top..bottom, fy),
            wanted: wanted.clone(),
            good: true,
        };
        decode_interval(&mut scan, image);
        if !(scan.good && scan.bits.is_at_end()) {
            return None;
        }
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
    /// Its rows of MCUs.
    rows: Range<usize>,
    /// The columns and rows of MCUs whose samples are wanted.
    wanted: (Range<usize>, Range<usize>),
    /// Cleared where libjpeg decides.
    good: bool,
}

impl Scan<'_> {
    /// The columns of MCUs of a row whose samples are wanted.
    fn wanted_in(&self, row: usize) -> Range<usize> {
        if self.wanted.1.contains(&row) { self.wanted.0.clone() } else { 0..0 }
    }
}

by_level! {
    fn decode_interval => decode_interval_with(scan: &mut Scan<'_>, image: &mut Ycc)
}

#[inline(always)]
fn decode_interval_with<V: Vector>(scan: &mut Scan<'_>, image: &mut Ycc) {
    let done = match scan.sampling {
        Sampling::Gray => gray_rows::<V>(scan, &mut image.luma),
        _ => colour_rows::<V>(scan, image),
    };
    scan.good &= done.is_some();
}

/// The rows of an interval of one component.
#[inline(always)]
fn gray_rows<V: Vector>(scan: &mut Scan<'_>, plane: &mut Plane) -> Option<()> {
    let component = scan.tables.components.first()?;
    let mut decoder = ComponentDecoder::new(scan.tables, component)?;
    for row in scan.rows.clone() {
        let wanted = scan.wanted_in(row);
        for column in 0..scan.columns {
            match wanted.contains(&column) {
                true => scan.good &= decoder.block::<V>(&mut scan.bits, plane, (column, row))?,
                false => decoder.pass(&mut scan.bits)?,
            }
        }
        scan.bits.is_inside().then_some(())?;
    }
    Some(())
}

/// The rows of an interval of three components.
#[inline(always)]
fn colour_rows<V: Vector>(scan: &mut Scan<'_>, image: &mut Ycc) -> Option<()> {
    let [luma, cb, cr] = scan.tables.components.first_chunk()?;
    let mut decoders = [
        ComponentDecoder::new(scan.tables, luma)?,
        ComponentDecoder::new(scan.tables, cb)?,
        ComponentDecoder::new(scan.tables, cr)?,
    ];
    let chroma = image.chroma.as_mut()?;
    let (across, down) = scan.sampling.factors();
    for row in scan.rows.clone() {
        let wanted = scan.wanted_in(row);
        for column in 0..scan.columns {
            let wanted = wanted.contains(&column);
            for index in 0..across * down {
                let place = (across * column + index % across, down * row + index / across);
                match wanted {
                    true => scan.good &= decoders[0].block::<V>(&mut scan.bits, &mut image.luma, place)?,
                    false => decoders[0].pass(&mut scan.bits)?,
                }
            }
            for (decoder, plane) in decoders[1..].iter_mut().zip(&mut *chroma) {
                match wanted {
                    true => scan.good &= decoder.block::<V>(&mut scan.bits, plane, (column, row))?,
                    false => decoder.pass(&mut scan.bits)?,
                }
            }
        }
        scan.bits.is_inside().then_some(())?;
    }
    Some(())
}

/// Decodes the blocks of a component in order.
struct ComponentDecoder<'a> {
    dc: &'a Lookup,
    ac: &'a Lookup,
    factors: &'a Factors,
    /// The DC coefficient of the block before.
    before: i32,
}

impl<'a> ComponentDecoder<'a> {
    fn new(tables: &'a Tables, component: &'a Component) -> Option<Self> {
        let code = |index: usize| tables.codes.get(index)?.as_deref();
        Some(Self { dc: code(component.dc)?, ac: code(component.ac)?, factors: &component.steps, before: 0 })
    }

    /// Reads a block whose samples nobody wants.
    #[inline(always)]
    fn pass(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        self.before += bits.dc(self.dc)?;
        bits.ac::<false>(self.ac, &mut [0; SIDE * SIDE])?;
        i16::try_from(self.before).ok().map(|_| ())
    }

    /// Writes the samples of a block, whose column and row of blocks is `place`, where they lie inside the plane. Returns whether decoders agree
    /// about them.
    #[inline(always)]
    fn block<V: Vector>(
        &mut self,
        bits: &mut Bits<'_>,
        plane: &mut Plane,
        place: (usize, usize),
    ) -> Option<bool> {
        let mut block: Block = [0; SIDE * SIDE];
        self.before += bits.dc(self.dc)?;
        block[0] = i16::try_from(self.before).ok()?;
        let (left, top) = (SIDE * place.0, SIDE * place.1);
        if !bits.ac::<true>(self.ac, &mut block)? {
            let mean = (self.before * i32::from(self.factors[0]) + 4) >> 3;
            let samples = [[(mean + CENTER).clamp(0, 255) as u8; SIDE]; SIDE];
            store(&samples, plane, left, top);
            return Some(mean.abs() <= MAX_SAMPLE);
        }
        let mut samples: Samples = [[0; SIDE]; SIDE];
        let good = inverse::<V>(&block, self.factors, &mut samples);
        store(&samples, plane, left, top);
        Some(good)
    }
}

/// Writes samples where they lie inside their plane.
#[inline(always)]
fn store(samples: &Samples, plane: &mut Plane, left: usize, top: usize) {
    let (width, height, stride) = (plane.width(), plane.height(), plane.stride());
    if left >= width || top >= height {
        return;
    }
    let rows = plane.data_mut()[top * stride + left..].chunks_mut(stride).take(height - top);
    for (row, samples) in rows.zip(samples) {
        match row.first_chunk_mut::<SIDE>() {
            Some(whole) if width - left >= SIDE => *whole = *samples,
            _ => row[..width - left].copy_from_slice(&samples[..width - left]),
        }
    }
}

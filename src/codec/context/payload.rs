//! The bytes around the coded cells: size, quantiser steps, lengths.

use std::ops::Range;

use super::arithmetic::Decoder;
use super::cell::{Blocks, code_cell};
use super::layout::Layout;
use super::model::{Model, ZIGZAG};
use super::start;
use crate::codec::coefficients::Factors;
use crate::codec::error::{Error, Result};
use crate::codec::image_codec::Shape;
use crate::image::ycc::Sampling;

/// The version, which is the upper half of a payload's first byte. This one has cells, and contexts that begin as trained.
const CELLS: u8 = 2;
/// The version before: its cells are stripes as wide as the image, and its contexts begin without knowledge.
const STRIPES: u8 = 1;
/// Most cells of a payload; a family has 16. Each begins with a copy of all contexts, so a few bytes must not claim millions of them.
pub const MAX_CELLS: usize = 1024;
/// The lower half: the sampling.
const GRAY: u8 = 0;
const S420: u8 = 2;

/// The first bytes of a payload that is written. `None` for an image that is too large.
pub fn head(layout: &Layout) -> Option<Vec<u8>> {
    let mut out = vec![CELLS << 4 | if layout.sampling == Sampling::Gray { GRAY } else { S420 }];
    for number in [layout.width, layout.height, layout.cell.0, layout.cell.1] {
        out.extend(u16::try_from(number).ok()?.to_le_bytes());
    }
    Some(out)
}

pub fn damaged(problem: impl Into<String>) -> Error {
    Error::Image { what: "context-coded residual".into(), problem: problem.into() }
}

/// Seven bits a byte, the lowest first; the highest bit says that another byte follows.
pub fn write_length(out: &mut Vec<u8>, mut length: usize) {
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
pub struct Payload<'a> {
    pub layout: Layout,
    /// Steps of luma and of chroma, row by row.
    pub steps: [Factors; 2],
    /// How the contexts of each cell begin.
    pub start: &'static Model,
    /// Coded and plain bits of each cell, row by row.
    cells: Vec<[&'a [u8]; 2]>,
}

impl<'a> Payload<'a> {
    /// Reads everything but the cells. Every size is compared with `expect` and with the length of `bytes`.
    ///
    /// # Errors
    /// Another shape, damaged bytes.
    pub fn parse(bytes: &'a [u8], expect: Shape) -> Result<Self> {
        let short = || damaged("it ends within its header");
        let mut rest = bytes;
        let &kind = rest.split_off_first().ok_or_else(short)?;
        let (version, sampling) = match (kind >> 4, kind & 15) {
            (version @ (STRIPES | CELLS), GRAY) => (version, Sampling::Gray),
            (version @ (STRIPES | CELLS), S420) => (version, Sampling::S420),
            _ => {
                return Err(damaged(format!("it begins with {kind:#04x}, which this version does not know")));
            }
        };
        let mut number = || {
            let number = rest.split_off(..2).ok_or_else(short)?;
            Ok::<_, Error>(usize::from(u16::from_le_bytes([number[0], number[1]])))
        };
        let (width, height) = (number()?, number()?);
        if (width, height) != (expect.width, expect.height) {
            let (w, h) = (expect.width, expect.height);
            return Err(damaged(format!("the image is {width}x{height} where {w}x{h} belongs")));
        }
        if let Some(belongs) = expect.sampling.filter(|&belongs| belongs != sampling) {
            return Err(damaged(format!("the sampling is {sampling:?} where {belongs:?} belongs")));
        }
        let mut layout = Layout { width, height, sampling, cell: (0, 0) };
        layout.cell = match version {
            STRIPES => (layout.units().0, number()?),
            _ => (number()?, number()?),
        };
        if layout.cell.0 == 0 || layout.cell.1 == 0 || width == 0 || height == 0 {
            return Err(damaged("its cells are empty"));
        }
        let mut steps = [[0; 64]; 2];
        for steps in &mut steps[..layout.planes().min(2)] {
            *steps = read_steps(&mut rest).ok_or_else(short)?;
        }
        let (across, down) = layout.cells();
        if version == CELLS && across * down > MAX_CELLS {
            return Err(damaged(format!("it has {across} x {down} cells; at most {MAX_CELLS} are read")));
        }
        // Each cell has lengths of two bytes or more, so a larger number is damage. Checked before memory is allocated.
        if across * down > rest.len() {
            return Err(short());
        }
        let mut lengths = Vec::with_capacity(across * down);
        for _ in 0..across * down {
            lengths
                .push([read_length(&mut rest).ok_or_else(short)?, read_length(&mut rest).ok_or_else(short)?]);
        }
        let mut cells = Vec::with_capacity(lengths.len());
        for lengths in lengths {
            let mut part = |length| rest.split_off(..length).ok_or_else(|| damaged("it ends within a cell"));
            cells.push([part(lengths[0])?, part(lengths[1])?]);
        }
        if !rest.is_empty() {
            return Err(damaged(format!("{} bytes are left behind its last cell", rest.len())));
        }
        let start = if version == STRIPES { &Model::NEW } else { start::trained() };
        Ok(Self { layout, steps, start, cells })
    }

    /// Decodes the cells of these columns and rows.
    ///
    /// # Errors
    /// Damaged bytes.
    pub fn decode(&self, [columns, rows]: [Range<usize>; 2], blocks: &mut impl Blocks) -> Result<()> {
        for row in rows {
            for column in columns.clone() {
                let [coded, plain] = self.cells[row * self.layout.cells().0 + column];
                code_cell(&mut Decoder::new(coded, plain), &self.layout, (column, row), self.start, blocks)
                    .ok_or_else(|| damaged(format!("its cell of column {column}, row {row} ends early")))?;
            }
        }
        Ok(())
    }

    /// Columns and rows of all cells.
    pub fn all(&self) -> [Range<usize>; 2] {
        let (across, down) = self.layout.cells();
        [0..across, 0..down]
    }
}

/// One step for all frequencies, or 0 and a step for each in zigzag order.
fn read_steps(bytes: &mut &[u8]) -> Option<Factors> {
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

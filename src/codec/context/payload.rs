//! The bytes around the coded stripes: size, quantiser steps, lengths.

use super::layout::Layout;
use super::model::ZIGZAG;
use crate::codec::coefficients::Factors;
use crate::codec::error::{Error, Result};
use crate::codec::image_codec::Shape;
use crate::image::ycc::Sampling;

/// The first byte of a payload: version and sampling.
pub const GRAY: u8 = 0x10;
pub const S420: u8 = 0x12;

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
    /// Coded and plain bits of each stripe.
    pub stripes: Vec<[&'a [u8]; 2]>,
}

impl<'a> Payload<'a> {
    /// Reads everything but the stripes. Every size is compared with `expect` and with the length of `bytes`.
    ///
    /// # Errors
    /// Another shape, damaged bytes.
    pub fn parse(bytes: &'a [u8], expect: Shape) -> Result<Self> {
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
        // Each stripe has lengths of two bytes or more, so a larger number is damage. Checked before memory is allocated.
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

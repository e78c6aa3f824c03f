//! A stored family to planes, all at once or the rows first that somebody waits for.
//!
//! Knows payloads and their shapes, no pixel arithmetic.

use std::ops::Range;

use crate::archive::{FamilyRecord, Payload};
use crate::codec::{Shape, decoder};
use crate::error::{Error, Result};
use crate::image::family::{DecodedFamily, PayloadKind};
use crate::image::geometry::{FamilyId, Geometry};
use crate::image::spec::RESIDUAL_ZERO;
use crate::image::ycc::Sampling;
use crate::params::Coding;

/// Decodes a family's payloads to planes, their shapes checked against what the archive says.
///
/// # Errors
/// A payload that is missing or decodes to another shape.
pub fn decode_record(
    geometry: &Geometry,
    coding: &Coding,
    id: FamilyId,
    record: &FamilyRecord,
) -> Result<DecodedFamily> {
    let mut family = DecodedFamily::default();
    decode_record_into(geometry, coding, id, record, &mut family)?;
    Ok(family)
}

/// As [`decode_record`], in the memory of a family that has been used up.
///
/// # Errors
/// As [`decode_record`]; `family` then holds nothing of use.
pub fn decode_record_into(
    geometry: &Geometry,
    coding: &Coding,
    id: FamilyId,
    record: &FamilyRecord,
    family: &mut DecodedFamily,
) -> Result<()> {
    let rows = 0..geometry.family_rect(id).height as usize;
    decode_rows_into(geometry, coding, id, record, rows, family).map(drop)
}

/// As [`decode_record_into`], of the residual no more than it takes for the rows `rows` of L0, where it is coded in stripes: what lies
/// outside the rows that come back holds nothing of use before [`decode_rest_into`].
///
/// # Errors
/// As [`decode_record_into`].
pub fn decode_rows_into(
    geometry: &Geometry,
    coding: &Coding,
    id: FamilyId,
    record: &FamilyRecord,
    rows: Range<usize>,
    family: &mut DecodedFamily,
) -> Result<Range<usize>> {
    if coding.originals || record.payloads.iter().any(|p| p.kind.is_original()) {
        let problem = "it holds the source's own tiles, of which no planes are reconstructed".into();
        return Err(Error::Codec { what: format!("family {id}"), problem });
    }
    let rect = geometry.family_rect(id);
    let (width, height) = (rect.width as usize, rect.height as usize);
    let baseline = record
        .payload(PayloadKind::Baseline)
        .ok_or_else(|| Error::Codec { what: format!("family {id}"), problem: "it has no baseline".into() })?;
    let shape = Shape { width: width.div_ceil(4), height: height.div_ceil(4), sampling: None };
    decoder(baseline.codec)
        .and_then(|mut codec| codec.decode_into(&baseline.bytes, shape, &mut family.baseline))
        .map_err(named(id, PayloadKind::Baseline))?;
    let sampling = family.baseline.sampling;
    if ![Sampling::Gray, coding.baseline_subsamp.sampling()].contains(&sampling) {
        let problem = format!("its sampling is {sampling:?}, the archive says {:?}", coding.baseline_subsamp);
        return Err(Error::Codec { what: format!("baseline of family {id}"), problem });
    }
    (family.width, family.height) = (width, height);
    let shape = residual_shape(coding, family);
    let Some(payload) = record.payload(PayloadKind::Residual) else {
        let sampling = shape.sampling.unwrap_or(Sampling::Gray);
        family.residual.fill(sampling, shape.width, shape.height, RESIDUAL_ZERO as u8);
        return Ok(0..height);
    };
    // Whole rows of tiles, which is what stripes are; a residual of another size has none.
    let tile = geometry.tile() as usize;
    let rows = rows.start / tile * tile..rows.end.next_multiple_of(tile).min(height);
    let partly = (shape.width, shape.height) == (width, height) && !rows.is_empty() && rows != (0..height);
    let done = if partly && decode_stripe(id, payload, shape, rows.clone(), family)? {
        rows
    } else {
        decode_whole(id, payload, shape, family)?;
        0..height
    };
    Ok(done)
}

/// The rest of a residual, of which [`decode_rows_into`] gave the rows `done` of the same record.
///
/// # Errors
/// As [`decode_record_into`].
pub fn decode_rest_into(
    coding: &Coding,
    id: FamilyId,
    record: &FamilyRecord,
    done: &Range<usize>,
    family: &mut DecodedFamily,
) -> Result<()> {
    let Some(payload) = record.payload(PayloadKind::Residual) else { return Ok(()) };
    let shape = residual_shape(coding, family);
    for rows in [0..done.start, done.end..family.height].into_iter().filter(|rows| !rows.is_empty()) {
        if !decode_stripe(id, payload, shape, rows, family)? {
            return decode_whole(id, payload, shape, family);
        }
    }
    Ok(())
}

/// What the residual of a family must look like whose baseline is decoded.
fn residual_shape(coding: &Coding, family: &DecodedFamily) -> Shape {
    let (width, height) = coding.residual_size(family.width, family.height);
    let colour = coding.chroma_residual && family.baseline.sampling != Sampling::Gray;
    let sampling = if colour { Sampling::S420 } else { Sampling::Gray };
    Shape { width, height, sampling: Some(sampling) }
}

fn decode_whole(id: FamilyId, payload: &Payload, shape: Shape, family: &mut DecodedFamily) -> Result<()> {
    decoder(payload.codec)
        .and_then(|mut codec| codec.decode_into(&payload.bytes, shape, &mut family.residual))
        .map_err(named(id, PayloadKind::Residual))
}

fn decode_stripe(
    id: FamilyId,
    payload: &Payload,
    shape: Shape,
    rows: Range<usize>,
    family: &mut DecodedFamily,
) -> Result<bool> {
    decoder(payload.codec)
        .and_then(|mut codec| codec.decode_stripe(&payload.bytes, shape, rows, &mut family.residual))
        .map_err(named(id, PayloadKind::Residual))
}

fn named(id: FamilyId, kind: PayloadKind) -> impl Fn(Error) -> Error {
    move |e| Error::Codec { what: format!("{} of family {id}", kind.name()), problem: e.to_string() }
}

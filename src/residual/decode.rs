//! Decodes the payloads of a stored family to planes: all rows, or first the rows that a caller needs now.
//!
//! The module knows payloads and their shapes, no pixel arithmetic.

use std::ops::Range;

use super::error::{Error, Result};
use crate::archive::{FamilyRecord, Payload};
use crate::codec::{self, Shape, decoder};
use crate::image::family::{DecodedFamily, PayloadKind};
use crate::image::geometry::{FamilyId, Geometry};
use crate::image::spec::RESIDUAL_ZERO;
use crate::image::ycc::Sampling;
use crate::params::Coding;

/// Decodes one family of an archive and checks every shape against the archive's record.
#[derive(Clone, Copy)]
pub struct FamilyDecoder<'a> {
    /// Slide and tile size.
    pub geometry: &'a Geometry,
    /// Its coding, as the archive records it.
    pub coding: &'a Coding,
    /// The family.
    pub id: FamilyId,
    /// Its payloads.
    pub record: &'a FamilyRecord,
}

impl FamilyDecoder<'_> {
    /// The whole family.
    ///
    /// # Errors
    /// A payload that is missing or decodes to another shape.
    pub fn decode(&self) -> Result<DecodedFamily> {
        let mut family = DecodedFamily::default();
        let rows = 0..self.geometry.family_rect(self.id).height as usize;
        self.decode_rows(rows, &mut family)?;
        Ok(family)
    }

    /// The baseline, and the residual of the rows `rows` of L0. A residual that has no stripes is decoded whole. The memory of
    /// `family` is reused. Returns the rows of L0 whose residual is decoded; all other rows are unspecified until
    /// [`Self::decode_rest`].
    ///
    /// # Errors
    /// As [`Self::decode`]; the contents of `family` are then unspecified.
    pub fn decode_rows(&self, rows: Range<usize>, family: &mut DecodedFamily) -> Result<Range<usize>> {
        self.decode_baseline(family)?;
        self.decode_residual_rows(rows, family)
    }

    /// The baseline alone. The residual of `family` is then unspecified.
    ///
    /// # Errors
    /// As [`Self::decode`]; the contents of `family` are then unspecified.
    pub fn decode_baseline(&self, family: &mut DecodedFamily) -> Result<()> {
        if self.coding.originals || self.record.payloads.iter().any(|p| p.kind.is_original()) {
            return Err(Error::HoldsOriginals(self.id));
        }
        let rect = self.geometry.family_rect(self.id);
        (family.width, family.height) = (rect.width as usize, rect.height as usize);
        let payload = self.record.payload(PayloadKind::Baseline).ok_or_else(|| Error::Payload {
            what: format!("family {}", self.id),
            problem: "it has no baseline".into(),
        })?;
        let (width, height) = (family.width.div_ceil(4), family.height.div_ceil(4));
        let shape = Shape { width, height, sampling: None };
        decoder(payload.codec)
            .and_then(|mut codec| codec.decode_into(&payload.bytes, shape, &mut family.baseline))
            .map_err(|e| self.payload_error(PayloadKind::Baseline, e))?;
        let sampling = family.baseline.sampling;
        if ![Sampling::Gray, self.coding.baseline_subsamp.sampling()].contains(&sampling) {
            return Err(Error::Payload {
                what: format!("baseline of family {}", self.id),
                problem: format!(
                    "its sampling is {sampling:?}, the archive says {:?}",
                    self.coding.baseline_subsamp
                ),
            });
        }
        Ok(())
    }

    /// The residual of the rows `rows` of L0, as [`Self::decode_rows`], of a family whose baseline [`Self::decode_baseline`] decoded.
    ///
    /// # Errors
    /// As [`Self::decode`]; the residual of `family` is then unspecified.
    pub fn decode_residual_rows(
        &self,
        rows: Range<usize>,
        family: &mut DecodedFamily,
    ) -> Result<Range<usize>> {
        let (width, height) = (family.width, family.height);
        let shape = self.residual_shape(family);
        let Some(payload) = self.record.payload(PayloadKind::Residual) else {
            let sampling = shape.sampling.unwrap_or(Sampling::Gray);
            family.residual.fill(sampling, shape.width, shape.height, RESIDUAL_ZERO as u8);
            return Ok(0..height);
        };
        // Stripes are whole rows of tiles. A residual of another size than L0 has none.
        let tile = self.geometry.tile() as usize;
        let rows = rows.start / tile * tile..rows.end.next_multiple_of(tile).min(height);
        let partly =
            (shape.width, shape.height) == (width, height) && !rows.is_empty() && rows != (0..height);
        if partly && self.decode_stripe(payload, shape, rows.clone(), family)? {
            return Ok(rows);
        }
        self.decode_residual(payload, shape, family)?;
        Ok(0..height)
    }

    /// The rows of the residual that [`Self::decode_rows`] left out, which returned the rows `done`.
    ///
    /// # Errors
    /// As [`Self::decode`]; the contents of `family` are then unspecified.
    pub fn decode_rest(&self, done: &Range<usize>, family: &mut DecodedFamily) -> Result<()> {
        let Some(payload) = self.record.payload(PayloadKind::Residual) else { return Ok(()) };
        let shape = self.residual_shape(family);
        for rows in [0..done.start, done.end..family.height].into_iter().filter(|rows| !rows.is_empty()) {
            if !self.decode_stripe(payload, shape, rows, family)? {
                return self.decode_residual(payload, shape, family);
            }
        }
        Ok(())
    }

    /// The shape that the residual must have. Needs the decoded baseline.
    fn residual_shape(&self, family: &DecodedFamily) -> Shape {
        let (width, height) = self.coding.residual_size(family.width, family.height);
        let colour = self.coding.chroma_residual && family.baseline.sampling != Sampling::Gray;
        let sampling = if colour { Sampling::S420 } else { Sampling::Gray };
        Shape { width, height, sampling: Some(sampling) }
    }

    fn decode_residual(&self, payload: &Payload, shape: Shape, family: &mut DecodedFamily) -> Result<()> {
        decoder(payload.codec)
            .and_then(|mut codec| codec.decode_into(&payload.bytes, shape, &mut family.residual))
            .map_err(|e| self.payload_error(PayloadKind::Residual, e))
    }

    fn decode_stripe(
        &self,
        payload: &Payload,
        shape: Shape,
        rows: Range<usize>,
        family: &mut DecodedFamily,
    ) -> Result<bool> {
        decoder(payload.codec)
            .and_then(|mut codec| codec.decode_stripe(&payload.bytes, shape, rows, &mut family.residual))
            .map_err(|e| self.payload_error(PayloadKind::Residual, e))
    }

    fn payload_error(&self, kind: PayloadKind, source: codec::Error) -> Error {
        Error::Undecodable { what: format!("{} of family {}", kind.name(), self.id), source }
    }
}

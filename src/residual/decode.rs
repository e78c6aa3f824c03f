//! Decodes the payloads of a stored family to planes: all of them, or first the part that a caller needs now.
//!
//! The module knows payloads and their shapes, no pixel arithmetic.

use super::error::{Error, Result};
use crate::archive::{FamilyRecord, Payload};
use crate::backend::Backend;
use crate::codec::coefficients::{PackedImage, packed};
use crate::codec::{self, CodecId, EntryPoints, Shape, decoder};
use crate::image::family::{DecodedFamily, PayloadKind};
use crate::image::geometry::{FamilyId, Geometry, Rect};
use crate::image::spec::RESIDUAL_ZERO;
use crate::image::ycc::{Sampling, Ycc};
use crate::params::Coding;
use crate::span::span;

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
        self.decode_part(self.whole(), &mut family)?;
        Ok(family)
    }

    /// As [`Self::decode`], for a backend: the coefficients of the residual where it takes them. Its planes are then unspecified, until
    /// [`Self::decode_left`].
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_for(
        &self,
        backend: &dyn Backend,
        family: &mut DecodedFamily,
    ) -> Result<Option<PackedImage>> {
        self.decode_baseline(family)?;
        if backend.takes_coefficients()
            && let Some(payload) = self.record.payload(PayloadKind::Residual)
            && payload.codec == CodecId::Jpeg
        {
            let shape = self.residual_shape(&family.baseline, (family.width, family.height));
            let residual =
                span!("decode", origami.payload = "residual").run(|| packed(&payload.bytes, shape));
            if residual.is_some() {
                return Ok(residual);
            }
        }
        self.decode_left(family)?;
        Ok(None)
    }

    /// The planes of the residual that [`Self::decode_for`] left to a backend.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_left(&self, family: &mut DecodedFamily) -> Result<()> {
        self.decode_residual_part(self.whole(), family).map(|_| ())
    }

    /// All of L0, in pixels of the family.
    fn whole(&self) -> Rect {
        Rect { x: 0, y: 0, ..self.geometry.family_rect(self.id) }
    }

    /// The baseline, and the residual of `part`, which is given in pixels of the family's L0. A residual that cannot be decoded in parts is
    /// decoded whole. The memory of `family` is reused. Returns the part of L0 whose residual is decoded; all else is unspecified until
    /// [`Self::decode_rest`].
    ///
    /// # Errors
    /// As [`Self::decode`]; the contents of `family` are then unspecified.
    pub fn decode_part(&self, part: Rect, family: &mut DecodedFamily) -> Result<Rect> {
        self.decode_baseline(family)?;
        self.decode_residual_part(part, family)
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
        span!("decode", origami.payload = "baseline")
            .run(|| decoder(payload.codec)?.decode_into(&payload.bytes, shape, &mut family.baseline))
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

    /// The residual of `part`, as [`Self::decode_part`], of a family whose baseline [`Self::decode_baseline`] decoded. What earlier calls decoded
    /// of the same family stays.
    ///
    /// # Errors
    /// As [`Self::decode`]; the residual of `family` is then unspecified.
    pub fn decode_residual_part(&self, part: Rect, family: &mut DecodedFamily) -> Result<Rect> {
        // Stripes are whole rows of tiles, and decoded as such.
        let tile = self.geometry.tile();
        let (top, end) =
            (part.y / tile * tile, (part.y + part.height).next_multiple_of(tile).min(self.whole().height));
        self.decode_residual_of(Rect { y: top, height: end - top, ..part }, None, family)
    }

    /// The same of `part` and of no rows above and below it, which are cheaper to leave out than to decode later. `points` are those of this
    /// family's residual, for whoever reads other parts of it later.
    ///
    /// # Errors
    /// As [`Self::decode`]; the residual of `family` is then unspecified.
    pub fn decode_residual_of(
        &self,
        part: Rect,
        points: Option<&EntryPoints>,
        family: &mut DecodedFamily,
    ) -> Result<Rect> {
        let whole = self.whole();
        let shape = self.residual_shape(&family.baseline, (family.width, family.height));
        let Some(payload) = self.record.payload(PayloadKind::Residual) else {
            let sampling = shape.sampling.unwrap_or(Sampling::Gray);
            family.residual.fill(sampling, shape.width, shape.height, RESIDUAL_ZERO as u8);
            return Ok(whole);
        };
        // A residual of another size than L0 has no stripes.
        if (shape.width, shape.height) == (family.width, family.height)
            && part != whole
            && self.decode_stripes(payload, shape, (part, points), family)?
        {
            return Ok(part);
        }
        self.decode_residual(payload, shape, family)?;
        Ok(whole)
    }

    /// The record with the residual as a JPEG that decodes to the same samples and can be read in parts by entry points. `None` for codecs that have
    /// none.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn residual_as_jpeg(&self, baseline: &Ycc) -> Result<Option<FamilyRecord>> {
        let rect = self.whole();
        let shape = self.residual_shape(baseline, (rect.width as usize, rect.height as usize));
        let Some(payload) = self.record.payload(PayloadKind::Residual) else { return Ok(None) };
        let jpeg = codec::jpeg_in(payload.codec, payload.bytes.clone(), shape)
            .map_err(|e| self.payload_error(PayloadKind::Residual, e))?;
        let record = |bytes| FamilyRecord {
            proof: self.record.proof,
            payloads: vec![Payload { kind: PayloadKind::Residual, codec: CodecId::Jpeg, bytes }],
        };
        Ok(jpeg.map(record))
    }

    /// The residual that [`Self::decode_part`] left out, which returned `done`.
    ///
    /// # Errors
    /// As [`Self::decode`]; the contents of `family` are then unspecified.
    pub fn decode_rest(&self, done: Rect, family: &mut DecodedFamily) -> Result<()> {
        let Some(payload) = self.record.payload(PayloadKind::Residual) else { return Ok(()) };
        let (shape, whole) =
            (self.residual_shape(&family.baseline, (family.width, family.height)), self.whole());
        if done.width < whole.width {
            // Its stripes would be read a second time for the columns beside it.
            return self.decode_residual(payload, shape, family);
        }
        for (y, end) in [(0, done.y), (done.y + done.height, whole.height)] {
            let rest = Rect { y, height: end - y, ..whole };
            if y < end && !self.decode_stripes(payload, shape, (rest, None), family)? {
                return self.decode_residual(payload, shape, family);
            }
        }
        Ok(())
    }

    /// The shape that the residual of a family of this size must have.
    fn residual_shape(&self, baseline: &Ycc, size: (usize, usize)) -> Shape {
        let (width, height) = self.coding.residual_size(size.0, size.1);
        let colour = self.coding.chroma_residual && baseline.sampling != Sampling::Gray;
        let sampling = if colour { Sampling::S420 } else { Sampling::Gray };
        Shape { width, height, sampling: Some(sampling) }
    }

    fn decode_residual(&self, payload: &Payload, shape: Shape, family: &mut DecodedFamily) -> Result<()> {
        span!("decode", origami.payload = "residual")
            .run(|| decoder(payload.codec)?.decode_into(&payload.bytes, shape, &mut family.residual))
            .map_err(|e| self.payload_error(PayloadKind::Residual, e))
    }

    fn decode_stripes(
        &self,
        payload: &Payload,
        shape: Shape,
        (part, points): (Rect, Option<&EntryPoints>),
        family: &mut DecodedFamily,
    ) -> Result<bool> {
        let decode = || {
            let mut codec = decoder(payload.codec)?;
            codec.decode_part_from(points, &payload.bytes, shape, part, &mut family.residual)
        };
        span!("decode", origami.payload = "residual")
            .run(decode)
            .map_err(|e| self.payload_error(PayloadKind::Residual, e))
    }

    fn payload_error(&self, kind: PayloadKind, source: codec::Error) -> Error {
        Error::Undecodable { what: format!("{} of family {}", kind.name(), self.id), source }
    }
}

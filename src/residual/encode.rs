//! One family to its payloads: L2, its JPEG, the prediction from that JPEG, the residual and its JPEG.

use super::error::{Error, Result};
use crate::archive::{FamilyRecord, Payload};
use crate::backend::{Backend, Base, Predicted, Transformed, cpu};
use crate::codec::coefficients::file_in_stripes;
use crate::codec::{CodecId, ImageEncoder, ImageRole, Quality, ResidualCoder, Shape, encode_and_decode};
use crate::image::family::{PayloadKind, Proof, SourceFamily};
use crate::image::geometry::FamilyId;
use crate::image::spec::RESIDUAL_ZERO;
use crate::image::ycc::{Ycc, YccRef};
use crate::params::{Coding, EncodeParams};

/// An encoded family and the intermediate images of its encoder.
pub struct EncodedFamily {
    /// The family.
    pub id: FamilyId,
    /// The stored payloads and the proof.
    pub record: FamilyRecord,
    /// L0 as the source has it.
    pub source: SourceFamily,
    /// L2 as every decoder will see it.
    pub baseline: Ycc,
    /// The residual as every decoder will see it.
    pub residual: Ycc,
    /// L0 as every decoder will see it: the planes that have a residual.
    pub corrected: Ycc,
}

impl EncodedFamily {
    /// L0 before the residual, computed anew: luma, and with a chroma residual also chroma at half size.
    ///
    /// # Errors
    /// A recorded sharpening out of range.
    pub fn prediction(&self, coding: &Coding) -> Result<Ycc> {
        let size = (self.corrected.luma.width(), self.corrected.luma.height());
        Ok(cpu::predicted(coding, &self.baseline, size)?)
    }

    /// Gives the memory of all planes to the next family of this thread, and returns what is stored.
    pub fn into_record(self) -> FamilyRecord {
        self.source.image.give_back();
        [self.baseline, self.residual, self.corrected].into_iter().for_each(Ycc::give_back);
        self.record
    }
}

/// Encodes a family: L2, its JPEG, the prediction from that JPEG, the residual, its JPEG, and what both decode to.
///
/// # Errors
/// Those of codec and backend.
pub async fn encode_family(
    backend: &dyn Backend,
    params: &EncodeParams,
    source: SourceFamily,
) -> Result<EncodedFamily> {
    if params.originals {
        return Err(Error::Lossless);
    }
    let Base { ticket, l2 } = backend.base(params, &source).await?;
    let quality = Quality::from(params.base_quality);
    let base_encoder = params.encoder.encoder(ImageRole::Baseline)?;
    let (payload, baseline) =
        round_trip(PayloadKind::Baseline, base_encoder, l2.view(), quality, |codec, bytes, _| {
            Ok(params.entropy.store(codec, bytes))
        })?;
    l2.give_back();
    let mut payloads = vec![payload];

    let Predicted { prediction, residual: made } =
        backend.residual(params, &source, ticket, &baseline).await?;
    let (payload, residual) = encode_residual(params, made.view(), stripe(params, &source))?;
    made.give_back();
    // A residual without content, as on blank glass, is not stored.
    if !residual.is_filled(RESIDUAL_ZERO as u8) {
        payloads.push(payload);
    }

    let corrected = cpu::correct(&params.coding(), prediction, &residual);
    let record = FamilyRecord { proof: Proof::new(&corrected, &baseline), payloads };
    Ok(EncodedFamily { id: source.id, record, source, baseline, residual, corrected })
}

/// As [`encode_family`], of a backend that transforms, and without images. `None` where it does not, and [`encode_family`] is to do it.
///
/// # Errors
/// Those of codec and backend.
pub async fn encode_transformed(
    backend: &dyn Backend,
    params: &EncodeParams,
    source: &SourceFamily,
) -> Result<Option<FamilyRecord>> {
    if params.originals {
        return Err(Error::Lossless);
    }
    let Some(Transformed { baseline, residual, proof }) = backend.coefficients(params, source).await? else {
        return Ok(None);
    };
    let Some(file) = file_in_stripes(&baseline, 0) else { return Ok(None) };
    let (codec, bytes) = params.entropy.store(CodecId::Jpeg, file);
    let mut payloads = vec![Payload { kind: PayloadKind::Baseline, codec, bytes }];
    if let Some(residual) = residual {
        let stored = params.entropy.store_coefficients(&residual, stripe(params, source))?;
        let Some((codec, bytes)) = stored else { return Ok(None) };
        payloads.push(Payload { kind: PayloadKind::Residual, codec, bytes });
    }
    Ok(Some(FamilyRecord { proof, payloads }))
}

/// Rows of a stripe of a residual, 0 for none.
fn stripe(params: &EncodeParams, source: &SourceFamily) -> usize {
    // A scaled residual has no rows of tiles, and so no stripes.
    if params.l0_scale_pct == 100 { source.tile } else { 0 }
}

/// Codes a residual in stripes of `stripe` rows, none for 0.
fn encode_residual(params: &EncodeParams, image: YccRef<'_>, stripe: usize) -> Result<(Payload, Ycc)> {
    let (kind, quality) = (params.residual_encoder(), params.residual_qualities());
    if params.entropy.residual == ResidualCoder::Context
        && let Some((bytes, decoded)) = kind.encode_by_context(image, quality, stripe)?
    {
        return Ok((Payload { kind: PayloadKind::Residual, codec: CodecId::Context, bytes }, decoded));
    }
    let mut encoder = kind.encoder(ImageRole::Residual)?;
    if stripe > 0 && params.entropy.keeps_markers() {
        encoder.set_stripes(stripe);
    }
    round_trip(PayloadKind::Residual, encoder, image, quality, |codec, bytes, shape| {
        Ok(params.entropy.store_residual(codec, bytes, shape, stripe)?)
    })
}

/// Codes an image, finds what every decoder makes of it, and converts the coded bytes to their stored form with `store`.
fn round_trip(
    kind: PayloadKind,
    mut encoder: Box<dyn ImageEncoder>,
    image: YccRef<'_>,
    quality: Quality,
    store: impl FnOnce(CodecId, Vec<u8>, Shape) -> Result<(CodecId, Vec<u8>)>,
) -> Result<(Payload, Ycc)> {
    let (bytes, decoded) = encode_and_decode(&mut *encoder, image, quality)?;
    let (codec, bytes) = store(encoder.codec(), bytes, image.into())?;
    Ok((Payload { kind, codec, bytes }, decoded))
}

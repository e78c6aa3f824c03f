//! A family prepared for the bare codec calls, and those calls: the floor that encode and decode are compared with.

use origami::archive::FamilyRecord;
use origami::codec::{
    self, CodecId, EncoderKind, ImageDecoder, ImageEncoder, ImageRole, JpegDecoder, JpegEncoder, Shape,
    decoder,
};
use origami::error::Result;
use origami::image::family::{DecodedFamily, PayloadKind};
#[cfg(feature = "gpu")]
use origami::image::geometry::FamilyId;
use origami::image::ycc::{Ycc, YccRef};
use origami::params::EncodeParams;

/// A family with the input of every bare call.
pub struct Work {
    /// JPEG files of the L0 tiles.
    pub tiles: Vec<Vec<u8>>,
    #[cfg(feature = "gpu")]
    pub id: FamilyId,
    pub record: FamilyRecord,
    pub decoded: DecodedFamily,
    /// L0 and L1 as decoded.
    pub levels: [Ycc; 2],
}

/// The decoder of a codec; of JPEG libjpeg-turbo's, not what this program has in its place.
pub fn bare_decoder(codec: CodecId) -> codec::Result<Box<dyn ImageDecoder>> {
    match codec {
        CodecId::Jpeg => Ok(Box::new(JpegDecoder)),
        other => decoder(other),
    }
}

/// What the bare calls of an encode did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Source tiles decoded.
    pub tiles: usize,
    /// Images coded: L2 and the residual.
    pub coded: usize,
    /// Images decoded after that.
    pub decoded: usize,
    /// Bytes of the coded images.
    pub bytes: usize,
}

/// The JPEG calls of encoding a family.
pub fn encode_calls(work: &Work, params: &EncodeParams) -> Result<Calls> {
    let mut calls = Calls::default();
    for tile in &work.tiles {
        std::hint::black_box(JpegDecoder::open(tile)?.planes()?);
        calls.tiles += 1;
    }
    for (image, quality, encoder, of) in [
        (work.decoded.baseline.view(), params.base_quality.into(), params.encoder, ImageRole::Baseline),
        (
            work.decoded.residual.view(),
            params.residual_qualities(),
            params.residual_encoder(),
            ImageRole::Residual,
        ),
    ] {
        // The floor is libjpeg-turbo's, not what this program has in its place.
        let mut encoder: Box<dyn ImageEncoder> = match encoder {
            EncoderKind::Turbojpeg => Box::new(JpegEncoder::new()?.optimised()?),
            other => other.encoder(of)?,
        };
        let bytes = encoder.encode(image, quality)?;
        calls.coded += 1;
        calls.bytes += bytes.len();
        let shape = Shape { width: image.luma.width, height: image.luma.height, sampling: None };
        std::hint::black_box(bare_decoder(encoder.codec())?.decode(&bytes, shape)?);
        calls.decoded += 1;
    }
    Ok(calls)
}

/// The JPEG calls of decoding a family; the bytes that they wrote.
pub fn decode_calls(work: &Work) -> Result<usize> {
    decode_payloads(&work.record, &work.decoded)?;
    let [l0, l1] = &work.levels;
    code_tiles([l0, l1])
}

/// Decodes the payloads of a family by bare calls; `decoded` tells their sizes.
pub fn decode_payloads(record: &FamilyRecord, decoded: &DecodedFamily) -> codec::Result<()> {
    for payload in &record.payloads {
        let image = if payload.kind == PayloadKind::Residual { &decoded.residual } else { &decoded.baseline };
        let shape = Shape { width: image.luma.width(), height: image.luma.height(), sampling: None };
        std::hint::black_box(bare_decoder(payload.codec)?.decode(&payload.bytes, shape)?);
    }
    Ok(())
}

/// Codes L0 and L1 as tiles of a quarter of the family's side; the bytes of all tiles.
pub fn code_tiles(levels: [&Ycc; 2]) -> Result<usize> {
    let (mut encoder, mut total) = (JpegEncoder::new()?, 0);
    let l0 = &levels[0].luma;
    let side = l0.width().max(l0.height()).div_ceil(4).max(2).next_multiple_of(2);
    for (image, tiles) in levels.into_iter().zip([4, 2]) {
        let (width, height) = (image.luma.width(), image.luma.height());
        for y in (0..tiles).map(|i| i * side).filter(|&y| y < height) {
            for x in (0..tiles).map(|i| i * side).filter(|&x| x < width) {
                let part: YccRef<'_> = image.view().part(x, y, side.min(width - x), side.min(height - y));
                total += encoder.encode(part, 95.into())?.len();
            }
        }
    }
    Ok(total)
}

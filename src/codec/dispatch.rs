//! From the name of a codec or encoder to its implementation, or to the feature that this build lacks.

use super::id::CodecId;
use super::image_codec::{ImageDecoder, ImageEncoder, Quality, Shape};
#[cfg(feature = "jpegli")]
use super::jpegli;
#[cfg(feature = "jpegxl")]
use super::jpegxl;
use super::kind::{EncoderKind, ImageRole};
#[cfg(feature = "lepton")]
use super::lepton;
#[cfg(feature = "mozjpeg")]
use super::mozjpeg;
#[cfg(feature = "webp")]
use super::webp;
use super::{coefficients, context};
use crate::codec::error::{Error, Result};
use crate::image::ycc::{Ycc, YccRef};

impl EncoderKind {
    /// An encoder of this kind for images of one role.
    ///
    /// # Errors
    /// A build without the encoder; a library that is missing at run time.
    pub fn encoder(self, role: ImageRole) -> Result<Box<dyn ImageEncoder>> {
        match self {
            EncoderKind::Turbojpeg => Ok(Box::new(coefficients::Encoder::new()?)),
            EncoderKind::Trellis => Ok(Box::new(coefficients::Encoder::with_trellis(role)?)),
            #[cfg(feature = "mozjpeg")]
            EncoderKind::Mozjpeg => Ok(Box::new(mozjpeg::Encoder::new(role))),
            #[cfg(feature = "jpegli")]
            EncoderKind::Jpegli => Ok(Box::new(jpegli::Encoder::new(role))),
            #[cfg(feature = "jpegxl")]
            EncoderKind::Jpegxl => Ok(Box::new(jpegxl::Encoder::new(best_jpeg().encoder(role)?)?)),
            #[cfg(feature = "webp")]
            EncoderKind::Webp => Ok(Box::new(webp::Encoder::new(role))),
            #[allow(unreachable_patterns, reason = "reached where a feature is off")]
            lacking => Err(Error::NoEncoder(lacking.name())),
        }
    }
}

impl EncoderKind {
    /// Codes a residual by context, in cells of tiles of `side` pixels where that is a whole number of units, and says which planes a decoder makes of
    /// it: from the coefficients, without a JPEG between. `None` where this encoder gives only files, or the coder cannot say what it has.
    ///
    /// # Errors
    /// As [`ImageEncoder::encode`].
    pub fn encode_by_context(
        self,
        image: YccRef<'_>,
        quality: Quality,
        side: usize,
    ) -> Result<Option<(Vec<u8>, Ycc)>> {
        let encoder = match self {
            EncoderKind::Turbojpeg => coefficients::Encoder::new()?,
            EncoderKind::Trellis => coefficients::Encoder::with_trellis_by_context()?,
            _ => return Ok(None),
        };
        let coefficients = encoder.coefficients(image, quality)?;
        Ok(context::pack_coefficients(&coefficients, side).zip(coefficients.planes()))
    }
}

/// The encoder of the JPEGs whose coefficients become JPEG XL: the one with the smallest files in this build.
#[cfg(feature = "jpegxl")]
fn best_jpeg() -> EncoderKind {
    if cfg!(feature = "mozjpeg") { EncoderKind::Mozjpeg } else { EncoderKind::Turbojpeg }
}

/// Codes an image, and says what every decoder makes of the bytes.
///
/// # Errors
/// As [`ImageEncoder::encode`].
pub fn encode_and_decode(
    encoder: &mut dyn ImageEncoder,
    image: YccRef<'_>,
    quality: Quality,
) -> Result<(Vec<u8>, Ycc)> {
    let (bytes, decoded) = encoder.encode_and_decode(image, quality)?;
    let decoded = match decoded {
        Some(decoded) => decoded,
        None => decoder(encoder.codec())?.decode(&bytes, image.into())?,
    };
    Ok((bytes, decoded))
}

/// A decoder for a codec that an archive names.
///
/// # Errors
/// A build without the codec; the message names the feature.
pub fn decoder(codec: CodecId) -> Result<Box<dyn ImageDecoder>> {
    match codec {
        CodecId::Jpeg => Ok(Box::new(coefficients::Decoder)),
        CodecId::Context => Ok(Box::new(context::Decoder)),
        CodecId::Jpeg2000 => Err(Error::Image {
            what: codec.name().into(),
            problem: "it codes original tiles of L0, and nothing else".into(),
        }),
        #[cfg(feature = "webp")]
        CodecId::Webp => Ok(Box::new(webp::Decoder)),
        #[cfg(feature = "jpegxl")]
        CodecId::JpegXl => Ok(Box::new(jpegxl::Decoder)),
        #[cfg(feature = "lepton")]
        CodecId::Lepton => Ok(Box::new(lepton::Decoder)),
        #[allow(unreachable_patterns, reason = "reached where a feature is off")]
        lacking => Err(Error::NotReadable(lacking.name())),
    }
}

/// The JPEG file that a payload is or can be turned into. It decodes to the same planes as the payload. `None` for codecs that
/// do not hold a JPEG.
///
/// # Errors
/// As [`ImageDecoder::decode`].
pub fn jpeg_in(codec: CodecId, bytes: Vec<u8>, expect: Shape) -> Result<Option<Vec<u8>>> {
    match codec {
        CodecId::Jpeg => Ok(Some(bytes)),
        CodecId::Context => context::jpeg_of(&bytes, expect),
        #[cfg(feature = "jpegxl")]
        CodecId::JpegXl => jpegxl::jpeg_of(&bytes, expect).map(Some),
        #[cfg(feature = "lepton")]
        CodecId::Lepton => lepton::jpeg_of(&bytes, expect).map(Some),
        _ => Ok(None),
    }
}

/// A stored image as a viewer can read it: a repacked JPEG of `width` x `height` pixels becomes the JPEG file again, everything else
/// stays as it is.
///
/// # Errors
/// Damaged bytes, a build without the codec.
pub fn unpacked(codec: CodecId, bytes: Vec<u8>, width: usize, height: usize) -> Result<(CodecId, Vec<u8>)> {
    if codec != CodecId::Lepton {
        return Ok((codec, bytes));
    }
    let jpeg = jpeg_in(codec, bytes, Shape { width, height, sampling: None })?;
    Ok((CodecId::Jpeg, jpeg.ok_or(Error::NotReadable(codec.name()))?))
}

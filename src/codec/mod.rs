//! Image codecs: planes to bytes and back.
//!
//! One file per codec, each the only owner of its foreign library. Nothing here knows of families or archives.
//! What an archive records is a [`CodecId`]; what a user asks for is an [`EncoderKind`].

mod context;
mod entropy;
mod error;
mod foreign;
mod jpeg;
#[cfg(feature = "jpegli")]
mod jpegli;
#[cfg(feature = "jpegxl")]
mod jpegxl;
#[cfg(feature = "lepton")]
mod lepton;
#[cfg(feature = "mozjpeg")]
mod mozjpeg;
mod png;
#[cfg(test)]
mod testing;
mod turbo;
#[cfg(feature = "webp")]
mod webp;

use std::ops::Range;

use crate::image::ycc::{Sampling, Ycc, YccRef};

pub use self::entropy::Entropy;
pub use self::error::{Error, Result};
pub use self::foreign::{decode_foreign, foreign_header, max_repacked_bytes};
pub use self::png::{decode_png, encode_png};
#[cfg(feature = "jpegxl")]
pub use jpegxl::state as libjxl_state;
pub use turbo::{
    Color as JpegColor, Decoder as JpegDecoder, Encoder as JpegEncoder, Header as JpegHeader,
    Opened as OpenedJpeg, Simd as JpegSimd, crop as crop_jpeg, simd as jpeg_simd, version as jpeg_version,
};
#[cfg(feature = "webp")]
pub use webp::encode_webp;

/// Which codec wrote a payload, as archives record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CodecId {
    /// Baseline JPEG, gray or YCbCr, 8 bits.
    Jpeg = 1,
    /// A VP8 key frame: what is in a lossy WebP. Gray or 4:2:0.
    Webp = 2,
    /// A JPEG whose coefficients are kept as JPEG XL.
    JpegXl = 3,
    /// A JPEG, repacked by Lepton.
    Lepton = 4,
    /// The coefficients of a JPEG, gray or 4:2:0, coded by context.
    Context = 5,
}

impl CodecId {
    /// From the number in an archive.
    pub fn from_u16(value: u16) -> Option<Self> {
        let all = [CodecId::Jpeg, CodecId::Webp, CodecId::JpegXl, CodecId::Lepton, CodecId::Context];
        all.into_iter().find(|&codec| codec as u16 == value)
    }

    /// Its name for people and JSON.
    pub fn name(self) -> &'static str {
        match self {
            CodecId::Jpeg => "jpeg",
            CodecId::Webp => "webp",
            CodecId::JpegXl => "jpegxl",
            CodecId::Lepton => "lepton",
            CodecId::Context => "context",
        }
    }
}

/// The encoders that `--encoder` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum EncoderKind {
    /// libjpeg-turbo.
    Turbojpeg,
    /// mozjpeg.
    Mozjpeg,
    /// jpegli.
    Jpegli,
    /// libjxl.
    Jpegxl,
    /// libwebp.
    Webp,
}

impl EncoderKind {
    /// All of them, built or not.
    pub const ALL: [Self; 5] = [Self::Turbojpeg, Self::Mozjpeg, Self::Jpegli, Self::Jpegxl, Self::Webp];

    /// An encoder of this kind.
    ///
    /// # Errors
    /// Where this build does not have it, or where a library that it needs is not there.
    pub fn encoder(self, of: Use) -> Result<Box<dyn ImageEncoder>> {
        // Only some encoders treat residuals in their own way.
        let _ = of;
        match self {
            EncoderKind::Turbojpeg => Ok(Box::new(JpegEncoder::new()?.optimised()?)),
            #[cfg(feature = "mozjpeg")]
            EncoderKind::Mozjpeg => Ok(Box::new(mozjpeg::Encoder::new(of))),
            #[cfg(feature = "jpegli")]
            EncoderKind::Jpegli => Ok(Box::new(jpegli::Encoder::new(of))),
            #[cfg(feature = "jpegxl")]
            EncoderKind::Jpegxl => Ok(Box::new(jpegxl::Encoder::new(of)?)),
            #[cfg(feature = "webp")]
            EncoderKind::Webp => Ok(Box::new(webp::Encoder::new(of))),
            #[allow(unreachable_patterns, reason = "reached where a feature is off")]
            lacking => Err(Error::NoEncoder(lacking.name())),
        }
    }

    /// Whether this build has it.
    pub fn is_built(self) -> bool {
        match self {
            EncoderKind::Turbojpeg => true,
            EncoderKind::Mozjpeg => cfg!(feature = "mozjpeg"),
            EncoderKind::Jpegli => cfg!(feature = "jpegli"),
            EncoderKind::Jpegxl => cfg!(feature = "jpegxl"),
            EncoderKind::Webp => cfg!(feature = "webp"),
        }
    }

    /// Its name on the command line and in archives.
    pub fn name(self) -> &'static str {
        match self {
            EncoderKind::Turbojpeg => "turbojpeg",
            EncoderKind::Mozjpeg => "mozjpeg",
            EncoderKind::Jpegli => "jpegli",
            EncoderKind::Jpegxl => "jpegxl",
            EncoderKind::Webp => "webp",
        }
    }
}

/// What an encoder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// An image as people see it.
    Baseline,
    /// What a prediction missed, around 128.
    Residual,
}

/// Quality of an image, 1 to 100 as JPEG's: of its luma, and of its chroma, which a residual may have coded otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Of Y.
    pub luma: u8,
    /// Of Cb and Cr; without meaning for a gray image.
    pub chroma: u8,
}

impl From<u8> for Quality {
    fn from(quality: u8) -> Self {
        Self { luma: quality, chroma: quality }
    }
}

/// Planes to bytes.
pub trait ImageEncoder: Send {
    /// Codes an image.
    ///
    /// # Errors
    /// Where the codec refuses; sizes over its limit (65,500 a side for JPEG), lack of memory.
    fn encode(&mut self, image: YccRef<'_>, quality: Quality) -> Result<Vec<u8>>;
    /// What its bytes are.
    fn codec(&self) -> CodecId;
    /// Asks for images of which stripes of `rows` rows can be decoded by themselves: [`ImageDecoder::decode_stripe`]. A wish: an
    /// encoder that has no such thing, or not of such rows, goes on as ever.
    fn set_stripes(&mut self, rows: usize) {
        let _ = rows;
    }
}

/// Bytes to planes.
pub trait ImageDecoder: Send {
    /// Decodes an image that must have exactly the shape `expect`; checked from the header, before anything is allocated.
    ///
    /// # Errors
    /// Another shape, damaged bytes. The message says which; the caller adds where.
    fn decode(&mut self, bytes: &[u8], expect: Shape) -> Result<Ycc> {
        let mut image = Ycc::default();
        self.decode_into(bytes, expect, &mut image)?;
        Ok(image)
    }
    /// As [`Self::decode`], in the memory of an image that has been used up.
    ///
    /// # Errors
    /// As [`Self::decode`]; `image` then holds nothing of use.
    fn decode_into(&mut self, bytes: &[u8], expect: Shape, image: &mut Ycc) -> Result<()>;
    /// Decodes the rows `rows` of an image, not empty, if it is coded so that this takes less than all of it; else does nothing and
    /// gives `false`. They come to lie where [`Self::decode_into`] puts them. Other rows keep what an earlier call for the same
    /// bytes put there, or hold nothing of use.
    ///
    /// # Errors
    /// As [`Self::decode`]; `image` then holds nothing of use.
    fn decode_stripe(
        &mut self,
        bytes: &[u8],
        expect: Shape,
        rows: Range<usize>,
        image: &mut Ycc,
    ) -> Result<bool> {
        let _ = (bytes, expect, rows, image);
        Ok(false)
    }
}

/// A decoder for what an archive holds.
///
/// # Errors
/// Where this build does not have it; the message names the feature.
pub fn decoder(codec: CodecId) -> Result<Box<dyn ImageDecoder>> {
    match codec {
        CodecId::Jpeg => Ok(Box::new(JpegDecoder)),
        CodecId::Context => Ok(Box::new(context::Decoder)),
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

/// The JPEG that a payload is or holds, decoding to the same planes as the payload does; `None` for codecs that have none in them.
///
/// # Errors
/// As [`ImageDecoder::decode`].
pub fn jpeg_in(codec: CodecId, bytes: Vec<u8>, expect: Shape) -> Result<Option<Vec<u8>>> {
    let _ = expect;
    match codec {
        CodecId::Jpeg => Ok(Some(bytes)),
        #[cfg(feature = "jpegxl")]
        CodecId::JpegXl => jpegxl::jpeg_of(&bytes, expect).map(Some),
        #[cfg(feature = "lepton")]
        CodecId::Lepton => lepton::jpeg_of(&bytes, expect).map(Some),
        _ => Ok(None),
    }
}

/// What is stored as what a viewer may be sent: a repacked JPEG of `width` x `height` pixels becomes the JPEG that it was.
///
/// # Errors
/// Damaged bytes, a codec that this build does not have.
pub fn unpacked(codec: CodecId, bytes: Vec<u8>, width: usize, height: usize) -> Result<(CodecId, Vec<u8>)> {
    if codec != CodecId::Lepton {
        return Ok((codec, bytes));
    }
    let jpeg = jpeg_in(codec, bytes, Shape { width, height, sampling: None })?;
    Ok((CodecId::Jpeg, jpeg.ok_or(Error::NotReadable(codec.name()))?))
}

/// What an image must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Required sampling; `None` takes gray or any YCbCr sampling.
    pub sampling: Option<Sampling>,
}

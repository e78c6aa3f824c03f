//! Image codecs: planes to bytes and back.
//!
//! One file per codec, each the only owner of its foreign library. Nothing here knows of families or archives.
//! What an archive records is a [`CodecId`]; what a user asks for is an [`EncoderKind`].

mod context;
mod entropy;
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

use crate::error::{Error, Result};
use crate::kernels::color::{rgb_to_ycc, ycc_to_rgb};
use crate::plane::{Plane, PlaneRef};

pub use self::entropy::Entropy;
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

/// How often chroma is sampled against luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// No chroma.
    Gray,
    /// As often.
    S444,
    /// Half horizontally.
    S422,
    /// Half both ways.
    S420,
    /// Half vertically.
    S440,
    /// A quarter horizontally.
    S411,
    /// A quarter vertically.
    S441,
}

impl Sampling {
    /// Those of YCbCr images.
    pub const YCC: [Self; 6] = [Self::S444, Self::S422, Self::S420, Self::S440, Self::S411, Self::S441];

    /// Luma samples to one chroma sample: horizontally, vertically. (1, 1) for gray.
    pub fn factors(self) -> (usize, usize) {
        match self {
            Sampling::Gray | Sampling::S444 => (1, 1),
            Sampling::S422 => (2, 1),
            Sampling::S420 => (2, 2),
            Sampling::S440 => (1, 2),
            Sampling::S411 => (4, 1),
            Sampling::S441 => (1, 4),
        }
    }

    /// Size of a chroma plane for a luma plane of `width` x `height`.
    pub fn chroma_size(self, width: usize, height: usize) -> (usize, usize) {
        let (fx, fy) = self.factors();
        (width.div_ceil(fx), height.div_ceil(fy))
    }
}

/// A gray or YCbCr image (BT.601 full range) in planes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ycc {
    /// Y, at the size of the image.
    pub luma: Plane,
    /// Cb and Cr, at [`Sampling::chroma_size`]; `None` for gray.
    pub chroma: Option<[Plane; 2]>,
    /// How the chroma planes are sampled.
    pub sampling: Sampling,
}

/// A borrowed [`Ycc`] or part of one.
#[derive(Clone, Copy, Debug)]
pub struct YccRef<'a> {
    /// Y.
    pub luma: PlaneRef<'a>,
    /// Cb and Cr.
    pub chroma: Option<[PlaneRef<'a>; 2]>,
    /// How the chroma planes are sampled.
    pub sampling: Sampling,
}

/// An empty gray image: no samples, memory to be.
impl Default for Ycc {
    fn default() -> Self {
        Self::gray(Plane::default())
    }
}

impl Ycc {
    /// A gray image.
    pub fn gray(luma: Plane) -> Self {
        Self { luma, chroma: None, sampling: Sampling::Gray }
    }

    /// Interleaved RGB, three samples of `rgb` a pixel, as 4:4:4 planes.
    pub fn from_rgb(rgb: PlaneRef<'_>) -> Self {
        let (width, height) = (rgb.width / 3, rgb.height);
        let [mut luma, mut cb, mut cr] = [(); 3].map(|()| Plane::new(width, height));
        for y in 0..height {
            rgb_to_ycc(rgb.row(y), luma.row_mut(y), cb.row_mut(y), cr.row_mut(y));
        }
        Self { luma, chroma: Some([cb, cr]), sampling: Sampling::S444 }
    }

    /// A gray or 4:4:4 image as interleaved RGB, three samples a pixel.
    pub fn to_rgb(&self) -> Plane {
        let mut rgb = Plane::default();
        self.view().to_rgb(&mut rgb);
        rgb
    }

    /// Becomes an image of one value, in its own memory as far as that goes.
    pub fn fill(&mut self, sampling: Sampling, width: usize, height: usize, value: u8) {
        let fill = |plane: &mut Plane, (width, height): (usize, usize)| {
            plane.reset(width, height);
            (0..height).for_each(|y| plane.row_mut(y).fill(value));
        };
        fill(&mut self.luma, (width, height));
        self.sampling = sampling;
        if sampling == Sampling::Gray {
            self.chroma = None;
        } else {
            let planes = self.chroma.get_or_insert_default();
            planes.iter_mut().for_each(|plane| fill(plane, sampling.chroma_size(width, height)));
        }
    }

    /// Whether every sample of every plane is `value`.
    pub fn is_filled(&self, value: u8) -> bool {
        let planes = std::iter::once(&self.luma).chain(self.chroma.iter().flatten());
        planes.into_iter().all(|plane| (0..plane.height()).all(|y| plane.row(y).iter().all(|&v| v == value)))
    }

    /// All of it, borrowed.
    pub fn view(&self) -> YccRef<'_> {
        let chroma = self.chroma.as_ref().map(|[cb, cr]| [cb.view(), cr.view()]);
        YccRef { luma: self.luma.view(), chroma, sampling: self.sampling }
    }
}

impl<'a> YccRef<'a> {
    /// Luma alone.
    pub fn gray(luma: PlaneRef<'a>) -> Self {
        Self { luma, chroma: None, sampling: Sampling::Gray }
    }

    /// A part whose corner lies on the chroma grid.
    ///
    /// # Panics
    /// Where it does not, or where the part does not lie inside: a mistake of the caller.
    pub fn part(&self, x: usize, y: usize, width: usize, height: usize) -> YccRef<'a> {
        let (fx, fy) = self.sampling.factors();
        assert!(x.is_multiple_of(fx) && y.is_multiple_of(fy), "a part begins on the chroma grid");
        let (cw, ch) = self.sampling.chroma_size(width, height);
        let chroma = self.chroma.map(|planes| planes.map(|p| p.part(x / fx, y / fy, cw, ch)));
        YccRef { luma: self.luma.part(x, y, width, height), chroma, sampling: self.sampling }
    }

    /// A gray or 4:4:4 image as interleaved RGB, three samples a pixel, in the memory of `rgb`.
    pub fn to_rgb(&self, rgb: &mut Plane) {
        rgb.reset(3 * self.luma.width, self.luma.height);
        for y in 0..self.luma.height {
            let (luma, out) = (self.luma.row(y), rgb.row_mut(y));
            match self.chroma {
                Some([cb, cr]) => ycc_to_rgb(luma, cb.row(y), cr.row(y), out),
                None => out.chunks_exact_mut(3).zip(luma).for_each(|(px, &v)| px.fill(v)),
            }
        }
    }
}

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
            lacking => {
                // Encoders and their features have the same names.
                let name = lacking.name();
                Err(Error::Usage(format!(
                    "--encoder {name}: this build has no {name}; build with --features {name}"
                )))
            }
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
        lacking => Err(cannot_read(lacking)),
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
    Ok((CodecId::Jpeg, jpeg.ok_or_else(|| cannot_read(codec))?))
}

/// Codecs and their features have the same names.
fn cannot_read(codec: CodecId) -> Error {
    let name = codec.name();
    Error::Usage(format!("it is coded as {name}, which this build cannot read; build with --features {name}"))
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

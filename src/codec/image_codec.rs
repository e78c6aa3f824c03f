//! The two traits that every codec implements, and the plain data that they take.

use super::coefficients::entry::EntryPoints;
use super::id::CodecId;
use crate::codec::error::Result;
use crate::image::geometry::Rect;
use crate::image::ycc::{Sampling, Ycc, YccRef};

/// Quality of luma and of chroma, each 1 to 100 on JPEG's scale. Pictures have the same for both; a residual may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Quality of Y.
    pub luma: u8,
    /// Quality of Cb and Cr; without meaning for a gray image.
    pub chroma: u8,
}

impl From<u8> for Quality {
    fn from(quality: u8) -> Self {
        Self { luma: quality, chroma: quality }
    }
}

/// Size and sampling of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Sampling; `None` stands for gray or any YCbCr sampling.
    pub sampling: Option<Sampling>,
}

impl From<YccRef<'_>> for Shape {
    fn from(image: YccRef<'_>) -> Self {
        Self { width: image.luma.width, height: image.luma.height, sampling: Some(image.sampling) }
    }
}

/// Planes to bytes.
pub trait ImageEncoder: Send {
    /// Codes an image.
    ///
    /// # Errors
    /// A size over the codec's limit (65,500 a side for JPEG), a sampling that the codec does not have, lack of memory.
    fn encode(&mut self, image: YccRef<'_>, quality: Quality) -> Result<Vec<u8>>;
    /// As [`Self::encode`], and the planes that a decoder makes of the bytes, where the encoder knows them without decoding.
    ///
    /// # Errors
    /// As [`Self::encode`].
    fn encode_and_decode(&mut self, image: YccRef<'_>, quality: Quality) -> Result<(Vec<u8>, Option<Ycc>)> {
        Ok((self.encode(image, quality)?, None))
    }
    /// The codec of the bytes that [`Self::encode`] gives.
    fn codec(&self) -> CodecId;
    /// Asks for images whose stripes of `rows` rows decode by themselves: [`ImageDecoder::decode_part`]; 0 for none.
    /// An encoder without stripes, or without stripes of this height, codes as before.
    fn set_stripes(&mut self, rows: usize) {
        let _ = rows;
    }
}

/// Bytes to planes.
pub trait ImageDecoder: Send {
    /// Decodes an image, which must have the shape `expect`. The header is checked before memory is allocated.
    ///
    /// # Errors
    /// Another shape, damaged bytes. The message says which; the caller adds where.
    fn decode(&mut self, bytes: &[u8], expect: Shape) -> Result<Ycc> {
        let mut image = Ycc::default();
        self.decode_into(bytes, expect, &mut image)?;
        Ok(image)
    }
    /// As [`Self::decode`], into the memory of another image.
    ///
    /// # Errors
    /// As [`Self::decode`]; the samples of `image` are then unspecified.
    fn decode_into(&mut self, bytes: &[u8], expect: Shape, image: &mut Ycc) -> Result<()>;
    /// Decodes the samples of `part`, which lies inside, to their place in `image`, if the codec can do less than decode all; else does
    /// nothing and returns `false`. Samples that an earlier call decoded from the same bytes stay; all others are unspecified.
    ///
    /// # Errors
    /// As [`Self::decode`]; the samples of `image` are then unspecified.
    fn decode_part(&mut self, bytes: &[u8], expect: Shape, part: Rect, image: &mut Ycc) -> Result<bool> {
        let _ = (bytes, expect, part, image);
        Ok(false)
    }
    /// As [`Self::decode_part`], for parts that are read of the same bytes again and again: reads less where `points` knows where to begin, and
    /// adds to them. They belong to these bytes alone.
    ///
    /// # Errors
    /// As [`Self::decode`]; the samples of `image` are then unspecified.
    fn decode_part_from(
        &mut self,
        points: Option<&EntryPoints>,
        bytes: &[u8],
        expect: Shape,
        part: Rect,
        image: &mut Ycc,
    ) -> Result<bool> {
        let _ = points;
        self.decode_part(bytes, expect, part, image)
    }
}

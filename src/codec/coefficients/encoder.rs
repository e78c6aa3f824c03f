//! The encoder of baselines and residuals: our own coefficients, and libjpeg-turbo for what they do not express.

use super::Coefficients;
use crate::codec::error::Result;
use crate::codec::id::CodecId;
use crate::codec::image_codec::{ImageEncoder, Quality};
use crate::codec::jpeg::restart_rows;
use crate::codec::turbo;
use crate::image::ycc::{Sampling, Ycc, YccRef};

/// Planes to JPEG with Huffman tables made for each image: the bytes of [`turbo::Encoder`], sooner.
pub struct Encoder {
    turbo: turbo::Encoder,
    /// Rows of a stripe; 0 for none.
    stripe: usize,
}

impl Encoder {
    /// A new encoder.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn new() -> Result<Self> {
        Ok(Self { turbo: turbo::Encoder::new()?.optimised()?, stripe: 0 })
    }
}

impl ImageEncoder for Encoder {
    fn codec(&self) -> CodecId {
        CodecId::Jpeg
    }

    fn set_stripes(&mut self, rows: usize) {
        self.stripe = rows;
        self.turbo.set_stripes(rows);
    }

    fn encode(&mut self, image: YccRef<'_>, quality: Quality) -> Result<Vec<u8>> {
        Ok(self.encode_and_decode(image, quality)?.0)
    }

    fn encode_and_decode(&mut self, image: YccRef<'_>, quality: Quality) -> Result<(Vec<u8>, Option<Ycc>)> {
        turbo::check_image(image)?;
        // Only 4:2:0 has a quality of its own for chroma.
        let chroma = if image.sampling == Sampling::S420 { quality.chroma } else { quality.luma };
        let rows = restart_rows(image.luma.width, image.luma.height, image.sampling, self.stripe);
        let coefficients = Coefficients::of(image, Quality { chroma, ..quality });
        match coefficients.file(rows.unwrap_or(0)) {
            Some(bytes) => Ok((bytes, coefficients.planes())),
            None => Ok((self.turbo.encode(image, quality)?, None)),
        }
    }
}

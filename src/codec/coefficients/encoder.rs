//! The encoders of baselines and residuals: our own coefficients, and libjpeg-turbo for what they do not express.

use super::Coefficients;
use super::header::steps;
use crate::codec::error::Result;
use crate::codec::id::CodecId;
use crate::codec::image_codec::{ImageEncoder, Quality};
use crate::codec::jpeg::{flat_step, restart_rows};
use crate::codec::kind::ImageRole;
use crate::codec::turbo;
use crate::image::ycc::{Sampling, Ycc, YccRef};

/// Planes to JPEG with Huffman tables made for each image: the bytes of [`turbo::Encoder`], sooner, or smaller files by a trellis.
pub struct Encoder {
    turbo: turbo::Encoder,
    /// What is coded with a trellis; `None` for rounded coefficients.
    trellis: Option<ImageRole>,
    /// Rows of a stripe; 0 for none.
    stripe: usize,
}

impl Encoder {
    /// A new encoder.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn new() -> Result<Self> {
        Ok(Self { turbo: turbo::Encoder::new()?.optimised()?, trellis: None, stripe: 0 })
    }

    /// An encoder that weighs error against bits. A residual has one step for all frequencies.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn with_trellis(role: ImageRole) -> Result<Self> {
        Ok(Self { trellis: Some(role), ..Self::new()? })
    }

    fn coefficients(&self, image: YccRef<'_>, quality: Quality) -> Coefficients {
        // Only 4:2:0 has a quality of its own for chroma.
        let chroma = if image.sampling == Sampling::S420 { quality.chroma } else { quality.luma };
        let quality = Quality { chroma, ..quality };
        let steps = match self.trellis {
            None => return Coefficients::of(image, quality),
            Some(ImageRole::Baseline) => [steps(quality.luma, false), steps(quality.chroma, true)],
            Some(ImageRole::Residual) => {
                [quality.luma, quality.chroma].map(|quality| [flat_step(quality); 64])
            }
        };
        Coefficients::optimised(image, steps)
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
        let rows =
            restart_rows(image.luma.width, image.luma.height, image.sampling, self.stripe).unwrap_or(0);
        let coefficients = self.coefficients(image, quality);
        match coefficients.file(rows) {
            Some(bytes) => Ok((bytes, coefficients.planes())),
            None => Ok((self.turbo.encode(image, quality)?, None)),
        }
    }
}

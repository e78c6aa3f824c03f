//! The encoders of baselines and residuals: our own coefficients, and libjpeg-turbo for what they do not express.

use super::Coefficients;
use super::trellis::Weights;
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
    quantiser: Quantiser,
    /// Rows of a stripe; 0 for none.
    stripe: usize,
}

/// From coefficients to integers.
#[derive(Clone, Copy)]
enum Quantiser {
    /// By rounding; the steps are those of libjpeg.
    Rounding,
    /// By a trellis; `flat` for one step for all frequencies.
    Trellis { flat: bool, weights: Weights },
}

impl Encoder {
    /// A new encoder.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn new() -> Result<Self> {
        Ok(Self { turbo: turbo::Encoder::new()?.optimised()?, quantiser: Quantiser::Rounding, stripe: 0 })
    }

    /// An encoder that weighs error against bits. A residual has one step for all frequencies.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn with_trellis(role: ImageRole) -> Result<Self> {
        let quantiser = match role {
            ImageRole::Baseline => Quantiser::Trellis { flat: false, weights: Weights::PICTURE },
            ImageRole::Residual => Quantiser::Trellis { flat: true, weights: Weights::RESIDUAL },
        };
        Ok(Self { quantiser, ..Self::new()? })
    }

    /// As [`Self::with_trellis`], of residuals whose coefficients the context coder will code.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn with_trellis_by_context() -> Result<Self> {
        let quantiser = Quantiser::Trellis { flat: true, weights: Weights::BY_CONTEXT };
        Ok(Self { quantiser, ..Self::new()? })
    }

    /// The coefficients that it codes.
    ///
    /// # Errors
    /// As [`ImageEncoder::encode`].
    pub fn coefficients(&self, image: YccRef<'_>, quality: Quality) -> Result<Coefficients> {
        turbo::check_image(image)?;
        let Quantiser::Trellis { flat, weights } = self.quantiser else {
            return Ok(Coefficients::of(image, quality));
        };
        let mut steps = Coefficients::steps(image.sampling, quality);
        if flat {
            // Only 4:2:0 has a quality of its own for chroma.
            let chroma = if image.sampling == Sampling::S420 { quality.chroma } else { quality.luma };
            steps = [quality.luma, chroma].map(|quality| [flat_step(quality); 64]);
        }
        Ok(Coefficients::optimised(image, steps, weights))
    }
}

/// The JPEG file of coefficients in stripes of so many rows, where they can be had; 0 for none. `None` as of [`Coefficients::file`].
pub fn file_in_stripes(coefficients: &Coefficients, rows: usize) -> Option<Vec<u8>> {
    let ((width, height), sampling) = coefficients.shape();
    coefficients.file(restart_rows(width, height, sampling, rows).unwrap_or(0))
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
        let coefficients = self.coefficients(image, quality)?;
        match file_in_stripes(&coefficients, self.stripe) {
            Some(bytes) => Ok((bytes, coefficients.planes())),
            None => Ok((self.turbo.encode(image, quality)?, None)),
        }
    }
}

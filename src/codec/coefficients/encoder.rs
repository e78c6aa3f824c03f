//! The encoders of baselines and residuals: our own coefficients, and libjpeg-turbo for what they do not express.

use super::Coefficients;
use super::block::SIDE;
use super::trellis::Weights;
use crate::codec::error::Result;
use crate::codec::id::CodecId;
use crate::codec::image_codec::{ImageEncoder, Quality};
use crate::codec::jpeg::{flat_step, restart_rows};
use crate::codec::kind::{EncoderKind, ImageRole};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantiser {
    /// By rounding; the steps are those of libjpeg.
    Rounding,
    /// By a trellis.
    Trellis {
        /// Whether all frequencies have one step.
        flat: bool,
        /// What an error is worth.
        weights: Weights,
    },
}

impl Quantiser {
    /// Of a picture by a trellis.
    const PICTURE: Self = Self::Trellis { flat: false, weights: Weights::PICTURE };
    /// Of a residual by a trellis.
    const RESIDUAL: Self = Self::Trellis { flat: true, weights: Weights::RESIDUAL };
    /// Of a residual by a trellis, for the context coder.
    const BY_CONTEXT: Self = Self::Trellis { flat: true, weights: Weights::BY_CONTEXT };

    /// That of an encoder's images of a role; `by_context` where residuals are coded by context. `None`: the encoder is a library's.
    pub fn of(kind: EncoderKind, role: ImageRole, by_context: bool) -> Option<Self> {
        match (kind, role) {
            (EncoderKind::Turbojpeg, _) => Some(Self::Rounding),
            (EncoderKind::Trellis, ImageRole::Baseline) => Some(Self::PICTURE),
            (EncoderKind::Trellis, ImageRole::Residual) if by_context => Some(Self::BY_CONTEXT),
            (EncoderKind::Trellis, ImageRole::Residual) => Some(Self::RESIDUAL),
            _ => None,
        }
    }

    /// Its steps of luma and of chroma at a quality, row by row.
    pub fn steps(self, sampling: Sampling, quality: Quality) -> [[u8; SIDE * SIDE]; 2] {
        match self {
            Self::Trellis { flat: true, .. } => {
                // Only 4:2:0 has a quality of its own for chroma.
                let chroma = if sampling == Sampling::S420 { quality.chroma } else { quality.luma };
                [quality.luma, chroma].map(|quality| [flat_step(quality); SIDE * SIDE])
            }
            _ => Coefficients::steps(sampling, quality),
        }
    }
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
            ImageRole::Baseline => Quantiser::PICTURE,
            ImageRole::Residual => Quantiser::RESIDUAL,
        };
        Ok(Self { quantiser, ..Self::new()? })
    }

    /// As [`Self::with_trellis`], of residuals whose coefficients the context coder will code.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn with_trellis_by_context() -> Result<Self> {
        Ok(Self { quantiser: Quantiser::BY_CONTEXT, ..Self::new()? })
    }

    /// The coefficients that it codes.
    ///
    /// # Errors
    /// As [`ImageEncoder::encode`].
    pub fn coefficients(&self, image: YccRef<'_>, quality: Quality) -> Result<Coefficients> {
        turbo::check_image(image)?;
        let steps = self.quantiser.steps(image.sampling, quality);
        Ok(match self.quantiser {
            Quantiser::Rounding => Coefficients::by_steps(image, steps),
            Quantiser::Trellis { weights, .. } => Coefficients::optimised(image, steps, weights),
        })
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

//! The parameters of an encode.

use serde::{Deserialize, Serialize};

use super::coding::{BaselineSubsamp, Coding};
use super::error::{Error, Parameter, Result};
use super::subsamp::Subsamp;
use crate::codec::{EncoderKind, Entropy, Quality};
use crate::kernels::sharpen::Strength;
use crate::kernels::taps::Filter;

/// All parameters that decide the bytes of an encode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodeParams {
    /// Quality of the L2 baseline, 1 to 100.
    pub base_quality: u8,
    /// Quality of the residual, 1 to 100.
    pub residual_quality: u8,
    /// Quality of a residual of Cb and Cr at half size, 1 to 100; `None` for no such residual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chroma_residual_quality: Option<u8>,
    /// Chroma of the baseline.
    pub subsamp: Subsamp,
    /// Encoder of the baseline.
    pub encoder: EncoderKind,
    /// Entropy coders of the stored JPEGs.
    #[serde(default, skip_serializing_if = "Entropy::is_default")]
    pub entropy: Entropy,
    /// Encoder of the residual; `None` for that of the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_encoder: Option<EncoderKind>,
    /// L2 luma optimised by gradient descent.
    pub optl2: bool,
    /// Largest change per sample by optL2 and 420opt.
    pub max_delta: u8,
    /// Unsharp mask on L2 luma, 0 for none.
    pub sharpen: f64,
    /// Whether the sharpened L2 is stored; else the decoder sharpens.
    pub save_sharpened: bool,
    /// Filter of the prediction.
    pub upsample_filter: Filter,
    /// Filter to L2 and L1.
    pub downsample_filter: Filter,
    /// Side of the coded residual in percent of L0, 1 to 100.
    pub l0_scale_pct: u32,
    /// Unsharp mask on the residual, 0 for none.
    pub l0_sharpen: f64,
    /// Whether the source's own L0 tiles are stored as they are. There are no residuals then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub originals: bool,
}

impl Default for EncodeParams {
    fn default() -> Self {
        Self {
            base_quality: 95,
            residual_quality: 50,
            chroma_residual_quality: None,
            subsamp: Subsamp::S444,
            encoder: EncoderKind::Turbojpeg,
            entropy: Entropy::HUFFMAN,
            residual_encoder: None,
            optl2: false,
            max_delta: 15,
            sharpen: 0.0,
            save_sharpened: false,
            upsample_filter: Filter::Lanczos3,
            downsample_filter: Filter::Lanczos3,
            l0_scale_pct: 100,
            l0_sharpen: 0.0,
            originals: false,
        }
    }
}

impl EncodeParams {
    /// Qualities of the residual.
    pub fn residual_qualities(&self) -> Quality {
        let luma = self.residual_quality;
        Quality { luma, chroma: self.chroma_residual_quality.unwrap_or(luma) }
    }

    /// Encoder of the residual.
    pub fn residual_encoder(&self) -> EncoderKind {
        self.residual_encoder.unwrap_or(self.encoder)
    }

    /// Checks ranges and combinations.
    ///
    /// # Errors
    /// The parameter, its range and the value.
    pub fn validate(&self) -> Result<()> {
        let qualities = [
            (Parameter::BaseQuality, self.base_quality),
            (Parameter::ResidualQuality, self.residual_quality),
            (Parameter::ChromaResidualQuality, self.chroma_residual_quality.unwrap_or(1)),
        ];
        for (parameter, quality) in qualities {
            if !(1..=100).contains(&quality) {
                return Err(Error::Quality { parameter, quality });
            }
        }
        if !(1..=100).contains(&self.l0_scale_pct) {
            return Err(Error::L0Scale { percent: self.l0_scale_pct });
        }
        for (parameter, value) in
            [(Parameter::Sharpen, self.sharpen), (Parameter::L0Sharpen, self.l0_sharpen)]
        {
            if value != 0.0 && Strength::new(value).is_none() {
                return Err(Error::Strength { parameter, value });
            }
        }
        if self.encoder == EncoderKind::Webp && self.subsamp == Subsamp::S444 {
            return Err(Error::WebpBaseline444);
        }
        if self.residual_encoder() == EncoderKind::Webp
            && self.chroma_residual_quality.is_some_and(|quality| quality != self.residual_quality)
        {
            return Err(Error::WebpChromaQuality { residual_quality: self.residual_quality });
        }
        if self.save_sharpened && self.sharpen == 0.0 {
            return Err(Error::SaveSharpenedWithoutSharpen);
        }
        self.entropy.available()?;
        if self.originals { self.validate_originals() } else { Ok(()) }
    }

    /// Refuses parameters of predictions and residuals, which an archive of original tiles does not have.
    fn validate_originals(&self) -> Result<()> {
        let refused = [
            (Parameter::ChromaResidualQuality, self.chroma_residual_quality.is_some()),
            (Parameter::ResidualEntropy, !Entropy::NAMED.contains(&self.entropy)),
            (Parameter::Entropy(self.entropy), [Entropy::CONTEXT, Entropy::ADAPTIVE].contains(&self.entropy)),
            (Parameter::ResidualEncoder, self.residual_encoder.is_some()),
            (Parameter::Optl2, self.optl2),
            (Parameter::Subsamp(Subsamp::S420Opt), self.subsamp == Subsamp::S420Opt),
            (Parameter::Sharpen, self.sharpen != 0.0),
            (Parameter::L0Scale, self.l0_scale_pct != 100),
            (Parameter::L0Sharpen, self.l0_sharpen != 0.0),
        ];
        if matches!(self.encoder, EncoderKind::Jpegxl | EncoderKind::Webp) {
            return Err(Error::LosslessEncoder(self.encoder));
        }
        match refused.iter().find(|(_, given)| *given) {
            Some((parameter, _)) => Err(Error::NotWithLossless(*parameter)),
            None => Ok(()),
        }
    }

    /// The part that a decoder must know.
    pub fn coding(&self) -> Coding {
        let by_decoder = if self.save_sharpened { None } else { Strength::new(self.sharpen) };
        Coding {
            upsample_filter: self.upsample_filter,
            downsample_filter: self.downsample_filter,
            baseline_subsamp: match self.subsamp {
                Subsamp::S444 => BaselineSubsamp::S444,
                Subsamp::S420 | Subsamp::S420Opt => BaselineSubsamp::S420,
            },
            sharpen_q8: by_decoder.map_or(0, Strength::q8),
            l0_scale_pct: self.l0_scale_pct,
            chroma_residual: self.chroma_residual_quality.is_some(),
            originals: self.originals,
        }
    }
}

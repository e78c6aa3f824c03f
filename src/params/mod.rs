//! How a slide is coded: what an encoder is told, and the part of it that a decoder must know.
//!
//! Plain data. [`Coding`] travels in every pack and bundle, so that a wrong flag at decode is impossible;
//! [`EncodeParams`] travels too, for the record, but nothing is decoded by it.

mod error;

use serde::{Deserialize, Serialize};

pub use error::{Error, Parameter, Result};

use crate::codec::{EncoderKind, Entropy, Quality};
use crate::image::spec;
use crate::image::ycc::Sampling;
use crate::kernels::sharpen::Strength;
use crate::kernels::taps::Filter;

/// What a decoder must know besides sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coding {
    /// Filter of the prediction, of chroma and of a scaled residual on its way up.
    pub upsample_filter: Filter,
    /// Filter from L0 luma to L1 luma.
    pub downsample_filter: Filter,
    /// Chroma sampling of the L2 baseline.
    pub baseline_subsamp: BaselineSubsamp,
    /// Strength in 1/256 with which the decoder sharpens L2 luma before it predicts; 0 for none.
    pub sharpen_q8: u32,
    /// Side of the coded residual in percent of L0.
    pub l0_scale_pct: u32,
    /// Whether the residual of a coloured family has chroma as well: Cb and Cr of L0 at half its size.
    #[serde(default, skip_serializing_if = "is_false")]
    pub chroma_residual: bool,
    /// Whether families hold the source's own L0 tiles instead of what a prediction missed: nothing of L0 is lost then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub originals: bool,
}

/// What was never said is not written: archives without a chroma residual are what they were before there was one.
fn is_false(value: &bool) -> bool {
    !value
}

impl Coding {
    /// The sharpening that the decoder does, if any.
    ///
    /// # Errors
    /// A strength out of range.
    pub fn sharpen(&self) -> Result<Option<Strength>> {
        if self.sharpen_q8 == 0 {
            return Ok(None);
        }
        let value = f64::from(self.sharpen_q8) / f64::from(1u32 << spec::SHARPEN_BITS);
        Strength::new(value).map(Some).ok_or(Error::RecordedSharpening(value))
    }

    /// Whether its members go together: where L0 is stored as it was, nothing predicts it.
    pub fn is_consistent(&self) -> bool {
        !self.originals || (self.sharpen_q8 == 0 && self.l0_scale_pct == 100 && !self.chroma_residual)
    }

    /// Size of the coded residual for L0 planes of `width` x `height`.
    pub fn residual_size(&self, width: usize, height: usize) -> (usize, usize) {
        let scaled = |n: usize| ((n as u64 * u64::from(self.l0_scale_pct) + 50) / 100).max(1) as usize;
        (scaled(width), scaled(height))
    }
}

/// Chroma sampling of the L2 baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BaselineSubsamp {
    /// 4:4:4.
    #[serde(rename = "444")]
    S444,
    /// 4:2:0.
    #[serde(rename = "420")]
    S420,
}

impl BaselineSubsamp {
    /// As a codec's sampling.
    pub fn sampling(self) -> Sampling {
        match self {
            BaselineSubsamp::S444 => Sampling::S444,
            BaselineSubsamp::S420 => Sampling::S420,
        }
    }
}

/// `--subsamp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Subsamp {
    /// Full chroma at L2.
    #[serde(rename = "444")]
    #[cfg_attr(feature = "cli", value(name = "444"))]
    S444,
    /// Half-size chroma at L2.
    #[serde(rename = "420")]
    #[cfg_attr(feature = "cli", value(name = "420"))]
    S420,
    /// Half-size chroma, chosen by gradient descent so that it upsamples best.
    #[serde(rename = "420opt")]
    #[cfg_attr(feature = "cli", value(name = "420opt"))]
    S420Opt,
}

impl Subsamp {
    /// Its name on the command line and in archives.
    pub fn name(self) -> &'static str {
        match self {
            Subsamp::S444 => "444",
            Subsamp::S420 => "420",
            Subsamp::S420Opt => "420opt",
        }
    }
}

/// Everything that decides the bytes of an encode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodeParams {
    /// Quality of the L2 baseline, 1 to 100.
    pub base_quality: u8,
    /// Quality of the residual, 1 to 100.
    pub residual_quality: u8,
    /// Quality of a residual of Cb and Cr at half size, 1 to 100; `None` for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chroma_residual_quality: Option<u8>,
    /// Chroma of the baseline.
    pub subsamp: Subsamp,
    /// Encoder of the baseline.
    pub encoder: EncoderKind,
    /// Coder of the coefficients of everything that is stored as JPEG.
    #[serde(default, skip_serializing_if = "Entropy::is_default")]
    pub entropy: Entropy,
    /// Encoder of the residual; `None` for the baseline's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_encoder: Option<EncoderKind>,
    /// Gradient-descent L2 luma.
    pub optl2: bool,
    /// Largest change per sample by optL2 and 420opt.
    pub max_delta: u8,
    /// Unsharp mask on L2 luma, 0 for none.
    pub sharpen: f64,
    /// Store the sharpened L2; else the decoder sharpens.
    pub save_sharpened: bool,
    /// Filter of the prediction.
    pub upsample_filter: Filter,
    /// Filter to L2 and L1.
    pub downsample_filter: Filter,
    /// Side of the coded residual in percent of L0, 1 to 100.
    pub l0_scale_pct: u32,
    /// Unsharp mask on the residual, 0 for none.
    pub l0_sharpen: f64,
    /// The source's own L0 tiles are stored as they are; what is said above of residuals is then without meaning.
    #[serde(default, skip_serializing_if = "is_false")]
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
            entropy: Entropy::Huffman,
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

    /// Checks every range and every combination.
    ///
    /// # Errors
    /// Names the parameter, its range and the value.
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

    /// Where nothing is predicted, parameters of the prediction are refused.
    fn validate_originals(&self) -> Result<()> {
        let refused = [
            (Parameter::ChromaResidualQuality, self.chroma_residual_quality.is_some()),
            (Parameter::Entropy(self.entropy), matches!(self.entropy, Entropy::Context | Entropy::Adaptive)),
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

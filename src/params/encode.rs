//! What an encoder is told.

use serde::{Deserialize, Serialize};

use super::coding::{BaselineSubsamp, Coding};
use crate::codec::{EncoderKind, Entropy, Quality, ResidualCoder};
use crate::error::{Error, Result};
use crate::image::spec;
use crate::kernels::sharpen::Strength;
use crate::kernels::taps::Filter;

/// Chroma of the baseline, as `--subsamp` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subsamp {
    /// Full chroma at L2.
    #[serde(rename = "444")]
    S444,
    /// Half-size chroma at L2.
    #[serde(rename = "420")]
    S420,
    /// Half-size chroma, optimised by gradient descent for the least error after upsampling.
    #[serde(rename = "420opt")]
    S420Opt,
}

impl Subsamp {
    /// Every sampling.
    pub const ALL: [Self; 3] = [Self::S444, Self::S420, Self::S420Opt];

    /// The name on the command line and in archives.
    pub fn name(self) -> &'static str {
        match self {
            Subsamp::S444 => "444",
            Subsamp::S420 => "420",
            Subsamp::S420Opt => "420opt",
        }
    }
}

#[cfg(feature = "cli")]
impl clap::ValueEnum for Subsamp {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.name().into())
    }
}

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
    /// The flag, its range and the value.
    pub fn validate(&self) -> Result<()> {
        let quality = |flag: &str, q: u8| match q {
            1..=100 => Ok(()),
            _ => Err(Error::Usage(format!("{flag} {q}: a JPEG quality is 1 to 100"))),
        };
        quality("--baseq", self.base_quality)?;
        quality("--l0q", self.residual_quality)?;
        quality("--chroma-resq", self.chroma_residual_quality.unwrap_or(1))?;
        if !(1..=100).contains(&self.l0_scale_pct) {
            return Err(Error::Usage(format!("--l0-scale {}: a percentage of 1 to 100", self.l0_scale_pct)));
        }
        for (flag, value) in [("--sharpen", self.sharpen), ("--l0-sharpen", self.l0_sharpen)] {
            if value != 0.0 && Strength::new(value).is_none() {
                return Err(Error::Usage(format!(
                    "{flag} {value}: a strength is 1/512 to {}, or 0 for none",
                    spec::MAX_SHARPEN
                )));
            }
        }
        if self.encoder == EncoderKind::Webp && self.subsamp == Subsamp::S444 {
            return Err(Error::Usage(
                "--encoder webp: WebP has chroma of half size only; give --subsamp 420 or 420opt".into(),
            ));
        }
        if self.residual_encoder() == EncoderKind::Webp
            && self.chroma_residual_quality.is_some_and(|quality| quality != self.residual_quality)
        {
            return Err(Error::Usage(format!(
                "--chroma-resq: WebP has one quality for all planes; give {} as well, or another --residual-encoder",
                self.residual_quality
            )));
        }
        if self.save_sharpened && self.sharpen == 0.0 {
            return Err(Error::Usage(
                "--save-sharpened stores the sharpened L2; give --sharpen S as well".into(),
            ));
        }
        self.entropy.available()?;
        if self.originals { self.validate_originals() } else { Ok(()) }
    }

    /// Refuses parameters of predictions and residuals, which an archive of original tiles does not have.
    fn validate_originals(&self) -> Result<()> {
        let refused = [
            ("--chroma-resq", self.chroma_residual_quality.is_some()),
            ("--residual-entropy", !Entropy::NAMED.contains(&self.entropy)),
            ("--entropy context", self.entropy.residual == ResidualCoder::Context),
            ("--entropy adaptive", self.entropy.residual == ResidualCoder::Adaptive),
            ("--residual-encoder", self.residual_encoder.is_some()),
            ("--optl2", self.optl2),
            ("--subsamp 420opt", self.subsamp == Subsamp::S420Opt),
            ("--sharpen", self.sharpen != 0.0),
            ("--l0-scale", self.l0_scale_pct != 100),
            ("--l0-sharpen", self.l0_sharpen != 0.0),
        ];
        if matches!(self.encoder, EncoderKind::Jpegxl | EncoderKind::Webp) {
            return Err(Error::Usage(format!(
                "--encoder {}: --preset lossless stores JPEG files, and L2 as one too; use turbojpeg, mozjpeg or jpegli",
                self.encoder.name()
            )));
        }
        match refused.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Error::Usage(format!(
                "{flag} is about predicting L0 from L2, and --preset lossless stores L0 as it is; leave one of them out"
            ))),
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

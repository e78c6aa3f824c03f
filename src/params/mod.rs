//! How a slide is coded: what an encoder is told, and the part of it that a decoder must know.
//!
//! Plain data. [`Coding`] travels in every pack and bundle, so that a wrong flag at decode is impossible;
//! [`EncodeParams`] travels too, for the record, but nothing is decoded by it.

use serde::{Deserialize, Serialize};

use crate::codec::{EncoderKind, Entropy, Quality};
use crate::error::{Error, Result};
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
        Strength::new(value)
            .map(Some)
            .ok_or_else(|| Error::Usage(format!("a recorded sharpening of {value} is out of range")))
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
    /// Names the flag, its range and what was given.
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

    /// Where nothing is predicted, nothing that is about predictions may be asked for.
    fn validate_originals(&self) -> Result<()> {
        let refused = [
            ("--chroma-resq", self.chroma_residual_quality.is_some()),
            ("--entropy context", self.entropy == Entropy::Context),
            ("--entropy adaptive", self.entropy == Entropy::Adaptive),
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

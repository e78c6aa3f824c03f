//! Flags that decide how a slide is coded: those of `encode`, which the benches take as well.

use clap::{Args, ValueEnum};
use origami::codec::{EncoderKind, Entropy};
use origami::params::{EncodeParams, Subsamp};
use origami::quality::presets::{Preset, at_rung};

use super::FilterArg;

/// Everything that decides the bytes.
#[derive(Args)]
pub struct CodingArgs {
    /// Parameters that go well together: archive (fine, packed tightly, slower to decode), balanced (plain JPEG streams, with
    /// chroma), small (coarse, packed tightly); or lossless: the JPEG tiles of the source, repacked, and given back byte for byte.
    /// Flags beside it override it
    #[arg(long, value_enum)]
    pub preset: Option<PresetArg>,
    /// One quality for all: that of the residual, which the baseline, and a chroma residual where there is one, follow in the
    /// proportions that cost least
    #[arg(long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100), conflicts_with_all = ["resq", "l0q"])]
    pub quality: Option<u8>,
    /// Quality of the L2 baseline JPEG [default: 95]
    #[arg(long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub baseq: Option<u8>,
    /// Quality of the residual [default: 50]
    #[arg(long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub resq: Option<u8>,
    /// Quality of the residual; overrides --resq
    #[arg(long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub l0q: Option<u8>,
    /// Quality of a residual of Cb and Cr as well, at half the size of L0; off: chroma comes from L2 alone [default: off]
    #[arg(long, value_name = "Q|off", value_parser = parse_chroma)]
    pub chroma_resq: Option<ChromaArg>,
    /// Chroma of the baseline: full, half, or half chosen so that it upsamples best [default: 444]
    #[arg(long, value_enum)]
    pub subsamp: Option<SubsampArg>,
    /// How JPEGs are stored: as they are; the same, but residuals with next to nothing in them in arithmetic codes; repacked by Lepton,
    /// exactly, smaller and slower; or residuals coded by context, smaller still, everything else by Lepton [default: huffman]
    #[arg(long, value_enum)]
    pub entropy: Option<EntropyArg>,
    /// Encoder of baseline and residual [default: turbojpeg]
    #[arg(long, value_enum)]
    pub encoder: Option<EncoderArg>,
    /// Encoder of the residual [default: that of --encoder]
    #[arg(long, value_enum)]
    pub residual_encoder: Option<EncoderArg>,
    /// Choose L2 by gradient descent so that it predicts L0 best
    #[arg(long)]
    pub optl2: bool,
    /// Largest change per sample by --optl2 and 420opt
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub max_delta: u8,
    /// Unsharp mask on L2, 0 to 16 [default: off]
    #[arg(long, value_name = "S", default_value_t = 0.0, hide_default_value = true)]
    pub sharpen: f64,
    /// Store the sharpened L2; else the decoder sharpens
    #[arg(long)]
    pub save_sharpened: bool,
    /// Filter of the prediction
    #[arg(long, value_enum, default_value_t = FilterArg::Lanczos3)]
    pub upsample_filter: FilterArg,
    /// Filter from L0 to L2 and L1
    #[arg(long, value_enum, default_value_t = FilterArg::Lanczos3)]
    pub downsample_filter: FilterArg,
    /// Side of the coded residual in percent
    #[arg(long, value_name = "PCT", default_value_t = 100)]
    pub l0_scale: u32,
    /// Unsharp mask on the residual before coding [default: off]
    #[arg(long, value_name = "S", default_value_t = 0.0, hide_default_value = true)]
    pub l0_sharpen: f64,
}

/// A quality, or no residual of chroma also where a preset has one.
#[derive(Clone, Copy)]
pub enum ChromaArg {
    Off,
    Quality(u8),
}

fn parse_chroma(text: &str) -> Result<ChromaArg, String> {
    match text.parse() {
        Ok(quality @ 1..=100) => Ok(ChromaArg::Quality(quality)),
        _ if text == "off" => Ok(ChromaArg::Off),
        _ => Err("a quality is 1 to 100; off is for no residual of chroma".into()),
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum SubsampArg {
    #[value(name = "444")]
    S444,
    #[value(name = "420")]
    S420,
    #[value(name = "420opt")]
    S420Opt,
}

impl From<SubsampArg> for Subsamp {
    fn from(arg: SubsampArg) -> Self {
        match arg {
            SubsampArg::S444 => Subsamp::S444,
            SubsampArg::S420 => Subsamp::S420,
            SubsampArg::S420Opt => Subsamp::S420Opt,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum EncoderArg {
    Turbojpeg,
    Mozjpeg,
    Jpegli,
    Jpegxl,
    Webp,
}

impl From<EncoderArg> for EncoderKind {
    fn from(arg: EncoderArg) -> Self {
        match arg {
            EncoderArg::Turbojpeg => EncoderKind::Turbojpeg,
            EncoderArg::Mozjpeg => EncoderKind::Mozjpeg,
            EncoderArg::Jpegli => EncoderKind::Jpegli,
            EncoderArg::Jpegxl => EncoderKind::Jpegxl,
            EncoderArg::Webp => EncoderKind::Webp,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum EntropyArg {
    Huffman,
    Adaptive,
    Lepton,
    Context,
}

impl From<EntropyArg> for Entropy {
    fn from(arg: EntropyArg) -> Self {
        match arg {
            EntropyArg::Huffman => Entropy::HUFFMAN,
            EntropyArg::Adaptive => Entropy::ADAPTIVE,
            EntropyArg::Lepton => Entropy::LEPTON,
            EntropyArg::Context => Entropy::CONTEXT,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum PresetArg {
    Archive,
    Balanced,
    Small,
    Lossless,
}

impl From<PresetArg> for Preset {
    fn from(arg: PresetArg) -> Self {
        match arg {
            PresetArg::Archive => Preset::Archive,
            PresetArg::Balanced => Preset::Balanced,
            PresetArg::Small => Preset::Small,
            PresetArg::Lossless => Preset::Lossless,
        }
    }
}

impl CodingArgs {
    /// As the library means them: the preset's, or the defaults, and over them what was given.
    pub fn params(&self) -> EncodeParams {
        let preset = self.preset.map_or_else(EncodeParams::default, |preset| Preset::from(preset).params());
        self.over(match self.quality {
            Some(quality) => at_rung(&preset, quality),
            None => preset,
        })
    }

    fn over(&self, preset: EncodeParams) -> EncodeParams {
        EncodeParams {
            base_quality: self.baseq.unwrap_or(preset.base_quality),
            residual_quality: self.l0q.or(self.resq).unwrap_or(preset.residual_quality),
            chroma_residual_quality: match self.chroma_resq {
                Some(ChromaArg::Quality(quality)) => Some(quality),
                Some(ChromaArg::Off) => None,
                None => preset.chroma_residual_quality,
            },
            subsamp: self.subsamp.map_or(preset.subsamp, Into::into),
            encoder: self.encoder.map_or(preset.encoder, Into::into),
            entropy: self.entropy.map_or(preset.entropy, Into::into),
            residual_encoder: self.residual_encoder.map(Into::into).or(preset.residual_encoder),
            optl2: self.optl2,
            max_delta: self.max_delta,
            sharpen: self.sharpen,
            save_sharpened: self.save_sharpened,
            upsample_filter: self.upsample_filter.into(),
            downsample_filter: self.downsample_filter.into(),
            l0_scale_pct: self.l0_scale,
            l0_sharpen: self.l0_sharpen,
            originals: preset.originals,
        }
    }

    /// Refuses what cannot mean anything beside `--preset lossless`; `tree` where the source is one, whose L2 is stored as it is too.
    pub fn check(&self, tree: bool) -> anyhow::Result<()> {
        let lossless = matches!(self.preset, Some(PresetArg::Lossless));
        let refused = [
            ("--quality", self.quality.is_some()),
            ("--resq", self.resq.is_some()),
            ("--l0q", self.l0q.is_some()),
            ("--baseq", tree && self.baseq.is_some()),
            ("--subsamp", tree && self.subsamp.is_some()),
            ("--encoder", tree && self.encoder.is_some()),
            ("--save-sharpened", self.save_sharpened),
        ];
        match refused.into_iter().find(|(_, given)| lossless && *given) {
            Some((flag, _)) => anyhow::bail!(
                "{flag} is about coding anew, and --preset lossless stores what the source has; leave one of them out"
            ),
            None => Ok(()),
        }
    }

    /// The parameters at another quality; what was given stays.
    pub fn at(&self, quality: u8) -> EncodeParams {
        self.over(at_rung(&self.params(), quality))
    }
}

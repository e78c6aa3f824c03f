//! Flags that decide how a slide is coded: those of `encode`, which `bench` takes as well.

use clap::Args;
use origami::codec::{EncoderKind, Entropy, ResidualCoder};
use origami::kernels::taps::Filter;
use origami::params::{EncodeParams, Subsamp};
use origami::quality::presets::{Preset, at_quality};

use super::values::names;
use crate::cli::fault::usage;

/// Everything that decides the bytes of a bundle.
#[derive(Args)]
pub struct CodingArgs {
    /// Parameters that go well together: archive (fine, packed tightly, slower to decode), balanced (plain JPEG streams, with
    /// chroma), small (coarse, packed tightly); or lossless: the JPEG tiles of the source, repacked, and given back byte for byte.
    /// Flags beside it override it
    #[arg(long, value_parser = names::<Preset>())]
    pub preset: Option<Preset>,
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
    #[arg(long, value_parser = names::<Subsamp>())]
    pub subsamp: Option<Subsamp>,
    /// How JPEGs are stored: as they are; the same, but residuals with next to nothing in them in arithmetic codes; repacked by Lepton,
    /// exactly, smaller and slower; or residuals coded by context, smaller still, everything else by Lepton [default: huffman]
    #[arg(long, value_parser = names::<Entropy>())]
    pub entropy: Option<Entropy>,
    /// How the residual is stored, where it differs from --entropy: `--entropy huffman --residual-entropy context` keeps baselines plain
    /// JPEG files [default: that of --entropy]
    #[arg(long, value_parser = names::<ResidualCoder>())]
    pub residual_entropy: Option<ResidualCoder>,
    /// Encoder of baseline and residual [default: turbojpeg]
    #[arg(long, value_parser = names::<EncoderKind>())]
    pub encoder: Option<EncoderKind>,
    /// Encoder of the residual [default: that of --encoder]
    #[arg(long, value_parser = names::<EncoderKind>())]
    pub residual_encoder: Option<EncoderKind>,
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
    #[arg(long, value_enum, value_parser = names::<Filter>(), default_value_t = Filter::Lanczos3)]
    pub upsample_filter: Filter,
    /// Filter from L0 to L2 and L1
    #[arg(long, value_enum, value_parser = names::<Filter>(), default_value_t = Filter::Lanczos3)]
    pub downsample_filter: Filter,
    /// Side of the coded residual in percent
    #[arg(long, value_name = "PCT", default_value_t = 100)]
    pub l0_scale: u32,
    /// Unsharp mask on the residual before coding [default: off]
    #[arg(long, value_name = "S", default_value_t = 0.0, hide_default_value = true)]
    pub l0_sharpen: f64,
}

/// A quality of the chroma residual, or none even where the preset has one.
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

impl CodingArgs {
    /// The parameters as the library takes them: those of the preset or the defaults, overridden by the flags.
    pub fn params(&self) -> EncodeParams {
        let preset = self.preset.map_or_else(EncodeParams::default, Preset::params);
        self.overriding(match self.quality {
            Some(quality) => at_quality(&preset, quality),
            None => preset,
        })
    }

    fn overriding(&self, preset: EncodeParams) -> EncodeParams {
        let entropy = self.entropy.unwrap_or(preset.entropy);
        let residual = self.residual_entropy.unwrap_or(entropy.residual);
        EncodeParams {
            base_quality: self.baseq.unwrap_or(preset.base_quality),
            residual_quality: self.l0q.or(self.resq).unwrap_or(preset.residual_quality),
            chroma_residual_quality: match self.chroma_resq {
                Some(ChromaArg::Quality(quality)) => Some(quality),
                Some(ChromaArg::Off) => None,
                None => preset.chroma_residual_quality,
            },
            subsamp: self.subsamp.unwrap_or(preset.subsamp),
            encoder: self.encoder.unwrap_or(preset.encoder),
            entropy: Entropy { residual, ..entropy },
            residual_encoder: self.residual_encoder.or(preset.residual_encoder),
            optl2: self.optl2,
            max_delta: self.max_delta,
            sharpen: self.sharpen,
            save_sharpened: self.save_sharpened,
            upsample_filter: self.upsample_filter,
            downsample_filter: self.downsample_filter,
            l0_scale_pct: self.l0_scale,
            l0_sharpen: self.l0_sharpen,
            originals: preset.originals,
        }
    }

    /// Whether no flag decides how good or how large the result is.
    pub fn leaves_quality_open(&self) -> bool {
        let qualities = [self.quality, self.baseq, self.resq, self.l0q];
        qualities.iter().all(Option::is_none)
            && self.preset.is_none()
            && self.chroma_resq.is_none()
            && self.params() == EncodeParams::default()
    }

    /// Refuses flags that have no meaning beside `--preset lossless`. A tree as source (`tree`) has an L2 that is stored as it is, so
    /// flags of the baseline have no meaning either.
    pub fn check(&self, tree: bool) -> anyhow::Result<()> {
        let lossless = self.preset == Some(Preset::Lossless);
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
            Some((flag, _)) => usage!(
                "{flag} is about coding anew, and --preset lossless stores what the source has; leave one of them out"
            ),
            None => Ok(()),
        }
    }

    /// The parameters at another quality, overridden by the flags.
    pub fn params_at(&self, quality: u8) -> EncodeParams {
        self.overriding(at_quality(&self.params(), quality))
    }
}

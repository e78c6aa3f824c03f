//! Flags that decide how a slide is coded: those of `encode`, which `bench` takes as well.

use clap::Args;
use origami::codec::{EncoderKind, Entropy, ResidualCoder};
use origami::image::spec::MAX_SHARPEN;
use origami::kernels::taps::Filter;
use origami::params::{EncodeParams, Subsamp};
use origami::quality::presets::{Preset, at_quality};

use super::values::{names, real, whole};
use crate::cli::fault::usage;

/// Everything that decides the bytes of a bundle.
#[derive(Args)]
#[command(next_help_heading = "Quality")]
pub struct CodingArgs {
    /// Parameters that go well together [default: none]
    ///
    /// archive: fine, packed tightly, slower to decode. balanced: plain JPEG streams, with chroma. small: coarse, packed tightly.
    /// lossless: the JPEG tiles of the source, repacked, and given back byte for byte. Flags beside it override it.
    #[arg(long, value_parser = names::<Preset>())]
    pub preset: Option<Preset>,
    /// One quality for everything [range: 1 to 100] [default: the preset's]
    ///
    /// It is that of the residual. The baseline, and a chroma residual where there is one, follow it in the proportions that cost
    /// least.
    #[arg(long, value_name = "Q", value_parser = whole::<u8>(1..=100), conflicts_with_all = ["resq", "l0q"])]
    pub quality: Option<u8>,
    /// Quality of the L2 baseline JPEG [range: 1 to 100] [default: 95]
    #[arg(long, value_name = "Q", value_parser = whole::<u8>(1..=100), hide_short_help = true)]
    pub baseq: Option<u8>,
    /// Quality of the residual [range: 1 to 100] [default: 50]
    #[arg(long, value_name = "Q", value_parser = whole::<u8>(1..=100), hide_short_help = true)]
    pub resq: Option<u8>,
    /// Quality of the residual; overrides --resq [range: 1 to 100] [default: that of --resq]
    #[arg(long, value_name = "Q", value_parser = whole::<u8>(1..=100), hide_short_help = true)]
    pub l0q: Option<u8>,
    /// Quality of a residual of chroma as well [range: 1 to 100, or off] [default: off]
    ///
    /// It holds Cb and Cr at half the size of L0. Without it, chroma comes from L2 alone.
    #[arg(long, value_name = "Q|off", value_parser = parse_chroma, hide_short_help = true)]
    pub chroma_resq: Option<ChromaArg>,
    /// Chroma of the baseline: full, half, or half chosen so that it upsamples best [default: 444]
    #[arg(long, value_name = "SAMPLING", value_parser = names::<Subsamp>(), hide_short_help = true)]
    pub subsamp: Option<Subsamp>,
    /// How JPEGs are stored [default: huffman]
    ///
    /// huffman: as they are. adaptive: the same, but residuals with next to nothing in them in arithmetic codes. lepton: repacked by
    /// Lepton, exactly, smaller and slower. context: residuals coded by context, smaller still, everything else by Lepton.
    #[arg(long, value_name = "CODER", value_parser = names::<Entropy>(), hide_short_help = true)]
    pub entropy: Option<Entropy>,
    /// How the residual is stored, where it differs from --entropy [default: that of --entropy]
    ///
    /// `--entropy huffman --residual-entropy context` keeps baselines plain JPEG files.
    #[arg(long, value_name = "CODER", value_parser = names::<ResidualCoder>(), hide_short_help = true)]
    pub residual_entropy: Option<ResidualCoder>,
    /// Encoder of baseline and residual [default: turbojpeg]
    #[arg(long, value_name = "ENCODER", value_parser = names::<EncoderKind>(), hide_short_help = true)]
    pub encoder: Option<EncoderKind>,
    /// Encoder of the residual [default: that of --encoder]
    #[arg(long, value_name = "ENCODER", value_parser = names::<EncoderKind>(), hide_short_help = true)]
    pub residual_encoder: Option<EncoderKind>,
    /// Choose L2 by gradient descent so that it predicts L0 best
    #[arg(long, hide_short_help = true)]
    pub optl2: bool,
    /// Largest change per sample by --optl2 and 420opt [range: 0 to 255]
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = whole::<u8>(0..=255), hide_short_help = true)]
    pub max_delta: u8,
    /// Unsharp mask on L2; 0 is off [range: 0 to 16]
    #[arg(long, value_name = "S", default_value = "0", value_parser = real(0.0..=MAX_SHARPEN), hide_short_help = true)]
    pub sharpen: f64,
    /// Store the sharpened L2; else the decoder sharpens
    #[arg(long, hide_short_help = true)]
    pub save_sharpened: bool,
    /// Filter of the prediction
    #[arg(long, value_name = "FILTER", value_enum, value_parser = names::<Filter>(), default_value_t = Filter::Lanczos3, hide_short_help = true)]
    pub upsample_filter: Filter,
    /// Filter from L0 to L2 and L1
    #[arg(long, value_name = "FILTER", value_enum, value_parser = names::<Filter>(), default_value_t = Filter::Lanczos3, hide_short_help = true)]
    pub downsample_filter: Filter,
    /// Side of the coded residual in percent of L0 [range: 1 to 100]
    #[arg(long, value_name = "PCT", default_value_t = 100, value_parser = whole::<u32>(1..=100), hide_short_help = true)]
    pub l0_scale: u32,
    /// Unsharp mask on the residual before coding; 0 is off [range: 0 to 16]
    #[arg(long, value_name = "S", default_value = "0", value_parser = real(0.0..=MAX_SHARPEN), hide_short_help = true)]
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
        _ => Err("it must be a whole number from 1 to 100, or off for no residual of chroma".into()),
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

    /// Whether a preset decides how good the result is, and no other flag.
    pub fn adapts(&self) -> bool {
        let qualities = [self.quality, self.baseq, self.resq, self.l0q];
        qualities.iter().all(Option::is_none) && self.preset.is_some_and(|preset| preset != Preset::Lossless)
    }

    /// The parameters, but for those that flags give.
    pub fn overriding(&self, preset: EncodeParams) -> EncodeParams {
        let entropy = self.entropy.unwrap_or(preset.entropy);
        let residual = self.residual_entropy.unwrap_or(entropy.residual);
        let residual_quality = self.l0q.or(self.resq).unwrap_or(preset.residual_quality);
        let residual_encoder = self.residual_encoder.or(preset.residual_encoder);
        let encoder = self.encoder.unwrap_or(preset.encoder);
        let one_quality = residual_encoder.unwrap_or(encoder) == EncoderKind::Webp;
        EncodeParams {
            base_quality: self.baseq.unwrap_or(preset.base_quality),
            residual_quality,
            chroma_residual_quality: match self.chroma_resq {
                Some(ChromaArg::Quality(quality)) => Some(quality),
                Some(ChromaArg::Off) => None,
                None => preset
                    .chroma_residual_quality
                    .map(|chroma| if one_quality { residual_quality } else { chroma }),
            },
            subsamp: self.subsamp.unwrap_or(preset.subsamp),
            encoder,
            entropy: Entropy { residual, ..entropy },
            residual_encoder,
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

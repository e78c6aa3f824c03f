//! The flags of `origami encode`, and the source that they name.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use origami::backend::Backend;
use origami::backend::scheduler::Scheduler;
use origami::codec::ImageRole;
use origami::image::spec::{MAX_ENTRIES, MAX_TILE};
use origami::params::EncodeParams;
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::pyramid::{self, TileMetadata};
use origami::quality::channels::ChannelLoss;
use origami::quality::search::{QualityTarget, search_quality};
use origami::slide::{OpenOptions, OpenSlideUse, SlideError};

use super::report::ReportArgs;
use crate::cli::args::backend::BackendArgs;
use crate::cli::args::coding::CodingArgs;
use crate::cli::args::open::OpenArgs;
use crate::cli::args::values::{BYTE, TIB, names, real, size, whole};
use crate::cli::args::work::WorkArgs;
use crate::cli::fault::{Problem, usage};
use crate::cli::inputs::{self, Input, Inputs, SeveralArgs, Takes, Thing};
use crate::cli::print::{families, human_bytes, say};

/// Encode slides, trees and images, each to one bundle.
///
/// The bundle is residual_packs/residuals.bundle in the directory of the result. A directory as input stands for all slides and trees
/// in it.
#[derive(Args)]
pub struct EncodeArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub coding: CodingArgs,
    #[command(flatten)]
    pub target: TargetArgs,
    /// Encode nothing; say what these flags and each preset would come to
    ///
    /// That is size, quality and time. It measures a sample of families and states the spread of every figure.
    #[arg(long, help_heading = "Quality", conflicts_with_all = ["target_psnr", "target_size", "pack", "manifest", "debug_images", "report", "overwrite", "skip_existing"])]
    pub estimate: bool,
    /// Where residual_packs/ goes [default: x beside x.svs; a tree's own]
    ///
    /// Of several inputs each gets a directory of its name in it.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Replace a result that is there
    ///
    /// --pyramid, --image and --slide do so in any case.
    #[arg(long, help_heading = "Safety")]
    pub overwrite: bool,
    /// Leave a result that is whole and was made in the same way
    ///
    /// That is of the same source with the same parameters.
    #[arg(long, help_heading = "Safety")]
    pub skip_existing: bool,
    #[command(flatten)]
    pub several: SeveralArgs,
    /// Tile size in pixels; must match the pyramid [range: 1 to 4096] [default: the pyramid's, or 256]
    #[arg(long, value_name = "PX", value_parser = whole::<u32>(1..=MAX_TILE.into()))]
    #[arg(help_heading = "Input", hide_short_help = true)]
    pub tile: Option<u32>,
    /// Missing tiles: stop and name them, or take them as white
    #[arg(long, value_name = "WHAT", value_enum, value_parser = names::<Missing>(), default_value_t)]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    pub missing: Missing,
    /// Lossless: store tiles with their EXIF, XMP and comments
    ///
    /// Without a choice such tiles are refused. They may identify a patient.
    #[arg(long, help_heading = "Safety", hide_short_help = true)]
    pub keep_metadata: bool,
    /// Lossless: store tiles without their EXIF, XMP and comments
    ///
    /// Their coefficients stay as they are. The bundle records it.
    #[arg(long, help_heading = "Safety", hide_short_help = true, conflicts_with = "keep_metadata")]
    pub strip_metadata: bool,
    /// Store an image that comes with the slide, such as label or macro [default: none]
    ///
    /// It may identify a patient. origami decode --associated NAME writes it.
    #[arg(long, value_name = "NAME", help_heading = "Output", hide_short_help = true)]
    pub keep_associated: Vec<String>,
    /// Also write one .pack per family
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub pack: bool,
    /// Write DIR/manifest.json with Y-PSNR, Y-MSE and bytes per tile
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub manifest: bool,
    /// Write PNGs of every stage to DIR/compress, DIR/decompress and DIR/images
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub debug_images: bool,
    #[command(flatten)]
    pub report: ReportArgs,
    /// Stop after N families [range: 1 to 67108864] [default: all]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1..=MAX_ENTRIES))]
    #[arg(help_heading = "Input", hide_short_help = true)]
    pub max_parents: Option<u64>,
    #[command(flatten)]
    pub open: OpenArgs,
    #[command(flatten)]
    pub backend: BackendArgs,
    #[command(flatten)]
    pub work: WorkArgs,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct SourceArgs {
    /// Slides, images, Deep Zoom trees, or directories that hold slides and trees
    #[arg(value_name = "SLIDE|TREE|DIR", help_heading = "Input")]
    pub inputs: Vec<PathBuf>,
    /// A Deep Zoom tree: its .dzi, the directory that holds it, or its _files
    #[arg(long, value_name = "P", help_heading = "Input", hide_short_help = true)]
    pub pyramid: Option<PathBuf>,
    /// One image: PNG, JPEG or TIFF
    #[arg(long, value_name = "F", help_heading = "Input", hide_short_help = true)]
    pub image: Option<PathBuf>,
    /// A slide, without a tree on disk
    #[arg(long, value_name = "SLIDE", help_heading = "Input", hide_short_help = true)]
    pub slide: Option<PathBuf>,
}

impl SourceArgs {
    /// The sources, and whether a flag named them.
    pub fn inputs(&self) -> Result<(Inputs, bool)> {
        let by_flag = match (&self.pyramid, &self.image, &self.slide) {
            (Some(path), ..) => Some((path, Thing::Tree)),
            (_, Some(path), _) | (.., Some(path)) => Some((path, Thing::Slide)),
            _ => None,
        };
        match by_flag {
            Some((path, thing)) => Ok((Inputs::one(path, thing), true)),
            None => Ok((inputs::find(&self.inputs, Takes::SOURCES)?, false)),
        }
    }
}

/// A PSNR or size to reach, instead of a quality.
#[derive(Args)]
#[group(multiple = false)]
pub struct TargetArgs {
    /// Lowest quality with this PSNR in dB [range: 1 to 100] [default: off]
    ///
    /// It is that of L0 luma, measured on families spread over the slide.
    #[arg(long, value_name = "DB", value_parser = real(1.0..=100.0), help_heading = "Quality")]
    #[arg(conflicts_with_all = ["quality", "resq", "l0q"])]
    target_psnr: Option<f64>,
    /// Highest quality at this size [range: 1B to 1024TiB] [default: off]
    ///
    /// The bundle should keep to it, as to 900kB: it is estimated from families spread over the slide. Without a unit it is in bytes.
    #[arg(long, value_name = "SIZE", value_parser = size(BYTE, 1..=1024 * TIB), help_heading = "Quality")]
    #[arg(conflicts_with_all = ["quality", "resq", "l0q"])]
    target_size: Option<u64>,
}

impl TargetArgs {
    pub fn flag(&self) -> Option<&'static str> {
        self.target_psnr.map(|_| "--target-psnr").or(self.target_size.map(|_| "--target-size"))
    }

    pub fn target(&self) -> Option<QualityTarget> {
        self.target_psnr.map(QualityTarget::Psnr).or(self.target_size.map(QualityTarget::Bytes))
    }
}

/// That a channel is far below luma, and by how much.
pub fn channel_words(loss: &ChannelLoss) -> String {
    let ChannelLoss { channel, psnr, y_psnr, families } = loss;
    format!(
        "luma does not stand for {channel} in {families} families: {channel} has {psnr:.2} dB there, luma {y_psnr:.2} dB"
    )
}

impl EncodeArgs {
    /// Opens the source as these flags encode it.
    pub fn open_source(&self, input: &Input) -> Result<Source> {
        self.open_for(input, self.coding.params().originals)
    }

    /// Opens the source for a lossless encode, or for any other.
    pub fn open_for(&self, input: &Input, lossless: bool) -> Result<Source> {
        let mut options = self.open.options();
        if self.source.image.is_some() {
            options.openslide = OpenSlideUse::Never;
        }
        self.open.refuse_choice(&input.path, input.thing)?;
        match input.thing {
            Thing::Tree => self.open_tree(&input.path),
            _ => self.open_slide(&input.path, &options, lossless),
        }
    }

    pub fn open_tree(&self, path: &Path) -> Result<Source> {
        let tree = Tree::open(path, self.missing)?;
        let own = tree.geometry().tile();
        match self.tile {
            Some(tile) if tile != own => {
                let problem = format!("--tile {tile} contradicts its TileSize of {own}; leave the flag out");
                Err(Problem::usage(tree.path(), problem).into())
            }
            _ => Ok(Source::Tree(Box::new(tree))),
        }
    }

    pub fn open_slide(&self, path: &Path, options: &OpenOptions, lossless: bool) -> Result<Source> {
        match Source::open_slide(path, options, lossless, self.tile) {
            Err(pyramid::Error::Slide(SlideError::NeedsOpenSlide { .. })) if lossless => {
                let problem = "--preset lossless takes JPEG tiles from trees, TIFF and SVS files as they are; \
                    use --preset archive";
                Err(Problem::failed(path, problem).into())
            }
            opened => Ok(opened?),
        }
    }

    /// Whether a line of advice is welcome: nothing was chosen, and a person reads.
    pub fn is_advised(&self) -> bool {
        let chosen = self.target.flag().is_some() || !self.coding.leaves_quality_open();
        !chosen && self.work.summary() && std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Refuses what can be refused before a source is opened.
    pub fn check(&self, params: &EncodeParams, has_trees: bool) -> Result<()> {
        if !has_trees && self.missing == Missing::Background {
            usage!("--missing background is about the tiles of a tree; leave it out");
        }
        if !params.originals && self.tile_metadata() != TileMetadata::Refuse {
            usage!(
                "--keep-metadata and --strip-metadata are about the files that --preset lossless stores; other encodes \
                 store no metadata: leave them out"
            );
        }
        params.validate()?;
        params.encoder.encoder(ImageRole::Baseline)?;
        params.residual_encoder().encoder(ImageRole::Residual)?;
        if let (Some(flag), true) = (self.target.flag(), params.originals) {
            usage!(
                "{flag} is about quality, of which --preset lossless loses nothing; leave one of them out"
            );
        }
        Ok(())
    }

    /// What becomes of metadata in tiles.
    pub fn tile_metadata(&self) -> TileMetadata {
        match (self.keep_metadata, self.strip_metadata) {
            (true, _) => TileMetadata::Keep,
            (_, true) => TileMetadata::Strip,
            _ => TileMetadata::Refuse,
        }
    }

    /// Searches for the quality that reaches a target, and reports it.
    pub fn search(
        &self,
        input: &Input,
        target: QualityTarget,
        backend: &dyn Backend,
        scheduler: &Scheduler,
    ) -> Result<EncodeParams> {
        let params_at = |quality| self.coding.params_at(quality);
        let mut source = self.open_source(input)?;
        let estimate = search_quality(&mut source, self.max_parents, target, &params_at, backend, scheduler)?;
        let params = estimate.params;
        if self.work.summary() {
            say!(
                "residual quality {}, baseline {}: about {} and {:.2} dB, by {}",
                params.residual_quality,
                params.base_quality,
                human_bytes(estimate.bytes),
                estimate.psnr,
                families(estimate.families as u64)
            );
            if let Some(channel) = &estimate.channel {
                say!("{}", channel_words(channel));
            }
        }
        Ok(params)
    }
}

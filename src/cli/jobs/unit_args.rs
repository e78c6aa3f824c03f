//! Flags of `origami encode` that are part of a unit, besides those of its coding.

use anyhow::Result;
use clap::Args;
use origami::image::spec::MAX_TILE;
use origami::jobs::{Encode, Fixed, Goal};
use origami::params::EncodeParams;
use origami::pyramid::TileMetadata;
use origami::pyramid::tree::Missing;
use origami::quality::search::QualityTarget;
use origami::slide::OpenOptions;

use crate::cli::args::coding::CodingArgs;
use crate::cli::args::open::OpenArgs;
use crate::cli::args::values::{names, whole};
use crate::cli::encode::args::TargetArgs;
use crate::cli::fault::usage;
use crate::cli::inputs::Input;

/// What an encode reads and writes.
#[derive(Args)]
pub struct UnitArgs {
    /// Encode: tile size in pixels [range: 1 to 4096] [default: the source's, or 256]
    #[arg(long, value_name = "PX", value_parser = whole::<u32>(1..=MAX_TILE.into()))]
    #[arg(help_heading = "Quality", hide_short_help = true)]
    tile: Option<u32>,
    /// Encode: missing tiles of trees; an error that names them, or white
    #[arg(long, value_name = "WHAT", value_enum, value_parser = names::<Missing>(), default_value_t)]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    missing: Missing,
    /// Encode, lossless: store tiles with their EXIF, XMP and comments
    ///
    /// Without a choice such tiles are refused. They may identify a patient.
    #[arg(long, help_heading = "Safety", hide_short_help = true)]
    keep_metadata: bool,
    /// Encode, lossless: store tiles without their EXIF, XMP and comments
    #[arg(long, help_heading = "Safety", hide_short_help = true, conflicts_with = "keep_metadata")]
    strip_metadata: bool,
    /// Encode: store an image that comes with the slide, such as label or macro [default: none]
    ///
    /// It may identify a patient. A slide without it is given up.
    #[arg(long, value_name = "NAME", help_heading = "Output", hide_short_help = true)]
    keep_associated: Vec<String>,
    /// Encode: also write one .pack per family
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pack: bool,
    /// Encode: also write manifest.json with Y-PSNR, Y-MSE and bytes per tile
    ///
    /// Such a slide is not encoded in bands.
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    manifest: bool,
    #[command(flatten)]
    open: OpenArgs,
}

impl UnitArgs {
    /// The first flag that is about encoding alone.
    pub fn flag(&self) -> Option<&'static str> {
        let given = [
            ("--tile", self.tile.is_some()),
            ("--missing", self.missing != Missing::default()),
            ("--keep-metadata", self.keep_metadata),
            ("--strip-metadata", self.strip_metadata),
            ("--keep-associated", !self.keep_associated.is_empty()),
            ("--pack", self.pack),
            ("--manifest", self.manifest),
            ("a choice of how slides are opened", self.open.options() != OpenOptions::default()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }

    /// Refuses a choice of planes of an input that is no slide.
    pub fn refuse_choice(&self, input: &Input) -> Result<()> {
        Ok(self.open.refuse_choice(&input.path, input.thing)?)
    }

    /// Refuses what no slide could be encoded with.
    pub fn check(&self, params: &EncodeParams, target: &TargetArgs) -> Result<()> {
        if !params.originals && self.tile_metadata() != TileMetadata::Refuse {
            usage!(
                "--keep-metadata and --strip-metadata are about the files that --preset lossless stores; leave them out"
            );
        }
        if params.originals && self.manifest {
            usage!(
                "--manifest says what was lost, and --preset lossless loses nothing; leave one of them out"
            );
        }
        if let (Some(flag), true) = (target.flag(), params.originals) {
            usage!(
                "{flag} is about quality, of which --preset lossless loses nothing; leave one of them out"
            );
        }
        Ok(())
    }

    fn tile_metadata(&self) -> TileMetadata {
        match (self.keep_metadata, self.strip_metadata) {
            (true, _) => TileMetadata::Keep,
            (_, true) => TileMetadata::Strip,
            _ => TileMetadata::Refuse,
        }
    }

    /// What is to be done, with parameters before their goal.
    pub fn task(&self, coding: &CodingArgs, target: &TargetArgs, params: EncodeParams) -> Encode {
        let goal = match target.target() {
            Some(QualityTarget::Psnr(db)) => Some(Goal::Psnr(db)),
            Some(QualityTarget::Bytes(bytes)) => Some(Goal::Bytes(bytes)),
            None => coding.adapts().then_some(Goal::Preset),
        };
        let fixed = goal.map_or_else(Fixed::default, |_| Fixed {
            baseline: coding.baseq.is_some(),
            chroma: coding.chroma_resq.is_some(),
            subsamp: coding.subsamp.is_some(),
        });
        Encode {
            params,
            goal,
            fixed,
            tile: self.tile,
            open: self.open.options(),
            missing: self.missing,
            tile_metadata: self.tile_metadata(),
            keep_associated: self.keep_associated.clone(),
            packs: self.pack,
            manifest: self.manifest,
        }
    }
}

//! `origami encode`: slides, trees and images to bundles.

mod advice;
mod estimate;
mod existing;
mod report;
mod summary;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use origami::archive::{BUNDLE_NAME, PACK_DIR};
use origami::backend::Backend;
use origami::backend::scheduler::Scheduler;
use origami::codec::ImageRole;
use origami::encode::{EncodeOptions, EncodeReport, encode};
use origami::image::geometry::Geometry;
use origami::image::spec::{MAX_ENTRIES, MAX_TILE};
use origami::params::EncodeParams;
use origami::pyramid;
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::quality::search::{QualityTarget, search_quality};
use origami::slide::{OpenOptions, OpenSlideUse, Slide, SlideError};
use serde_json::json;

use super::args::backend::{BackendArgs, OpenBackend, Workload};
use super::args::coding::CodingArgs;
use super::args::open::OpenArgs;
use super::args::values::{BYTE, TIB, names, real, size, whole};
use super::args::work::WorkArgs;
use super::batch::{Batch, Outcome};
use super::fault::usage;
use super::inputs::{self, Input, Inputs, SeveralArgs, Takes, Thing};
use super::print::{human_bytes, say};
use super::progress::Families;
use super::signals;
use summary::Summary;

/// Encode slides, trees and images, each to one bundle.
///
/// The bundle is residual_packs/residuals.bundle in the directory of the result. A directory as input stands for all slides and trees
/// in it.
#[derive(Args)]
pub struct EncodeArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    coding: CodingArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// Encode nothing; say what these flags and each preset would come to
    ///
    /// That is size, quality and time. It measures a sample of families and states the spread of every figure.
    #[arg(long, help_heading = "Quality", conflicts_with_all = ["target_psnr", "target_size", "pack", "manifest", "debug_images", "report", "overwrite", "skip_existing"])]
    estimate: bool,
    /// Where residual_packs/ goes [default: x beside x.svs; a tree's own]
    ///
    /// Of several inputs each gets a directory of its name in it.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Replace a result that is there
    ///
    /// --pyramid, --image and --slide do so in any case.
    #[arg(long, help_heading = "Safety")]
    overwrite: bool,
    /// Leave a result that is whole and was made in the same way
    ///
    /// That is of the same source with the same parameters.
    #[arg(long, help_heading = "Safety")]
    skip_existing: bool,
    #[command(flatten)]
    several: SeveralArgs,
    /// Tile size in pixels; must match the pyramid [range: 1 to 4096] [default: the pyramid's, or 256]
    #[arg(long, value_name = "PX", value_parser = whole::<u32>(1..=MAX_TILE.into()))]
    #[arg(help_heading = "Input", hide_short_help = true)]
    tile: Option<u32>,
    /// Missing tiles: stop and name them, or take them as white
    #[arg(long, value_name = "WHAT", value_enum, value_parser = names::<Missing>(), default_value_t)]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    missing: Missing,
    /// Also write one .pack per family
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pack: bool,
    /// Write DIR/manifest.json with Y-PSNR, Y-MSE and bytes per tile
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    manifest: bool,
    /// Write PNGs of every stage to DIR/compress, DIR/decompress and DIR/images
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    debug_images: bool,
    #[command(flatten)]
    report: report::ReportArgs,
    /// Stop after N families [range: 1 to 67108864] [default: all]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1..=MAX_ENTRIES))]
    #[arg(help_heading = "Input", hide_short_help = true)]
    max_parents: Option<u64>,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    work: WorkArgs,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct SourceArgs {
    /// Slides, images, Deep Zoom trees, or directories that hold slides and trees
    #[arg(value_name = "SLIDE|TREE|DIR", help_heading = "Input")]
    inputs: Vec<PathBuf>,
    /// A Deep Zoom tree: its .dzi, the directory that holds it, or its _files
    #[arg(long, value_name = "P", help_heading = "Input", hide_short_help = true)]
    pyramid: Option<PathBuf>,
    /// One image: PNG, JPEG or TIFF
    #[arg(long, value_name = "F", help_heading = "Input", hide_short_help = true)]
    image: Option<PathBuf>,
    /// A slide, without a tree on disk
    #[arg(long, value_name = "SLIDE", help_heading = "Input", hide_short_help = true)]
    slide: Option<PathBuf>,
}

impl SourceArgs {
    /// The sources, and whether a flag named them.
    fn inputs(&self) -> Result<(Inputs, bool)> {
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
struct TargetArgs {
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
    fn flag(&self) -> Option<&'static str> {
        self.target_psnr.map(|_| "--target-psnr").or(self.target_size.map(|_| "--target-size"))
    }

    fn target(&self) -> Option<QualityTarget> {
        self.target_psnr.map(QualityTarget::Psnr).or(self.target_size.map(QualityTarget::Bytes))
    }
}

impl EncodeArgs {
    /// Opens the source as these flags encode it.
    fn open_source(&self, input: &Input) -> Result<Source> {
        self.open_for(input, self.coding.params().originals)
    }

    /// Opens the source for a lossless encode, or for any other.
    fn open_for(&self, input: &Input, lossless: bool) -> Result<Source> {
        let mut options = self.open.options();
        if self.source.image.is_some() {
            options.openslide = OpenSlideUse::Never;
        }
        match input.thing {
            Thing::Tree => self.open_tree(&input.path),
            _ => self.open_slide(&input.path, options, lossless),
        }
    }

    fn open_tree(&self, path: &Path) -> Result<Source> {
        let tree = Tree::open(path, self.missing)?;
        let own = tree.geometry().tile();
        match self.tile {
            Some(tile) if tile != own => usage!(
                "{}: --tile {tile} contradicts its TileSize of {own}; leave the flag out",
                tree.path().display()
            ),
            _ => Ok(Source::Tree(Box::new(tree))),
        }
    }

    fn open_slide(&self, path: &Path, mut options: OpenOptions, lossless: bool) -> Result<Source> {
        if lossless && options.openslide == OpenSlideUse::Auto {
            // OpenSlide gives pixels, not the JPEG tiles of the file.
            options.openslide = OpenSlideUse::Never;
        }
        let slide = match Slide::open(path, &options) {
            Err(SlideError::NeedsOpenSlide { .. }) if lossless => bail!(
                "{}: --preset lossless takes JPEG tiles from trees, TIFF and SVS files as they are; use --preset archive",
                path.display()
            ),
            opened => opened?,
        };
        let own = if lossless { slide.jpeg_tiles().ok().map(|tiles| tiles.side_px()) } else { None };
        let tile = self.tile.or(own).unwrap_or(256);
        let geometry = Geometry::new(slide.info.width, slide.info.height, tile)
            .map_err(|source| pyramid::Error::Shape { path: path.to_path_buf(), source })?;
        Ok(Source::Slide(Box::new(slide), geometry))
    }

    /// Whether a line of advice is welcome: nothing was chosen, and a person reads.
    fn is_advised(&self) -> bool {
        let chosen = self.target.flag().is_some() || !self.coding.leaves_quality_open();
        !chosen && self.work.summary() && std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Refuses what can be refused before a source is opened.
    fn check(&self, params: &EncodeParams, has_trees: bool) -> Result<()> {
        if !has_trees && self.missing == Missing::Background {
            usage!("--missing background is about the tiles of a tree; leave it out");
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

    /// Searches for the quality that reaches a target, and reports it.
    fn search(
        &self,
        input: &Input,
        target: QualityTarget,
        backend: &dyn Backend,
        scheduler: &Scheduler,
    ) -> Result<EncodeParams> {
        let params_at = |quality| self.coding.params_at(quality);
        let mut source = self.open_source(input)?;
        let estimate = search_quality(&mut source, self.max_parents, target, &params_at, backend, scheduler)?;
        let params = params_at(estimate.quality);
        if self.work.summary() {
            say!(
                "residual quality {}, baseline {}: about {} and {:.2} dB, by {} families",
                params.residual_quality,
                params.base_quality,
                human_bytes(estimate.bytes),
                estimate.psnr,
                estimate.families
            );
        }
        Ok(params)
    }
}

pub fn run(args: EncodeArgs) -> Result<ExitCode> {
    let (inputs, by_flag) = args.source.inputs()?;
    let has_trees = inputs.list.iter().any(|input| input.thing == Thing::Tree);
    args.coding.check(args.source.pyramid.is_some())?;
    args.check(&args.coding.params(), has_trees)?;
    args.report.check(inputs.several)?;
    // An estimate writes nothing, so two inputs cannot write to one place.
    let results = if args.estimate { HashMap::new() } else { inputs.results(args.out.as_deref())? };
    let scheduler = args.work.scheduler()?;
    // Of several slides the number of families is not known, so the backend is opened once for all.
    let shared = match inputs.several {
        true => Some(args.backend.open(Workload::Encode, None, &scheduler, !args.work.summary())?),
        false => None,
    };
    let run = Run { replaces: by_flag || args.overwrite, args: &args, shared, scheduler };
    let batch = Batch {
        command: "encode",
        done: if args.estimate { "estimated" } else { "encoded" },
        json: args.work.json(),
        summary: args.work.summary(),
        keep_going: args.several.keep_going,
    };
    let code = batch.run(&inputs, |input| match args.estimate {
        true => estimate::run(&run, input),
        false => run.one(input, &results[&input.path]),
    })?;
    if !args.estimate
        && args.is_advised()
        && let Some(advice) = advice::advice()
    {
        eprintln!("{advice}");
    }
    Ok(code)
}

/// What the encodes of a run share.
struct Run<'a> {
    args: &'a EncodeArgs,
    /// Whether a result that is there is replaced without a question.
    replaces: bool,
    /// The backend of several inputs.
    shared: Option<OpenBackend>,
    scheduler: Scheduler,
}

impl Run<'_> {
    /// Whether there are several inputs.
    fn several(&self) -> bool {
        self.shared.is_some()
    }

    /// How many families of a source are encoded. Says how many tiles it lacks.
    fn families(&self, source: &Source) -> u64 {
        if let Source::Tree(tree) = source
            && tree.absent() > 0
            && self.args.work.summary()
        {
            eprintln!("{}: {} missing tile(s) taken as white", tree.path().display(), tree.absent());
        }
        source.geometry().family_count().min(self.args.max_parents.unwrap_or(u64::MAX))
    }

    /// The backend of one input with so many families; `None` where inputs share one.
    fn own_backend(&self, families: u64) -> Result<Option<OpenBackend>> {
        if self.several() {
            return Ok(None);
        }
        let quiet = !self.args.work.summary();
        Ok(Some(self.args.backend.open(Workload::Encode, Some(families), &self.scheduler, quiet)?))
    }

    /// Encodes one input to `out`.
    fn one(&self, input: &Input, out: &Path) -> Result<Outcome> {
        let args = self.args;
        let bundle = out.join(PACK_DIR).join(BUNDLE_NAME);
        let is_there = bundle.exists();
        if is_there && !self.replaces && !args.skip_existing {
            bail!(
                "{}: it is there already; give --overwrite to replace it, or --skip-existing",
                bundle.display()
            );
        }
        signals::writes(&bundle);
        let mut source = args.open_source(input)?;
        let total = self.families(&source);
        let own = self.own_backend(total)?;
        let Some(opened) = self.shared.as_ref().or(own.as_ref()) else { bail!("no backend") };
        let started = std::time::Instant::now();
        let params = match args.target.target() {
            Some(target) => args.search(input, target, &*opened.backend, &self.scheduler)?,
            None => args.coding.params(),
        };
        if is_there && args.skip_existing {
            match existing::difference(&bundle, &source, &params, total)? {
                None => return Ok(skipped(input, &bundle, args)),
                Some(difference) if !self.replaces => bail!(
                    "{}: it is there already, and {difference}; give --overwrite to replace it",
                    bundle.display()
                ),
                Some(_) => {}
            }
        }
        let options = EncodeOptions {
            packs: args.pack,
            manifest: args.manifest,
            debug_images: args.debug_images,
            losses: args.report.is_wanted(),
            max_parents: args.max_parents,
        };
        let progress = Families::new(&input.path.to_string_lossy(), total, args.work.progress());
        let report =
            encode(&mut source, out, &params, &options, &*opened.backend, &self.scheduler, &|done| {
                progress.set(done)
            })?;
        progress.finish();
        warn_of_other_packs(args, out, &report);
        let seconds = started.elapsed().as_secs_f64();
        let summary = Summary { source: &input.path, params: &params, report: &report, seconds, opened };
        if args.work.summary() {
            say!("{}", summary.line());
            if !self.several() && std::io::stdout().is_terminal() {
                summary.details().iter().for_each(|line| say!("{line}"));
            }
        }
        let mut value = summary.json();
        if let Some(page) = args.report.write(self, input, out, &report, opened)? {
            value["report"] = json!(page);
        }
        Ok(Outcome::good(value))
    }
}

/// A result that stays as it is.
fn skipped(input: &Input, bundle: &Path, args: &EncodeArgs) -> Outcome {
    if args.work.summary() {
        say!("{}: it is there already, made of this source with these parameters", bundle.display());
    }
    Outcome::skipped(json!({"source": input.path, "bundle": bundle, "skipped": true}))
}

/// Packs of an earlier encode stay where they are. The user must know, because they do not belong to this bundle.
fn warn_of_other_packs(args: &EncodeArgs, out: &Path, report: &EncodeReport) {
    let dir = out.join(PACK_DIR);
    let packs = std::fs::read_dir(&dir).into_iter().flatten().flatten();
    let packs = packs.filter(|entry| entry.path().extension().is_some_and(|e| e == "pack")).count() as u64;
    let ours = if args.pack { report.families } else { 0 };
    if packs > ours && args.work.summary() {
        let others = packs - ours;
        eprintln!("{}: {others} pack(s) of an earlier encode stay there; remove them", dir.display());
    }
}

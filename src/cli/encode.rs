//! `origami encode`: a tree, a slide or an image to one bundle.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use origami::backend::Backend;
use origami::backend::scheduler::Scheduler;
use origami::codec::ImageRole;
use origami::encode::{EncodeOptions, EncodeReport, encode};
use origami::image::geometry::Geometry;
use origami::params::EncodeParams;
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::quality::search::{QualityTarget, search_quality};
use origami::slide::{OpenOptions, OpenSlideUse, Slide, SlideError};

use super::args::backend::{BackendArgs, OpenBackend, Workload};
use super::args::coding::CodingArgs;
use super::args::open::OpenArgs;
use super::args::values::{BYTE, TIB, names, size};
use super::args::work::WorkArgs;
use super::fault::usage;
use super::print::{human_bytes, say};
use super::progress::Families;

/// Writes DIR/residual_packs/residuals.bundle: the slide in one file.
#[derive(Args)]
pub struct EncodeArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Where residual_packs/ goes; may be the slide's own directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    coding: CodingArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// Tile size in pixels; must match the pyramid [default: the pyramid's, or 256]
    #[arg(long)]
    tile: Option<u32>,
    /// Missing tiles: stop and name them, or take them as white
    #[arg(long, value_enum, value_parser = names::<Missing>(), default_value_t)]
    missing: Missing,
    /// Also write one .pack per family
    #[arg(long)]
    pack: bool,
    /// Write DIR/manifest.json with Y-PSNR, Y-MSE and bytes per tile
    #[arg(long)]
    manifest: bool,
    /// Write PNGs of every stage to DIR/compress, DIR/decompress and DIR/images
    #[arg(long)]
    debug_images: bool,
    /// Stop after N families
    #[arg(long, value_name = "N")]
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
    /// A Deep Zoom tree: its .dzi, the directory that holds it, or its _files
    #[arg(long, value_name = "P")]
    pyramid: Option<PathBuf>,
    /// One image: PNG, JPEG or TIFF
    #[arg(long, value_name = "F")]
    image: Option<PathBuf>,
    /// A slide, without a tree on disk
    #[arg(long, value_name = "SLIDE")]
    slide: Option<PathBuf>,
}

/// A PSNR or size to reach, instead of a quality.
#[derive(Args)]
#[group(multiple = false)]
struct TargetArgs {
    /// Find the lowest quality at which L0 luma has this PSNR in dB, on families spread over the slide
    #[arg(long, value_name = "DB", conflicts_with_all = ["quality", "resq", "l0q"])]
    target_psnr: Option<f64>,
    /// Find the highest quality at which the bundle should keep to this size: bytes, or with k, M, G
    #[arg(long, value_name = "SIZE", value_parser = size(BYTE, 1..=1024 * TIB), conflicts_with_all = ["quality", "resq", "l0q"])]
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
    fn open_source(&self) -> Result<Source> {
        if self.source.pyramid.is_none() && self.missing == Missing::Background {
            usage!("--missing background is about the tiles of a --pyramid; leave it out");
        }
        let options = self.open.options();
        match (&self.source.pyramid, &self.source.image, &self.source.slide) {
            (Some(path), ..) => self.open_tree(path),
            (_, Some(path), _) => {
                self.open_slide(path, OpenOptions { openslide: OpenSlideUse::Never, ..options })
            }
            (.., Some(path)) => self.open_slide(path, options),
            _ => bail!("give --pyramid, --image or --slide"),
        }
    }

    fn open_tree(&self, path: &Path) -> Result<Source> {
        let tree = Tree::open(path, self.missing)?;
        let own = tree.geometry().tile();
        match self.tile {
            Some(tile) if tile != own => bail!(
                "{}: --tile {tile} contradicts its TileSize of {own}; leave the flag out",
                tree.path().display()
            ),
            _ => Ok(Source::Tree(Box::new(tree))),
        }
    }

    fn open_slide(&self, path: &Path, mut options: OpenOptions) -> Result<Source> {
        let lossless = self.coding.params().originals;
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
            .map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        Ok(Source::Slide(Box::new(slide), geometry))
    }

    /// Refuses what can be refused before a source is opened.
    fn check(&self, params: &EncodeParams) -> Result<()> {
        params.validate()?;
        params.encoder.encoder(ImageRole::Baseline)?;
        params.residual_encoder().encoder(ImageRole::Residual)?;
        if self.max_parents == Some(0) {
            usage!("--max-parents 0: encode at least one family");
        }
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
        target: QualityTarget,
        backend: &dyn Backend,
        scheduler: &Scheduler,
    ) -> Result<EncodeParams> {
        let params_at = |quality| self.coding.params_at(quality);
        let mut source = self.open_source()?;
        let estimate = search_quality(&mut source, self.max_parents, target, &params_at, backend, scheduler)?;
        let params = params_at(estimate.quality);
        if !self.work.quiet {
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

pub fn run(args: EncodeArgs) -> Result<()> {
    args.coding.check(args.source.pyramid.is_some())?;
    let mut params = args.coding.params();
    args.check(&params)?;
    let mut source = args.open_source()?;
    if let Source::Tree(tree) = &source
        && tree.absent() > 0
        && args.work.summary()
    {
        eprintln!("{}: {} missing tile(s) taken as white", tree.path().display(), tree.absent());
    }
    let options = EncodeOptions {
        packs: args.pack,
        manifest: args.manifest,
        debug_images: args.debug_images,
        max_parents: args.max_parents,
    };
    let total = source.geometry().family_count().min(args.max_parents.unwrap_or(u64::MAX));
    let progress = Families::new(&source_name(&args), total, args.work.progress());
    let scheduler = args.work.scheduler()?;
    let opened = args.backend.open(Workload::Encode, Some(total), &scheduler, args.work.quiet)?;
    let started = std::time::Instant::now();
    if let Some(target) = args.target.target() {
        params = args.search(target, &*opened.backend, &scheduler)?;
    }
    let report = encode(&mut source, &args.out, &params, &options, &*opened.backend, &scheduler, &|done| {
        progress.set(done)
    })?;
    progress.finish();
    warn_of_other_packs(&args, &report);
    if args.work.summary() {
        print_summary(&report, started.elapsed().as_secs_f64(), &opened);
    }
    Ok(())
}

/// Packs of an earlier encode stay where they are. The user must know, because they do not belong to this bundle.
fn warn_of_other_packs(args: &EncodeArgs, report: &EncodeReport) {
    let dir = args.out.join(origami::archive::PACK_DIR);
    let packs = std::fs::read_dir(&dir).into_iter().flatten().flatten();
    let packs = packs.filter(|entry| entry.path().extension().is_some_and(|e| e == "pack")).count() as u64;
    let ours = if args.pack { report.families } else { 0 };
    if packs > ours && args.work.summary() {
        let others = packs - ours;
        eprintln!("{}: {others} pack(s) of an earlier encode stay there; remove them", dir.display());
    }
}

/// The path of the source, as it was given.
fn source_name(args: &EncodeArgs) -> String {
    let source = &args.source;
    let path = source.pyramid.as_ref().or(source.image.as_ref()).or(source.slide.as_ref());
    path.map_or_else(String::new, |path| path.display().to_string())
}

fn print_summary(report: &EncodeReport, seconds: f64, opened: &OpenBackend) {
    let mut line = format!("{}: {}", report.bundle.display(), human_bytes(report.bundle_bytes));
    if let Some(source) = report.source_bytes.filter(|&n| n > 0) {
        line += &format!(
            ", {:.3} of the pyramid's {}",
            report.bundle_bytes as f64 / source as f64,
            human_bytes(source)
        );
    }
    if let Some(db) = report.y_psnr {
        line += &format!(", Y-PSNR {db:.2} dB");
    }
    say!("{line}, {} families, {seconds:.1} s {}", report.families, opened.summary());
}

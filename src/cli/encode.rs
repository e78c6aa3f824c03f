//! `origami encode`: a tree, a slide or an image to one bundle.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use origami::codec::ImageRole;
use origami::encode::{EncodeOptions, EncodeReport, encode};
use origami::image::geometry::Geometry;
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::quality::target::{Target, aim};
use origami::slide::{OpenSlideUse, Slide, SlideError};

use super::backend::{BackendArgs, Opened, Purpose};
use super::coding::CodingArgs;
use super::pyramid::OpenArgs;
use super::{WorkArgs, human_bytes, progress};

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
    #[arg(long, value_enum, default_value_t = MissingArg::Error)]
    missing: MissingArg,
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

/// What the slide is to come to, instead of a quality.
#[derive(Args)]
#[group(multiple = false)]
struct TargetArgs {
    /// Find the lowest quality at which L0 luma has this PSNR in dB, on families spread over the slide
    #[arg(long, value_name = "DB", conflicts_with_all = ["quality", "resq", "l0q"])]
    target_psnr: Option<f64>,
    /// Find the highest quality at which the bundle should keep to this size: bytes, or with k, M, G
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, conflicts_with_all = ["quality", "resq", "l0q"])]
    target_size: Option<u64>,
}

impl TargetArgs {
    fn flag(&self) -> Option<&'static str> {
        self.target_psnr.map(|_| "--target-psnr").or(self.target_size.map(|_| "--target-size"))
    }

    fn target(&self) -> Option<Target> {
        self.target_psnr.map(Target::Psnr).or(self.target_size.map(Target::Bytes))
    }
}

/// `1500000`, `1500k`, `1.5M`.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'M')) => (&text[..at], 1e6),
        Some((at, 'G')) => (&text[..at], 1e9),
        _ => (text, 1.0),
    };
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok((value * factor) as u64),
        _ => Err("a size is bytes, or a number with k, M or G: 800000, 800k, 1.5G".into()),
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum MissingArg {
    Error,
    Background,
}

impl EncodeArgs {
    fn open_source(&self) -> Result<Source> {
        if self.source.pyramid.is_none() && matches!(self.missing, MissingArg::Background) {
            bail!("--missing background is about the tiles of a --pyramid; leave it out");
        }
        let (path, openslide) = match (&self.source.pyramid, &self.source.image, &self.source.slide) {
            (Some(path), ..) => {
                let missing = match self.missing {
                    MissingArg::Error => Missing::Refuse,
                    MissingArg::Background => Missing::Background,
                };
                let tree = Tree::open(path, missing)?;
                let own = tree.geometry().tile();
                if self.tile.is_some_and(|tile| tile != own) {
                    bail!(
                        "{}: --tile {} contradicts its TileSize of {own}; leave the flag out",
                        tree.path().display(),
                        self.tile.unwrap_or(own)
                    );
                }
                return Ok(Source::Tree(Box::new(tree)));
            }
            (_, Some(path), _) => (path, Some(OpenSlideUse::Never)),
            (.., Some(path)) => (path, None),
            _ => bail!("give --pyramid, --image or --slide"),
        };
        let mut options = self.open.options();
        if let Some(openslide) = openslide {
            options.openslide = openslide;
        }
        let lossless = self.coding.params().originals;
        if lossless && options.openslide == OpenSlideUse::Auto {
            // OpenSlide gives out pixels, not tiles.
            options.openslide = OpenSlideUse::Never;
        }
        let slide = match Slide::open(path, &options) {
            Err(SlideError::NeedsOpenSlide { .. }) if lossless => bail!(
                "{}: --preset lossless takes JPEG tiles from trees, TIFF and SVS files as they are; use --preset archive",
                path.display()
            ),
            opened => opened?,
        };
        let own = if lossless { slide.own_tiles().ok().map(|own| own.side()) } else { None };
        let tile = self.tile.or(own).unwrap_or(256);
        let geometry = Geometry::new(slide.info.width, slide.info.height, tile)
            .map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        Ok(Source::Slide(Box::new(slide), geometry))
    }
}

pub fn run(args: EncodeArgs) -> Result<()> {
    args.coding.check(args.source.pyramid.is_some())?;
    let mut params = args.coding.params();
    params.validate()?;
    params.encoder.encoder(ImageRole::Baseline)?;
    params.residual_encoder().encoder(ImageRole::Residual)?;
    if args.max_parents == Some(0) {
        bail!("--max-parents 0: encode at least one family");
    }
    if let (Some(flag), true) = (args.target.flag(), params.originals) {
        bail!("{flag} is about quality, of which --preset lossless loses nothing; leave one of them out");
    }
    let mut source = args.open_source()?;
    if let Source::Tree(tree) = &source
        && tree.absent() > 0
        && !args.work.quiet
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
    let bar = progress::families(total, args.work.quiet);
    let scheduler = args.work.scheduler()?;
    let opened = args.backend.open(Purpose::Encode, Some(total), &scheduler, args.work.quiet)?;
    let started = std::time::Instant::now();
    if let Some(target) = args.target.target() {
        let at = |quality| args.coding.at(quality);
        let aim = aim(&mut args.open_source()?, args.max_parents, target, &at, &*opened.backend, &scheduler)?;
        params = at(aim.quality);
        if !args.work.quiet {
            let bytes = human_bytes(aim.bytes);
            say!(
                "residual quality {}, baseline {}: about {bytes} and {:.2} dB, by {} families",
                params.residual_quality,
                params.base_quality,
                aim.psnr,
                aim.families
            );
        }
    }
    let report = encode(&mut source, &args.out, &params, &options, &*opened.backend, &scheduler, &|done| {
        bar.set_position(done)
    })?;
    bar.finish_and_clear();
    warn_of_other_packs(&args, &report);
    if !args.work.quiet {
        print_summary(&report, started.elapsed().as_secs_f64(), &opened);
    }
    Ok(())
}

/// Packs of an earlier encode stay where they are; whoever decodes them should know that they are not this bundle.
fn warn_of_other_packs(args: &EncodeArgs, report: &EncodeReport) {
    let dir = args.out.join(origami::archive::PACK_DIR);
    let packs = std::fs::read_dir(&dir).into_iter().flatten().flatten();
    let packs = packs.filter(|entry| entry.path().extension().is_some_and(|e| e == "pack")).count() as u64;
    let ours = if args.pack { report.families } else { 0 };
    if packs > ours && !args.work.quiet {
        let others = packs - ours;
        eprintln!("{}: {others} pack(s) of an earlier encode stay there; remove them", dir.display());
    }
}

fn print_summary(report: &EncodeReport, seconds: f64, opened: &Opened) {
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

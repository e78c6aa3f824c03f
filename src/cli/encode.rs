//! `origami encode`: a tree, a slide or an image to one bundle.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use origami::codec::{EncoderKind, Use};
use origami::coding::{EncodeParams, Subsamp};
use origami::encode::{EncodeOptions, EncodeReport, encode};
use origami::geometry::Geometry;
use origami::pyramid::slide::{OpenSlideUse, Slide};
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};

use super::backend::{BackendArgs, Opened, Purpose};
use super::pyramid::OpenArgs;
use super::{FilterArg, WorkArgs, human_bytes, progress};

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

/// Everything that decides the bytes.
#[derive(Args)]
pub struct CodingArgs {
    /// Quality of the L2 baseline JPEG
    #[arg(long, value_name = "Q", default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub baseq: u8,
    /// Quality of the residual
    #[arg(long, value_name = "Q", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub resq: u8,
    /// Quality of the residual; overrides --resq
    #[arg(long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub l0q: Option<u8>,
    /// Chroma of the baseline: full, half, or half chosen so that it upsamples best
    #[arg(long, value_enum, default_value_t = SubsampArg::S444)]
    pub subsamp: SubsampArg,
    /// Encoder of baseline and residual
    #[arg(long, value_enum, default_value_t = EncoderArg::Turbojpeg)]
    pub encoder: EncoderArg,
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

#[derive(Clone, Copy, ValueEnum)]
pub enum SubsampArg {
    #[value(name = "444")]
    S444,
    #[value(name = "420")]
    S420,
    #[value(name = "420opt")]
    S420Opt,
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
enum MissingArg {
    Error,
    Background,
}

impl CodingArgs {
    /// As the library means them.
    pub fn params(&self) -> EncodeParams {
        EncodeParams {
            base_quality: self.baseq,
            residual_quality: self.l0q.unwrap_or(self.resq),
            subsamp: match self.subsamp {
                SubsampArg::S444 => Subsamp::S444,
                SubsampArg::S420 => Subsamp::S420,
                SubsampArg::S420Opt => Subsamp::S420Opt,
            },
            encoder: self.encoder.into(),
            residual_encoder: self.residual_encoder.map(Into::into),
            optl2: self.optl2,
            max_delta: self.max_delta,
            sharpen: self.sharpen,
            save_sharpened: self.save_sharpened,
            upsample_filter: self.upsample_filter.into(),
            downsample_filter: self.downsample_filter.into(),
            l0_scale_pct: self.l0_scale,
            l0_sharpen: self.l0_sharpen,
        }
    }
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
        let slide = Slide::open(path, &options)?;
        let geometry = Geometry::new(slide.info.width, slide.info.height, self.tile.unwrap_or(256))
            .map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        Ok(Source::Slide(Box::new(slide), geometry))
    }
}

pub fn run(args: EncodeArgs) -> Result<()> {
    let params = args.coding.params();
    params.validate()?;
    params.encoder.encoder(Use::Baseline)?;
    params.residual_encoder().encoder(Use::Residual)?;
    if args.max_parents == Some(0) {
        bail!("--max-parents 0: encode at least one family");
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

//! `origami pyramid`: a slide to a Deep Zoom tree.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::codec::encode_png;
use origami::image::geometry::Geometry;
use origami::image::ycc::Sampling;
use origami::output::tile::OutputFormat;
use origami::pyramid;
use origami::pyramid::build::{BuildOptions, PYRAMID_NAME, build};
use origami::pyramid::write::{Existing, write_whole};
use origami::slide::Slide;

use super::args::open::OpenArgs;
use super::args::values::one_of;
use super::args::work::WorkArgs;
use super::fault::usage;
use super::print::say;
use super::progress::Families;
use super::signals;

/// Samplings of JPEG tiles.
const SAMPLINGS: &[(&str, Sampling)] =
    &[("444", Sampling::S444), ("422", Sampling::S422), ("420", Sampling::S420)];
/// Formats of tiles.
const FORMATS: &[(&str, OutputFormat)] = &[("jpg", OutputFormat::Jpeg), ("png", OutputFormat::Png)];

/// Any slide OpenSlide reads, and TIFF, PNG and JPEG without it.
#[derive(Args)]
pub struct PyramidArgs {
    /// The slide
    slide: PathBuf,
    /// Where baseline_pyramid.dzi and its tiles go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Tile size in pixels
    #[arg(long, default_value_t = 256)]
    tile: u32,
    /// JPEG quality, 1 to 100
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// JPEG chroma sampling
    #[arg(long, value_parser = one_of(SAMPLINGS), default_value = "420")]
    subsamp: Sampling,
    /// Tile format
    #[arg(long, value_parser = one_of(FORMATS), default_value = "jpg")]
    format: OutputFormat,
    /// Also write an associated image, such as label or macro, as DIR/NAME.png; they may identify a patient
    #[arg(long, value_name = "NAME")]
    associated: Vec<String>,
    /// Replace a tree that is there
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    work: WorkArgs,
}

pub fn run(args: PyramidArgs) -> Result<()> {
    let mut slide = Slide::open(&args.slide, &args.open.options())?;
    // A wrong name must fail before hours of work.
    let mut associated = Vec::new();
    for name in &args.associated {
        if name.contains(['/', '\\']) || !slide.info.associated.contains(name) {
            let have = if slide.info.associated.is_empty() {
                "none".into()
            } else {
                slide.info.associated.join(", ")
            };
            usage!("{}: no associated image \"{name}\"; it has: {have}", args.slide.display());
        }
        let path = args.out.join(format!("{name}.png"));
        if path.exists() && !args.overwrite {
            anyhow::bail!("{}: it is there already; remove it, or give --overwrite", path.display());
        }
        let image = slide.associated_image(name)?;
        associated.push((path, encode_png(&image.rgb, 3, image.width as usize, image.height as usize)?));
    }
    let options = BuildOptions {
        tile: args.tile,
        quality: args.quality,
        sampling: args.subsamp,
        png: args.format == OutputFormat::Png,
        existing: if args.overwrite { Existing::Replace } else { Existing::Keep },
    };
    let geometry = Geometry::new(slide.info.width, slide.info.height, args.tile)
        .map_err(|source| pyramid::Error::Shape { path: args.slide.clone(), source })?;
    let progress =
        Families::new(&args.slide.to_string_lossy(), geometry.family_count(), args.work.progress());
    let started = std::time::Instant::now();
    signals::writes(&args.out.join(format!("{PYRAMID_NAME}.dzi")));
    let dzi = build(&mut slide, &args.out, &options, &args.work.scheduler()?, &|done| progress.set(done))?;
    progress.finish();
    for (path, png) in associated {
        write_whole(&path, &png)?;
    }
    if args.work.summary() {
        let (w, h) = (geometry.width(), geometry.height());
        say!(
            "{}: {w}x{h}, {} levels, {:.1} s",
            dzi.display(),
            geometry.top_level() + 1,
            started.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

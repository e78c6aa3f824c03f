//! `origami pyramid`: a slide to a Deep Zoom tree.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use origami::backend::scheduler::Scheduler;
use origami::codec::encode_png;
use origami::image::geometry::Geometry;
use origami::image::ycc::Sampling;
use origami::output::tile::OutputFormat;
use origami::pyramid;
use origami::pyramid::build::{self, BuildOptions};
use origami::pyramid::write::{Existing, write_whole};
use origami::slide::Slide;
use serde_json::json;

use super::args::open::OpenArgs;
use super::args::values::one_of;
use super::args::work::WorkArgs;
use super::batch::{Batch, Outcome};
use super::fault::usage;
use super::inputs::{self, SeveralArgs, Takes};
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
    /// Slides or images, or directories that hold slides
    #[arg(value_name = "SLIDE|DIR", required = true)]
    slides: Vec<PathBuf>,
    /// Where baseline_pyramid.dzi and its tiles go; of several inputs each gets a directory of its name in it [default: beside x.svs
    /// the directory x]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
    /// Leave a tree that is whole and was made of the same slide with the same parameters
    #[arg(long)]
    skip_existing: bool,
    #[command(flatten)]
    several: SeveralArgs,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    work: WorkArgs,
}

pub fn run(args: PyramidArgs) -> Result<ExitCode> {
    let inputs = inputs::find(&args.slides, Takes::SLIDES)?;
    let results = inputs.results(args.out.as_deref())?;
    let scheduler = args.work.scheduler()?;
    let batch = Batch {
        command: "pyramid",
        done: "made",
        json: args.work.json(),
        summary: args.work.summary(),
        keep_going: args.several.keep_going,
    };
    batch.run(&inputs, |input| one(&args, &input.path, &results[&input.path], &scheduler))
}

/// Makes the tree of one slide in `out`.
fn one(args: &PyramidArgs, path: &Path, out: &Path, scheduler: &Scheduler) -> Result<Outcome> {
    signals::writes(&out.join(format!("{}.dzi", build::PYRAMID_NAME)));
    let mut slide = Slide::open(path, &args.open.options())?;
    // A wrong name must fail before hours of work.
    let associated = associated(args, &mut slide, out)?;
    let options = BuildOptions {
        tile: args.tile,
        quality: args.quality,
        sampling: args.subsamp,
        png: args.format == OutputFormat::Png,
        existing: if args.overwrite { Existing::Replace } else { Existing::Keep },
    };
    let geometry = Geometry::new(slide.info.width, slide.info.height, args.tile)
        .map_err(|source| pyramid::Error::Shape { path: path.to_path_buf(), source })?;
    if args.skip_existing && build::is_built(&slide, out, &options)? {
        return Ok(skipped(args, out));
    }
    let progress = Families::new(&path.to_string_lossy(), geometry.family_count(), args.work.progress());
    let started = std::time::Instant::now();
    let dzi = build::build(&mut slide, out, &options, scheduler, &|done| progress.set(done))?;
    progress.finish();
    for (path, png) in associated {
        write_whole(&path, &png)?;
    }
    let (width, height, levels) = (geometry.width(), geometry.height(), geometry.top_level() + 1);
    let seconds = started.elapsed().as_secs_f64();
    if args.work.summary() {
        say!("{}: {width}x{height}, {levels} levels, {seconds:.1} s", dzi.display());
    }
    Ok(Outcome::good(json!({
        "source": path, "dzi": dzi, "width": width, "height": height, "levels": levels, "tile": args.tile,
        "seconds": seconds,
    })))
}

/// The associated images that are asked for: where they go, and their PNGs.
fn associated(args: &PyramidArgs, slide: &mut Slide, out: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut images = Vec::new();
    for name in &args.associated {
        if name.contains(['/', '\\']) || !slide.info.associated.contains(name) {
            let have = if slide.info.associated.is_empty() {
                "none".into()
            } else {
                slide.info.associated.join(", ")
            };
            usage!("{}: no associated image \"{name}\"; it has: {have}", slide.path.display());
        }
        let path = out.join(format!("{name}.png"));
        if path.exists() && !args.overwrite && !args.skip_existing {
            bail!("{}: it is there already; remove it, or give --overwrite", path.display());
        }
        let image = slide.associated_image(name)?;
        images.push((path, encode_png(&image.rgb, 3, image.width as usize, image.height as usize)?));
    }
    Ok(images)
}

/// A result that stays as it is.
fn skipped(args: &PyramidArgs, out: &Path) -> Outcome {
    let dzi = out.join(format!("{}.dzi", build::PYRAMID_NAME));
    if args.work.summary() {
        say!("{}: it is there already, made of this slide with these parameters", dzi.display());
    }
    Outcome::skipped(json!({"dzi": dzi, "skipped": true}))
}

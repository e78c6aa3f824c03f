//! `origami pyramid`: a slide to a Deep Zoom tree.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use origami::backend::scheduler::Scheduler;
use origami::codec::encode_png;
use origami::image::geometry::Geometry;
use origami::image::spec::MAX_TILE;
use origami::image::ycc::Sampling;
use origami::output::tile::OutputFormat;
use origami::pyramid;
use origami::pyramid::build::{self, BuildOptions};
use origami::pyramid::write::{Existing, write_whole};
use origami::slide::Slide;
use serde_json::json;

use super::args::open::OpenArgs;
use super::args::values::{one_of, whole};
use super::args::work::WorkArgs;
use super::batch::{Batch, Outcome};
use super::fault::Problem;
use super::inputs::{self, SeveralArgs, Takes};
use super::place::{OutPlace, refuse_existing};
use super::print::{note, say};
use super::progress::Work;
use super::signals;
use super::sources::Sources;

/// Samplings of JPEG tiles.
const SAMPLINGS: &[(&str, Sampling)] =
    &[("444", Sampling::S444), ("422", Sampling::S422), ("420", Sampling::S420)];
/// Formats of tiles.
const FORMATS: &[(&str, OutputFormat)] = &[("jpg", OutputFormat::Jpeg), ("png", OutputFormat::Png)];

/// Make Deep Zoom trees from slides.
///
/// Reads every format that OpenSlide reads, and TIFF, BigTIFF, SVS, DICOM, PNG and JPEG without it. Writes baseline_pyramid.dzi, its tiles
/// and baseline_pyramid.json.
#[derive(Args)]
pub struct PyramidArgs {
    /// Slides or images, or directories that hold slides
    #[arg(value_name = "SLIDE|DIR", required = true, help_heading = "Input")]
    slides: Vec<PathBuf>,
    /// JPEG quality [range: 1 to 100]
    #[arg(long, value_name = "Q", default_value_t = 90, value_parser = whole::<u8>(1..=100))]
    #[arg(help_heading = "Quality")]
    quality: u8,
    /// JPEG chroma sampling
    #[arg(long, value_name = "SAMPLING", value_parser = one_of(SAMPLINGS), default_value = "420", help_heading = "Quality")]
    subsamp: Sampling,
    /// Where the tree goes [default: beside x.svs the directory x]
    ///
    /// Of several inputs each gets a directory of its name in it.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Tile size in pixels [range: 1 to 4096]
    #[arg(long, value_name = "PX", default_value_t = 256, value_parser = whole::<u32>(1..=MAX_TILE.into()))]
    #[arg(help_heading = "Output")]
    tile: u32,
    /// Tile format
    #[arg(long, value_name = "FORMAT", value_parser = one_of(FORMATS), default_value = "jpg", help_heading = "Output")]
    format: OutputFormat,
    /// Also write an associated image, such as label or macro [default: none]
    ///
    /// It becomes NAME.png beside the tree. It may identify a patient.
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    associated: Vec<String>,
    /// Replace a tree that is there
    #[arg(long, help_heading = "Safety")]
    overwrite: bool,
    /// Leave a tree that is whole and was made in the same way
    ///
    /// That is of the same slide with the same parameters.
    #[arg(long, help_heading = "Safety")]
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
    let run = Run { sources: Sources::of(&inputs.list), args: &args, scheduler };
    batch.run(&inputs, |input| one(&run, &input.path, &results[&input.path]))
}

/// What the trees of a run share.
struct Run<'a> {
    args: &'a PyramidArgs,
    sources: Sources,
    scheduler: Scheduler,
}

/// Makes the tree of one slide in `out`.
fn one(Run { args, sources, scheduler }: &Run<'_>, path: &Path, out: &Path) -> Result<Outcome> {
    let (place, dzi) = (OutPlace::of(out)?, PathBuf::from(format!("{}.dzi", build::PYRAMID_NAME)));
    place.check_tree(&dzi, args.overwrite || args.skip_existing)?;
    sources.spare_tree(&out.join(&dzi))?;
    signals::writes(&out.join(&dzi));
    let mut slide = Slide::open(path, &args.open.options())?;
    if args.work.summary() {
        slide.info.warnings.iter().for_each(|warning| note!("{}: {warning}", path.display()));
    }
    // A wrong name must fail before hours of work.
    let associated = associated(args, &mut slide, place.dir())?;
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
        return Ok(skipped(args, path, out));
    }
    for (to, png) in &associated {
        sources.spare_file(to)?;
        // An image that an interrupted run left is the same.
        refuse_existing(to, args.overwrite || std::fs::read(to).is_ok_and(|there| there == *png))?;
    }
    let progress = Work::families(&path.to_string_lossy(), geometry.family_count(), args.work.progress());
    let started = std::time::Instant::now();
    build::build(&mut slide, place.dir(), &options, scheduler, &|done| progress.set(done))?;
    progress.finish();
    for (path, png) in associated {
        write_whole(&path, &png)?;
    }
    place.publish(&dzi, false)?;
    let dzi = out.join(dzi);
    let (width, height, levels) = (geometry.width(), geometry.height(), geometry.top_level() + 1);
    let seconds = started.elapsed().as_secs_f64();
    if args.work.summary() {
        say!("{}: {width}x{height}, {levels} levels, {seconds:.1} s", dzi.display());
    }
    Ok(Outcome::good(json!({
        "source": path, "dzi": dzi, "width": width, "height": height, "levels": levels, "tile": args.tile,
        "seconds": seconds, "warnings": slide.info.warnings,
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
            let problem = format!("no associated image \"{name}\"; it has: {have}");
            return Err(Problem::usage(&slide.path, problem).into());
        }
        let path = out.join(format!("{name}.png"));
        let image = slide.associated_image(name)?;
        images.push((path, encode_png(&image.rgb, 3, image.width as usize, image.height as usize)?));
    }
    Ok(images)
}

/// A result that stays as it is.
fn skipped(args: &PyramidArgs, source: &Path, out: &Path) -> Outcome {
    let dzi = out.join(format!("{}.dzi", build::PYRAMID_NAME));
    if args.work.summary() {
        say!("{}: it is there already, made of this slide with these parameters", dzi.display());
    }
    Outcome::skipped(json!({"source": source, "dzi": dzi, "skipped": true}))
}

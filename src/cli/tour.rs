//! `origami tour`: videos of camera paths over slides.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use origami::store::{FileError, is_address};
use origami::tour::{
    DEFAULT_FORMAT, Drawn, Encoder, Error, Fault, Ffmpeg, Rendering, Severity, Source, Strictness, Tour,
    View, check, read, render, still, views,
};
use serde_json::{Value, json};

use super::args::values::{names, real, whole};
use super::args::work::{JsonArgs, WorkArgs};
use super::fault::{Exit, Problem, usage};
use super::json;
use super::print::{human_bytes, note, say};
use super::progress::Work;
use super::signals;
use super::sources::Sources;

/// Render captioned camera paths over slides as videos.
///
/// A tour is a JSON file: a slide, keyframes of a camera, captions. Needs ffmpeg 5.1 or newer with libass.
#[derive(Subcommand)]
pub enum TourCommand {
    Render(RenderArgs),
    Check(CheckArgs),
    Still(StillArgs),
}

/// Render a tour to an MP4 video.
///
/// The video is complete when it has its name: each frame is there once, and is counted before.
#[derive(Args)]
pub struct RenderArgs {
    /// The tour, a JSON file
    #[arg(help_heading = "Input")]
    tour: PathBuf,
    /// The video, an .mp4 file
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    out: PathBuf,
    /// Replace the video if it is there
    #[arg(long, help_heading = "Output")]
    overwrite: bool,
    /// Segments of ten seconds that are rendered at a time; the video does not depend on it [range: 1 to 64]
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = whole::<usize>(1..=64), help_heading = "Speed")]
    workers: usize,
    /// The encoder; auto takes the first that codes ten frames here: nvenc, vaapi, x264
    #[arg(long, value_name = "NAME", value_parser = names::<EncoderChoice>(), default_value = "auto", help_heading = "Speed")]
    encoder: EncoderChoice,
    #[command(flatten)]
    ffmpeg: FfmpegArgs,
    #[command(flatten)]
    work: WorkArgs,
}

/// Check tours: every fault, with its line and its place in the JSON.
///
/// Opens the slide as well, and checks that the camera fits it. Exit code 2: a tour has faults.
#[derive(Args)]
pub struct CheckArgs {
    /// Tours, JSON files
    #[arg(required = true, help_heading = "Input")]
    tours: Vec<PathBuf>,
    /// With --json, also what the camera shows at these seconds, with commas between them [range: 0 to 21600] [default: none]
    #[arg(long, value_name = "SECONDS", value_delimiter = ',', value_parser = real(0.0..=21600.0), requires = "json")]
    #[arg(help_heading = "Output")]
    views_at: Vec<f64>,
    #[command(flatten)]
    json: JsonArgs,
}

/// Draw one frame of a tour as PNG.
#[derive(Args)]
pub struct StillArgs {
    /// The tour, a JSON file
    #[arg(help_heading = "Input")]
    tour: PathBuf,
    /// Seconds from the start [range: 0 to 21600]
    #[arg(long, value_name = "SECONDS", value_parser = real(0.0..=21600.0), help_heading = "Output")]
    at: f64,
    /// The pixels of the slide alone, without captions, scale bar and marks
    #[arg(long, help_heading = "Output")]
    bare: bool,
    /// The picture, a .png file, which is replaced if it is there
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    out: PathBuf,
    #[command(flatten)]
    ffmpeg: FfmpegArgs,
}

#[derive(Args)]
struct FfmpegArgs {
    /// The ffmpeg to run; its ffprobe is beside it [default: the one on the path]
    #[arg(long, value_name = "PROGRAM", help_heading = "Input")]
    ffmpeg: Option<PathBuf>,
}

/// The encoder of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EncoderChoice {
    Auto,
    Nvenc,
    Vaapi,
    X264,
}

pub fn run(command: TourCommand) -> Result<ExitCode> {
    match command {
        TourCommand::Render(args) => run_render(&args),
        TourCommand::Check(args) => run_check(&args),
        TourCommand::Still(args) => run_still(&args),
    }
}

/// Reads a tour and prints what it warns of.
pub fn read_tour(path: &Path) -> Result<(Tour, Vec<Fault>)> {
    let text = std::fs::read_to_string(path).map_err(|source| FileError {
        action: "read",
        path: path.into(),
        source,
    })?;
    let (tour, warnings) = read(path, &text, Strictness::Strict)?;
    for warning in &warnings {
        note!("origami: {}: {warning}", path.display());
    }
    Ok((tour, warnings))
}

fn run_render(args: &RenderArgs) -> Result<ExitCode> {
    if args.out.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("mp4")) {
        usage!("--out {}: the video is an MP4; give a name that ends in .mp4", args.out.display());
    }
    if !args.overwrite && args.out.exists() {
        return Err(
            Problem::failed(&args.out, "it is there already; give another --out, or --overwrite").into()
        );
    }
    let (tour, warnings) = read_tour(&args.tour)?;
    sources(&tour, &args.tour)?.spare_file(&args.out)?;
    let ffmpeg = Ffmpeg::find(args.ffmpeg.ffmpeg.as_deref())?;
    let encoder = match args.encoder {
        EncoderChoice::Auto => Encoder::choose(&ffmpeg)?,
        EncoderChoice::Nvenc => Encoder::Nvenc,
        EncoderChoice::Vaapi => Encoder::Vaapi,
        EncoderChoice::X264 => Encoder::X264,
    };
    let expected = tour.frames(tour.format_over(DEFAULT_FORMAT));
    let work = std::sync::Mutex::new(Work::new(
        &args.tour.to_string_lossy(),
        expected,
        "frames",
        args.work.progress(),
    ));
    let scheduler = args.work.scheduler()?;
    let progress = |done, _| {
        if let Ok(work) = work.lock() {
            work.set(done);
        }
    };
    let with = Rendering {
        ffmpeg: &ffmpeg,
        encoder,
        scheduler: &scheduler,
        workers: args.workers,
        cancel: signals::cancel(),
        progress: &progress,
    };
    let started = Instant::now();
    let rendered = render(&tour, &args.tour, &with, &args.out);
    if let Ok(work) = work.lock() {
        work.finish();
    }
    let rendered = rendered?;
    for note in &rendered.notes {
        note!("origami: {}: {note}", args.tour.display());
    }
    let seconds = started.elapsed().as_secs_f64();
    let format = rendered.format;
    let rate = f64::from(format.fps.0) / f64::from(format.fps.1);
    if args.work.summary() {
        say!(
            "{}: {} frames of {}x{} at {rate:.2} a second, {}, by {}, in {seconds:.1} s",
            args.out.display(),
            rendered.frames,
            format.width,
            format.height,
            human_bytes(rendered.bytes),
            encoder.name()
        );
    }
    if args.work.json() {
        json::print(
            "tour render",
            json!({
                "tour": args.tour,
                "out": args.out,
                "frames": rendered.frames,
                "width": format.width,
                "height": format.height,
                "fps": format!("{}/{}", format.fps.0, format.fps.1),
                "bytes": rendered.bytes,
                "segments": rendered.segments,
                "repeated_segments": rendered.repeated,
                "encoder": encoder.name(),
                "ffmpeg": ffmpeg.version(),
                "warnings": faults(&warnings),
                "notes": rendered.notes,
                "seconds": (seconds * 1e3).round() / 1e3,
            }),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn run_check(args: &CheckArgs) -> Result<ExitCode> {
    let (mut exit, mut results) = (Exit::Good, Vec::new());
    for path in &args.tours {
        let checked = read_tour(path).and_then(|(tour, warnings)| {
            for warning in check(&tour, path)? {
                note!("origami: {}: its slide: {warning}", path.display());
            }
            let seen = match &args.views_at[..] {
                [] => None,
                times => Some(seen(times, views(&tour, path, times)?.1)),
            };
            Ok((tour, warnings, seen))
        });
        let mut result = json!({"tour": path, "good": checked.is_ok(), "faults": [], "error": null});
        match checked {
            Ok((tour, warnings, seen)) => {
                if let Some(seen) = seen {
                    result["views"] = seen;
                }
                let format = tour.format_over(DEFAULT_FORMAT);
                let (frames, seconds) = (tour.frames(format), tour.duration());
                result["faults"] = faults(&warnings).into();
                result["frames"] = frames.into();
                result["seconds"] = seconds.into();
                if !args.json.json {
                    let size = format!("{}x{}", format.width, format.height);
                    let cues = match tour.cues.len() {
                        1 => "1 cue".into(),
                        count => format!("{count} cues"),
                    };
                    say!("{}: good: {seconds} s, {frames} frames of {size}, {cues}", path.display());
                }
            }
            Err(error) => {
                exit = exit.worst(Exit::of(&error));
                match error.downcast_ref() {
                    Some(Error::Document { faults: found, .. }) => {
                        result["faults"] = faults(found).into();
                        found.iter().for_each(|fault| note!("origami: {}: {fault}", path.display()));
                    }
                    _ => {
                        result["error"] = error.to_string().into();
                        note!("origami: {error}");
                    }
                }
            }
        }
        results.push(result);
    }
    if args.json.json {
        json::print("tour check", json!({"results": results}))?;
    }
    Ok(exit.into())
}

fn run_still(args: &StillArgs) -> Result<ExitCode> {
    if args.out.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("png")) {
        usage!("--out {}: the picture is a PNG; give a name that ends in .png", args.out.display());
    }
    let (tour, _) = read_tour(&args.tour)?;
    sources(&tour, &args.tour)?.spare_file(&args.out)?;
    let ffmpeg = Ffmpeg::find(args.ffmpeg.ffmpeg.as_deref())?;
    let drawn = if args.bare { Drawn::Nothing } else { Drawn::All };
    still(&tour, &args.tour, &ffmpeg, args.at, drawn, &args.out)?;
    Ok(ExitCode::SUCCESS)
}

/// What a tour is made of.
fn sources(tour: &Tour, document: &Path) -> Result<Sources> {
    let mut sources = Sources::default();
    sources.file(document);
    tour.audio.iter().for_each(|audio| sources.file(audio));
    match &tour.source {
        Source::Video(path) => sources.file(path),
        // Nothing is written to an address.
        Source::Slide { path, .. } if is_address(path) => {}
        Source::Slide { path, .. } => sources.add_slide(path)?,
    }
    Ok(sources)
}

/// Views as JSON.
fn seen(times: &[f64], views: Vec<View>) -> Value {
    let one = |(time, view): (&f64, View)| {
        json!({
            "time": time,
            "center": view.center,
            "downsample": view.downsample,
            "rotation": view.rotation,
        })
    };
    times.iter().zip(views).map(one).collect()
}

/// Faults as JSON.
fn faults(faults: &[Fault]) -> Vec<Value> {
    let one = |fault: &Fault| {
        json!({
            "place": fault.place,
            "line": fault.line_column.map(|at| at.0),
            "column": fault.line_column.map(|at| at.1),
            "problem": fault.problem,
            "severity": match fault.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
        })
    };
    faults.iter().map(one).collect()
}

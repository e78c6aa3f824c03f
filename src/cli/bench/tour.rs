//! `origami bench tour`: the frames of a tour, without a video.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::tour::DEFAULT_FORMAT;
use serde_json::json;

use crate::bench::tour::measure;
use crate::cli::args::values::whole;
use crate::cli::args::work::WorkArgs;
use crate::cli::json;
use crate::cli::print::say;
use crate::cli::progress::Work;
use crate::cli::signals;
use crate::cli::tour::read_tour;

#[derive(Args)]
pub struct TourArgs {
    /// The tour, a JSON file
    #[arg(help_heading = "Input")]
    tour: PathBuf,
    /// Make only the first N frames [range: 1 to 1000000000] [default: all]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1..=1_000_000_000), help_heading = "Input")]
    frames: Option<u64>,
    #[command(flatten)]
    work: WorkArgs,
}

pub fn run(args: TourArgs) -> Result<()> {
    let (tour, _) = read_tour(&args.tour)?;
    let scheduler = args.work.scheduler()?;
    let limit = args.frames.unwrap_or(u64::MAX);
    let expected = tour.frames(tour.format_over(DEFAULT_FORMAT)).min(limit);
    let work = Work::new(&args.tour.to_string_lossy(), expected, "frames", args.work.progress());
    let times = measure(&tour, &args.tour, limit, &scheduler, &signals::cancel(), &|done| work.set(done));
    work.finish();
    let times = times?;
    let (width, height) = times.size;
    let (rate, ratio) = (times.frames as f64 / times.seconds, times.seconds / times.copy_seconds);
    if args.work.json() {
        let value = json!({
            "tour": args.tour,
            "frames": times.frames,
            "width": width,
            "height": height,
            "frames_per_second": rate,
            "against_copy": ratio,
            "xxh3_128": format!("{:032x}", times.hash),
        });
        return Ok(json::print("bench tour", value)?);
    }
    if !args.work.summary() {
        return Ok(());
    }
    say!("{} frames of {width}x{height}, {rate:.1} a second", times.frames);
    say!("{ratio:.0} times a copy of their bytes");
    say!("xxh3-128 of their pixels: {:032x}", times.hash);
    Ok(())
}

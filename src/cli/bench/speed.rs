//! `origami bench encode` and `decode`: against the bare JPEG calls of the same work.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use origami::backend::MAX_THREADS;
use origami::kernels::level::Level;
use serde_json::json;

use crate::bench::setup::{Setup, SetupOptions};
use crate::bench::speed::{Speed, measure_decode, measure_encode};
use crate::cli::args::backend::{BackendArgs, OpenBackend, Workload};
use crate::cli::args::coding::CodingArgs;
use crate::cli::args::open::OpenArgs;
use crate::cli::args::values::whole;
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::print::say;
use crate::cli::signals;

#[derive(Args)]
pub struct SpeedArgs {
    /// A Deep Zoom tree of JPEG tiles [default: synthetic tissue, made for the run]
    #[arg(long, value_name = "P", help_heading = "Input")]
    pyramid: Option<PathBuf>,
    /// Side of the synthetic slide in pixels [range: 1 to 1048576]
    #[arg(long, value_name = "PX", default_value_t = 6144, value_parser = whole::<u32>(1..=1 << 20))]
    #[arg(help_heading = "Input")]
    side: u32,
    /// Rounds; every figure is a median over them [range: 1 to 1000]
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole::<u32>(1..=1000))]
    #[arg(help_heading = "Input")]
    pub rounds: u32,
    /// Worker threads; 0 is one per core [range: 0 to 1024]
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<usize>(0..=MAX_THREADS as u64))]
    #[arg(help_heading = "Speed")]
    pub threads: usize,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    pub backend: BackendArgs,
    #[command(flatten)]
    pub coding: CodingArgs,
    #[command(flatten)]
    open: OpenArgs,
}

impl SpeedArgs {
    /// Whether the result is one JSON object.
    pub fn json(&self) -> bool {
        self.json.json
    }

    /// Makes or opens the tree.
    pub fn setup(&self) -> Result<Setup> {
        Setup::new(&SetupOptions {
            pyramid: self.pyramid.clone(),
            side: self.side,
            threads: self.threads,
            cancel: signals::cancel(),
            open: self.open.options(),
            params: self.coding.params(),
        })
    }
}

pub fn run_encode(args: SpeedArgs) -> Result<()> {
    let setup = args.setup()?;
    let opened = args.backend.open(Workload::Encode(Some(&setup.params)), None, &setup.scheduler, false)?;
    let speed = measure_encode(&setup, &*opened.backend, args.rounds)?;
    print(&args, "encode", &setup, &opened, &speed)
}

pub fn run_decode(args: SpeedArgs) -> Result<()> {
    let setup = args.setup()?;
    let opened = args.backend.open(Workload::Decode(Some(&setup.params)), None, &setup.scheduler, false)?;
    let speed = measure_decode(&setup, &*opened.backend, args.rounds)?;
    print(&args, "decode", &setup, &opened, &speed)
}

fn print(args: &SpeedArgs, what: &str, setup: &Setup, opened: &OpenBackend, speed: &Speed) -> Result<()> {
    let (threads, level) = (setup.scheduler.threads(), Level::current().name());
    let Speed { families, bare_s, whole_s, ratio, optl2 } = *speed;
    let rate = setup.megapixels / whole_s;
    let ms_per_family_and_thread = |seconds: f64| seconds * 1e3 * threads as f64 / families as f64;
    if args.json() {
        let mut value = json!({
            "bench": what, "threads": threads, "cpu": level, "backend": opened.backend.name(),
            "families": families, "rounds": args.rounds,
            "bare_jpeg_s": bare_s, "origami_s": whole_s, "ratio": ratio, "megapixels_per_s": rate,
            "bare_ms_per_family_and_thread": ms_per_family_and_thread(bare_s),
            "origami_ms_per_family_and_thread": ms_per_family_and_thread(whole_s),
        });
        if let Some((seconds, ratio)) = optl2 {
            value["optl2_s"] = json!(seconds);
            value["optl2_ratio"] = json!(ratio);
        }
        return Ok(json::print(&format!("bench {what}"), value)?);
    }
    let rounds = args.rounds;
    say!("{what}: {families} families on {threads} threads ({level}), medians of {rounds} rounds");
    say!("bare JPEG calls   {bare_s:8.3} s");
    let place = opened.summary();
    say!(
        "origami {what}    {whole_s:8.3} s   {ratio:.2} times the bare calls, {rate:.0} megapixels/s {place}"
    );
    if let Some((seconds, ratio)) = optl2 {
        say!("with --optl2      {seconds:8.3} s   {ratio:.2} times without");
    }
    Ok(())
}

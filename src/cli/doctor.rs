//! `origami doctor`: what this machine has, whether it computes correctly, and what to do where it does not.
//!
//! Reports and advises; decides nothing. The engine itself answers what `--backend auto` takes.

mod advice;
mod finding;
#[cfg_attr(not(feature = "gpu"), path = "doctor/no_gpu.rs")]
mod gpu;
pub mod machine;
mod report;
mod section;
mod text;
mod tours;

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use self::advice::{Situation, advice};
use self::machine::{Cpu, Encoders, FEATURES, Jpeg, OpenSlide};
use self::report::Report;
use self::tours::Tours;
use super::args::work::JsonArgs;
use super::json;

/// Say what this machine has, whether its GPUs compute rightly, and what to do.
///
/// Looks at CPU, libraries and GPUs, and compares every GPU kernel with the CPU's. Exit code 1: an adapter failed or computes
/// something else.
#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    json: JsonArgs,
    /// Test only this adapter: its index, or part of its name [default: all]
    #[arg(long, value_name = "NAME|INDEX", help_heading = "Input")]
    gpu_adapter: Option<String>,
}

pub fn run(args: DoctorArgs) -> Result<ExitCode> {
    let wanted = args.gpu_adapter.as_deref();
    let adapters = gpu::examine(wanted)?;
    let (cpu, jpeg, openslide) = (Cpu::detect(), Jpeg::detect(), OpenSlide::detect());
    let (encoders, tours) = (Encoders::detect(), Tours::detect());
    let failed = adapters.iter().filter_map(|a| Some((gpu::name(a), gpu::problem(a)?))).collect::<Vec<_>>();
    let situation = Situation {
        gpu_built: cfg!(feature = "gpu"),
        loader: adapters.is_empty().then(gpu::has_loader),
        hardware: adapters.iter().filter(|a| !gpu::is_software(a)).map(gpu::name).collect(),
        software: adapters.iter().filter(|a| gpu::is_software(a)).map(gpu::name).collect(),
        failed,
        nvidia_files: machine::has_nvidia_files(),
        level: cpu.level,
        best_level: cpu.best_level,
        jpeg: jpeg.simd,
        openslide: openslide.problem.as_deref(),
        libjxl: encoders.libjxl_problem.as_deref(),
        ffmpeg: tours.as_ref().and_then(|tours| tours.ffmpeg_problem.as_deref()),
    };
    let (advice, works) = (advice(&situation), situation.failed.is_empty());
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        features: FEATURES.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect(),
        auto: gpu::auto(wanted)?,
        cpu,
        jpeg,
        encoders,
        openslide,
        tours,
        adapters,
        advice,
    };
    if args.json.json {
        json::print("doctor", &report)?;
    } else {
        text::print(&report);
    }
    Ok(if works { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

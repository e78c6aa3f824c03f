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
#[cfg_attr(not(feature = "serve"), path = "doctor/no_serve.rs")]
mod serve;
mod text;
mod tours;

#[cfg(feature = "serve")]
use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use self::advice::{Situation, advice};
use self::machine::{Cpu, Encoders, FEATURES, Jpeg, OpenSlide};
use self::report::Report;
use self::tours::Tours;
use super::args::work::JsonArgs;
#[cfg(feature = "serve")]
use super::config::Settings;
use super::json;
#[cfg(feature = "serve")]
use super::serve::ServeArgs;

/// Say what this machine has, whether its GPUs compute rightly, and what to do.
///
/// Looks at CPU, libraries and GPUs, and compares every GPU kernel with the CPU's. Exit code 1: an adapter failed or computes
/// something else, or the server of --serve would not start.
#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    json: JsonArgs,
    /// Test only this adapter: its index, or part of its name [default: all]
    #[arg(long, value_name = "NAME|INDEX", help_heading = "Input")]
    gpu_adapter: Option<String>,
    /// Say what `origami serve` would do here, with these slides or those of its settings, and why
    ///
    /// Settings come from ORIGAMI_SERVE_* and the file of --config, as those of serve. Nothing is started or written. Exit code 1: it
    /// would not start.
    #[cfg(feature = "serve")]
    #[arg(long, value_name = "DIR|FILE", num_args = 0..=1, help_heading = "Input")]
    serve: Option<Option<std::path::PathBuf>>,
    /// File of settings of serve, with --serve [default: none]
    #[cfg(feature = "serve")]
    #[arg(long, value_name = "FILE", requires = "serve", help_heading = "Input")]
    config: Option<std::path::PathBuf>,
}

impl DoctorArgs {
    /// The arguments of the server that is asked about.
    #[cfg(feature = "serve")]
    pub fn of_server(&self) -> Option<Vec<OsString>> {
        let slides = self.serve.as_ref()?;
        let config = self.config.iter().flat_map(|file| ["--config".into(), file.clone().into_os_string()]);
        Some(config.chain(slides.iter().map(|slides| slides.clone().into_os_string())).collect())
    }
}

/// Looks at the machine, and at what `server` would do.
pub fn run(
    args: DoctorArgs,
    #[cfg(feature = "serve")] server: Option<(ServeArgs, Settings)>,
) -> Result<ExitCode> {
    let wanted = args.gpu_adapter.as_deref();
    #[cfg(feature = "serve")]
    let serve = server.map(|(args, settings)| serve::examine(&args, &settings)).transpose()?;
    #[cfg(not(feature = "serve"))]
    let serve: Option<serve::Serve> = None;
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
    let starts = serve.as_ref().is_none_or(|serve| serve.starts);
    let (advice, works) = (advice(&situation), situation.failed.is_empty() && starts);
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
        serve,
        advice,
    };
    if args.json.json {
        json::print("doctor", &report)?;
    } else {
        text::print(&report);
    }
    Ok(if works { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

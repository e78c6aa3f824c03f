//! `origami doctor`: what this machine has, whether it computes rightly, what to do about the rest.
//!
//! Finds things out, prints them, decides nothing: `--backend auto` is asked, not imitated.

mod advice;
#[cfg_attr(not(feature = "gpu"), path = "doctor/no_gpu.rs")]
mod gpu;
mod machine;
mod text;

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use self::advice::{Situation, advice};
use self::gpu::Adapter;
use self::machine::{Cpu, Encoders, Jpeg, OpenSlide};

/// Looks at CPU, libraries and GPUs, and compares every GPU kernel with the CPU's. Exit code 0: what is there works; 1: an adapter
/// failed or computes something else.
#[derive(Args)]
pub struct DoctorArgs {
    /// JSON instead of text
    #[arg(long)]
    json: bool,
    /// Test only this adapter: its index, or part of its name [default: all]
    #[arg(long, value_name = "NAME|INDEX")]
    gpu_adapter: Option<String>,
}

/// All that is said, in the order in which it is said.
#[derive(Serialize)]
struct Report {
    version: &'static str,
    features: Vec<&'static str>,
    cpu: Cpu,
    jpeg: Jpeg,
    encoders: Encoders,
    openslide: OpenSlide,
    adapters: Vec<Adapter>,
    auto: Auto,
    advice: Vec<String>,
}

/// Whether an adapter computes what the CPU computes.
#[derive(Serialize)]
struct Parity<K> {
    ok: bool,
    /// What the self-test took, in milliseconds; without `open_ms`.
    ms: f64,
    /// What opening the adapter and compiling the shaders took.
    open_ms: f64,
    /// Kernels that agreed, and on how many cases; none where one did not.
    kernels: Vec<K>,
    problem: Option<String>,
}

/// What `--backend auto` takes.
#[derive(Serialize)]
struct Auto {
    encode: Taken,
    decode: Taken,
}

#[derive(Serialize)]
struct Taken {
    backend: &'static str,
    reason: String,
}

const FEATURES: [(&str, bool); 12] = [
    ("cli", cfg!(feature = "cli")),
    ("gpu", cfg!(feature = "gpu")),
    ("jpegli", cfg!(feature = "jpegli")),
    ("jpegxl", cfg!(feature = "jpegxl")),
    ("lepton", cfg!(feature = "lepton")),
    ("mozjpeg", cfg!(feature = "mozjpeg")),
    ("openslide", cfg!(feature = "openslide")),
    ("rocksdb", cfg!(feature = "rocksdb")),
    ("serve", cfg!(feature = "serve")),
    ("webp", cfg!(feature = "webp")),
    ("metal", cfg!(feature = "metal")),
    ("dx12", cfg!(feature = "dx12")),
];

pub fn run(args: DoctorArgs) -> Result<ExitCode> {
    let wanted = args.gpu_adapter.as_deref();
    let adapters = gpu::examine(wanted)?;
    let (cpu, jpeg, openslide) = (Cpu::found(), Jpeg::found(), OpenSlide::found());
    let encoders = Encoders::found();
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
        adapters,
        advice,
    };
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        text::print(&report);
    }
    Ok(if works { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

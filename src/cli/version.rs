//! `origami --version`, and with `--verbose` what the program was built from and what it finds. Opens libraries, but no GPU.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use origami::codec::JpegSimd;
use serde_json::json;

use super::doctor::machine::{Cpu, Encoders, FEATURES, Jpeg, OpenSlide};
use super::json;
use super::print::say;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, or `unknown`.
const COMMIT: &str = env!("ORIGAMI_COMMIT");
/// Backends of this build, without asking whether there is a device for them.
const BACKENDS: [(&str, bool); 4] = [
    ("cpu", true),
    ("vulkan", cfg!(feature = "gpu")),
    ("metal", cfg!(feature = "metal")),
    ("dx12", cfg!(feature = "dx12")),
];

#[derive(Args)]
pub struct VersionArgs {
    /// Print the version
    #[arg(long, short = 'V', help_heading = "Help")]
    pub version: bool,
    /// With --version: also the commit, features, backends and libraries
    #[arg(long, requires = "version", help_heading = "Help")]
    verbose: bool,
    /// With --version: all of it as one JSON object
    #[arg(long, requires = "version", help_heading = "Help")]
    json: bool,
}

pub fn run(args: &VersionArgs) -> Result<ExitCode> {
    if args.json {
        print_json()?;
        return Ok(ExitCode::SUCCESS);
    }
    say!("origami {VERSION}");
    if args.verbose {
        print_details();
    }
    Ok(ExitCode::SUCCESS)
}

/// The names of what this build has.
fn built(all: &[(&'static str, bool)]) -> Vec<&'static str> {
    all.iter().filter(|(_, built)| *built).map(|(name, _)| *name).collect()
}

fn print_json() -> Result<()> {
    let encoders = Encoders::detect();
    let libjxl = json!({
        "found": encoders.libjxl.is_some(), "library": encoders.libjxl, "problem": encoders.libjxl_problem,
    });
    let value = json!({
        "version": VERSION, "commit": COMMIT, "features": built(&FEATURES), "backends": built(&BACKENDS),
        "cpu_level": Cpu::detect().level, "encoders": encoders.built, "jpeg": Jpeg::detect(),
        "openslide": OpenSlide::detect(), "libjxl": libjxl,
    });
    Ok(json::print("version", value)?)
}

fn print_details() {
    let (jpeg, encoders, openslide) = (Jpeg::detect(), Encoders::detect(), OpenSlide::detect());
    let simd = match jpeg.simd {
        JpegSimd::On => "with SIMD",
        JpegSimd::Off => "SIMD off",
        JpegSimd::NotBuilt => "without SIMD",
    };
    let found = |found: Option<String>| found.unwrap_or_else(|| "not found".into());
    let rows = [
        ("commit", COMMIT.into()),
        ("features", built(&FEATURES).join(", ")),
        ("backends", built(&BACKENDS).join(", ")),
        ("kernels", Cpu::detect().level.into()),
        ("encoders", encoders.built.join(", ")),
        (jpeg.library, format!("{}, {simd}", jpeg.version)),
        ("openslide", found(openslide.version)),
        ("libjxl", found(encoders.libjxl)),
    ];
    for (name, value) in rows {
        say!("{name:<15}{value}");
    }
}

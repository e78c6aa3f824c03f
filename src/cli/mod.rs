//! The command line: arguments as typed, turned into arguments as meant. One file per subcommand, each thin.

mod bench;
mod compare;
mod decode;
mod encode;
mod inspect;
mod progress;
mod pyramid;
mod verify;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use origami::backend::scheduler::Scheduler;
use origami::kernels::taps::Filter;

/// Stores a slide's Deep Zoom pyramid at a fraction of its bytes.
#[derive(Parser)]
#[command(name = "origami", version, max_term_width = 110, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a Deep Zoom tree from a slide.
    Pyramid(pyramid::PyramidArgs),
    /// Encode a tree, a slide or an image to one bundle.
    Encode(encode::EncodeArgs),
    /// Decode a bundle or packs to a Deep Zoom tree.
    Decode(decode::DecodeArgs),
    /// Say what a pack or bundle holds.
    Inspect(inspect::InspectArgs),
    /// Check every byte of a pack or bundle.
    Verify(verify::VerifyArgs),
    /// Measure a tree against a slide or another tree: Y-PSNR, SSIM, Delta E.
    Compare(compare::CompareArgs),
    /// Measure speed and rate, always against something in the same run.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
}

/// Parses the arguments and runs the subcommand.
pub fn run() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Pyramid(args) => pyramid::run(args)?,
        Command::Encode(args) => encode::run(args)?,
        Command::Decode(args) => decode::run(args)?,
        Command::Inspect(args) => inspect::run(args)?,
        Command::Verify(args) => return verify::run(args),
        Command::Compare(args) => compare::run(args)?,
        Command::Bench(command) => bench::run(command)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What every subcommand that works takes.
#[derive(Args, Clone, Copy)]
struct WorkArgs {
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// No progress bar and no summary
    #[arg(long, short)]
    quiet: bool,
}

impl WorkArgs {
    fn scheduler(self) -> origami::error::Result<Scheduler> {
        Scheduler::new(self.threads)
    }
}

/// A resampling filter, as typed.
#[derive(Clone, Copy, ValueEnum)]
enum FilterArg {
    Bilinear,
    Bicubic,
    Lanczos3,
}

impl From<FilterArg> for Filter {
    fn from(arg: FilterArg) -> Self {
        match arg {
            FilterArg::Bilinear => Filter::Bilinear,
            FilterArg::Bicubic => Filter::Bicubic,
            FilterArg::Lanczos3 => Filter::Lanczos3,
        }
    }
}

/// Bytes for people: `667 kB`, `1.21 GB` (decimal, as disks are sold).
fn human_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" || value >= 100.0 {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.2} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.2} TB")
}

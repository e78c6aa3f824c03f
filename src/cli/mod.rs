//! The command line: arguments as typed, turned into arguments as meant. One file per subcommand, each thin.

/// Prints a line on standard output; see [`print_line`].
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::print_line(format_args!($($text)*)) };
}

pub(crate) mod backend;
pub(crate) mod coding;
pub(crate) mod compare;
mod decode;
mod doctor;
mod encode;
#[cfg(feature = "serve")]
mod evals;
mod inspect;
mod progress;
pub(crate) mod pyramid;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "serve")]
mod sign;
mod verify;
mod words;

pub use words::describe;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Parser, Subcommand, ValueEnum};
use origami::backend::scheduler::Scheduler;
use origami::kernels::taps::Filter;
use tracing_subscriber::EnvFilter;

/// Stores a slide's Deep Zoom pyramid at a fraction of its bytes.
#[derive(Parser)]
#[command(name = "origami", version, max_term_width = 110, arg_required_else_help = true)]
#[command(
    after_help = "RUST_LOG sets how much is logged to standard error: error, warn, info, debug, trace."
)]
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
    /// Serve slides as Deep Zoom tiles over HTTP.
    #[cfg(feature = "serve")]
    Serve(serve::ServeArgs),
    /// Show evaluation runs in the browser: table, curves, pictures side by side.
    #[cfg(feature = "serve")]
    Evals(evals::EvalsArgs),
    /// Make signed addresses for a server that asks for them.
    #[cfg(feature = "serve")]
    Sign(sign::SignArgs),
    /// Say what a pack or bundle holds.
    Inspect(inspect::InspectArgs),
    /// Check every byte of a pack or bundle.
    Verify(verify::VerifyArgs),
    /// Measure a tree against a slide or another tree: Y-PSNR, SSIM, Delta E.
    Compare(compare::CompareArgs),
    /// Say what this machine has, whether its GPUs compute rightly, and what to do.
    Doctor(doctor::DoctorArgs),
    /// Measure speed and rate, always against something in the same run.
    #[command(subcommand)]
    Bench(crate::bench::BenchCommand),
}

/// Parses the arguments and runs the subcommand.
pub fn run() -> anyhow::Result<ExitCode> {
    let command = Cli::parse().command;
    log_to_stderr();
    let mut code = ExitCode::SUCCESS;
    match command {
        Command::Pyramid(args) => pyramid::run(args)?,
        Command::Encode(args) => encode::run(args)?,
        Command::Decode(args) => decode::run(args)?,
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(args)?,
        #[cfg(feature = "serve")]
        Command::Evals(args) => evals::run(args)?,
        #[cfg(feature = "serve")]
        Command::Sign(args) => sign::run(args)?,
        Command::Inspect(args) => inspect::run(args)?,
        Command::Verify(args) => code = verify::run(args)?,
        Command::Compare(args) => compare::run(args)?,
        Command::Doctor(args) => code = doctor::run(args)?,
        Command::Bench(command) => crate::bench::run(command)?,
    }
    if OUTPUT_LOST.load(Ordering::Relaxed) {
        anyhow::bail!("standard output could not be written");
    }
    Ok(code)
}

/// What is logged where `RUST_LOG` does not say: the errors of ours say what a driver said. Builds with debug assertions also pass on
/// what Vulkan's loader prints, such as that a machine has no driver.
const LOGGED: &str = "warn,wgpu_core=error,wgpu_hal=error,wgpu_hal::vulkan::instance=off,naga=error";

fn log_to_stderr() {
    let wanted = std::env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty());
    let filter = EnvFilter::new(wanted.as_deref().unwrap_or(LOGGED));
    let format = tracing_subscriber::fmt().compact().with_target(false).without_time();
    format
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Whether standard output refused a line.
static OUTPUT_LOST: AtomicBool = AtomicBool::new(false);

/// A reader that closed its end has heard enough: the work goes on without it. Anything else, such as a full disk, is remembered
/// and makes the program fail once the work is done.
pub(crate) fn print_line(line: std::fmt::Arguments<'_>) {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => OUTPUT_LOST.store(true, Ordering::Relaxed),
        _ => {}
    }
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
    fn scheduler(self) -> origami::backend::Result<Scheduler> {
        Scheduler::new(self.threads)
    }
}

/// A resampling filter, as typed.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum FilterArg {
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

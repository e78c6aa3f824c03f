//! Threads, progress and the form of the result.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use origami::backend::MAX_THREADS;
use origami::backend::scheduler::Scheduler;

use super::values::{names, whole};
use crate::cli::signals;

/// Flags of every command that works for a while and reports.
#[derive(Args, Clone, Copy)]
pub struct WorkArgs {
    /// Worker threads; 0 is one per core [range: 0 to 1024]
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<usize>(0..=MAX_THREADS as u64))]
    #[arg(help_heading = "Speed")]
    threads: usize,
    /// No progress and no summary
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// Progress on standard error; auto is a bar on a terminal, else none
    #[arg(long, value_name = "HOW", value_parser = names::<Progress>(), default_value_t)]
    #[arg(help_heading = "Output", hide_short_help = true)]
    pub progress: Progress,
    #[command(flatten)]
    json: JsonArgs,
}

/// The form of the result.
#[derive(Args, Clone, Copy)]
pub struct JsonArgs {
    /// One JSON object on standard output instead of text
    ///
    /// Of several inputs, or of a directory that is searched, it has them in `results`, and their number in `summary`.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    #[default]
    Auto,
    Bar,
    Json,
    None,
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Progress::Auto => "auto",
            Progress::Bar => "bar",
            Progress::Json => "json",
            Progress::None => "none",
        })
    }
}

impl WorkArgs {
    /// Starts the threads. A signal ends their runs.
    pub fn scheduler(self) -> origami::backend::Result<Scheduler> {
        Ok(Scheduler::new(self.threads)?.cancelled_by(signals::cancel()))
    }

    /// Whether the result is one JSON object.
    pub fn json(self) -> bool {
        self.json.json
    }

    /// Whether a summary for people is wanted.
    pub fn summary(self) -> bool {
        !self.quiet && !self.json.json
    }

    /// How progress is shown here: never `Auto`.
    pub fn progress(self) -> Progress {
        match self.progress {
            Progress::Auto if self.quiet || !std::io::stderr().is_terminal() => Progress::None,
            Progress::Auto => Progress::Bar,
            given => given,
        }
    }
}

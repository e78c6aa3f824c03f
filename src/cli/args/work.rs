//! Threads and silence.

use clap::Args;
use origami::backend::scheduler::Scheduler;

/// Flags of every subcommand that works for a while.
#[derive(Args, Clone, Copy)]
pub struct WorkArgs {
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// No progress bar and no summary
    #[arg(long, short)]
    pub quiet: bool,
}

impl WorkArgs {
    /// Starts the threads.
    pub fn scheduler(self) -> origami::backend::Result<Scheduler> {
        Scheduler::new(self.threads)
    }
}

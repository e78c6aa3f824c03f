//! `origami jobs`: many slides as units of a queue, which `origami worker` works on.

mod cancel;
mod dry_run;
#[cfg(feature = "serve")]
mod encode_options;
#[cfg(feature = "serve")]
mod only_service;
mod place;
mod reconcile;
mod renderer_args;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "serve")]
pub mod service_args;
mod shown;
mod status;
mod submit;
mod unit_args;
pub mod worker;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// Many slides, on one machine or several: submit them, see how far they are.
///
/// A queue holds units of work, one a slide. `origami worker` takes them, as often and on as many machines as you start it. Results are
/// done exactly once, whatever becomes of a worker.
#[derive(Subcommand)]
pub enum JobsCommand {
    Submit(Box<submit::SubmitArgs>),
    Status(status::StatusArgs),
    Cancel(cancel::CancelArgs),
    Retry(cancel::RetryArgs),
    Reconcile(reconcile::ReconcileArgs),
    #[cfg(feature = "serve")]
    Serve(Box<serve::ServeArgs>),
}

pub fn run(command: JobsCommand) -> Result<ExitCode> {
    match command {
        JobsCommand::Submit(args) => submit::run(&args)?,
        JobsCommand::Status(args) => status::run(&args)?,
        JobsCommand::Cancel(args) => cancel::cancel(&args)?,
        JobsCommand::Retry(args) => cancel::retry(&args)?,
        JobsCommand::Reconcile(args) => reconcile::run(&args)?,
        #[cfg(feature = "serve")]
        JobsCommand::Serve(args) => serve::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

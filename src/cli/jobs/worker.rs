//! `origami worker`: works on the units of a queue.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use origami::backend::scheduler::Scheduler;
use origami::backend::{Cancel, MAX_THREADS};
use origami::jobs::callback::Notifier;
use origami::jobs::state::{Policy, State};
use origami::jobs::worker::{Event, Tally, Worker, WorkerOptions};
use origami::jobs::{Claim, Clock, Token, named};
use serde_json::json;
use signal_hook::flag;

use super::place::{LeaseArgs, PlaceArgs};
use super::renderer_args::RendererArgs;
use crate::cli::args::backend::{BackendArgs, Workload};
use crate::cli::args::values::{real, whole};
use crate::cli::args::work::JsonArgs;
use crate::cli::fault::Exit;
use crate::cli::json;
use crate::cli::print::{note, say};
use crate::cli::signals::ends;

/// Most units at a time.
const MAX_SLOTS: u64 = 256;
/// Most attempts at a unit.
pub const MAX_ATTEMPTS: u64 = 1000;
/// How long a worker must be silent until another makes its calls.
const CALLS_AFTER: Duration = Duration::from_secs(60);
/// Most that an hour of a machine costs.
const MAX_PRICE: f64 = 1e6;

/// Work on the units of a queue, until a signal or, with --until-empty, until nothing is left.
///
/// Start as many as you like. SIGTERM, SIGINT and SIGHUP hand the units back at once. A worker that is killed loses its units after the time of
/// --lease.
#[derive(Args)]
pub struct WorkerArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Units at a time; they share the threads [range: 1 to 256]
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<u64>(1..=MAX_SLOTS))]
    #[arg(help_heading = "Speed")]
    slots: u64,
    /// End when no unit waits and none runs
    #[arg(long, help_heading = "Input")]
    until_empty: bool,
    /// Its name in the status [default: that of the machine, and a number]
    #[arg(long, value_name = "NAME", help_heading = "Output", hide_short_help = true)]
    name: Option<String>,
    /// What an hour of this machine costs, for the status [range: 0 to 1000000]
    #[arg(long, value_name = "PRICE", default_value = "0", value_parser = real(0.0..=MAX_PRICE))]
    #[arg(help_heading = "Output", hide_short_help = true)]
    price_per_hour: f64,
    /// Attempts at a unit until it is given up [range: 1 to 1000]
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole::<u32>(1..=MAX_ATTEMPTS))]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    attempts: u32,
    /// The key with which calls of the addresses of units are signed: a file of at least 32 bytes [default: none is called]
    #[arg(long, value_name = "FILE", help_heading = "Safety", hide_short_help = true)]
    callback_key_file: Option<PathBuf>,
    #[command(flatten)]
    renderer: RendererArgs,
    #[command(flatten)]
    lease: LeaseArgs,
    #[command(flatten)]
    backend: BackendArgs,
    /// Worker threads; 0 is one per core [range: 0 to 1024]
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<usize>(0..=MAX_THREADS as u64))]
    #[arg(help_heading = "Speed")]
    threads: usize,
    /// No line for each unit, and no summary
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
    #[command(flatten)]
    json: JsonArgs,
}

pub fn run(args: &WorkerArgs) -> Result<ExitCode> {
    // Before anything is claimed: a signal that arrives right after must already hand it back.
    let stop = stopped().context("cannot listen for signals")?;
    let place = args.place.open_with(args.policy(), Some(args.lease))?;
    let key_file = args.callback_key_file.as_deref();
    let notifier = key_file.map(|file| Notifier::new(file, Clock::default())).transpose()?;
    let scheduler = Scheduler::new(args.threads)?;
    let opened = args.backend.open(Workload::Encode(None), None, &scheduler, !args.summary())?;
    let renderer = args.renderer.renderer(usize::try_from(args.slots).unwrap_or(1));
    renderer.sweep();
    let options = WorkerOptions {
        name: args.name()?,
        slots: usize::try_from(args.slots).unwrap_or(1),
        until_empty: args.until_empty,
        policy: args.policy(),
        heartbeat: args.lease.heartbeat(),
        price_per_hour: args.price_per_hour,
        calls_after: CALLS_AFTER,
        clock: Clock::default(),
    };
    let name = options.name.clone();
    if args.summary() {
        say!("worker {name}: {}, results in {}", place.queue.name(), place.results.place());
    }
    let quiet = !args.summary();
    let report = |claim: &Claim, event: &Event| {
        if !quiet {
            say!("{}: {}", named(&claim.unit.source, claim.unit.rows()), said(event));
        }
    };
    let worker = Worker {
        queue: &*place.queue,
        results: &place.results,
        backend: &*opened.backend,
        scheduler: &scheduler,
        renderer: &renderer,
        options,
        stop,
        notifier: notifier.as_ref(),
        report: &report,
    };
    let Tally { done, failed } = worker.run()?;
    let undelivered = notifier.as_ref().map_or(0, Notifier::finish);
    if undelivered > 0 {
        note!(
            "{undelivered} addresses of units were not told yet; another worker with --callback-key-file does so"
        );
    }
    if args.json.json {
        json::print("worker", json!({"name": name, "done": done, "failed": failed}))?;
    } else if !quiet {
        say!("worker {name}: {done} done, {failed} failed attempts");
    }
    Ok(ExitCode::SUCCESS)
}

/// A request that the signals of [`ends`] make. The second signal ends the program.
fn stopped() -> std::io::Result<Cancel> {
    let requested = Arc::new(AtomicBool::new(false));
    for signal in ends() {
        // In this order: the first signal must find the flag unset.
        flag::register_conditional_shutdown(signal, Exit::Interrupted as i32, Arc::clone(&requested))?;
        flag::register(signal, Arc::clone(&requested))?;
    }
    Ok(requested.into())
}

fn said(event: &Event) -> String {
    match event {
        Event::Done(true) => "done".into(),
        Event::Done(false) => "done by another attempt".into(),
        Event::Failed(State::Dead, fault) => format!("given up: {}", fault.message),
        Event::Failed(_, fault) => format!("failed, to be tried again: {}", fault.message),
        Event::Split(bands) => format!("waits for its {bands} bands"),
        Event::GivenBack => "given back".into(),
        Event::TakenAway => "not ours any more".into(),
    }
}

impl WorkerArgs {
    /// Whether lines for people are wanted.
    fn summary(&self) -> bool {
        !self.quiet && !self.json.json
    }

    fn policy(&self) -> Policy {
        Policy { most_attempts: self.attempts, ..Policy::default() }
    }

    /// A name that no other worker has: a part of it is made up at random.
    fn name(&self) -> Result<String> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = if host.trim().is_empty() { "worker" } else { host.trim() };
        Ok(format!("{host}-{:08x}", Token::random()?.bits()))
    }
}

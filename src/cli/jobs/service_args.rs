//! The render service as flags and variables say it, for `jobs serve` and for `serve --jobs`; and its threads.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use origami::backend::scheduler::Scheduler;
use origami::backend::{Backend, Cancel};
use origami::jobs::callback::{Signer, check_address};
use origami::jobs::state::Policy;
use origami::jobs::worker::{Event, Worker, WorkerOptions};
use origami::jobs::{Claim, Clock, Queue, Renderer, Results, Token};
use origami::serve::{Credentials, Limits};
use origami::service::{Service, ServiceOptions};

use super::encode_options::encode_options;
use super::only_service::Only;
use super::place::{LeaseArgs, Place, PlaceArgs};
use super::renderer_args::{RendererArgs, variable};
use super::worker::MAX_ATTEMPTS;
use crate::cli::args::values::whole;
use crate::cli::fault::usage;
use crate::cli::print::note;

/// Longest pause between heartbeats: a job that is cancelled ends within a second.
const HEARTBEAT: Duration = Duration::from_millis(200);
/// Pause before a worker that has ended is started again.
const AGAIN: Duration = Duration::from_secs(5);

/// Where jobs come from and go to.
#[derive(Args, Clone)]
pub struct ServiceArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Jobs at a time; they share the threads [range: 1 to 64] [default: MAX_CONCURRENT_JOBS, else 3]
    #[arg(long, value_name = "N", value_parser = whole::<usize>(1..=64))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    max_jobs: Option<usize>,
    /// Attempts at a job until it has failed [range: 1 to 1000]
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole::<u32>(1..=MAX_ATTEMPTS))]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    attempts: u32,
    /// The key with which callbacks are signed: a file of at least 32 bytes [default: none is signed]
    #[arg(long, value_name = "FILE", help_heading = "Safety", hide_short_help = true)]
    callback_key_file: Option<PathBuf>,
    #[command(flatten)]
    renderer: RendererArgs,
    #[command(flatten)]
    lease: LeaseArgs,
}

/// Says what the defaults of the place are where it is that of a service, and leaves it out of the short help of the tile server.
pub fn describe(command: clap::Command) -> clap::Command {
    const OUT: &str = "Where the results of jobs go: a directory, or an address such as s3://bucket/results [default: s3://S3_BUCKET/origami, else results]";
    const QUEUE: &str = "The queue of jobs: a file on this machine, or nats://HOST:PORT/NAME [default: NATS_URL, else jobs.queue in --out]";
    let named = |command: clap::Command, is_short: bool| {
        let says = move |arg: clap::Arg, text: &'static str| {
            arg.help(text).long_help(text).hide_short_help(!is_short)
        };
        command.mut_arg("out", |arg| says(arg, OUT)).mut_arg("queue", |arg| says(arg, QUEUE))
    };
    command
        .mut_subcommand("serve", |serve| named(serve, false))
        .mut_subcommand("jobs", |jobs| jobs.mut_subcommand("serve", |serve| named(serve, true)))
}

/// A service at work.
pub struct Running {
    /// The service.
    pub service: Arc<Service>,
    /// The name of the queue.
    pub queue: String,
    /// Where the results go.
    pub results: String,
    stop: Cancel,
    threads: Vec<JoinHandle<()>>,
    only: Only,
}

impl ServiceArgs {
    /// The first flag that is given.
    pub fn flag(&self) -> Option<&'static str> {
        let given = [
            ("--out", self.place.out.is_some()),
            ("--queue", self.place.queue.is_some()),
            ("--max-jobs", self.max_jobs.is_some()),
            ("--callback-key-file", self.callback_key_file.is_some()),
            ("--allow-private-addresses", self.renderer.allow_private_addresses),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }

    /// Starts the worker and what looks after jobs, each in a thread. Requests wait for files no longer than `read_timeout`.
    pub fn start(
        &self,
        slides: PathBuf,
        credentials: Credentials,
        read_timeout: Duration,
        backend: Arc<dyn Backend>,
        scheduler: Scheduler,
    ) -> Result<Running> {
        if variable("REDIS_URL").is_some() {
            note!(
                "origami: REDIS_URL is set and not used: jobs wait in a queue on the server of NATS_URL, or else in a file"
            );
        }
        let slots = number("MAX_CONCURRENT_JOBS", 1..=64)?;
        let slots = self.max_jobs.or(slots.map(|slots| slots as usize)).unwrap_or(3);
        let policy = Policy { most_attempts: self.attempts, ..Policy::default() };
        let renderer = Arc::new(self.renderer.renderer(slots));
        std::fs::create_dir_all(&renderer.temp_dir).with_context(|| {
            format!("{}: cannot be made; TEMP_DIR names another", renderer.temp_dir.display())
        })?;
        renderer.sweep();
        let Place { queue, results } = self.place.make_for_service(policy, self.lease, &renderer.temp_dir)?;
        let options = ServiceOptions { read_timeout, ..self.options(slides, credentials, slots)? };
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = format!("service-{}-{:08x}", host.trim(), Token::random()?.bits());
        let (queue, results): (Arc<dyn Queue>, _) = (Arc::from(queue), Arc::new(results));
        let only = Only::of(queue.clone(), name.clone(), self.lease.heartbeat())?;
        let (queue_name, place) = (queue.name(), results.place().to_string());
        let service = Service::new(queue.clone(), results.clone(), renderer.clone(), options)?;
        let (service, stop) = (Arc::new(service), Cancel::default());
        let worker = WorkerOptions {
            name,
            slots,
            until_empty: false,
            policy,
            heartbeat: self.lease.heartbeat().min(HEARTBEAT),
            price_per_hour: 0.0,
            calls_after: Duration::from_secs(60),
            clock: Clock::default(),
        };
        let hands =
            Hands { queue, results, renderer, backend, scheduler, options: worker, stop: stop.clone() };
        let monitor = (service.clone(), stop.clone());
        let threads = vec![
            thread("origami-worker", move || hands.work())?,
            thread("origami-monitor", move || {
                if let Err(e) = monitor.0.keep(&monitor.1) {
                    tracing::error!("nobody looks after jobs: {e}; start the service again");
                }
            })?,
        ];
        Ok(Running { service, queue: queue_name, results: place, stop, threads, only })
    }

    fn options(&self, slides: PathBuf, credentials: Credentials, slots: usize) -> Result<ServiceOptions> {
        let callback = variable("BACKEND_CALLBACK_URL");
        if let Some(Err(problem)) = callback.as_deref().map(check_address) {
            usage!("BACKEND_CALLBACK_URL: {problem}");
        }
        let signer = self.callback_key_file.as_deref().map(Signer::read).transpose()?;
        let timeout = number("CALLBACK_TIMEOUT", 1..=3600)?.unwrap_or(30);
        Ok(ServiceOptions {
            slides,
            max_concurrent: slots,
            addresses: self.renderer.addresses(),
            credentials,
            callback,
            callback_retries: number("CALLBACK_RETRY_COUNT", 0..=100)?.unwrap_or(3) as u32,
            callback_timeout: Duration::from_secs(timeout),
            signer,
            read_timeout: Limits::default().read_timeout,
            encode: Arc::new(encode_options),
        })
    }
}

impl Running {
    /// Hands what is worked on back to the queue, and waits for the threads.
    ///
    /// # Errors
    /// The queue has another service.
    pub fn finish(self) -> Result<()> {
        self.stop.request();
        for thread in self.threads {
            // A thread that has panicked has said so.
            drop(thread.join());
        }
        self.only.end()
    }
}

/// What the worker works with.
struct Hands {
    queue: Arc<dyn Queue>,
    results: Arc<Results>,
    renderer: Arc<Renderer>,
    backend: Arc<dyn Backend>,
    scheduler: Scheduler,
    options: WorkerOptions,
    stop: Cancel,
}

impl Hands {
    /// Works until it is asked to end, whatever becomes of the queue meanwhile.
    fn work(&self) {
        match self.renderer.tools() {
            Ok((ffmpeg, encoder)) => {
                tracing::info!("ffmpeg {}, which codes by {}", ffmpeg.version(), encoder.name());
            }
            Err(e) => tracing::warn!("{e}; tours cannot be rendered until it is there"),
        }
        while !self.stop.is_requested() {
            let worker = Worker {
                queue: &*self.queue,
                results: &self.results,
                backend: &*self.backend,
                scheduler: &self.scheduler,
                renderer: &self.renderer,
                options: self.options.clone(),
                stop: self.stop.clone(),
                notifier: None,
                report: &report,
            };
            if let Err(e) = worker.run() {
                tracing::error!("{e}; the worker starts again in {} s", AGAIN.as_secs());
                std::thread::sleep(AGAIN);
            }
        }
    }
}

fn report(claim: &Claim, event: &Event) {
    let (kind, key) = (claim.unit.task.kind(), &claim.unit.key);
    match event {
        Event::Failed(state, fault) => {
            tracing::warn!(kind, %key, state = state.name(), "an attempt failed: {}", fault.message);
        }
        event => tracing::info!(kind, %key, "{event:?}"),
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(work).context("the system gives no threads")
}

/// A number in a variable.
fn number(name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>> {
    let Some(text) = variable(name) else { return Ok(None) };
    match text.trim().parse() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ => usage!("{name}={text}: it is no whole number from {} to {}", range.start(), range.end()),
    }
}

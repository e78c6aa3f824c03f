//! `origami serve`: slides as Deep Zoom tiles over HTTP.

mod args;
mod start;
#[cfg_attr(not(feature = "otel"), path = "serve/no_traces.rs")]
pub mod traces;

use std::sync::Arc;

use anyhow::{Context, Result};
use origami::backend::scheduler::Scheduler;
use origami::image::spare;
#[cfg(feature = "jobs")]
use origami::serve::ServeOptions;
use origami::serve::{BackendStats, Ended, Server};

pub use self::args::ServeArgs;
use self::start::Started;
pub use self::start::said;
use self::traces::Traces;
use super::args::backend::{OpenBackend, Workload};
use super::browser;
use super::config::Settings;
#[cfg(feature = "jobs")]
use super::fault::usage;
#[cfg(feature = "jobs")]
use super::jobs::service_args::Running;
use super::listen::{end, leave, listen, raise_open_files, stopped};

pub fn run(args: ServeArgs, settings: &Settings, traces: Traces) -> Result<()> {
    if args.print_config {
        return Ok(settings.print("serve", args.json.json)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.tokio_workers as usize)
        .max_blocking_threads(args.tokio_blocking_threads as usize)
        .enable_all()
        .build()
        .context("cannot start threads for connections")?;
    raise_open_files();
    // What the memory of threads is taken to be in docs/operate.md.
    spare::keep_at_most(1 << 20);
    #[cfg(feature = "remote")]
    origami::store::remote::configure(args.storage());
    let opened = args.backend.open(Workload::Serve, None, &Scheduler::new(args.rayon_threads)?, true)?;
    let options = args.options(settings)?;
    let is_open = options.access.credentials.is_open();
    #[cfg(feature = "jobs")]
    let running = jobs(&args, &opened, &options)?;
    let server = Server::new(options, opened.backend.clone(), Arc::new(figures(&opened)))?;
    #[cfg(feature = "jobs")]
    let server = match &running {
        Some(running) => {
            let routes = running.service.routes(server.memory());
            server.with(routes, running.service.metrics())
        }
        None => server,
    };
    let served = runtime.block_on(async {
        let listener = listen(args.bind, args.port).await?;
        // Before anything is said: a signal that arrives right after it must already end the server in order.
        let stop = stopped().context("cannot listen to signals")?;
        let address = listener.local_addr()?;
        let started = Started { root: args.root(), address, overview: server.overview(), is_open };
        match args.json.json {
            true => started.print_json()?,
            false => started.print(),
        }
        tracing::info!("backend: {}", opened.backend.name());
        traces.say();
        if args.open {
            browser::open(&started.page());
        }
        let stop = async {
            stop.await;
            tracing::info!("stopping: requests in flight have 30 s to finish; a second signal ends them");
        };
        server.serve(listener, stop).await.context("the server failed")
    });
    end(runtime);
    traces.end();
    #[cfg(feature = "jobs")]
    let finished = running.map_or(Ok(()), Running::finish);
    let ended = served?;
    #[cfg(feature = "jobs")]
    finished?;
    match ended {
        Ended::Whole => Ok(()),
        Ended::CacheHangs => leave(),
    }
}

/// The render service beside the server, where it is asked for.
#[cfg(feature = "jobs")]
fn jobs(args: &ServeArgs, opened: &OpenBackend, options: &ServeOptions) -> Result<Option<Running>> {
    match args.service.flag() {
        _ if args.jobs => {
            let scheduler = Scheduler::new(args.rayon_threads)?;
            let slides = args.root().to_path_buf();
            let (credentials, limit) = (options.access.credentials.clone(), options.limits.read_timeout);
            args.service.start(slides, credentials, limit, opened.backend.clone(), scheduler).map(Some)
        }
        Some(flag) => usage!("{flag} is about jobs; give --jobs as well, or leave it out"),
        None => Ok(None),
    }
}

/// Counters of the backend, for the server's metrics.
#[cfg(feature = "gpu")]
fn figures(opened: &OpenBackend) -> impl Fn() -> BackendStats + Send + Sync + 'static {
    let engine = opened.engine.clone();
    move || match &engine {
        Some(engine) => BackendStats {
            failures: engine.stats().failures,
            fallbacks: engine.stats().fallbacks,
            batches: engine.gpu_stats().submissions,
        },
        None => BackendStats::default(),
    }
}

/// Without a GPU there are no counters.
#[cfg(not(feature = "gpu"))]
fn figures(_: &OpenBackend) -> impl Fn() -> BackendStats + Send + Sync + 'static {
    BackendStats::default
}

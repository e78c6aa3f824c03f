//! `origami jobs serve`: the render service on a port of its own.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use origami::backend::MAX_THREADS;
use origami::backend::scheduler::Scheduler;
use origami::serve::{Credentials, Limits, Secret};
use serde_json::json;

use super::service_args::ServiceArgs;
use crate::cli::args::backend::{BackendArgs, Workload};
use crate::cli::args::values::{names, whole};
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::listen::{end, listen, raise_open_files, stopped};
use crate::cli::log::LogFormat;
use crate::cli::print::say;

/// Take renderings of tours and encodes over HTTP, and work on them.
///
/// Jobs wait in a queue, survive restarts, and are done once. Clients ask how far a job is, or give an address that is told. Further
/// workers are started with `origami worker`. Ctrl-C, SIGTERM and SIGHUP hand what is worked on back.
#[derive(Args)]
pub struct ServeArgs {
    /// The folder below which slides and videos lie that requests name
    #[arg(long, value_name = "DIR", default_value = ".", help_heading = "Input")]
    slides: PathBuf,
    /// Address to listen on; 0.0.0.0 or :: for all networks
    #[arg(
        long,
        visible_alias = "bind",
        value_name = "ADDRESS",
        default_value = "127.0.0.1",
        help_heading = "Network"
    )]
    host: IpAddr,
    /// Port; 0 takes a free one and says which [range: 0 to 65535]
    #[arg(long, value_name = "PORT", default_value_t = 8090, value_parser = whole::<u16>(0..=65_535))]
    #[arg(help_heading = "Network")]
    port: u16,
    #[command(flatten)]
    service: ServiceArgs,
    /// Ask for a bearer token: a line of this file, 16 characters at least [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    token_file: Option<PathBuf>,
    /// Ask for addresses signed with this key, 32 bytes at least [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Access", hide_short_help = true)]
    signing_key_file: Option<PathBuf>,
    /// Worker threads; 0 is one per core [range: 0 to 1024]
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<usize>(0..=MAX_THREADS as u64))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    threads: usize,
    /// How the log is written to standard error; RUST_LOG or LOG_LEVEL say how much
    #[arg(long, value_name = "FORMAT", value_enum, value_parser = names::<LogFormat>(), default_value = "text")]
    #[arg(help_heading = "Logging", hide_short_help = true)]
    pub log_format: LogFormat,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    json: JsonArgs,
}

pub fn run(args: &ServeArgs) -> Result<()> {
    let credentials = args.credentials()?;
    raise_open_files();
    let scheduler = Scheduler::new(args.threads)?;
    let opened = args.backend.open(Workload::Encode(None), None, &scheduler, true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("cannot start threads for connections")?;
    // Before jobs are begun: a port that is taken ends the program.
    let listener = runtime.block_on(listen(args.host, args.port))?;
    let (slides, limit) = (args.slides.clone(), Limits::default().read_timeout);
    let running = args.service.start(slides, credentials, limit, opened.backend.clone(), scheduler)?;
    runtime.block_on(async {
        // Before the line below: a signal that arrives right after it must already end the service in order.
        let stop = stopped().context("cannot listen to signals")?;
        let address = listener.local_addr()?;
        match args.json.json {
            true => json::print(
                "jobs serve",
                json!({"address": format!("http://{address}"), "queue": running.queue, "results": running.results}),
            )?,
            false => {
                say!("origami takes jobs on http://{address}");
                say!("{}: results go to {}", running.queue, running.results);
            }
        }
        running.service.serve(listener, stop).await;
        anyhow::Ok(())
    })?;
    let finished = running.finish();
    end(runtime);
    finished
}

impl ServeArgs {
    fn credentials(&self) -> Result<Credentials> {
        let read = |file: &Option<PathBuf>| file.as_deref().map(Secret::read).transpose();
        let (tokens, key) = (read(&self.token_file)?, read(&self.signing_key_file)?);
        Ok(Credentials::new(tokens.as_ref(), key.as_ref())?)
    }
}

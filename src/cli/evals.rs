//! `origami evals`: a page over a folder of evaluation runs.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use origami::evals::{EvalsOptions, EvalsServer};

use super::args::values::whole;
use super::browser;
use super::listen::{end, listen, stopped};
use super::print::say;

/// Show evaluation runs in the browser: figures, curves, pictures side by side.
///
/// A directory is a run if it has manifest.json, images/, decompress/ or compress/. Runs may lie in folders, one for each image; the
/// folder itself may be one run. What comes later shows after a reload. Pictures can also be compared at a slider, or as their
/// difference.
#[derive(Args)]
pub struct EvalsArgs {
    /// Folder of runs, or one run [default: evals/runs]
    #[arg(value_name = "RUNS", conflicts_with = "runs", help_heading = "Input")]
    folder: Option<PathBuf>,
    /// The same as a flag
    #[arg(long, value_name = "DIR", default_value = "evals/runs")]
    #[arg(help_heading = "Input", hide_short_help = true)]
    runs: PathBuf,
    /// Open the page in the browser
    #[arg(long, help_heading = "Output")]
    open: bool,
    /// Port; 0 takes a free one and says which [range: 0 to 65535]
    #[arg(long, value_name = "PORT", default_value_t = 8084, value_parser = whole::<u16>(0..=65_535))]
    #[arg(help_heading = "Network")]
    port: u16,
    /// Address to listen on; 0.0.0.0 or :: for all networks
    ///
    /// Whoever reaches it sees every picture of the runs.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", help_heading = "Network")]
    bind: IpAddr,
}

/// The command that makes a run.
const HOW_TO_MAKE_ONE: &str = "`origami encode IMAGE --out RUNS/NAME --manifest --debug-images` makes one";

/// Connections at a time: one user, perhaps a few.
const MAX_CONNECTIONS: usize = 64;

pub fn run(args: EvalsArgs) -> Result<()> {
    let options = EvalsOptions { runs: args.folder.unwrap_or(args.runs), max_connections: MAX_CONNECTIONS };
    let server = EvalsServer::new(&options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start threads for connections")?;
    let served = runtime.block_on(async {
        let listener = listen(args.bind, args.port).await?;
        // Before the line below: a signal that arrives right after it must already end the server in order.
        let stop = stopped().context("cannot listen to signals")?;
        let address = listener.local_addr()?;
        say!("origami shows {} on http://{address}", options.runs.display());
        match server.runs() {
            0 => say!("no runs yet; {HOW_TO_MAKE_ONE}, and a reload of the page shows it"),
            1 => say!("1 run"),
            count => say!("{count} runs"),
        }
        if args.open {
            browser::open(&browser::page(address));
        }
        server.serve(listener, stop).await;
        Ok(())
    });
    end(runtime);
    served
}

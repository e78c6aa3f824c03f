//! `origami jobs status`: how far a queue is.

use std::io::{IsTerminal, stdout};
#[cfg(feature = "serve")]
use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use origami::jobs::Clock;

use super::place::{Place, PlaceArgs};
use super::shown::Shown;
#[cfg(feature = "serve")]
use crate::cli::args::values::whole;
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::print::{clear_lines, say};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Say how far a queue is: units, workers, speed, time left, cost, and what was given up and why.
#[derive(Args)]
pub struct StatusArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Look again every second, until everything is done
    #[arg(long, help_heading = "Output", conflicts_with = "json")]
    watch: bool,
    /// Show it as a page in the browser, on this port; 0 takes a free one and says which [range: 0 to 65535] [default: off]
    #[cfg(feature = "serve")]
    #[arg(long, value_name = "PORT", value_parser = whole::<u16>(0..=65_535), conflicts_with_all = ["watch", "json"])]
    #[arg(help_heading = "Network")]
    serve: Option<u16>,
    /// Address that the page listens on; 0.0.0.0 or :: for all networks
    ///
    /// Whoever reaches it sees the names of the slides.
    #[cfg(feature = "serve")]
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1",
        help_heading = "Network",
        hide_short_help = true
    )]
    bind: IpAddr,
    #[command(flatten)]
    json: JsonArgs,
}

pub fn run(args: &StatusArgs) -> Result<()> {
    let place = args.place.open()?;
    #[cfg(feature = "serve")]
    if let Some(port) = args.serve {
        return serve(place, args.bind, port);
    }
    if !args.watch {
        return once(&place, args.json.json);
    }
    let mut printed = 0;
    loop {
        let overview = place.queue.overview()?;
        let (queue, now_ms) = (place.queue.name(), Clock::default().now_ms());
        let lines =
            Shown { queue: &queue, results: place.results.place(), overview: &overview, now_ms }.lines();
        if printed > 0 && stdout().is_terminal() {
            // Back to the first line of the last look, and everything from there is cleared.
            clear_lines(printed + 1);
        }
        lines.iter().for_each(|line| say!("{line}"));
        printed = lines.len();
        if overview.is_over() {
            return Ok(());
        }
        std::thread::sleep(INTERVAL);
    }
}

fn once(place: &Place, as_json: bool) -> Result<()> {
    let overview = place.queue.overview()?;
    let (queue, now_ms) = (place.queue.name(), Clock::default().now_ms());
    let shown = Shown { queue: &queue, results: place.results.place(), overview: &overview, now_ms };
    if as_json {
        return Ok(json::print("jobs status", overview.json(&queue, place.results.place(), now_ms))?);
    }
    shown.lines().iter().for_each(|line| say!("{line}"));
    Ok(())
}

#[cfg(feature = "serve")]
fn serve(place: Place, bind: IpAddr, port: u16) -> Result<()> {
    use crate::cli::listen::{end, listen, stopped};
    use anyhow::Context;
    let name = place.queue.name();
    let page = origami::fleet::QueuePage::new(place.queue, place.results.place());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("cannot start threads for connections")?;
    let served = runtime.block_on(async {
        let listener = listen(bind, port).await?;
        // Before the line below: a signal that arrives right after it must already end the server in order.
        let stop = stopped().context("cannot listen to signals")?;
        say!("origami shows {name} on http://{}", listener.local_addr()?);
        page.serve(listener, stop).await;
        Ok(())
    });
    end(runtime);
    served
}

//! `origami jobs status`: how far a queue is.

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use origami::jobs::Clock;

use super::place::{Place, PlaceArgs};
use super::shown::Shown;
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::print::say;

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
    #[command(flatten)]
    json: JsonArgs,
}

pub fn run(args: &StatusArgs) -> Result<()> {
    let place = args.place.open()?;
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
            say!("\x1b[{}A\x1b[J{}", printed + 1, "");
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
        return Ok(json::print("jobs status", shown.json())?);
    }
    shown.lines().iter().for_each(|line| say!("{line}"));
    Ok(())
}

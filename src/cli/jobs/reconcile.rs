//! `origami jobs reconcile`: the queue is made to agree with the results.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use origami::jobs::Clock;
use origami::jobs::reconcile::{clean, reconcile};
use serde_json::json;

use super::place::{LeaseArgs, PlaceArgs};
use crate::cli::args::values::{DAY, SECOND, duration};
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::print::{human_bytes, say};

/// Make a queue agree with the results; make it again where it was lost.
///
/// Units whose manifest is there are done, others are to be done. It also lists files of attempts that do not count, which workers that
/// were killed leave behind.
#[derive(Args)]
pub struct ReconcileArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    lease: LeaseArgs,
    /// Remove the files that it lists
    #[arg(long, help_heading = "Safety")]
    clean: bool,
    /// Age of files of a unit that is not done and runs nowhere, from which on they are left over [range: 0 to 365d]
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = duration(Some(SECOND), Duration::ZERO..=365 * DAY))]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    older_than: Duration,
    #[command(flatten)]
    json: JsonArgs,
}

pub fn run(args: &ReconcileArgs) -> Result<()> {
    let place = args.place.make(args.lease)?;
    let age_ms = u64::try_from(args.older_than.as_millis()).unwrap_or(u64::MAX);
    let found = reconcile(&*place.queue, &place.results, age_ms, Clock::default())?;
    if !args.json.json {
        let queue = place.queue.name();
        say!("{queue}: {} done, {} to be done, {} corrected", found.done, found.open, found.corrected);
        for orphan in &found.orphans {
            say!("{}/{}: left over, {}", place.results.place(), orphan.path, human_bytes(orphan.bytes));
        }
        if found.young > 0 {
            say!(
                "{} attempts may still be at work; --older-than says from when on they are left over",
                found.young
            );
        }
    }
    // After the list is out: what is removed can be read there.
    let removed = if args.clean { clean(&place.results, &found.orphans)? } else { 0 };
    if args.json.json {
        let paths: Vec<_> = found.orphans.iter().map(|orphan| &orphan.path).collect();
        let body = json!({
            "queue": place.queue.name(), "results": place.results.place(), "done": found.done, "open": found.open,
            "corrected": found.corrected, "left_over": paths, "young": found.young, "removed": removed,
        });
        return Ok(json::print("jobs reconcile", body)?);
    }
    match (found.orphans.len(), args.clean) {
        (0, _) => {}
        (_, true) => say!("{removed} removed"),
        (count, false) => say!("{count} left over; --clean removes them"),
    }
    Ok(())
}

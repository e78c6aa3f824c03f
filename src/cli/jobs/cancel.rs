//! `origami jobs cancel` and `origami jobs retry`: units are ended, and tried again.

use std::fs;

use anyhow::Result;
use clap::Args;
use origami::jobs::{Key, Queue, Which};
use serde_json::json;

use super::place::PlaceArgs;
use crate::cli::args::work::JsonArgs;
use crate::cli::fault::usage;
use crate::cli::json;
use crate::cli::print::say;

/// Which units of a queue.
#[derive(Args)]
struct UnitsArgs {
    /// Units by their keys, or slides by their paths
    #[arg(value_name = "UNIT|SLIDE", help_heading = "Input")]
    units: Vec<String>,
    /// All of them
    #[arg(long, help_heading = "Input", conflicts_with = "units")]
    all: bool,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    json: JsonArgs,
}

/// End units that wait or run.
///
/// A unit that runs is ended between two families; what it has written is removed. Units that are done stay.
#[derive(Args)]
pub struct CancelArgs {
    #[command(flatten)]
    units: UnitsArgs,
}

/// Let units that were given up or cancelled be tried again.
#[derive(Args)]
pub struct RetryArgs {
    #[command(flatten)]
    units: UnitsArgs,
}

pub fn cancel(args: &CancelArgs) -> Result<()> {
    args.units.change("jobs cancel", "cancelled", |queue, which| queue.cancel(which))
}

pub fn retry(args: &RetryArgs) -> Result<()> {
    args.units.change("jobs retry", "to be tried again", |queue, which| queue.retry(which))
}

impl UnitsArgs {
    fn change(
        &self,
        command: &str,
        done: &str,
        change: impl Fn(&dyn Queue, &Which) -> origami::jobs::Result<u64>,
    ) -> Result<()> {
        let place = self.place.open()?;
        let which = self.which(&*place.queue)?;
        let units = change(&*place.queue, &which)?;
        if self.json.json {
            return Ok(json::print(command, json!({"queue": place.queue.name(), "units": units}))?);
        }
        say!("{}: {units} {done}", place.queue.name());
        Ok(())
    }

    fn which(&self, queue: &dyn Queue) -> Result<Which> {
        if self.all {
            return Ok(Which::All);
        }
        if self.units.is_empty() {
            usage!("no unit; name keys as origami jobs status shows them, slides, or --all");
        }
        let mut keys = Vec::new();
        for given in &self.units {
            match Key::parse(given) {
                Some(key) => keys.push(key),
                None => keys.extend(of_slide(queue, given)?),
            }
        }
        Ok(Which::Keys(keys))
    }
}

/// The units of a slide.
fn of_slide(queue: &dyn Queue, slide: &str) -> Result<Vec<Key>> {
    let path = fs::canonicalize(slide).ok().and_then(|path| path.to_str().map(String::from));
    let (path, mut keys) = (path.unwrap_or_else(|| slide.into()), Vec::new());
    queue.each(&mut |entry| {
        if entry.unit.source == path {
            keys.push(entry.unit.key);
        }
        Ok(())
    })?;
    if keys.is_empty() {
        usage!("{slide}: no unit of {} and no slide of one", queue.name());
    }
    Ok(keys)
}

//! The queue and the place of its results, as flags name them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use origami::jobs::state::Policy;
use origami::jobs::{Clock, Error, Queue, Results, SqliteQueue};

use crate::cli::args::values::{SECOND, duration, whole};
use crate::cli::fault::{Problem, usage};

/// The queue of a place that has its own.
const QUEUE_NAME: &str = "jobs.queue";
/// Attempts at a unit.
const MOST_ATTEMPTS: u64 = 1000;

/// Which queue a command is about.
#[derive(Args, Clone)]
pub struct PlaceArgs {
    /// Where the results go: a directory
    ///
    /// The files of a unit lie in units/KEY/attempts/TOKEN in it; units/KEY/manifest.json says which attempt counts.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// The queue: a file on this machine, which submit makes [default: jobs.queue in --out]
    ///
    /// Not on a network disk with workers on several machines.
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub queue: Option<PathBuf>,
}

/// How units are tried again, for commands that do so.
#[derive(Args, Clone)]
pub struct TriesArgs {
    /// Attempts at a unit until it is given up [range: 1 to 1000]
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole::<u64>(1..=MOST_ATTEMPTS))]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    attempts: u64,
    /// A worker that says nothing for so long loses its units [range: 1s to 1h]
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration(Some(SECOND), SECOND..=Duration::from_secs(3600)))]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    lease: Duration,
}

impl TriesArgs {
    pub fn policy(&self) -> Policy {
        Policy { most_attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX), ..Policy::default() }
    }

    /// Pause between heartbeats: a worker may miss two.
    pub fn heartbeat(&self) -> Duration {
        (self.lease / 3).min(SECOND)
    }
}

/// A queue and the place of its results.
pub struct Place {
    pub queue: Box<dyn Queue>,
    pub results: Results,
}

impl PlaceArgs {
    /// Opens both for a submitter: what is not there is made.
    pub fn make(&self) -> Result<Place> {
        let Some(out) = &self.out else { usage!("--out is missing: where the results are to go") };
        let results = Results::open(out)?;
        let queue = open(&self.path()?, None)?;
        queue.bind(results.place())?;
        Ok(Place { queue, results })
    }

    /// Opens both for others: the queue says where the results are.
    pub fn open(&self, tries: Option<&TriesArgs>) -> Result<Place> {
        let path = self.path()?;
        if !path.is_file() {
            let problem = "no queue; origami jobs submit makes one, origami jobs reconcile makes it again";
            return Err(Problem::failed(&path, problem).into());
        }
        let queue = open(&path, tries)?;
        let place = match queue.place()? {
            Some(place) => place,
            None => return Err(Error::NewQueue { queue: queue.name() }.into()),
        };
        let results = Results::open(Path::new(&place))?;
        if let Some(out) = &self.out {
            queue.bind(Results::open(out)?.place())?;
        }
        Ok(Place { queue, results })
    }

    fn path(&self) -> Result<PathBuf> {
        match (&self.queue, &self.out) {
            (Some(queue), _) => Ok(queue.clone()),
            (None, Some(out)) => Ok(out.join(QUEUE_NAME)),
            (None, None) => usage!("--out or --queue is missing: they say which queue"),
        }
    }
}

fn open(path: &Path, tries: Option<&TriesArgs>) -> Result<Box<dyn Queue>> {
    let policy = tries.map_or_else(Policy::default, TriesArgs::policy);
    let lease = tries.map_or(Duration::MAX, |tries| tries.lease);
    Ok(Box::new(SqliteQueue::open(path, policy, lease, Clock::default())?))
}

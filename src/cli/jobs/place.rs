//! The queue and the place of its results, as flags name them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use origami::jobs::state::Policy;
use origami::jobs::{Clock, Error, Queue, Results, SqliteQueue};
#[cfg(feature = "nats")]
use origami::jobs::{NatsAddress, NatsQueue};

use origami::store::is_address;

#[cfg(feature = "serve")]
use super::renderer_args::variable;
use crate::cli::args::values::{HOUR, MILLISECOND, SECOND, duration};
use crate::cli::fault::{Problem, usage};

/// The queue of a place that has its own.
const QUEUE_NAME: &str = "jobs.queue";
/// Of a service: the results in the bucket of S3_BUCKET, or in the current directory.
#[cfg(feature = "serve")]
const BUCKET_DIR: &str = "origami";
#[cfg(feature = "serve")]
const RESULTS_DIR: &str = "results";
/// Its queue on a server whose address names none.
#[cfg(feature = "serve")]
const SERVER_QUEUE: &str = "origami";
/// The time of --lease for commands that do not have it: they neither claim units nor make queues.
const LEASE: Duration = Duration::from_secs(30);

/// Which queue a command is about.
#[derive(Args, Clone)]
pub struct PlaceArgs {
    /// Where the results go: a directory, or an address such as s3://bucket/results [default: the queue's]
    ///
    /// The files of a unit lie in units/KEY/attempts/TOKEN in it; units/KEY/manifest.json says which attempt counts.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Where attempts write before their files go to an address [default: the system's directory for temporary files]
    #[arg(long, value_name = "DIR", help_heading = "Output", hide_short_help = true)]
    scratch: Option<PathBuf>,
    /// The queue: a file on this machine, or nats://HOST:PORT/NAME [default: jobs.queue in --out]
    ///
    /// A file serves workers of one machine, and must not lie on a network disk. A NATS server with JetStream serves many machines;
    /// credentials for it are in NATS_TOKEN, NATS_USER and NATS_PASSWORD, or NATS_CREDS.
    #[arg(long, value_name = "FILE|ADDRESS", help_heading = "Input")]
    pub queue: Option<String>,
}

/// How long a worker may be silent.
#[derive(Args, Clone, Copy)]
pub struct LeaseArgs {
    /// A worker that says nothing for so long loses its units [range: 100ms to 1h]
    ///
    /// On a server it is as whoever made the queue has said.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration(Some(SECOND), 100 * MILLISECOND..=HOUR))]
    #[arg(help_heading = "Safety", hide_short_help = true)]
    lease: Duration,
}

impl LeaseArgs {
    /// Pause between heartbeats: a worker may miss two.
    pub fn heartbeat(self) -> Duration {
        (self.lease / 3).min(SECOND)
    }
}

/// A queue and the place of its results.
pub struct Place {
    pub queue: Box<dyn Queue>,
    pub results: Results,
}

/// A queue as it is named.
enum Name {
    File(PathBuf),
    #[cfg(feature = "nats")]
    Nats(NatsAddress),
}

impl PlaceArgs {
    /// Opens both for a submitter: what is not there is made.
    pub fn make(&self, lease: LeaseArgs) -> Result<Place> {
        let Some(out) = &self.out else { usage!("--out is missing: where the results are to go") };
        let (name, results) = (self.name()?, self.results(out)?);
        let queue = name.open(Policy::default(), Some(lease))?;
        queue.bind(results.place())?;
        Ok(Place { queue, results })
    }

    /// Opens both for others: the queue says where the results are.
    pub fn open(&self) -> Result<Place> {
        self.open_with(Policy::default(), None)
    }

    /// The same for a worker.
    pub fn open_with(&self, policy: Policy, lease: Option<LeaseArgs>) -> Result<Place> {
        let name = self.name()?;
        if let Name::File(path) = &name
            && !path.is_file()
        {
            let problem = "no queue; origami jobs submit makes one, origami jobs reconcile makes it again";
            return Err(Problem::failed(path, problem).into());
        }
        let queue = name.open(policy, lease)?;
        let Some(place) = queue.place()? else { return Err(Error::NewQueue { queue: queue.name() }.into()) };
        let results = self.results(Path::new(&place))?;
        if let Some(out) = &self.out {
            queue.bind(self.results(out)?.place())?;
        }
        Ok(Place { queue, results })
    }

    /// Opens both for a service, where variables say what flags do not.
    #[cfg(feature = "serve")]
    pub fn make_for_service(&self, policy: Policy, lease: LeaseArgs, temp_dir: &Path) -> Result<Place> {
        let bucket = variable("S3_BUCKET").map(|bucket| format!("s3://{bucket}/{BUCKET_DIR}").into());
        let out = self.out.clone().or(bucket).unwrap_or_else(|| RESULTS_DIR.into());
        let server = variable("NATS_URL").map(|url| match url.split_once("://").map(|(_, rest)| rest) {
            Some(rest) if !rest.trim_end_matches('/').contains('/') => {
                format!("{}/{SERVER_QUEUE}", url.trim_end_matches('/'))
            }
            _ => url,
        });
        let name = match self.queue.clone().or(server) {
            Some(queue) => Name::parse(&queue)?,
            // Results at an address have no queue beside them.
            None if is_address(&out) => Name::File(QUEUE_NAME.into()),
            None => Name::File(out.join(QUEUE_NAME)),
        };
        let scratch = self.scratch.clone().unwrap_or_else(|| temp_dir.into());
        let results = Results::open(&out, &scratch)?;
        let queue = name.open(policy, Some(lease))?;
        queue.bind(results.place())?;
        Ok(Place { queue, results })
    }

    fn results(&self, place: &Path) -> Result<Results> {
        Ok(Results::open(place, self.scratch.as_deref().unwrap_or(&std::env::temp_dir()))?)
    }

    fn name(&self) -> Result<Name> {
        match (&self.queue, &self.out) {
            (Some(queue), _) => Name::parse(queue),
            (None, Some(out)) if is_address(out) => {
                usage!("--queue is missing: results at an address have no queue beside them")
            }
            (None, Some(out)) => Ok(Name::File(out.join(QUEUE_NAME))),
            (None, None) => usage!("--out or --queue is missing: they say which queue"),
        }
    }
}

impl Name {
    #[cfg(feature = "nats")]
    fn parse(text: &str) -> Result<Self> {
        match NatsAddress::parse(text) {
            Ok(Some(address)) => Ok(Self::Nats(address)),
            Ok(None) => Ok(Self::File(text.into())),
            // It does not repeat the text, which may hold a secret.
            Err(problem) => usage!("--queue: {problem}"),
        }
    }

    #[cfg(not(feature = "nats"))]
    fn parse(text: &str) -> Result<Self> {
        if text.contains("://") {
            usage!(
                "--queue: this build has no queues on servers; build with --features nats, or name a file"
            );
        }
        Ok(Self::File(text.into()))
    }

    fn open(&self, policy: Policy, given: Option<LeaseArgs>) -> Result<Box<dyn Queue>> {
        let lease = given.map_or(LEASE, |given| given.lease);
        Ok(match self {
            Self::File(path) => Box::new(SqliteQueue::open(path, policy, lease, Clock::default())?),
            #[cfg(feature = "nats")]
            Self::Nats(address) => {
                let heartbeat = given.map_or(Duration::ZERO, LeaseArgs::heartbeat);
                Box::new(NatsQueue::open(address, policy, lease, heartbeat, Clock::default())?)
            }
        })
    }
}

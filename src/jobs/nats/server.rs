//! A queue on a server: its connection, and what this process keeps of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::Consumer;
use async_nats::jetstream::consumer::pull::Config as PullConfig;
use async_nats::jetstream::kv::Store;
use async_nats::jetstream::{Context, Message};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::connect::{self, Lanes, NatsAddress};
use super::counts::Counts;
use crate::jobs::clock::Clock;
use crate::jobs::error::{Error, Result};
use crate::jobs::state::{Policy, Record};
use crate::jobs::unit::{Token, Unit};

/// How long a claim waits for messages, at most. No heartbeat is sent meanwhile.
const WAIT: Duration = Duration::from_millis(200);

/// What a bucket holds of a unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) unit: Unit,
    pub(super) record: Record,
    /// The message whose delivery the running attempt answers.
    pub(super) message: u64,
}

/// An attempt of ours.
pub(super) struct Held {
    pub(super) message: Message,
    pub(super) written: Instant,
}

/// A queue on a server.
pub struct NatsQueue {
    pub(super) name: String,
    pub(super) runtime: Runtime,
    pub(super) context: Context,
    pub(super) subjects: Lanes<String>,
    pub(super) units: Store,
    pub(super) fleet: Store,
    pub(super) consumers: Lanes<Consumer<PullConfig>>,
    pub(super) wait: Duration,
    pub(super) lease: Duration,
    pub(super) policy: Policy,
    pub(super) clock: Clock,
    pub(super) held: Mutex<HashMap<Token, Held>>,
    pub(super) counts: tokio::sync::Mutex<Counts>,
    /// That of the entry of the service, where this process has it.
    pub(super) service_revision: Mutex<Option<u64>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NatsQueue {
    /// Connects, and makes what is not there. A worker that says nothing for `lease` loses its units; who came first has said how long
    /// that is.
    ///
    /// # Errors
    /// A server that cannot be reached, or has no JetStream; a lease on the server that heartbeats in this interval do not keep.
    pub fn open(
        address: &NatsAddress,
        policy: Policy,
        lease: Duration,
        heartbeat: Duration,
        clock: Clock,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("origami-queue")
            .enable_all()
            .build()
            .map_err(Error::NoThreads)?;
        let parts = runtime.block_on(connect::connect(address, lease, heartbeat))?;
        Ok(Self {
            name: address.to_string(),
            subjects: parts.subjects,
            context: parts.context,
            units: parts.units,
            fleet: parts.fleet,
            wait: WAIT.min(parts.lease / 4),
            lease: parts.lease,
            consumers: parts.consumers,
            runtime,
            policy,
            clock,
            held: Mutex::default(),
            counts: tokio::sync::Mutex::default(),
            service_revision: Mutex::default(),
        })
    }

    pub(super) fn fault(&self, action: &'static str) -> impl Fn(&dyn std::fmt::Display) -> Error {
        let queue = self.name.clone();
        move |problem| Error::Nats { queue: queue.clone(), action, problem: problem.to_string() }
    }
}

//! A queue for many machines: NATS JetStream.
//!
//! ```text
//! stream  origami_NAME          one message a unit that is to be done: its key         work queue
//! bucket  origami_NAME_units    unit and record by key                                 the states
//! bucket  origami_NAME_fleet    worker.NAME, place, elected.KEY                        what workers say
//! ```
//!
//! A message says that a unit may be there to do; its record says whether it is. A record is written only over the revision that was
//! read. The server takes a message from a worker that sends no progress for the consumer's `AckWait`, by its own clock; `BackOff`,
//! which would replace that, is not set. Message ids keep a repeated submit from doubling messages for a while only (two minutes by
//! default): the record decides, and messages that are doubled or late are acknowledged and forgotten.

mod connect;
mod counts;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::Consumer;
use async_nats::jetstream::consumer::pull::Config as PullConfig;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::kv::{CreateErrorKind, Store};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, AckKind, Context, Message};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::clock::Clock;
use super::entry::Entry;
use super::error::{Error, Result};
use super::overview::{Overview, WorkerRow};
use super::queue::{Claim, MOST_OWED, Queue, Submitted, Which};
use super::state::{Fault, LOOK_AGAIN_MS, Policy, Progress, Record, Refused, State};
use super::unit::{Key, Token, UNIT_VERSION, Unit};

pub use connect::NatsAddress;
use counts::Counts;

/// How long a claim waits for messages, at most. No heartbeat is sent meanwhile.
const WAIT: Duration = Duration::from_millis(200);
/// Least time between two writes of a unit's progress: every heartbeat of a fleet would be a write.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);
/// How often a change is tried again because another came first.
const TRIES: usize = 20;
/// Entries that are read at a time.
const READS: usize = 32;
/// The entry of the place of the results.
const PLACE: &str = "place";
/// What the entries begin with of units whose address is to be told.
const OWED: &str = "owed.";

/// What a bucket holds of a unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    unit: Unit,
    record: Record,
    /// The message whose delivery the running attempt answers.
    message: u64,
}

/// An attempt of ours.
struct Held {
    message: Message,
    written: Instant,
}

/// A queue on a server.
pub struct NatsQueue {
    name: String,
    runtime: Runtime,
    context: Context,
    subject: String,
    units: Store,
    fleet: Store,
    consumer: Consumer<PullConfig>,
    wait: Duration,
    policy: Policy,
    clock: Clock,
    held: Mutex<HashMap<Token, Held>>,
    counts: tokio::sync::Mutex<Counts>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
            subject: parts.subject,
            context: parts.context,
            units: parts.units,
            fleet: parts.fleet,
            wait: WAIT.min(parts.consumer.cached_info().config.ack_wait / 4),
            consumer: parts.consumer,
            runtime,
            policy,
            clock,
            held: Mutex::default(),
            counts: tokio::sync::Mutex::default(),
        })
    }

    fn fault(&self, action: &'static str) -> impl Fn(&dyn std::fmt::Display) -> Error {
        let queue = self.name.clone();
        move |problem| Error::Nats { queue: queue.clone(), action, problem: problem.to_string() }
    }

    /// The entry of a unit, and its revision.
    async fn read(&self, key: &Key) -> Result<Option<(Stored, u64)>> {
        let entry = self.units.entry(key.as_str()).await.map_err(|e| self.fault("read a unit")(&e))?;
        let Some(entry) = entry.filter(|entry| entry.operation == jetstream::kv::Operation::Put) else {
            return Ok(None);
        };
        Ok(Some((self.parse(&entry.value)?, entry.revision)))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Stored> {
        serde_json::from_slice(bytes).map_err(|e| {
            Error::stored(
                &self.name,
                format!("an entry of the queue cannot be read ({e}); reconcile into a new queue"),
            )
        })
    }

    /// Notes that the address of a unit is to be told, before the unit has ended: a note too many is forgotten, one too few is not found.
    async fn note_owed(&self, stored: &Stored) -> Result<()> {
        if stored.unit.callback.is_none() || !stored.record.owes_call() {
            return Ok(());
        }
        let put = self.fleet.put(format!("{OWED}{}", stored.unit.key), Vec::new().into());
        put.await.map(drop).map_err(|e| self.fault("write the queue")(&e))
    }

    /// Writes an entry over the revision that was read. `false`: somebody else came first.
    async fn write(&self, stored: &Stored, revision: u64) -> Result<bool> {
        let bytes = serde_json::to_vec(stored).map_err(Error::json("a unit"))?;
        let (name, header) = counts::header(stored);
        let put = PublishMessage::build().payload(bytes.into()).header(name, header);
        let put = put.expected_last_subject_sequence(revision);
        let sent = self.context.send_publish(format!("{}{}", self.units.prefix, stored.unit.key), put).await;
        let written = match sent {
            Ok(acknowledged) => acknowledged.await,
            Err(e) => Err(e),
        };
        match written {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == PublishErrorKind::WrongLastSequence => Ok(false),
            Err(e) => Err(self.fault("write a unit")(&e)),
        }
    }

    /// Creates an entry. `false`: there is one.
    async fn create(&self, stored: &Stored) -> Result<bool> {
        self.write(stored, 0).await
    }

    /// Adds units that are not known.
    async fn add(&self, units: &[Unit]) -> Result<Submitted> {
        let mut submitted = Submitted::default();
        for unit in units {
            let stored = Stored { unit: unit.clone(), record: Record::new(), message: 0 };
            let new = self.create(&stored).await?;
            let count = match new {
                true => &mut submitted.new,
                false if self.relocate(unit).await? => &mut submitted.moved,
                false => &mut submitted.known,
            };
            *count += 1;
            let waits = match new {
                true => true,
                // Its submitter may have died before the message was out. Where it was not, the message is a doubled one.
                false => self.read(&unit.key).await?.is_some_and(|(s, _)| s.record == Record::new()),
            };
            if waits {
                self.announce(&unit.key, unit.key.as_str()).await?;
            }
        }
        Ok(submitted)
    }

    /// Takes the place of a source that was moved. `false`: it was not, or the unit needs it no more.
    async fn relocate(&self, unit: &Unit) -> Result<bool> {
        let (mut keys, mut moved) = (vec![unit.key.clone()], false);
        while let Some(key) = keys.pop() {
            for _ in 0..TRIES {
                let Some((stored, revision)) = self.read(&key).await? else { break };
                if stored.unit.source == unit.source || !stored.record.needs_source() {
                    break;
                }
                let given_up = stored.record.state == State::Dead;
                let after = Stored {
                    unit: stored.unit.moved_to(unit),
                    record: stored.record.revived(),
                    message: stored.message,
                };
                if self.write(&after, revision).await? {
                    if given_up {
                        self.announce(&key, &format!("{key}-{}", Token::random()?)).await?;
                    }
                    moved |= key == unit.key;
                    keys.extend(after.record.bands);
                    break;
                }
            }
        }
        Ok(moved)
    }

    async fn forget_owed(&self, key: &Key) -> Result<()> {
        let removed = self.fleet.purge(format!("{OWED}{key}")).await;
        removed.map_err(|e| self.fault("write the queue")(&e))
    }

    /// Says that a unit may be there to do.
    async fn announce(&self, key: &Key, id: &str) -> Result<()> {
        let publish = PublishMessage::build().payload(key.as_str().to_string().into()).message_id(id);
        let sent = self.context.send_publish(self.subject.clone(), publish).await;
        let acknowledged = sent.map_err(|e| self.fault("publish a unit")(&e))?.await;
        acknowledged.map(drop).map_err(|e| self.fault("publish a unit")(&e))
    }

    /// Changes a unit as the state machine allows. `None`: it refuses, or the unit is not known.
    async fn change(
        &self,
        key: &Key,
        next: impl Fn(Record) -> Result<Record, Refused>,
    ) -> Result<Option<Stored>> {
        for _ in 0..TRIES {
            let Some((mut stored, revision)) = self.read(key).await? else { return Ok(None) };
            let Ok(after) = next(stored.record.clone()) else { return Ok(None) };
            stored.record = after;
            self.note_owed(&stored).await?;
            if self.write(&stored, revision).await? {
                return Ok(Some(stored));
            }
        }
        Err(self.fault("write a unit")(&"others change it all the time"))
    }

    /// Answers the message of an attempt that has ended, and waits until the server knows.
    async fn answer(&self, token: &Token, kind: AckKind) -> Result<()> {
        let Some(held) = lock(&self.held).remove(token) else { return Ok(()) };
        let answered = held.message.double_ack_with(kind).await;
        answered.map_err(|e| self.fault("acknowledge a unit")(&e))
    }

    /// Begins the attempt that a message asks for, if there is one to begin.
    async fn begin(&self, message: Message, worker: &str) -> Result<Option<Claim>> {
        let forget = async |message: &Message| {
            message.double_ack().await.map_err(|e| self.fault("acknowledge a unit")(&e))?;
            Ok::<_, Error>(None)
        };
        let later = async |message: &Message, pause| {
            let answered = message.ack_with(AckKind::Nak(Some(pause))).await;
            answered.map_err(|e| self.fault("put a unit back")(&e))?;
            Ok::<_, Error>(None)
        };
        let sequence = message.info().map_err(|e| self.fault("read a message")(&e))?.stream_sequence;
        let key = std::str::from_utf8(&message.payload).ok().and_then(Key::parse);
        let Some(key) = key else { return forget(&message).await };
        let Some((mut stored, revision)) = self.read(&key).await? else { return forget(&message).await };
        if stored.unit.version != UNIT_VERSION {
            // For a worker of that version.
            return later(&message, Duration::from_secs(5)).await;
        }
        let now_ms = self.clock.now_ms();
        if let (State::Running, Some(token)) = (stored.record.state, stored.record.token.clone()) {
            if let (Some(held), true) = (lock(&self.held).get_mut(&token), stored.message == sequence) {
                // Ours, which the server took for silent: it is answered from now on where it was delivered last.
                held.message = message;
                return Ok(None);
            }
            let expired = stored.record.clone().expire(&token, &self.policy, now_ms);
            let (Ok(after), true) = (expired, stored.message == sequence) else {
                // Another message of a unit that runs is a doubled one.
                return forget(&message).await;
            };
            // The server delivers it again: its worker is silent.
            stored.record = after;
            self.note_owed(&stored).await?;
            if !self.write(&stored, revision).await? {
                return later(&message, Duration::ZERO).await;
            }
            let pause = Duration::from_millis(stored.record.due_ms.saturating_sub(now_ms));
            return match stored.record.state {
                State::Waiting => later(&message, pause).await,
                _ => forget(&message).await,
            };
        }
        let token = Token::random()?;
        match stored.record.clone().claim(token.clone(), worker, &self.policy, now_ms) {
            Err(Refused::NotDue) => {
                let pause = stored.record.due_ms.saturating_sub(now_ms);
                return later(&message, Duration::from_millis(pause)).await;
            }
            Err(_) => return forget(&message).await,
            Ok(after) => stored.record = after,
        }
        stored.message = sequence;
        if !self.write(&stored, revision).await? {
            return later(&message, Duration::ZERO).await;
        }
        lock(&self.held).insert(token.clone(), Held { message, written: Instant::now() });
        Ok(Some(Claim { unit: stored.unit, token, bands: stored.record.bands }))
    }

    async fn change_all(
        &self,
        which: &Which,
        next: impl Fn(Record) -> Result<Record, Refused>,
        announce: bool,
    ) -> Result<u64> {
        let mut keys: Vec<_> = match which {
            Which::Keys(keys) => keys.clone(),
            Which::All => self.all().await?.into_iter().map(|stored| stored.unit.key).collect(),
        };
        let mut changed = 0;
        while let Some(key) = keys.pop() {
            if let Some(stored) = self.change(&key, &next).await? {
                changed += u64::from(stored.unit.band_of().is_none());
                keys.extend(stored.record.bands);
                if announce {
                    self.announce(&key, &format!("{key}-{}", Token::random()?)).await?;
                }
            }
        }
        Ok(changed)
    }

    /// The last values of a bucket.
    async fn values(&self, bucket: &Store) -> Result<Vec<(String, Vec<u8>)>> {
        let fault = self.fault("read the queue");
        // The bucket's own status is that of the time when it was opened. A watch of an empty one would wait for the first entry.
        let stream = self.context.get_stream(&bucket.stream_name).await.map_err(|e| fault(&e))?;
        if stream.cached_info().state.messages == 0 {
            return Ok(Vec::new());
        }
        let mut watch = bucket.watch_with_history(">").await.map_err(|e| fault(&e))?;
        let mut values = Vec::new();
        while let Some(entry) = watch.next().await {
            let entry = entry.map_err(|e| fault(&e))?;
            if entry.operation == jetstream::kv::Operation::Put {
                values.push((entry.key, entry.value.to_vec()));
            }
            if entry.delta == 0 {
                break;
            }
        }
        Ok(values)
    }

    /// How many units are in which state now.
    async fn counted(&self) -> Result<tokio::sync::MutexGuard<'_, Counts>> {
        let mut counts = self.counts.lock().await;
        let updated = counts.update(&self.context, &self.units.stream_name, &self.units.prefix).await;
        updated.map_err(|problem| self.fault("read the queue")(&problem))?;
        Ok(counts)
    }

    async fn all(&self) -> Result<Vec<Stored>> {
        self.values(&self.units).await?.iter().map(|(_, bytes)| self.parse(bytes)).collect()
    }
}

impl Queue for NatsQueue {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn place(&self) -> Result<Option<String>> {
        let place = self.runtime.block_on(self.fleet.get(PLACE));
        let place = place.map_err(|e| self.fault("read the queue")(&e))?;
        Ok(place.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn bind(&self, place: &str) -> Result<()> {
        let created = self.runtime.block_on(self.fleet.create(PLACE, place.to_string().into()));
        match created {
            Err(e) if e.kind() != CreateErrorKind::AlreadyExists => {
                return Err(self.fault("write the queue")(&e));
            }
            _ => {}
        }
        match self.place()? {
            Some(bound) if bound != place => Err(Error::OtherPlace { bound, given: place.into() }),
            _ => Ok(()),
        }
    }

    fn submit(&self, units: &[Unit]) -> Result<Submitted> {
        self.runtime.block_on(self.add(units))
    }

    fn split(&self, claim: &Claim, bands: &[Unit]) -> Result<bool> {
        let (keys, now_ms): (Vec<_>, _) =
            (bands.iter().map(|band| band.key.clone()).collect(), self.clock.now_ms());
        self.runtime.block_on(async {
            // The slide first: a band that is done at once must find it waiting.
            let next = |record: Record| record.split(&claim.token, keys.clone(), now_ms);
            let ours = self.change(&claim.unit.key, next).await?.is_some();
            if ours {
                self.add(bands).await?;
            }
            let pause = Duration::from_millis(LOOK_AGAIN_MS);
            self.answer(&claim.token, if ours { AckKind::Nak(Some(pause)) } else { AckKind::Ack }).await?;
            Ok(ours)
        })
    }

    fn wake(&self, key: &Key) -> Result<bool> {
        self.runtime.block_on(async {
            let woken = self.change(key, Record::wake).await?.is_some();
            if woken {
                // Its own message comes after the pause, and is a doubled one then.
                self.announce(key, &format!("{key}-{}", Token::random()?)).await?;
            }
            Ok(woken)
        })
    }

    fn record(&self, key: &Key) -> Result<Option<Record>> {
        Ok(self.runtime.block_on(self.read(key))?.map(|(stored, _)| stored.record))
    }

    fn claim(&self, worker: &str, most: usize) -> Result<Vec<Claim>> {
        self.runtime.block_on(async {
            let fault = self.fault("take from the queue");
            // No more than there are free slots: a message that waits in this process is not worked on, and its time runs.
            let fetch = self.consumer.batch().max_messages(most).expires(self.wait);
            let mut messages = fetch.messages().await.map_err(|e| fault(&e))?;
            let mut claims = Vec::new();
            while let Some(message) = messages.next().await {
                claims.extend(self.begin(message.map_err(|e| fault(&e))?, worker).await?);
            }
            Ok(claims)
        })
    }

    fn heartbeat(&self, claim: &Claim, progress: Progress) -> Result<bool> {
        self.runtime.block_on(async {
            let (message, due) = {
                let held = lock(&self.held);
                let Some(held) = held.get(&claim.token) else { return Ok(false) };
                (held.message.clone(), held.written.elapsed() >= PROGRESS_INTERVAL)
            };
            let kept = message.ack_with(AckKind::Progress).await;
            kept.map_err(|e| self.fault("keep a unit")(&e))?;
            let ours = if due {
                if let Some(held) = lock(&self.held).get_mut(&claim.token) {
                    held.written = Instant::now();
                }
                let next = |record: Record| record.heartbeat(&claim.token, progress);
                self.change(&claim.unit.key, next).await?.is_some()
            } else {
                let now = self.read(&claim.unit.key).await?;
                now.is_some_and(|(stored, _)| stored.record.token.as_ref() == Some(&claim.token))
            };
            if !ours {
                // Its message is delivered again, to whoever forgets it.
                lock(&self.held).remove(&claim.token);
            }
            Ok(ours)
        })
    }

    fn finish(&self, claim: &Claim, progress: Progress) -> Result<bool> {
        self.runtime.block_on(async {
            let next = |record: Record| record.finish(&claim.token, progress);
            let done = self.change(&claim.unit.key, next).await?.is_some();
            self.answer(&claim.token, AckKind::Ack).await?;
            Ok(done)
        })
    }

    fn fail(&self, claim: &Claim, fault: Fault, policy: &Policy) -> Result<Option<Record>> {
        let now_ms = self.clock.now_ms();
        self.runtime.block_on(async {
            let next = |record: Record| record.fail(&claim.token, fault.clone(), policy, now_ms);
            let after = self.change(&claim.unit.key, next).await?.map(|stored| stored.record);
            let kind = match &after {
                Some(record) if record.state == State::Waiting => {
                    AckKind::Nak(Some(Duration::from_millis(record.due_ms.saturating_sub(now_ms))))
                }
                _ => AckKind::Ack,
            };
            self.answer(&claim.token, kind).await?;
            Ok(after)
        })
    }

    fn give_back(&self, claim: &Claim) -> Result<bool> {
        self.runtime.block_on(async {
            let next = |record: Record| record.give_back(&claim.token);
            let ours = self.change(&claim.unit.key, next).await?.is_some();
            self.answer(&claim.token, if ours { AckKind::Nak(None) } else { AckKind::Ack }).await?;
            Ok(ours)
        })
    }

    fn cancel(&self, which: &Which) -> Result<u64> {
        self.runtime.block_on(self.change_all(which, Record::cancel, false))
    }

    fn retry(&self, which: &Which) -> Result<u64> {
        self.runtime.block_on(self.change_all(which, Record::retry, true))
    }

    fn settle(&self, unit: &Unit, done: bool) -> Result<bool> {
        self.runtime.block_on(async {
            let new = if done { Record::new().settled() } else { Record::new() };
            let new = Stored { unit: unit.clone(), record: new, message: 0 };
            self.note_owed(&new).await?;
            let created = self.create(&new).await?;
            let before = self.read(&unit.key).await?.map(|(stored, _)| stored.record.state);
            let next = |record: Record| Ok(if done { record.settled() } else { record.reopened() });
            let after = self.change(&unit.key, next).await?.map(|stored| stored.record.state);
            if after == Some(State::Waiting) {
                // Its message may be lost. Where it is not, this is a doubled one.
                self.announce(&unit.key, &format!("{}-{}", unit.key, Token::random()?)).await?;
            }
            Ok(created || before != after)
        })
    }

    fn elect(&self, key: &Key, manifest: &str) -> Result<String> {
        let (entry, fault) = (format!("elected.{key}"), self.fault("write the queue"));
        self.runtime.block_on(async {
            match self.fleet.create(&entry, manifest.to_string().into()).await {
                Err(e) if e.kind() != CreateErrorKind::AlreadyExists => return Err(fault(&e)),
                _ => {}
            }
            let elected = self.fleet.get(&entry).await.map_err(|e| fault(&e))?;
            let elected = elected.ok_or_else(|| fault(&"the entry that was written is not there"))?;
            Ok(String::from_utf8_lossy(&elected).into_owned())
        })
    }

    fn each(&self, take: &mut dyn FnMut(Entry) -> Result<()>) -> Result<()> {
        let all = self.runtime.block_on(self.all())?;
        all.into_iter().try_for_each(|Stored { unit, record, .. }| take(Entry { unit, record }))
    }

    fn owed(&self) -> Result<Vec<Entry>> {
        self.runtime.block_on(async {
            let (mut owed, mut noted) = (Vec::new(), Vec::new());
            for (name, _) in self.values(&self.fleet).await? {
                noted.extend(name.strip_prefix(OWED).and_then(Key::parse));
            }
            for key in noted.into_iter().take(MOST_OWED) {
                let Some((Stored { unit, record, .. }, _)) = self.read(&key).await? else { continue };
                match record.owes_call() {
                    true => owed.push(Entry { unit, record }),
                    false if record.told == Some(record.state) => self.forget_owed(&key).await?,
                    // It has not ended yet.
                    false => {}
                }
            }
            Ok(owed)
        })
    }

    fn take_call(&self, owed: &Entry, worker: &str) -> Result<bool> {
        let next = |record: Record| record.take_call(owed.record.worker.as_deref(), worker);
        Ok(self.runtime.block_on(self.change(&owed.unit.key, next))?.is_some())
    }

    fn told(&self, key: &Key, end: State) -> Result<()> {
        self.runtime.block_on(async {
            if self.change(key, |record| record.tell(end)).await?.is_some() {
                self.forget_owed(key).await?;
            }
            Ok(())
        })
    }

    fn workers(&self) -> Result<Vec<WorkerRow>> {
        let mut workers = Vec::new();
        for (key, bytes) in self.runtime.block_on(self.values(&self.fleet))? {
            if key.starts_with("worker.") {
                let row: Result<WorkerRow, _> = serde_json::from_slice(&bytes);
                workers.push(row.map_err(|e| Error::stored(&self.name, format!("{key}: {e}")))?);
            }
        }
        workers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(workers)
    }

    fn report(&self, row: &WorkerRow) -> Result<()> {
        let bytes = serde_json::to_vec(row).map_err(Error::json("a worker"))?;
        let put = self.fleet.put(format!("worker.{}", connect::name_part(&row.name)), bytes.into());
        self.runtime.block_on(put).map(drop).map_err(|e| self.fault("write the queue")(&e))
    }

    fn is_over(&self) -> Result<bool> {
        self.runtime.block_on(async {
            let counts = self.counted().await?.by_state();
            Ok(Overview { counts, ..Overview::default() }.is_over())
        })
    }

    fn overview(&self) -> Result<Overview> {
        let mut overview = Overview { workers: self.workers()?, ..Overview::default() };
        self.runtime.block_on(async {
            let (running, dead) = {
                let counted = self.counted().await?;
                overview.counts = counted.by_state();
                (counted.keys(State::Running, usize::MAX), counted.keys(State::Dead, Overview::MOST_DEAD))
            };
            // What runs and what was given up is shown, and so read.
            let read = |key: Key| async move { self.read(&key).await };
            let mut entries =
                futures_util::stream::iter(running.into_iter().chain(dead)).map(read).buffered(READS);
            while let Some(entry) = entries.next().await {
                if let Some((Stored { unit, record, .. }, _)) = entry? {
                    overview.list(Entry { unit, record });
                }
            }
            Ok(overview)
        })
    }
}

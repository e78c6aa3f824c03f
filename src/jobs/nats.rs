//! A queue for many machines: NATS JetStream.
//!
//! ```text
//! stream  origami_NAME          one message a unit that is to be done: its key         work queue
//!   origami.NAME.unit             units that nobody has begun
//!   origami.NAME.begun            bands, and slides whose bands are done: taken first
//! bucket  origami_NAME_units    unit and record by key                                 the states
//! bucket  origami_NAME_fleet    worker.NAME, place, elected.KEY, service               what workers say
//! ```
//!
//! A message says that a unit may be there to do; its record says whether it is. A record is written only over the revision that was
//! read. The server takes a message from a worker that sends no progress for the consumer's `AckWait`, by its own clock; `BackOff`,
//! which would replace that, is not set. Message ids keep a repeated submit from doubling messages for a while only (two minutes by
//! default): the record decides, and messages that are doubled or late are acknowledged and forgotten.

mod connect;
mod counts;
mod entries;
mod messages;
mod server;
mod service;

use std::time::{Duration, Instant};

use async_nats::jetstream::AckKind;
use async_nats::jetstream::kv::CreateErrorKind;
use futures_util::StreamExt;

use self::entries::OWED;
use self::messages::Wait;
use self::server::{Stored, lock};
use super::entry::Entry;
use super::error::{Error, Result};
use super::overview::{Overview, WorkerRow};
use super::queue::{Claim, MAX_OWED, Queue, Submitted, Which};
use super::state::{Fault, LOOK_AGAIN_MS, Policy, Progress, Record, State};
use super::unit::{Key, Unit};

pub use self::connect::NatsAddress;
pub use self::server::NatsQueue;

/// Least time between two writes of a unit's progress: every heartbeat of a fleet would be a write.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);
/// Entries that are read at a time.
const READS: usize = 32;
/// The entry of the place of the results.
const PLACE: &str = "place";

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
            let woken = self.change(key, Record::wake).await?;
            if let Some(stored) = &woken {
                // Its own message comes after the pause, and is a doubled one then.
                self.announce_again(stored).await?;
            }
            Ok(woken.is_some())
        })
    }

    fn record(&self, key: &Key) -> Result<Option<Record>> {
        Ok(self.runtime.block_on(self.read(key))?.map(|(stored, _)| stored.record))
    }

    fn claim(&self, worker: &str, most: usize) -> Result<Vec<Claim>> {
        self.runtime.block_on(async {
            let mut claims = Vec::new();
            self.take(&self.consumers.begun, Wait::No, worker, most, &mut claims).await?;
            let wait = if claims.is_empty() { Wait::Some } else { Wait::No };
            self.take(&self.consumers.units, wait, worker, most, &mut claims).await?;
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
            let after = self.change(&unit.key, next).await?;
            if let Some(stored) = after.as_ref().filter(|stored| stored.record.state == State::Waiting) {
                // Its message may be lost. Where it is not, this is a doubled one.
                self.announce_again(stored).await?;
            }
            Ok(created || before != after.map(|stored| stored.record.state))
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
            for key in noted.into_iter().take(MAX_OWED) {
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

    fn begin_service(&self, name: &str) -> Result<bool> {
        self.runtime.block_on(self.begin_as_service(name))
    }

    fn keep_service(&self, name: &str) -> Result<bool> {
        self.runtime.block_on(self.keep_as_service(name))
    }

    fn end_service(&self, name: &str) -> Result<()> {
        self.runtime.block_on(self.end_as_service(name))
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
                (counted.keys(State::Running, usize::MAX), counted.keys(State::Dead, Overview::MAX_DEAD))
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

//! The messages that say that a unit may be there to do, and the attempts that answer them.

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::Consumer;
use async_nats::jetstream::consumer::pull::Config as PullConfig;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;

use super::entries::TRIES;
use super::server::{Held, NatsQueue, Stored, lock};
use crate::jobs::error::{Error, Result};
use crate::jobs::queue::{Claim, Submitted, Which};
use crate::jobs::state::{Record, Refused, State};
use crate::jobs::unit::{Key, Token, UNIT_VERSION, Unit, note_other_version};

/// Whether a call waits where there is no message.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    No,
    /// For [`NatsQueue::wait`].
    Some,
}

impl NatsQueue {
    /// Adds units that are not known.
    pub(super) async fn add(&self, units: &[Unit]) -> Result<Submitted> {
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
                self.announce(&stored, unit.key.as_str()).await?;
            }
        }
        Ok(submitted)
    }

    /// Takes the place of a source that was moved. `false`: it was not, or the unit needs it no more.
    pub(super) async fn relocate(&self, unit: &Unit) -> Result<bool> {
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
                        self.announce_again(&after).await?;
                    }
                    moved |= key == unit.key;
                    keys.extend(after.record.bands);
                    break;
                }
            }
        }
        Ok(moved)
    }

    /// Says that a unit may be there to do.
    async fn announce(&self, stored: &Stored, id: &str) -> Result<()> {
        let publish = PublishMessage::build().payload(stored.unit.key.as_str().to_string().into());
        let begun = stored.unit.band_of().is_some() || !stored.record.bands.is_empty();
        let subject = if begun { &self.subjects.begun } else { &self.subjects.units };
        let sent = self.context.send_publish(subject.clone(), publish.message_id(id)).await;
        let acknowledged = sent.map_err(|e| self.fault("publish a unit")(&e))?.await;
        acknowledged.map(drop).map_err(|e| self.fault("publish a unit")(&e))
    }

    /// Says it of a unit whose message was there before.
    pub(super) async fn announce_again(&self, stored: &Stored) -> Result<()> {
        self.announce(stored, &format!("{}-{}", stored.unit.key, Token::random()?)).await
    }

    /// Begins attempts that messages of a consumer ask for, until there are `most`.
    pub(super) async fn take(
        &self,
        consumer: &Consumer<PullConfig>,
        wait: Wait,
        worker: &str,
        most: usize,
        claims: &mut Vec<Claim>,
    ) -> Result<()> {
        let fault = self.fault("take from the queue");
        // No more than there are free slots: a message that waits in this process is not worked on, and its time runs.
        let free = most.saturating_sub(claims.len());
        if free == 0 {
            return Ok(());
        }
        let messages = match wait {
            Wait::No => consumer.fetch().max_messages(free).messages().await,
            Wait::Some => consumer.batch().max_messages(free).expires(self.wait).messages().await,
        };
        let mut messages = messages.map_err(|e| fault(&e))?;
        while let Some(message) = messages.next().await {
            claims.extend(self.begin(message.map_err(|e| fault(&e))?, worker).await?);
        }
        Ok(())
    }

    /// Answers the message of an attempt that has ended, and waits until the server knows.
    pub(super) async fn answer(&self, token: &Token, kind: AckKind) -> Result<()> {
        let Some(held) = lock(&self.held).remove(token) else { return Ok(()) };
        let answered = held.message.double_ack_with(kind).await;
        answered.map_err(|e| self.fault("acknowledge a unit")(&e))
    }

    /// Begins the attempt that a message asks for, if there is one to begin.
    pub(super) async fn begin(&self, message: Message, worker: &str) -> Result<Option<Claim>> {
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
            note_other_version(&self.name, stored.unit.version);
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

    pub(super) async fn change_all(
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
                if announce {
                    self.announce_again(&stored).await?;
                }
                keys.extend(stored.record.bands);
            }
        }
        Ok(changed)
    }
}

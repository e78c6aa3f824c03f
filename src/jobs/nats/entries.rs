//! The entries of units: read, written over the revision that was read, counted.

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::kv::{Operation, Store};
use async_nats::jetstream::message::PublishMessage;
use futures_util::StreamExt;

use super::counts::{self, Counts};
use super::server::{NatsQueue, Stored};
use crate::jobs::error::{Error, Result};
use crate::jobs::state::{Record, Refused};
use crate::jobs::unit::Key;

/// How often a change is tried again because another came first.
pub(super) const TRIES: usize = 20;
/// What the entries begin with of units whose address is to be told.
pub(super) const OWED: &str = "owed.";

impl NatsQueue {
    /// The entry of a unit, and its revision.
    pub(super) async fn read(&self, key: &Key) -> Result<Option<(Stored, u64)>> {
        let entry = self.units.entry(key.as_str()).await.map_err(|e| self.fault("read a unit")(&e))?;
        let Some(entry) = entry.filter(|entry| entry.operation == Operation::Put) else {
            return Ok(None);
        };
        Ok(Some((self.parse(&entry.value)?, entry.revision)))
    }

    pub(super) fn parse(&self, bytes: &[u8]) -> Result<Stored> {
        serde_json::from_slice(bytes).map_err(|e| {
            Error::stored(
                &self.name,
                format!("an entry of the queue cannot be read ({e}); reconcile into a new queue"),
            )
        })
    }

    /// Writes an entry over the revision that was read. `false`: somebody else came first.
    pub(super) async fn write(&self, stored: &Stored, revision: u64) -> Result<bool> {
        let bytes = serde_json::to_vec(stored).map_err(Error::json("a unit"))?;
        let (name, header) = counts::header(&stored.unit, &stored.record);
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
    pub(super) async fn create(&self, stored: &Stored) -> Result<bool> {
        self.write(stored, 0).await
    }

    /// Changes a unit as the state machine allows. `None`: it refuses, or the unit is not known.
    pub(super) async fn change(
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

    /// Notes that the address of a unit is to be told, before the unit has ended: a note too many is forgotten, one too few is not found.
    pub(super) async fn note_owed(&self, stored: &Stored) -> Result<()> {
        if stored.unit.callback.is_none() || !stored.record.owes_call() {
            return Ok(());
        }
        let put = self.fleet.put(format!("{OWED}{}", stored.unit.key), Vec::new().into());
        put.await.map(drop).map_err(|e| self.fault("write the queue")(&e))
    }

    pub(super) async fn forget_owed(&self, key: &Key) -> Result<()> {
        let removed = self.fleet.purge(format!("{OWED}{key}")).await;
        removed.map_err(|e| self.fault("write the queue")(&e))
    }

    /// The last values of a bucket.
    pub(super) async fn values(&self, bucket: &Store) -> Result<Vec<(String, Vec<u8>)>> {
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
            if entry.operation == Operation::Put {
                values.push((entry.key, entry.value.to_vec()));
            }
            if entry.delta == 0 {
                break;
            }
        }
        Ok(values)
    }

    /// How many units are in which state now.
    pub(super) async fn counted(&self) -> Result<tokio::sync::MutexGuard<'_, Counts>> {
        let mut counts = self.counts.lock().await;
        let updated = counts.update(&self.context, &self.units.stream_name, &self.units.prefix).await;
        updated.map_err(|problem| self.fault("read the queue")(&problem))?;
        Ok(counts)
    }

    pub(super) async fn all(&self) -> Result<Vec<Stored>> {
        self.values(&self.units).await?.iter().map(|(_, bytes)| self.parse(bytes)).collect()
    }
}

//! The one service of a queue: it writes an entry again and again. Where nobody does so for the lease, the next one takes it.

use std::time::Instant;

use async_nats::jetstream::kv::{CreateErrorKind, Operation, UpdateErrorKind};

use super::server::{NatsQueue, lock};
use crate::jobs::error::Result;

/// The entry: the name of the service.
const SERVICE: &str = "service";

impl NatsQueue {
    /// See [`Queue::begin_service`](crate::jobs::Queue::begin_service).
    pub(super) async fn begin_as_service(&self, name: &str) -> Result<bool> {
        let (began, mut seen) = (Instant::now(), None);
        loop {
            match self.fleet.create(SERVICE, name.to_string().into()).await {
                Ok(revision) => return Ok(self.is_service(revision)),
                Err(e) if e.kind() == CreateErrorKind::AlreadyExists => {}
                Err(e) => return Err(self.fault("write the queue")(&e)),
            }
            let Some((_, revision)) = self.service().await? else { continue };
            if *seen.get_or_insert(revision) != revision {
                return Ok(false);
            }
            if began.elapsed() >= self.lease {
                return match self.fleet.update(SERVICE, name.to_string().into(), revision).await {
                    Ok(revision) => Ok(self.is_service(revision)),
                    Err(e) if e.kind() == UpdateErrorKind::WrongLastRevision => Ok(false),
                    Err(e) => Err(self.fault("write the queue")(&e)),
                };
            }
            tokio::time::sleep(self.lease / 20).await;
        }
    }

    /// See [`Queue::keep_service`](crate::jobs::Queue::keep_service).
    pub(super) async fn keep_as_service(&self, name: &str) -> Result<bool> {
        let Some(revision) = *lock(&self.service_revision) else { return Ok(false) };
        match self.fleet.update(SERVICE, name.to_string().into(), revision).await {
            Ok(revision) => Ok(self.is_service(revision)),
            Err(e) if e.kind() == UpdateErrorKind::WrongLastRevision => match self.service().await? {
                // The answer to our own write was lost.
                Some((held, revision)) if held == name => Ok(self.is_service(revision)),
                _ => Ok(false),
            },
            Err(e) => Err(self.fault("write the queue")(&e)),
        }
    }

    /// See [`Queue::end_service`](crate::jobs::Queue::end_service).
    pub(super) async fn end_as_service(&self, name: &str) -> Result<()> {
        let Some((_, revision)) = self.service().await?.filter(|(held, _)| held == name) else {
            return Ok(());
        };
        let deleted = self.fleet.delete_expect_revision(SERVICE, Some(revision)).await;
        deleted.map_err(|e| self.fault("write the queue")(&e))
    }

    fn is_service(&self, revision: u64) -> bool {
        *lock(&self.service_revision) = Some(revision);
        true
    }

    /// The name of the service, and the revision of the entry.
    async fn service(&self) -> Result<Option<(String, u64)>> {
        let entry = self.fleet.entry(SERVICE).await.map_err(|e| self.fault("read the queue")(&e))?;
        let entry = entry.filter(|entry| entry.operation == Operation::Put);
        Ok(entry.map(|entry| (String::from_utf8_lossy(&entry.value).into_owned(), entry.revision)))
    }
}

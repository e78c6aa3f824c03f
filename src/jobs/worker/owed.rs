//! Addresses that are to be told that a unit has ended, and that its worker has not told.
//!
//! That a call is owed is part of a unit's state until it was delivered. Its worker makes it. Where that worker has said nothing for a
//! while, by the observer's own clock, another takes the unit over, of which the queue lets one do so.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Worker;
use crate::jobs::error::Result;
use crate::jobs::unit::Key;

/// What a worker has seen of units whose address is to be told: when first, and what their worker had said then.
#[derive(Default)]
pub struct Owed {
    seen: HashMap<Key, (Instant, Option<u64>)>,
    looked: Option<Instant>,
}

impl Owed {
    /// Tells the queue what was delivered, and looks after the calls of silent workers.
    pub fn look(&mut self, worker: &Worker<'_>) -> Result<()> {
        let Some(notifier) = worker.notifier else { return Ok(()) };
        for (key, end) in notifier.ended() {
            worker.patiently(|| worker.queue.told(&key, end))?;
        }
        let after = worker.options.calls_after;
        if self.looked.is_some_and(|at| at.elapsed() < after / 4) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let owed = worker.patiently(|| worker.queue.owed())?;
        let rows = if owed.is_empty() { Vec::new() } else { worker.patiently(|| worker.queue.workers())? };
        let mut before = std::mem::take(&mut self.seen);
        for entry in owed {
            let name = entry.record.worker.as_deref();
            if name == Some(&worker.options.name) {
                continue;
            }
            let said = rows.iter().find(|row| Some(&*row.name) == name).map(|row| row.seen_ms);
            let known = before.remove(&entry.unit.key).filter(|(_, before)| *before == said);
            let (since, said) = known.unwrap_or((Instant::now(), said));
            if since.elapsed() < after || after == Duration::ZERO {
                self.seen.insert(entry.unit.key, (since, said));
            } else if worker.patiently(|| worker.queue.take_call(&entry, &worker.options.name))? {
                notifier.tell(&entry.unit, entry.record.state, entry.record.fault.as_ref());
            }
        }
        Ok(())
    }
}

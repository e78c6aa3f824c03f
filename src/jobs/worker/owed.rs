//! Addresses that are to be told that a unit has ended, and that its worker has not told.
//!
//! That a call is owed is part of a unit's state until it was delivered. Its worker makes it. Where that worker has said nothing for a
//! while, by the observer's own clock, another takes the unit over, of which the queue lets one do so.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::jobs::callback::Notifier;
use crate::jobs::error::Result;
use crate::jobs::queue::Queue;
use crate::jobs::state::State;
use crate::jobs::unit::Key;

/// What a worker has seen of units whose address is to be told: when first, and what their worker had said then.
#[derive(Default)]
pub struct Owed {
    seen: HashMap<Key, (Instant, Option<u64>)>,
    looked: Option<Instant>,
    /// Calls that were made, of which the queue does not know yet.
    made: Vec<(Key, State)>,
}

/// A worker that tells addresses.
pub struct Caller<'a> {
    pub queue: &'a dyn Queue,
    pub notifier: &'a Notifier,
    pub worker: &'a str,
    /// How long another must be silent until this one makes its calls.
    pub after: Duration,
}

impl Owed {
    /// Tells the queue what was delivered.
    ///
    /// # Errors
    /// A queue that cannot be reached: the next call tells it.
    pub fn settle(&mut self, caller: &Caller<'_>) -> Result<()> {
        self.made.extend(caller.notifier.ended());
        while let Some((key, end)) = self.made.last() {
            caller.queue.told(key, *end)?;
            self.made.pop();
        }
        Ok(())
    }

    /// The same, and looks after the calls of silent workers.
    ///
    /// # Errors
    /// A queue that cannot be reached: the next call looks again.
    pub fn look(&mut self, caller: &Caller<'_>) -> Result<()> {
        self.settle(caller)?;
        let Caller { queue, notifier, worker, after } = *caller;
        if self.looked.is_some_and(|at| at.elapsed() < after / 4) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let owed = queue.owed()?;
        let rows = if owed.is_empty() { Vec::new() } else { queue.workers()? };
        let mut before = std::mem::take(&mut self.seen);
        for entry in owed {
            let name = entry.record.worker.as_deref();
            if name == Some(worker) {
                continue;
            }
            // One without a key, and one that has ended, does not call.
            let row = rows.iter().find(|row| Some(&*row.name) == name && row.calls && !row.ended);
            let said = row.map(|row| row.seen_ms);
            let known = before.remove(&entry.unit.key).filter(|(_, before)| *before == said);
            let (since, said) = known.unwrap_or((Instant::now(), said));
            if said.is_some() && since.elapsed() < after {
                self.seen.insert(entry.unit.key, (since, said));
            } else if queue.take_call(&entry, worker)? {
                notifier.tell(&entry.unit, entry.record.state, entry.record.fault.as_ref());
            }
        }
        Ok(())
    }
}

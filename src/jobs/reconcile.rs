//! Makes a queue agree with the results, and finds what is left over.

use std::collections::{HashMap, HashSet};

use super::clock::Clock;
use super::error::Result;
use super::queue::Queue;
use super::results::Results;
use super::state::State;
use super::unit::{Key, Token};

/// Files of an attempt that does not count, or of a band of a slide that is done or was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The unit.
    pub key: Key,
    /// The attempt; `None` for all that there is of a band.
    pub token: Option<Token>,
    /// Where its files lie, below the place of the results.
    pub path: String,
    /// Their bytes.
    pub bytes: u64,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Units that are done. Bands are not counted.
    pub done: u64,
    /// Units that are announced and not done.
    pub open: u64,
    /// Units about which the queue was wrong, or which it did not know.
    pub corrected: u64,
    /// Attempts that do not count and that nobody works on.
    pub orphans: Vec<Orphan>,
    /// Attempts without a manifest that are too young to be told from those that run.
    pub young: u64,
}

/// Tells the queue which units there are and which of them are done, by what the store holds.
///
/// An attempt is an orphan where the unit's manifest names another one. Where there is no manifest, it is one if the queue does not run
/// it and its youngest file is older than `orphan_age_ms`: a worker of a lost queue may still be writing it.
///
/// # Errors
/// A queue or store that refuses; a unit or manifest that is not one.
pub fn reconcile(
    queue: &dyn Queue,
    results: &Results,
    orphan_age_ms: u64,
    clock: Clock,
) -> Result<Reconciled> {
    let (mut reconciled, found, mut unwanted) = (Reconciled::default(), results.list()?, HashSet::new());
    for (key, held) in &found {
        let manifest = if held.manifest { results.manifest(key)? } else { None };
        let unit = match &manifest {
            Some(manifest) => Some(manifest.unit.clone()),
            None if held.unit => results.unit(key)?,
            None => None,
        };
        let Some(unit) = unit else { continue };
        let slide = unit.band_of();
        let slide_is_done = slide.and_then(|slide| found.get(slide)).is_some_and(|held| held.manifest);
        let slide = slide.map(|slide| queue.record(slide)).transpose()?.flatten();
        if slide_is_done {
            unwanted.insert(key.clone());
            // Nobody is to encode it again.
            if queue.record(key)?.is_some() {
                queue.settle(&unit, true)?;
            }
        } else if slide.is_some_and(|slide| slide.state == State::Cancelled) {
            unwanted.insert(key.clone());
        } else {
            reconciled.corrected += u64::from(queue.settle(&unit, manifest.is_some())?);
            let units = if manifest.is_some() { &mut reconciled.done } else { &mut reconciled.open };
            *units += u64::from(unit.band_of().is_none());
        }
    }
    // After the units were settled, so that those that were done elsewhere meanwhile do not count as running.
    let mut running = HashMap::new();
    queue.each(&mut |entry| {
        if entry.record.state == State::Running {
            running.extend(entry.record.token.map(|token| (entry.unit.key, token)));
        }
        Ok(())
    })?;
    let now_ms = clock.now_ms();
    for (key, held) in found {
        if unwanted.contains(&key) {
            let bytes = held.attempts.values().map(|(bytes, _)| bytes).sum();
            let path = results.path_of_unit(&key);
            reconciled.orphans.push(Orphan { key, token: None, path, bytes });
            continue;
        }
        let counts = if held.manifest { results.manifest(&key)?.map(|m| m.attempt) } else { None };
        for (token, (bytes, youngest_ms)) in held.attempts {
            if counts.as_ref() == Some(&token) || running.get(&key) == Some(&token) {
                continue;
            }
            if counts.is_none() && now_ms < youngest_ms.saturating_add(orphan_age_ms) {
                reconciled.young += 1;
                continue;
            }
            let path = results.path_of(&key, &token);
            reconciled.orphans.push(Orphan { key: key.clone(), token: Some(token), path, bytes });
        }
    }
    Ok(reconciled)
}

/// Removes orphans. One whose attempt has won since they were listed stays.
///
/// # Errors
/// A store that refuses.
pub fn clean(results: &Results, orphans: &[Orphan]) -> Result<u64> {
    let mut removed = 0;
    for orphan in orphans {
        let Some(token) = &orphan.token else {
            results.remove(&orphan.key)?;
            removed += 1;
            continue;
        };
        let won = results.manifest(&orphan.key)?.is_some_and(|manifest| manifest.attempt == *token);
        if !won {
            results.discard(&orphan.key, token)?;
            removed += 1;
        }
    }
    Ok(removed)
}

//! How many units are in which state, without reading them.
//!
//! An entry of a unit has a header with its state. The server sends headers alone, and after the first time those of entries that were
//! written since. The counts are exact: they are of the bucket as it was when it was read.

use std::collections::HashMap;

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use futures_util::StreamExt;

use super::Stored;
use crate::jobs::overview::Count;
use crate::jobs::state::State;
use crate::jobs::unit::Key;

/// The header of a unit's entry: state, bytes of work, and 1 for a band.
const HEADER: &str = "Origami-Unit";

/// Writes the header of an entry.
pub fn header(stored: &Stored) -> (&'static str, String) {
    let Stored { unit, record, .. } = stored;
    let bytes = if record.bands.is_empty() { unit.bytes } else { 0 };
    (HEADER, format!("{} {bytes} {}", record.state.name(), u8::from(unit.band_of().is_some())))
}

fn parse(headers: Option<&HeaderMap>) -> Option<Seen> {
    let text = headers?.get(HEADER)?.as_str();
    let mut words = text.split(' ');
    let name = words.next()?;
    let state = State::ALL.into_iter().find(|state| state.name() == name)?;
    Some(Seen { state, bytes: words.next()?.parse().ok()?, band: words.next()? == "1" })
}

#[derive(Clone, Copy)]
struct Seen {
    state: State,
    bytes: u64,
    band: bool,
}

/// What was seen of all units.
#[derive(Default)]
pub struct Counts {
    /// The last sequence of the bucket's stream that was read.
    upto: u64,
    units: HashMap<Key, Seen>,
}

impl Counts {
    /// Reads what was written since the last time.
    ///
    /// # Errors
    /// What the server or the connection says; an entry that has no header, of another program.
    pub async fn update(&mut self, context: &Context, stream: &str, prefix: &str) -> Result<(), String> {
        let said = |e: &dyn std::fmt::Display| e.to_string();
        let stream = context.get_stream(stream).await.map_err(|e| said(&e))?;
        let state = &stream.cached_info().state;
        if state.last_sequence < self.upto {
            // The bucket was lost and made again.
            *self = Self::default();
        }
        if state.messages == 0 || state.last_sequence == self.upto {
            return Ok(());
        }
        let deliver_policy = match self.upto {
            0 => DeliverPolicy::All,
            upto => DeliverPolicy::ByStartSequence { start_sequence: upto + 1 },
        };
        let config = OrderedConfig { headers_only: true, deliver_policy, ..OrderedConfig::default() };
        let consumer = stream.create_consumer(config).await.map_err(|e| said(&e))?;
        let mut messages = consumer.messages().await.map_err(|e| said(&e))?;
        while let Some(message) = messages.next().await {
            let message = message.map_err(|e| said(&e))?;
            let info = message.info().map_err(|e| said(&e))?;
            let (sequence, pending) = (info.stream_sequence, info.pending);
            let key = message.subject.strip_prefix(prefix).and_then(Key::parse);
            let (Some(key), Some(seen)) = (key, parse(message.headers.as_ref())) else {
                return Err(format!(
                    "{}: an entry of another version; reconcile into a new queue",
                    message.subject
                ));
            };
            self.units.insert(key, seen);
            self.upto = sequence;
            if pending == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Units by state, in the order of [`State::ALL`].
    pub fn by_state(&self) -> [Count; 5] {
        let mut counts = [Count::default(); 5];
        for seen in self.units.values() {
            let at = State::ALL.iter().position(|state| *state == seen.state);
            if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
                *if seen.band { &mut count.bands } else { &mut count.units } += 1;
                count.bytes += seen.bytes;
            }
        }
        counts
    }

    /// The keys of units in a state, at most so many.
    pub fn keys(&self, state: State, most: usize) -> Vec<Key> {
        let of_state = self.units.iter().filter(|(_, seen)| seen.state == state);
        of_state.map(|(key, _)| key.clone()).take(most).collect()
    }
}

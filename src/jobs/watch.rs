//! Which workers are silent.
//!
//! Clocks of machines are not compared: one that is an hour off would take every unit from its worker. An observer remembers when it
//! first saw a heartbeat, by its own clock, which only has to run. An attempt whose heartbeat has not changed for the time of a lease
//! since then is silent.

use std::collections::HashMap;

use super::unit::{Key, Token};

/// What one observer has seen of running attempts.
#[derive(Debug, Default)]
pub struct Watch {
    seen: HashMap<Key, Seen>,
}

#[derive(Debug)]
struct Seen {
    token: Token,
    beat: u64,
    since_ms: u64,
}

impl Watch {
    /// Takes all attempts that run, with their heartbeats. Returns those that have been silent for `lease_ms`. `now_ms` is a clock that
    /// never goes back, with any beginning.
    pub fn silent(
        &mut self,
        running: Vec<(Key, Token, u64)>,
        lease_ms: u64,
        now_ms: u64,
    ) -> Vec<(Key, Token)> {
        let mut before = std::mem::take(&mut self.seen);
        let mut silent = Vec::new();
        for (key, token, beat) in running {
            let known = before.remove(&key).filter(|seen| seen.token == token && seen.beat == beat);
            let since_ms = known.map_or(now_ms, |seen| seen.since_ms);
            if now_ms.saturating_sub(since_ms) >= lease_ms && since_ms != now_ms {
                silent.push((key.clone(), token.clone()));
            }
            self.seen.insert(key, Seen { token, beat, since_ms });
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{Source, Task, Unit};

    #[test]
    fn an_attempt_is_silent_when_its_heartbeat_has_not_changed_for_a_lease() {
        let unit = Unit::new(Task::Verify { deep: false }, "/a".into(), Source::Bundle, "i".into(), 1);
        let (key, one, two) = (unit.unwrap().key, Token::of(1), Token::of(2));
        let seen = |token: &Token, beat| vec![(key.clone(), token.clone(), beat)];
        let mut watch = Watch::default();
        // The first sight begins the lease, whatever time it is.
        assert!(watch.silent(seen(&one, 5), 100, 1_000_000).is_empty());
        assert!(watch.silent(seen(&one, 5), 100, 1_000_099).is_empty());
        assert_eq!(watch.silent(seen(&one, 5), 100, 1_000_100).len(), 1);
        // A heartbeat and another attempt begin it anew.
        assert!(watch.silent(seen(&one, 6), 100, 1_000_150).is_empty());
        assert!(watch.silent(seen(&two, 6), 100, 1_000_249).is_empty());
        assert!(watch.silent(seen(&two, 6), 100, 1_000_348).is_empty());
        assert_eq!(watch.silent(seen(&two, 6), 100, 1_000_349), [(key.clone(), two.clone())]);
        // What ran no more and runs again is new.
        assert!(watch.silent(Vec::new(), 100, 1_000_350).is_empty());
        assert!(watch.silent(seen(&two, 6), 100, 1_000_500).is_empty());
    }
}

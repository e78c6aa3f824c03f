//! Lines of the log about what may happen at every request: at most one a minute, with the number of those that were left out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two lines.
pub const INTERVAL: Duration = Duration::from_secs(60);

/// The last line.
pub struct Last {
    at: Instant,
    /// What was left out since then.
    more: u64,
}

impl Last {
    /// A line that is written now.
    pub fn new(now: Instant) -> Self {
        Self { at: now, more: 0 }
    }

    /// Whether the time after it is over.
    pub fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) >= INTERVAL
    }

    /// The number of those that were left out, where this one is to be written.
    pub fn next(&mut self, now: Instant) -> Option<u64> {
        if self.is_over(now) {
            return Some(std::mem::replace(self, Self::new(now)).more);
        }
        self.more += 1;
        None
    }
}

/// Lines of one kind.
#[derive(Default)]
pub struct Throttle(Mutex<Option<Last>>);

impl Throttle {
    /// None was written yet.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The number of lines that were left out, where this one is to be written.
    pub fn next(&self, now: Instant) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some(last) => last.next(now),
            None => {
                *last = Some(Last::new(now));
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_line_a_minute_that_counts_the_others() {
        let (lines, start) = (Throttle::default(), Instant::now());
        let at = |seconds| lines.next(start + Duration::from_secs(seconds));
        assert_eq!([0, 1, 59, 60, 61, 130].map(at), [Some(0), None, None, Some(2), None, Some(1)]);
    }
}

//! How fast a worker is: over the last minute.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::jobs::overview::WorkerRow;
use crate::jobs::state::Progress;

/// How far back the speed looks.
const WINDOW: Duration = Duration::from_secs(60);

/// Pixels and bytes of sources that were finished, at some times of the last minute.
pub struct Rate(VecDeque<(Instant, f64, f64)>);

impl Rate {
    pub fn new() -> Self {
        Self(VecDeque::from([(Instant::now(), 0.0, 0.0)]))
    }

    /// Takes how much is finished now: whole units, and parts of those that are begun, with the bytes of their sources.
    pub fn add(&mut self, row: &WorkerRow, begun: impl Iterator<Item = (Progress, u64)>) {
        let whole = (row.pixels as f64, row.source_bytes as f64);
        let (pixels, bytes) = begun.fold(whole, |(pixels, bytes), (progress, source_bytes)| {
            let part = progress.families.min(progress.of) as f64 / progress.of.max(1) as f64;
            (pixels + part * progress.pixels as f64, bytes + part * source_bytes as f64)
        });
        let now = Instant::now();
        while self.0.len() > 1 && self.0.front().is_some_and(|(at, ..)| now - *at > WINDOW) {
            self.0.pop_front();
        }
        self.0.push_back((now, pixels, bytes));
    }

    /// Pixels and bytes of sources a second.
    pub fn per_second(&self) -> (f64, f64) {
        let (Some(first), Some(last)) = (self.0.front(), self.0.back()) else { return (0.0, 0.0) };
        let seconds = (last.0 - first.0).as_secs_f64().max(1e-3);
        // An attempt that fails takes back what it had done.
        ((last.1 - first.1).max(0.0) / seconds, (last.2 - first.2).max(0.0) / seconds)
    }
}

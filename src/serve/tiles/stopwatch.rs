//! Measures the steps of a family.

use std::time::{Duration, Instant};

/// Times of the steps of a family.
pub struct Stopwatch {
    started: Instant,
    last: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Stopwatch {
    pub fn start() -> Self {
        let now = Instant::now();
        Self { started: now, last: now, laps: Vec::new() }
    }

    /// Ends a step.
    pub fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        self.laps.push((name, now - std::mem::replace(&mut self.last, now)));
    }

    /// Time from the start to the end of the last step.
    pub fn total(&self) -> Duration {
        self.last - self.started
    }

    /// The steps with their times, for the log.
    pub fn text(&self) -> String {
        let laps = self.laps.iter().map(|(name, time)| format!("{name} {} us", time.as_micros()));
        laps.collect::<Vec<_>>().join(", ")
    }
}

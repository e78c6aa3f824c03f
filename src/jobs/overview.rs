//! How far everything is: counts, workers, speed, time left, cost.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entry::Entry;
use super::state::{Fault, Progress, State};
use super::unit::Key;

/// Age of a worker's report from which on it counts as gone.
const GONE_MS: u64 = 60_000;
/// Milliseconds of an hour.
const HOUR_MS: f64 = 3_600_000.0;

/// What a worker says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerRow {
    /// Its name, which no other worker has.
    pub name: String,
    /// When it began, in milliseconds since 1970 by its own clock.
    pub began_ms: u64,
    /// When it said this, by the same clock.
    pub seen_ms: u64,
    /// Whether it has ended in order.
    pub ended: bool,
    /// Whether it tells the addresses of units that they have ended.
    #[serde(default)]
    pub calls: bool,
    /// Units that it works on at a time.
    pub slots: usize,
    /// Units that it has finished.
    pub units: u64,
    /// Families that it has finished.
    pub families: u64,
    /// Pixels that it has finished.
    pub pixels: u64,
    /// Bytes of sources that it has finished.
    pub source_bytes: u64,
    /// What an hour of its machine costs.
    pub price_per_hour: f64,
    /// Pixels a second over the last minute.
    pub pixels_per_s: f64,
    /// Bytes of sources a second over the last minute.
    pub source_bytes_per_s: f64,
}

impl WorkerRow {
    /// Whether it works, by the clock of who asks.
    pub fn is_live(&self, now_ms: u64) -> bool {
        !self.ended && now_ms.abs_diff(self.seen_ms) < GONE_MS
    }

    /// What it has cost so far. It is by one clock, its own.
    pub fn cost(&self) -> f64 {
        self.seen_ms.saturating_sub(self.began_ms) as f64 / HOUR_MS * self.price_per_hour
    }
}

/// A unit that runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Running {
    /// Its key.
    pub key: Key,
    /// Its source.
    pub source: String,
    /// Of a band, its first row of families and the one after the last.
    pub rows: Option<[u32; 2]>,
    /// Bytes of the source, or of the band's share in it; 0 for a slide whose bands are joined.
    pub bytes: u64,
    /// The worker.
    pub worker: String,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// How far it is.
    pub progress: Progress,
}

/// A unit that was given up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dead {
    /// Its key.
    pub key: Key,
    /// Its source.
    pub source: String,
    /// Of a band, its first row of families and the one after the last.
    pub rows: Option<[u32; 2]>,
    /// Attempts.
    pub attempts: u32,
    /// Why the last one failed.
    pub fault: Option<Fault>,
}

impl From<Entry> for Running {
    fn from(Entry { unit, record }: Entry) -> Self {
        Self {
            rows: unit.rows(),
            key: unit.key,
            source: unit.source,
            bytes: if record.bands.is_empty() { unit.bytes } else { 0 },
            worker: record.worker.unwrap_or_default(),
            attempt: record.attempts,
            progress: record.progress,
        }
    }
}

impl From<Entry> for Dead {
    fn from(Entry { unit, record }: Entry) -> Self {
        let (rows, attempts, fault) = (unit.rows(), record.attempts, record.fault);
        Self { key: unit.key, source: unit.source, rows, attempts, fault }
    }
}

/// Units in one state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Their number, without bands.
    pub units: u64,
    /// Bands of slides that were split.
    pub bands: u64,
    /// Bytes of their sources: of a slide that was split those of its bands are counted.
    pub bytes: u64,
}

/// How far everything is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// Units by state, in the order of [`State::ALL`].
    pub counts: [Count; 5],
    /// Those that run.
    pub running: Vec<Running>,
    /// The first of those that were given up.
    pub dead: Vec<Dead>,
    /// All workers that there were.
    pub workers: Vec<WorkerRow>,
}

impl Overview {
    /// Most dead units that are listed.
    pub const MAX_DEAD: usize = 100;

    /// Lists a unit, for queues whose counts are known.
    #[cfg(feature = "nats")]
    pub(super) fn list(&mut self, entry: Entry) {
        match entry.record.state {
            State::Running => self.running.push(entry.into()),
            State::Dead => self.dead.push(entry.into()),
            _ => {}
        }
    }

    /// What scripts and the page read: `docs/schema/jobs-status.json`. `now_ms` is the time of day.
    pub fn json(&self, queue: &str, results: &str, now_ms: u64) -> Value {
        let counts = State::ALL.map(|state| (state.name().to_string(), json!(self.count(state))));
        let (families, pixels) = self.finished();
        let workers: Vec<_> = self
            .workers
            .iter()
            .map(|worker| {
                json!({
                    "name": worker.name, "live": worker.is_live(now_ms), "slots": worker.slots, "units": worker.units,
                    "families": worker.families, "pixels": worker.pixels, "pixels_per_s": worker.pixels_per_s,
                    "cost": worker.cost(),
                })
            })
            .collect();
        json!({
            "queue": queue, "results": results, "units": counts.into_iter().collect::<serde_json::Map<_, _>>(),
            "over": self.is_over(), "families": families, "pixels": pixels,
            "pixels_per_s": self.pixels_per_s(now_ms), "left_s": self.seconds_left(now_ms),
            "cost": self.cost(), "workers": workers, "running": self.running, "dead": self.dead,
        })
    }

    /// Units in a state.
    pub fn count(&self, state: State) -> Count {
        State::ALL
            .iter()
            .position(|s| *s == state)
            .and_then(|at| self.counts.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// All units.
    pub fn units(&self) -> u64 {
        self.counts.iter().map(|count| count.units).sum()
    }

    /// Whether nothing waits and nothing runs.
    pub fn is_over(&self) -> bool {
        let is_none = |state| matches!(self.count(state), Count { units: 0, bands: 0, .. });
        is_none(State::Waiting) && is_none(State::Running)
    }

    /// The workers that work.
    pub fn live(&self, now_ms: u64) -> impl Iterator<Item = &WorkerRow> {
        self.workers.iter().filter(move |worker| worker.is_live(now_ms))
    }

    /// Families and pixels that were finished.
    pub fn finished(&self) -> (u64, u64) {
        self.workers.iter().fold((0, 0), |(families, pixels), w| (families + w.families, pixels + w.pixels))
    }

    /// Pixels a second of all workers that work.
    pub fn pixels_per_s(&self, now_ms: u64) -> f64 {
        self.live(now_ms).map(|worker| worker.pixels_per_s).sum()
    }

    /// Seconds until everything is done at the present speed; `None` where there is none yet. The work of a unit is taken to be in
    /// proportion to the bytes of its source.
    pub fn seconds_left(&self, now_ms: u64) -> Option<f64> {
        let speed: f64 = self.live(now_ms).map(|worker| worker.source_bytes_per_s).sum();
        let begun: f64 = self.running.iter().map(Running::bytes_done).sum();
        let left = (self.count(State::Waiting).bytes + self.count(State::Running).bytes) as f64 - begun;
        if self.is_over() { Some(0.0) } else { (speed > 0.0).then(|| left.max(0.0) / speed) }
    }

    /// What all workers have cost so far.
    pub fn cost(&self) -> f64 {
        self.workers.iter().map(WorkerRow::cost).sum()
    }
}

impl Running {
    fn bytes_done(&self) -> f64 {
        let Progress { families, of, .. } = self.progress;
        if of == 0 { 0.0 } else { self.bytes as f64 * families.min(of) as f64 / of as f64 }
    }
}

//! The overview of a queue in lines.

use origami::jobs::state::State;
use origami::jobs::{Overview, Running, WorkerRow, named};

/// Most lines about running and dead units.
const MAX_LINES: usize = 20;

/// An overview and the time at which it is shown, in milliseconds since 1970.
pub struct Shown<'a> {
    pub queue: &'a str,
    pub results: &'a str,
    pub overview: &'a Overview,
    pub now_ms: u64,
}

impl Shown<'_> {
    /// What people read.
    pub fn lines(&self) -> Vec<String> {
        let overview = self.overview;
        let mut lines = vec![format!("{}: results in {}", self.queue, self.results), self.counts()];
        lines.extend(self.speed());
        for worker in overview.live(self.now_ms) {
            lines.push(format!("  {}", worker_line(worker, &overview.running)));
        }
        lines.extend(limited(overview.running.iter().map(|unit| format!("  {}", running_line(unit)))));
        lines.extend(limited(overview.dead.iter().map(|unit| {
            let reason = unit.fault.as_ref().map_or("no reason is known", |fault| &fault.message);
            // Most reasons begin with the name of the file.
            let reason = reason.strip_prefix(&format!("{}: ", unit.source)).unwrap_or(reason);
            let name = named(&unit.source, unit.rows);
            format!("  dead {name}: {reason} (attempts: {}, unit {})", unit.attempts, unit.key)
        })));
        lines
    }

    fn counts(&self) -> String {
        let of = |state| self.overview.count(state).units;
        let mut line = format!("{} of {} done", of(State::Done), self.overview.units());
        for state in [State::Running, State::Waiting, State::Dead, State::Cancelled] {
            if of(state) > 0 {
                line += &format!(", {} {}", of(state), state.name());
            }
        }
        let bands = |state| self.overview.count(state).bands;
        let open = bands(State::Waiting) + bands(State::Running);
        if open > 0 {
            line += &format!("; bands of large slides: {} running, {open} to be done", bands(State::Running));
        }
        line
    }

    /// Speed, time left, cost, as far as they are known.
    fn speed(&self) -> Option<String> {
        let overview = self.overview;
        let (families, pixels) = overview.finished();
        let mut parts = Vec::new();
        if families > 0 {
            parts.push(format!(
                "{}, {:.1} megapixels",
                crate::cli::print::families(families),
                pixels as f64 / 1e6
            ));
        }
        let speed = overview.pixels_per_s(self.now_ms);
        if speed > 0.0 {
            parts.push(format!("{:.1} megapixels/s", speed / 1e6));
        }
        if let Some(seconds) = overview.seconds_left(self.now_ms).filter(|seconds| *seconds > 0.0) {
            parts.push(format!("about {} left", spoken(seconds)));
        }
        let cost = overview.cost();
        if cost > 0.0 {
            parts.push(format!("{cost:.2} spent"));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// The first lines, and how many there are more.
fn limited(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<_> = lines.collect();
    if lines.len() > MAX_LINES {
        let more = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(format!("  and {more} more; --json has all"));
    }
    lines
}

fn worker_line(worker: &WorkerRow, running: &[Running]) -> String {
    let now = running.iter().filter(|unit| unit.worker == worker.name).count();
    format!(
        "worker {}: {now} running, {} done, {:.1} megapixels/s",
        worker.name,
        worker.units,
        worker.pixels_per_s / 1e6
    )
}

fn running_line(unit: &Running) -> String {
    let attempt = if unit.attempt > 1 { format!(", attempt {}", unit.attempt) } else { String::new() };
    let progress = &unit.progress;
    let name = named(&unit.source, unit.rows);
    format!("{name}: {} of {} families{attempt}", progress.families, progress.of)
}

/// A time as people say it.
fn spoken(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match minutes {
        0 | 1 if seconds < 90.0 => format!("{} s", seconds.round().max(1.0) as u64),
        0..100 => format!("{minutes} min"),
        _ if minutes < 2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_in_units_that_fit() {
        for (seconds, said) in [
            (0.2, "1 s"),
            (89.0, "89 s"),
            (90.0, "2 min"),
            (5999.0, "1 h 40 min"),
            (7200.0, "2 h 0 min"),
            (200_000.0, "2 days"),
        ] {
            assert_eq!(spoken(seconds), said);
        }
    }
}

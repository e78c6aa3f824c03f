//! Progress on standard error: a bar on a terminal, or lines of JSON.

use std::cell::Cell;
use std::fmt::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::json;

use super::args::work::Progress;

/// Time between two lines of JSON.
const INTERVAL: Duration = Duration::from_millis(500);

/// The progress of one input.
pub struct Families {
    bar: ProgressBar,
    json: Option<Lines>,
}

/// Progress as lines of JSON.
struct Lines {
    name: String,
    total: Cell<u64>,
    started: Instant,
    last: Cell<Option<Instant>>,
}

impl Families {
    /// Progress over `total` families of the input `name`.
    pub fn new(name: &str, total: u64, how: Progress) -> Self {
        let target =
            if how == Progress::Bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        // The bar takes what is left of the line: in a narrow terminal nothing, rather than a second line.
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} families  {rate}  {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
                // An error of drawing must not stop the work.
                write!(out, "{:.0} a second", state.per_sec()).ok();
            });
        let json = (how == Progress::Json).then(|| Lines {
            name: name.into(),
            total: Cell::new(total),
            started: Instant::now(),
            last: Cell::new(None),
        });
        Self { bar: ProgressBar::with_draw_target(Some(total), target).with_style(style), json }
    }

    /// `done` families are done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
        let Some(lines) = &self.json else { return };
        let due = lines.last.get().is_none_or(|last| last.elapsed() >= INTERVAL) || done == lines.total.get();
        if due {
            lines.last.set(Some(Instant::now()));
            let seconds = lines.started.elapsed().as_secs_f64();
            let line = json!({
                "progress": lines.name, "families": done, "of": lines.total.get(), "seconds": (seconds * 1e3).round() / 1e3,
            });
            eprintln!("{line}");
        }
    }

    /// `done` of now `of` families are done.
    pub fn set_of(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        if let Some(lines) = &self.json {
            lines.total.set(of);
        }
        self.set(done);
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

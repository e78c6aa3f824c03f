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
pub struct Work {
    bar: ProgressBar,
    json: Option<Lines>,
}

/// Progress as lines of JSON.
struct Lines {
    name: String,
    unit: &'static str,
    total: Cell<u64>,
    started: Instant,
    last: Cell<Option<Instant>>,
}

impl Work {
    /// Progress over `total` families of the input `name`.
    pub fn families(name: &str, total: u64, how: Progress) -> Self {
        Self::new(name, total, "families", how)
    }

    /// Progress over `total` parts of the input `name`; `unit` says what the parts are.
    pub fn new(name: &str, total: u64, unit: &'static str, how: Progress) -> Self {
        let target =
            if how == Progress::Bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        // The bar takes what is left of the line: in a narrow terminal nothing, rather than a second line.
        let template = format!("{{wide_bar}} {{pos}}/{{len}} {unit}  {{rate}}  {{eta}} left");
        let style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
                // An error of drawing must not stop the work.
                write!(out, "{:.0} a second", state.per_sec()).ok();
            });
        let json = (how == Progress::Json).then(|| Lines {
            name: name.into(),
            unit,
            total: Cell::new(total),
            started: Instant::now(),
            last: Cell::new(None),
        });
        Self { bar: ProgressBar::with_draw_target(Some(total), target).with_style(style), json }
    }

    /// `done` parts are done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
        let Some(lines) = &self.json else { return };
        let due = lines.last.get().is_none_or(|last| last.elapsed() >= INTERVAL) || done == lines.total.get();
        if due {
            lines.last.set(Some(Instant::now()));
            let seconds = lines.started.elapsed().as_secs_f64();
            let line = json!({
                "progress": lines.name, lines.unit: done, "of": lines.total.get(), "seconds": (seconds * 1e3).round() / 1e3,
            });
            eprintln!("{line}");
        }
    }

    /// `done` of now `of` parts are done.
    pub fn set_of(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        if let Some(lines) = &self.json {
            lines.total.set(of);
        }
        self.set(done);
    }

    /// Does what prints a line: the bar makes place for it.
    pub fn aside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

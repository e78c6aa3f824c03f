//! Figures for Prometheus, in the OpenMetrics text format.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::job::Status;
use super::registry::Registry;

/// All figures, without the end mark.
pub fn text(registry: &Registry) -> String {
    let mut text = Text::default();
    let jobs = {
        let jobs = registry.jobs();
        let count = |status| jobs.open.iter().filter(|live| live.status == status).count() as u64;
        [Status::Queued, Status::Processing].map(|status| (status.name(), count(status)))
    };
    let figures = &registry.figures;
    let of = |counter: &AtomicU64| counter.load(Relaxed);
    text.family("origami_jobs", "gauge", "Jobs that have not ended, by status", "status", &jobs);
    let ended = [
        (Status::Completed.name(), of(&figures.completed)),
        (Status::Failed.name(), of(&figures.failed)),
        (Status::Cancelled.name(), of(&figures.cancelled)),
    ];
    text.family("origami_jobs_ended", "counter", "Jobs that have ended since the start", "status", &ended);
    let calls = [("delivered", of(&figures.delivered)), ("refused", of(&figures.undelivered))];
    let help = "Calls of addresses about the end of jobs: taken, and rounds that were not";
    text.family("origami_job_callbacks", "counter", help, "result", &calls);
    let frames = [("rendered", of(&figures.frames)), ("dropped", 0)];
    text.family("origami_job_frames", "counter", "Frames of videos that are done", "result", &frames);
    let busy = [("render", of(&figures.render_ms) / 1000)];
    text.family(
        "origami_job_busy_seconds",
        "counter",
        "Time of the attempts that made videos",
        "kind",
        &busy,
    );
    text.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str, label: &str, values: &[(&str, u64)]) {
        let suffix = if kind == "counter" { "_total" } else { "" };
        // A string takes everything.
        let _ = writeln!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}");
        for (value, count) in values {
            let _ = writeln!(self.0, "{name}{suffix}{{{label}=\"{value}\"}} {count}");
        }
    }
}

//! Traces of a server's requests, for a collector that the environment names.

use origami::serve::{self, Collector, TraceSettings};

use crate::cli::log::Spans;

/// What is sent, and what is said about it.
#[derive(Default)]
pub enum Traces {
    /// Nothing, because nobody asked for it.
    #[default]
    Off,
    /// Nothing, for this reason.
    Failed(String),
    /// Traces, to this collector.
    Sent(serve::Traces, Collector),
}

impl Traces {
    /// Begins to send what the environment asks for.
    pub fn of_environment() -> Self {
        let collector = match TraceSettings::of_environment() {
            Ok(TraceSettings::To(collector)) => collector,
            Ok(TraceSettings::Off(_)) => return Self::Off,
            Err(wrong) => return Self::Failed(wrong.to_string()),
        };
        match serve::Traces::start(&collector) {
            Ok(traces) => Self::Sent(traces, collector),
            Err(problem) => Self::Failed(problem),
        }
    }

    /// What takes in spans.
    pub fn layer(&self) -> Spans {
        match self {
            Self::Sent(traces, _) => Some(Box::new(traces.layer())),
            Self::Off | Self::Failed(_) => None,
        }
    }

    /// Says in the log where they go. A server without them serves as well as any.
    pub fn say(&self) {
        match self {
            Self::Off => {}
            Self::Failed(problem) => tracing::warn!("no traces are sent: {problem}"),
            Self::Sent(_, collector) => tracing::info!("traces: sent to {}", collector.shown()),
        }
    }

    /// Sends the last ones.
    pub fn end(self) {
        if let Self::Sent(traces, _) = self {
            traces.end();
        }
    }
}

/// What a server would do, in words.
pub fn state() -> String {
    match TraceSettings::of_environment() {
        Ok(TraceSettings::To(collector)) => format!("sent to {}", collector.shown()),
        Ok(TraceSettings::Off(reason)) => format!("not sent: {reason}"),
        Err(wrong) => format!("not sent: {wrong}"),
    }
}

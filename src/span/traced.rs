//! Spans of a build with the feature `otel`: those of `tracing`, of one target, and the contexts of OpenTelemetry.

use std::sync::OnceLock;

use opentelemetry::Context;
use opentelemetry::context::{FutureExt, WithContext};
use opentelemetry::trace::TraceContextExt;
use tracing::Instrument;
use tracing::field::Value;
use tracing::instrument::Instrumented;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The target of all spans, by which they are told from those of other crates.
pub const TARGET: &str = "origami::span";

/// A step of a trace. It ends when the last of its clones is dropped, at the time at which it was last entered.
#[derive(Clone, Debug)]
pub struct Span(tracing::Span);

impl Default for Span {
    fn default() -> Self {
        Self::none()
    }
}

impl Span {
    /// No step.
    pub fn none() -> Self {
        Self(tracing::Span::none())
    }

    /// A step of what is traced here; nothing where nothing is, or where the trace is not kept.
    pub fn step(make: impl FnOnce() -> tracing::Span) -> Self {
        let is_traced = Context::map_current(|context| context.span().span_context().is_sampled());
        if is_traced { Self(make()) } else { Self::none() }
    }

    /// The first step of this program: the next one of the trace of `parent`, or that of a new trace.
    pub fn first(span: tracing::Span, parent: Context) -> Self {
        // An error says that nobody receives spans.
        drop(span.set_parent(parent));
        Self(span)
    }

    /// Does work as this step.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.in_scope(work)
    }

    /// The same of a future.
    pub fn around<F: Future>(&self, work: F) -> Instrumented<F> {
        work.instrument(self.0.clone())
    }

    /// Sets a field that was declared empty.
    pub fn record(&self, field: &str, value: impl Value) {
        self.0.record(field, value);
    }

    /// Says that this step has to do with another one, which is not above it.
    pub fn link(&self, other: &Place) {
        self.0.add_link(other.0.span().span_context().clone());
    }

    /// Ends it, if this is the last clone.
    pub fn end(self) {}
}

/// A place in a trace, for work on other threads and in other tasks. Unlike a [`Span`] it does not keep the step that it is in from its end.
#[derive(Clone, Debug, Default)]
pub struct Place(Context);

impl Place {
    /// Where the caller is.
    pub fn here() -> Self {
        Self(Context::current())
    }

    /// Whether steps are kept here.
    pub fn is_traced(&self) -> bool {
        self.0.span().span_context().is_sampled()
    }

    /// Does work here.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let _here = self.0.clone().attach();
        work()
    }

    /// The same of a future, whoever polls it.
    pub fn around<F: Future>(self, work: F) -> WithContext<F> {
        work.with_context(self.0)
    }
}

/// A place that is known later.
#[derive(Debug, Default)]
pub struct PlaceCell(OnceLock<Place>);

impl PlaceCell {
    /// Sets it, once.
    pub fn set(&self, place: Place) {
        drop(self.0.set(place));
    }

    /// The place; that of no trace before it is known.
    pub fn get(&self) -> Place {
        self.0.get().cloned().unwrap_or_default()
    }
}

macro_rules! span {
    ($name:literal $(, $($fields:tt)+)?) => {
        $crate::span::Span::step(|| ::tracing::info_span!(target: $crate::span::TARGET, $name $(, $($fields)+)?))
    };
}
pub(crate) use span;

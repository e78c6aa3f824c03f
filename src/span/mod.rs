//! Spans: the steps of a request, from HTTP to the kernels, for traces.
//!
//! `span!("kernel", origami.backend = "cpu")` is a step of what is traced in the thread or future that makes it. Where nothing is traced it
//! is nothing: an encode, which no request asked for, has no steps. A [`Place`] carries a trace to other threads and tasks. Knows no HTTP and
//! nobody who receives spans; `serve::traces` sends them.
//!
//! **What it costs.** With the feature `otel` a step is a span of `tracing`; where no request is traced it costs a look at a variable of the
//! thread. Without the feature the macro and both types are empty: no code is left, and the fields are not even evaluated. A level of
//! `tracing` that is disabled at compile time would do the same, but such levels are features of that crate, hold for the whole program, and
//! would take the lines of the log along. Hence a macro of our own, here and nowhere else.

#[cfg(not(feature = "otel"))]
#[allow(dead_code, reason = "a build without the server or the GPU uses parts of it")]
mod nothing;
#[cfg(feature = "otel")]
mod traced;

#[cfg(not(feature = "otel"))]
#[allow(unused_imports, reason = "the same")]
pub(crate) use nothing::{Place, PlaceCell, Span, span};
#[cfg(feature = "otel")]
pub(crate) use traced::{Place, PlaceCell, Span, TARGET, span};

#[cfg(all(test, feature = "otel"))]
mod tests;

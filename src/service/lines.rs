//! Lines of the log about what any request may run into: at most one a minute of a kind, with the number of those that were left out.

use std::fmt::Display;
use std::time::Instant;

use crate::serve::Throttle;

/// Lines of one kind.
pub struct Lines(Throttle);

impl Lines {
    pub const fn new() -> Self {
        Self(Throttle::new())
    }

    pub fn warn(&self, line: &dyn Display) {
        match self.0.next(Instant::now()) {
            None => {}
            Some(0) => tracing::warn!("{line}"),
            Some(more) => tracing::warn!(more, "{line}"),
        }
    }

    pub fn error(&self, line: &dyn Display) {
        match self.0.next(Instant::now()) {
            None => {}
            Some(0) => tracing::error!("{line}"),
            Some(more) => tracing::error!(more, "{line}"),
        }
    }
}

//! What an attempt works with, and why it does not publish.

use crate::backend::Backend;
use crate::backend::scheduler::Scheduler;
use crate::error::diagnosis::{Diagnose, FaultKind};
use crate::jobs::queue::Queue;
use crate::jobs::results::Results;
use crate::jobs::state::{Fault, Outlook};

/// What an attempt works with.
pub struct Tools<'a> {
    pub queue: &'a dyn Queue,
    pub results: &'a Results,
    pub backend: &'a dyn Backend,
    pub scheduler: &'a Scheduler,
    /// Attempts that share the threads of the scheduler.
    pub slots: usize,
    /// The name of the worker.
    pub worker: &'a str,
}

/// Why an attempt does not publish.
pub enum Stop {
    Interrupted,
    Fault(Fault),
    /// The store has not said whether the manifest is there: it may count on the files.
    Unanswered(Fault),
}

impl Stop {
    pub fn of(error: &(impl Diagnose + std::fmt::Display)) -> Self {
        let outlook = match error.diagnosis().kind {
            FaultKind::Interrupted => return Self::Interrupted,
            FaultKind::MayPass => Outlook::Transient,
            _ => Outlook::Permanent,
        };
        Self::Fault(Fault { outlook, message: error.to_string() })
    }
}

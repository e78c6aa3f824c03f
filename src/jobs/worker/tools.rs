//! What an attempt works with, and why it does not publish.

use crate::backend::Backend;
use crate::backend::scheduler::Scheduler;
use crate::error::diagnosis::{Diagnose, FaultKind};
use crate::jobs::code::Code;
use crate::jobs::error::Error;
use crate::jobs::queue::Queue;
use crate::jobs::renderer::Renderer;
use crate::jobs::results::Results;
use crate::jobs::state::{Fault, Outlook};

/// What an attempt works with.
pub struct Tools<'a> {
    pub queue: &'a dyn Queue,
    pub results: &'a Results,
    pub backend: &'a dyn Backend,
    pub scheduler: &'a Scheduler,
    /// What tours are rendered with.
    pub renderer: &'a Renderer,
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
        Self::Fault(Fault::new(outlook, error.to_string()))
    }

    /// The same with a code.
    pub fn coded(self, code: Option<Code>) -> Self {
        match (self, code) {
            (Self::Fault(fault), Some(code)) => Self::Fault(fault.coded(code)),
            (other, _) => other,
        }
    }

    /// Of the place of the results, or of the queue.
    pub fn of_storage(error: &Error) -> Self {
        Self::of(error).coded(Some(Code::StorageAccessError))
    }
}

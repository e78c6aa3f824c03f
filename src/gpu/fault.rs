//! Injected faults: tests use them to check that no family is lost when a device fails.
//!
//! Without them, as in ordinary use, every check here is one test for `None`.

use std::fmt;
use std::sync::Arc;

use super::shader::Kernel;

/// Where a device can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Opening the adapter.
    Open,
    /// Compiling a shader.
    Compile,
    /// Allocating a buffer.
    Allocate,
    /// Submitting a batch to the queue.
    Submit,
    /// Waiting for a batch.
    Wait,
    /// The driver's call that waits; the fault is a panic in it.
    Poll,
    /// Reading results.
    Download,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Stage; 7] = [
        Stage::Open,
        Stage::Compile,
        Stage::Allocate,
        Stage::Submit,
        Stage::Wait,
        Stage::Poll,
        Stage::Download,
    ];
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The device is lost: it is destroyed.
    Lost,
    /// The device is out of memory.
    OutOfMemory,
    /// The batch does not come back in time.
    Hung,
}

type Plan = dyn Fn(Stage) -> Option<Fault> + Send + Sync;
type Edit = dyn Fn(Kernel, String) -> String + Send + Sync;

/// When to fail, and how to change shaders.
#[derive(Clone, Default)]
pub struct Faults {
    plan: Option<Arc<Plan>>,
    edit: Option<Arc<Edit>>,
}

impl Faults {
    /// Calls `plan` at every stage; its result is the fault.
    pub fn new(plan: impl Fn(Stage) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self { plan: Some(Arc::new(plan)), edit: None }
    }

    /// Replaces the text of shaders, to check that a broken one is noticed.
    pub fn edit_shaders(edit: impl Fn(Kernel, String) -> String + Send + Sync + 'static) -> Self {
        Self { plan: None, edit: Some(Arc::new(edit)) }
    }

    pub(super) fn at(&self, stage: Stage) -> Option<Fault> {
        self.plan.as_ref().and_then(|plan| plan(stage))
    }

    pub(super) fn shader(&self, kernel: Kernel, source: String) -> String {
        match &self.edit {
            Some(edit) => edit(kernel, source),
            None if self.at(Stage::Compile).is_some() => format!("{source}\nthis is not WGSL"),
            None => source,
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plan, edit) = (self.plan.is_some(), self.edit.is_some());
        f.debug_struct("Faults").field("plan", &plan).field("edit", &edit).finish()
    }
}

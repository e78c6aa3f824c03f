//! Faults on purpose: what tests use to see that no family is lost when a device fails.
//!
//! In ordinary use there are none, and every question here is answered at once with "no".

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
    /// Getting a buffer.
    Allocate,
    /// Handing a batch to the queue.
    Submit,
    /// Waiting for a batch.
    Wait,
    /// The driver's own call that waits: it panics there.
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

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The device goes away, for real: it is destroyed.
    Lost,
    /// Memory is refused.
    OutOfMemory,
    /// The batch does not come back in time.
    Hung,
}

type Plan = dyn Fn(Stage) -> Option<Fault> + Send + Sync;
type Edit = dyn Fn(Kernel, String) -> String + Send + Sync;

/// When to fail, and which shaders to spoil.
#[derive(Clone, Default)]
pub struct Faults {
    plan: Option<Arc<Plan>>,
    edit: Option<Arc<Edit>>,
}

impl Faults {
    /// `plan` is asked every time a stage is passed.
    pub fn new(plan: impl Fn(Stage) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self { plan: Some(Arc::new(plan)), edit: None }
    }

    /// Replaces the text of shaders: to see that a broken one is noticed.
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

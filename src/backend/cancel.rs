//! A request to end runs before they are done: from a signal, another thread, a server that stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::{Error, Result};
use crate::store;

/// A request to end, shared by its clones. Once made, it stays.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for the end of all runs that share this request. Safe in a signal handler.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`Error::Interrupted`] once the end was asked for.
    pub fn check(&self) -> Result<()> {
        if self.is_requested() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Runs `work`, in which waits of this thread for stores far away end with an error once the request is made.
    pub fn ends_waits<T>(&self, work: impl FnOnce() -> T) -> T {
        store::until(&self.0, work)
    }
}

/// A flag that a signal handler sets is a request.
impl From<Arc<AtomicBool>> for Cancel {
    fn from(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }
}

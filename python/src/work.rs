//! Calls that take long: without the interpreter's lock, and ended by Ctrl-C.
//!
//! A signal is seen when the thread that Python calls its main one asks for it. So a long run has a thread of its own, and the caller
//! waits and asks; a read asks between its parts.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use origami::backend::Cancel;
use pyo3::prelude::*;

use crate::errors::Result;

/// Time between two questions for signals.
const PERIOD: Duration = Duration::from_millis(50);

/// Runs `work` on another thread and calls `tick` meanwhile. A signal or an exception of `tick` requests `cancel`, and is returned
/// once the work has ended.
///
/// # Errors
/// That exception; else the error of the work.
pub fn interruptible<T: Send>(
    py: Python<'_>,
    cancel: &Cancel,
    tick: impl Fn(Python<'_>) -> PyResult<()> + Sync,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    py.detach(|| {
        thread::scope(|scope| {
            let (done, ended) = sync_channel::<()>(1);
            let run = scope.spawn(move || {
                // Dropped at the end, or by a panic, which the receiver notices.
                let _done = done;
                work()
            });
            let mut raised = None;
            while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                let asked = Python::attach(|py| py.check_signals().and_then(|()| tick(py)));
                if let (Err(error), None) = (asked, &raised) {
                    cancel.request();
                    raised = Some(error);
                }
            }
            let result = run.join().unwrap_or_else(|panic| resume_unwind(panic));
            match raised {
                Some(error) => Err(error),
                None => Ok(result?),
            }
        })
    })
}

/// Asks for signals from time to time; for the loops of a read.
pub struct Poll(Cell<Instant>);

impl Poll {
    /// Asks for the first time after [`PERIOD`].
    pub fn new() -> Self {
        Self(Cell::new(Instant::now()))
    }

    /// # Errors
    /// The exception of a signal.
    pub fn ask(&self) -> Result<()> {
        if self.0.get().elapsed() < PERIOD {
            return Ok(());
        }
        self.0.set(Instant::now());
        Ok(Python::attach(|py| py.check_signals())?)
    }
}

//! Calls that take long: without the interpreter's lock, and ended by Ctrl-C.
//!
//! A signal is seen when the thread that Python calls its main one asks for it. So a long run has a thread of its own, and the caller
//! waits and asks; a read asks between its parts.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use origami::backend::Cancel;
use origami::pixels::ReadError;
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
pub struct Poll {
    last: Cell<Instant>,
    raised: RefCell<Option<PyErr>>,
}

impl Poll {
    /// Asks for the first time after [`PERIOD`].
    pub fn new() -> Self {
        Self { last: Cell::new(Instant::now()), raised: RefCell::new(None) }
    }

    /// Whether the read goes on: no signal has raised an exception.
    pub fn goes_on(&self) -> bool {
        if self.last.get().elapsed() < PERIOD {
            return true;
        }
        self.last.set(Instant::now());
        match Python::attach(|py| py.check_signals()) {
            Ok(()) => true,
            Err(error) => {
                self.raised.replace(Some(error));
                false
            }
        }
    }

    /// The result of the read.
    ///
    /// # Errors
    /// That of the read, or the exception that ended it.
    pub fn result<T>(&self, read: Result<T, ReadError>) -> Result<T> {
        match (read, self.raised.take()) {
            (Err(ReadError::Stopped), Some(raised)) => Err(raised.into()),
            (read, _) => Ok(read?),
        }
    }
}

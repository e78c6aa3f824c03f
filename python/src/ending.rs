//! Calls of Python by threads of Rust, and the end of the interpreter.
//!
//! An interpreter that ends ends every other thread that comes to it. In the middle of Rust this aborts the program. So when Python ends, calls
//! are refused from then on, and those under way are waited for.

use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::{self, ThreadId};
use std::time::Duration;

use pyo3::prelude::*;

/// Whether the interpreter ends.
static ENDING: AtomicBool = AtomicBool::new(false);
/// The thread that ends it.
static BY: OnceLock<ThreadId> = OnceLock::new();
/// The calls under way, below the number of their process: a child that was forked has none of its parent's.
static CALLS: AtomicU64 = AtomicU64::new(0);
const PROCESS_SHIFT: u32 = 32;
/// Time between two looks at the calls under way.
const PERIOD: Duration = Duration::from_millis(5);

/// A call under way.
struct Call;

impl Call {
    fn begin() -> Self {
        let none = u64::from(process::id()) << PROCESS_SHIFT;
        let next = |calls: u64| match calls >> PROCESS_SHIFT == none >> PROCESS_SHIFT {
            true => Some(calls + 1),
            false => Some(none + 1),
        };
        // There is always a next number.
        let _ = CALLS.fetch_update(SeqCst, SeqCst, next);
        Self
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, SeqCst);
    }
}

fn are_under_way() -> bool {
    let calls = CALLS.load(SeqCst);
    calls >> PROCESS_SHIFT == u64::from(process::id()) && calls as u32 > 0
}

/// Runs `call` with the interpreter; `None` if that is ending.
pub fn attached<T>(call: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _call = Call::begin();
    // Asked after the call was counted: it is either waited for, or not begun.
    if ENDING.load(SeqCst) { None } else { Python::try_attach(call) }
}

/// Keeps a thread of Python, such as a daemon, from coming back to an interpreter that is ending. For the thread that ends it, nothing.
pub fn stay_away() {
    while ENDING.load(SeqCst) && BY.get() != Some(&thread::current().id()) {
        thread::park();
    }
}

/// Called when the interpreter begins to end: refuses calls, and waits for those under way.
///
/// # Errors
/// That of a signal, which ends the wait.
#[pyfunction]
pub fn end(py: Python<'_>) -> PyResult<()> {
    BY.get_or_init(|| thread::current().id());
    ENDING.store(true, SeqCst);
    loop {
        // At least once: threads that are on their way back come before the end.
        py.detach(|| thread::sleep(PERIOD));
        py.check_signals()?;
        if !are_under_way() {
            return Ok(());
        }
    }
}

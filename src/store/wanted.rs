//! Whether what a thread waits for is still wanted: a store far away may not answer for minutes.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

thread_local! {
    /// The requests to end of what this thread is doing.
    static REQUESTS: RefCell<Vec<Arc<AtomicBool>>> = const { RefCell::new(Vec::new()) };
}

/// Nobody wants the answer of a store any more.
#[derive(Debug, thiserror::Error)]
#[error("the end of the run was requested")]
struct GivenUp;

/// Runs `work`, in which no wait for a store on this thread goes on for long once `request` is true: it ends with an error.
pub fn until<T>(request: &Arc<AtomicBool>, work: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            REQUESTS.with_borrow_mut(|requests| drop(requests.pop()));
        }
    }
    REQUESTS.with_borrow_mut(|requests| requests.push(request.clone()));
    let _leave = Leave;
    work()
}

/// Whether an error is that of a wait that was given up.
pub fn is_given_up(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<GivenUp>())
}

/// The requests to end of what a thread is doing.
#[cfg_attr(not(feature = "remote"), allow(dead_code))]
pub(super) struct Requests(Vec<Arc<AtomicBool>>);

#[cfg_attr(not(feature = "remote"), allow(dead_code))]
impl Requests {
    /// Those of this thread; `None` where there are none.
    pub fn of_thread() -> Option<Self> {
        let requests = REQUESTS.with_borrow(Clone::clone);
        (!requests.is_empty()).then_some(Self(requests))
    }

    /// Whether one was made.
    pub fn is_made(&self) -> bool {
        self.0.iter().any(|request| request.load(Relaxed))
    }

    /// The error of what is given up.
    pub fn error() -> io::Error {
        io::Error::other(GivenUp)
    }
}

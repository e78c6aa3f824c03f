//! What is open in one process: a child that was forked opens it again.
//!
//! A child has the parent's files and locks, but not the threads that may hold them. So the process is noted beside what is open, and
//! what came with a fork is neither used nor dropped.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something open, and the process that opened it.
pub struct PerProcess<T: ?Sized> {
    /// Locked only while the interpreter is held: so no other thread can hold it when a process forks.
    state: Mutex<State<T>>,
}

struct State<T: ?Sized> {
    open: Option<Arc<T>>,
    process: u32,
}

impl<T: ?Sized> Default for PerProcess<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { open: None, process: process::id() }) }
    }
}

impl<T: ?Sized> PerProcess<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.process != process::id() {
            // Never dropped: another thread of the parent may have held a lock in it, for ever now.
            std::mem::forget(state.open.take());
            state.process = process::id();
        }
        state
    }

    /// What this process has open.
    pub fn get(&self) -> Option<Arc<T>> {
        self.state().open.clone()
    }

    /// Puts what this process opened in its place.
    pub fn set(&self, open: Arc<T>) {
        self.state().open = Some(open);
    }

    /// Takes what this process has open.
    pub fn take(&self) -> Option<Arc<T>> {
        self.state().open.take()
    }
}

/// What was inherited by a fork is not dropped.
impl<T: ?Sized> Drop for PerProcess<T> {
    fn drop(&mut self) {
        drop(self.state());
    }
}

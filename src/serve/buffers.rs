//! The memory of families, used again and again: planes in, planes out.
//!
//! A family needs the same few planes as the one before; a fresh megabyte costs more to get from the system than to fill.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::image::family::{DecodedFamily, Reconstruction};

/// What one family needs.
#[derive(Default)]
pub struct FamilyBuffers {
    /// Its payloads, decoded.
    pub decoded: DecodedFamily,
    /// What becomes of them.
    pub made: Reconstruction,
}

/// Buffers that nobody uses, at most so many, and a count of those in use.
pub struct Buffers {
    idle: Mutex<Vec<FamilyBuffers>>,
    most: usize,
    used: AtomicUsize,
}

/// Buffers in use; they go back when this is dropped.
pub struct Lent {
    buffers: FamilyBuffers,
    home: Arc<Buffers>,
}

impl Buffers {
    /// Keeps at most `most` that nobody uses. They are made when they are first needed.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::default(), most, used: AtomicUsize::new(0) })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<FamilyBuffers>> {
        self.idle.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The buffers that were used last, else new ones.
    pub fn take(self: &Arc<Self>) -> Lent {
        let buffers = self.idle().pop().unwrap_or_default();
        self.used.fetch_add(1, Relaxed);
        Lent { buffers, home: self.clone() }
    }

    /// How many are idle and how many in use.
    pub fn counts(&self) -> (usize, usize) {
        (self.idle().len(), self.used.load(Relaxed))
    }
}

impl Deref for Lent {
    type Target = FamilyBuffers;

    fn deref(&self) -> &FamilyBuffers {
        &self.buffers
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut FamilyBuffers {
        &mut self.buffers
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffers = std::mem::take(&mut self.buffers);
        let mut idle = self.home.idle();
        if idle.len() < self.home.most {
            idle.push(buffers);
        }
        drop(idle);
        self.home.used.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_and_no_more_are_kept_than_asked_for() {
        let buffers = Buffers::new(2);
        let mut first = buffers.take();
        first.decoded.residual.luma.reset(64, 64);
        let memory = first.decoded.residual.luma.data().as_ptr();
        drop(first);
        let again = buffers.take();
        assert_eq!(again.decoded.residual.luma.data().as_ptr(), memory);
        let more = [buffers.take(), buffers.take()];
        assert_eq!(buffers.counts(), (0, 3));
        drop((again, more));
        assert_eq!(buffers.counts(), (2, 0));
    }
}

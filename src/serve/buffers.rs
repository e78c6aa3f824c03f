//! A pool of the planes that a family's reconstruction needs.
//!
//! Every family needs planes of the same few sizes, and fresh memory costs more to get from the system than to fill.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::image::family::{DecodedFamily, Reconstruction};

/// The planes of one family.
#[derive(Default)]
pub struct FamilyBuffers {
    /// Its decoded payloads.
    pub decoded: DecodedFamily,
    /// Its reconstruction.
    pub made: Reconstruction,
}

/// Idle buffers, and the number of those in use.
pub struct BufferPool {
    idle: Mutex<Vec<FamilyBuffers>>,
    max_idle: usize,
    used: AtomicUsize,
}

/// Buffers in use, which return to their pool on drop.
pub struct PooledBuffers {
    buffers: FamilyBuffers,
    pool: Arc<BufferPool>,
}

impl BufferPool {
    /// An empty pool that keeps at most `max_idle` buffers.
    pub fn new(max_idle: usize) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::default(), max_idle, used: AtomicUsize::new(0) })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<FamilyBuffers>> {
        self.idle.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Takes the buffers that were returned last, whose memory is warmest, else new ones.
    pub fn acquire(self: &Arc<Self>) -> PooledBuffers {
        let buffers = self.idle().pop().unwrap_or_default();
        self.used.fetch_add(1, Relaxed);
        PooledBuffers { buffers, pool: self.clone() }
    }

    /// Numbers of idle buffers and of those in use.
    pub fn counts(&self) -> (usize, usize) {
        (self.idle().len(), self.used.load(Relaxed))
    }
}

impl Deref for PooledBuffers {
    type Target = FamilyBuffers;

    fn deref(&self) -> &FamilyBuffers {
        &self.buffers
    }
}

impl DerefMut for PooledBuffers {
    fn deref_mut(&mut self) -> &mut FamilyBuffers {
        &mut self.buffers
    }
}

impl Drop for PooledBuffers {
    fn drop(&mut self) {
        let buffers = std::mem::take(&mut self.buffers);
        let mut idle = self.pool.idle();
        if idle.len() < self.pool.max_idle {
            idle.push(buffers);
        }
        drop(idle);
        self.pool.used.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_return_to_the_pool_up_to_its_limit() {
        let buffers = BufferPool::new(2);
        let mut first = buffers.acquire();
        first.decoded.residual.luma.reset(64, 64);
        let memory = first.decoded.residual.luma.data().as_ptr();
        drop(first);
        let again = buffers.acquire();
        assert_eq!(again.decoded.residual.luma.data().as_ptr(), memory);
        let more = [buffers.acquire(), buffers.acquire()];
        assert_eq!(buffers.counts(), (0, 3));
        drop((again, more));
        assert_eq!(buffers.counts(), (2, 0));
    }
}

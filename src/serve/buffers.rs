//! A pool of the planes that a family's reconstruction needs. They keep what they hold, so that the next tile of a family begins there.
//!
//! Every family needs planes of the same few sizes, and fresh memory costs more to get from the system than to fill.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use super::singleflight::CallKey;
use crate::image::family::{DecodedFamily, Reconstruction};
use crate::image::geometry::Rect;

/// The planes of one family.
#[derive(Default)]
pub struct FamilyBuffers {
    /// Its decoded payloads.
    pub decoded: DecodedFamily,
    /// Its reconstruction.
    pub made: Reconstruction,
    /// Which part of them is right. Take it before planes are written, and put it back when they are.
    pub state: State,
}

/// What buffers hold.
#[derive(Default)]
pub struct State {
    /// The family whose baseline is decoded.
    pub family: Option<CallKey>,
    /// The parts of its L0 whose residual is decoded.
    pub residual: Vec<Rect>,
    /// Whether all of it is reconstructed.
    pub is_made: bool,
}

/// Idle buffers, and the number of those in use.
pub struct BufferPool {
    /// Those that were returned last are at the back.
    idle: Mutex<VecDeque<FamilyBuffers>>,
    max_idle: usize,
    max_total: usize,
    used: AtomicUsize,
}

/// Buffers in use, which return to their pool on drop.
pub struct PooledBuffers {
    buffers: FamilyBuffers,
    pool: Arc<BufferPool>,
}

impl BufferPool {
    /// An empty pool that keeps at most `max_idle` buffers, and makes no more than `max_total` while others are idle.
    pub fn new(max_idle: usize, max_total: usize) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::default(), max_idle, max_total, used: AtomicUsize::new(0) })
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<FamilyBuffers>> {
        self.idle.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Takes the buffers that hold the family `key`, else new ones, else those that have been idle longest.
    pub fn acquire(self: &Arc<Self>, key: CallKey) -> PooledBuffers {
        let mut idle = self.idle();
        let known = idle.iter().position(|buffers| buffers.state.family == Some(key));
        let has_room = idle.len() + self.used.fetch_add(1, Relaxed) < self.max_total;
        let buffers = match known {
            Some(index) => idle.remove(index),
            None if has_room => None,
            None => idle.pop_front(),
        };
        drop(idle);
        let mut buffers = buffers.unwrap_or_default();
        if buffers.state.family != Some(key) {
            buffers.state = State::default();
        }
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
        let mut buffers = std::mem::take(&mut self.buffers);
        if !buffers.state.is_made {
            // Half of the memory, and of another family: under load few families are made whole.
            buffers.made = Reconstruction::default();
        }
        let mut idle = self.pool.idle();
        if idle.len() < self.pool.max_idle {
            idle.push_back(buffers);
        }
        drop(idle);
        self.pool.used.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::geometry::Geometry;

    #[test]
    fn buffers_keep_their_family_and_the_oldest_are_used_again() {
        let geometry = Geometry::new(4096, 1024, 256).unwrap();
        let key = |x| (1, geometry.family(x, 0).unwrap());
        let pool = BufferPool::new(2, 2);
        let hold = |x| {
            let mut buffers = pool.acquire(key(x));
            let known = buffers.state.family == Some(key(x));
            buffers.decoded.residual.luma.reset(64, 64);
            buffers.state.family = Some(key(x));
            (known, buffers.decoded.residual.luma.data().as_ptr())
        };
        let (first, second) = (hold(0), hold(1));
        assert!(!first.0 && !second.0 && first.1 != second.1);
        assert_eq!((hold(0), hold(1)), ((true, first.1), (true, second.1)));
        assert_eq!(pool.counts(), (2, 0));
        // The planes of family 0 have been idle longest.
        assert_eq!(hold(2), (false, first.1));
        assert_eq!((hold(1), hold(0).0), ((true, second.1), false));
        let all = [0, 1, 2].map(|x| pool.acquire(key(x)));
        assert_eq!(pool.counts(), (0, 3));
        drop(all);
        assert_eq!(pool.counts(), (2, 0));
    }

    #[test]
    fn what_is_written_half_belongs_to_no_family() {
        let geometry = Geometry::new(1024, 1024, 256).unwrap();
        let (pool, key) = (BufferPool::new(2, 2), (1, geometry.family(0, 0).unwrap()));
        let mut buffers = pool.acquire(key);
        buffers.state = State { family: Some(key), residual: Vec::new(), is_made: true };
        drop(buffers);
        let mut again = pool.acquire(key);
        assert!(again.state.is_made);
        // An error or a panic in between leaves them so.
        drop(std::mem::take(&mut again.state));
        drop(again);
        assert!(!pool.acquire(key).state.is_made);
    }
}

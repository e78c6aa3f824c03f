//! A pool of the planes that a family's reconstruction needs. They keep what they hold, so that the next tile of a family begins there.
//!
//! Every family needs planes of the same few sizes, and fresh memory costs more to get from the system than to fill. Idle planes take what
//! requests leave of their budget.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use super::singleflight::CallKey;
use crate::image::family::{DecodedFamily, Reconstruction};
use crate::image::geometry::Rect;
use crate::web::budget::Budget;

/// The planes of one family.
#[derive(Default)]
pub struct FamilyBuffers {
    /// Its decoded payloads.
    pub decoded: DecodedFamily,
    /// Its reconstruction.
    pub made: Reconstruction,
    /// Which part of them is right. Take it before planes are written, and put it back when they are.
    pub state: State,
    /// What they take at most.
    bytes: u64,
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
    idle_bytes: AtomicU64,
    max_idle: usize,
    max_total: usize,
    used: AtomicUsize,
    budget: Arc<Budget>,
}

/// Buffers in use, which return to their pool on drop.
pub struct PooledBuffers {
    buffers: FamilyBuffers,
    pool: Arc<BufferPool>,
}

impl BufferPool {
    /// An empty pool that keeps at most `max_idle` buffers, no more than are free of `budget`, and makes no more than `max_total` while
    /// others are idle.
    pub fn new(max_idle: usize, max_total: usize, budget: Arc<Budget>) -> Arc<Self> {
        let (idle_bytes, used) = (AtomicU64::new(0), AtomicUsize::new(0));
        Arc::new(Self { idle: Mutex::default(), idle_bytes, max_idle, max_total, used, budget })
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<FamilyBuffers>> {
        self.idle.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Takes the buffers that hold the family `key`, else new ones, else those that have been idle longest. They take `bytes` at most,
    /// which the caller has of the budget.
    pub fn acquire(self: &Arc<Self>, key: CallKey, bytes: u64) -> PooledBuffers {
        let mut idle = self.idle();
        let known = idle.iter().position(|buffers| buffers.state.family == Some(key));
        let has_room = idle.len() + self.used.fetch_add(1, Relaxed) < self.max_total;
        let buffers = match known {
            Some(index) => idle.remove(index),
            None if has_room => None,
            None => idle.pop_front(),
        };
        if let Some(buffers) = &buffers {
            self.idle_bytes.fetch_sub(buffers.bytes, Relaxed);
        }
        drop(idle);
        // Planes of larger families would keep their memory.
        let mut buffers = buffers.filter(|buffers| buffers.bytes <= bytes).unwrap_or_default();
        buffers.bytes = bytes;
        if buffers.state.family != Some(key) {
            buffers.state = State::default();
        }
        PooledBuffers { buffers, pool: self.clone() }
    }

    /// Gives idle planes up until they fit into what is free of the budget, and `more`.
    pub fn make_room(&self, more: u64) {
        let free = self.budget.free_bytes() + more;
        if self.idle_bytes.load(Relaxed) <= free {
            return;
        }
        let (mut idle, mut oldest) = (self.idle(), Vec::new());
        while self.idle_bytes.load(Relaxed) > free {
            let Some(buffers) = idle.pop_front() else { break };
            self.idle_bytes.fetch_sub(buffers.bytes, Relaxed);
            oldest.push(buffers);
        }
        drop(idle);
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
        let (mut idle, bytes) = (self.pool.idle(), buffers.bytes);
        if idle.len() < self.pool.max_idle {
            self.pool.idle_bytes.fetch_add(bytes, Relaxed);
            idle.push_back(buffers);
        }
        drop(idle);
        // They still count as in use.
        self.pool.make_room(bytes);
        self.pool.used.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::image::geometry::Geometry;
    use crate::web::budget::Purpose;

    #[test]
    fn buffers_keep_their_family_and_the_oldest_are_used_again() {
        let geometry = Geometry::new(4096, 1024, 256).unwrap();
        let key = |x| (1, geometry.family(x, 0).unwrap());
        let budget = Arc::new(Budget::new(1 << 20, Duration::ZERO));
        let pool = BufferPool::new(2, 2, budget);
        let hold = |x| {
            let mut buffers = pool.acquire(key(x), 8192);
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
        let all = [0, 1, 2].map(|x| pool.acquire(key(x), 8192));
        assert_eq!(pool.counts(), (0, 3));
        drop(all);
        assert_eq!(pool.counts(), (2, 0));
    }

    #[test]
    fn what_is_written_half_belongs_to_no_family() {
        let geometry = Geometry::new(1024, 1024, 256).unwrap();
        let budget = Arc::new(Budget::new(1 << 20, Duration::ZERO));
        let (pool, key) = (BufferPool::new(2, 2, budget), (1, geometry.family(0, 0).unwrap()));
        let mut buffers = pool.acquire(key, 8192);
        buffers.state = State { family: Some(key), residual: Vec::new(), is_made: true };
        drop(buffers);
        let mut again = pool.acquire(key, 8192);
        assert!(again.state.is_made);
        // An error or a panic in between leaves them so.
        drop(std::mem::take(&mut again.state));
        drop(again);
        assert!(!pool.acquire(key, 8192).state.is_made);
    }

    #[tokio::test]
    async fn idle_planes_go_where_requests_need_their_bytes() {
        let geometry = Geometry::new(4096, 1024, 256).unwrap();
        let key = |x| (1, geometry.family(x, 0).unwrap());
        let budget = Arc::new(Budget::new(64 << 10, Duration::ZERO));
        let pool = BufferPool::new(9, 9, budget.clone());
        let hold = |x, bytes| {
            let mut buffers = pool.acquire(key(x), bytes);
            buffers.state.family = Some(key(x));
        };
        (0..4).for_each(|x| hold(x, 20 << 10));
        assert_eq!(pool.counts(), (4, 0), "the fourth still counts as in use");
        pool.make_room(0);
        assert_eq!(pool.counts(), (3, 0));
        // A tile has a quarter at most.
        let take = || budget.take(Purpose::Tile, 15 << 10);
        let charges = [take().await.unwrap(), take().await.unwrap()];
        pool.make_room(0);
        assert_eq!(pool.counts(), (1, 0));
        assert!(pool.acquire(key(3), 20 << 10).state.family.is_some(), "the newest stays");
        drop(charges);
        // Those of a larger family are not used for a smaller one.
        let pool = BufferPool::new(1, 1, budget);
        pool.acquire(key(0), 8 << 10).decoded.residual.luma.reset(64, 64);
        assert_eq!(pool.acquire(key(1), 8 << 10).decoded.residual.luma.width(), 64);
        assert_eq!(pool.acquire(key(2), 4 << 10).decoded.residual.luma.width(), 0);
    }
}

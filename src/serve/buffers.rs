//! A pool of the planes that a family's reconstruction needs. They keep what they hold, so that the next tile of a family begins there.
//!
//! Every family needs planes of the same few sizes, and fresh memory costs more to get from the system than to fill. Planes that go to
//! another family leave their decoded baseline behind: it is a sixteenth of the pixels and much of a lone tile's work. What is idle takes
//! what requests leave of their budget.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use hashlink::LinkedHashMap;

use super::singleflight::CallKey;
use crate::image::family::{DecodedFamily, Reconstruction};
use crate::image::geometry::Rect;
use crate::image::ycc::Ycc;
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

/// Idle buffers, baselines, and the number of buffers in use.
pub struct BufferPool {
    idle: Mutex<Idle>,
    /// What `idle` takes.
    idle_bytes: AtomicU64,
    limits: PoolLimits,
    used: AtomicUsize,
    budget: Arc<Budget>,
}

/// How much a pool keeps.
#[derive(Clone, Copy)]
struct PoolLimits {
    /// Families whose planes are all kept.
    whole: usize,
    /// Families whose planes would take what baselines may.
    baselines: usize,
    /// Buffers, idle and in use, from which on no new ones are made.
    total: usize,
}

/// What is idle. Newest is last.
#[derive(Default)]
struct Idle {
    whole: VecDeque<FamilyBuffers>,
    whole_bytes: u64,
    baselines: LinkedHashMap<CallKey, Baseline>,
    baseline_bytes: u64,
}

/// The decoded baseline of a family, and the size of its L0.
struct Baseline {
    planes: Ycc,
    size: (usize, usize),
}

/// Sizes of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BufferCounts {
    /// Idle buffers with all planes.
    pub idle: usize,
    /// Families of which the baseline alone is kept.
    pub baselines: usize,
    /// Buffers in use.
    pub used: usize,
}

/// Buffers in use, which return to their pool on drop.
pub struct PooledBuffers {
    buffers: FamilyBuffers,
    pool: Arc<BufferPool>,
}

impl BufferPool {
    /// An empty pool that keeps what the planes of `max_idle` families take, half of it for baselines, no more than is free of `budget`, and
    /// makes no more than `max_total` buffers while others are idle.
    pub fn new(max_idle: usize, max_total: usize, budget: Arc<Budget>) -> Arc<Self> {
        let whole = max_idle.div_ceil(2);
        let limits = PoolLimits { whole, baselines: max_idle - whole, total: max_total };
        let (idle_bytes, used) = (AtomicU64::new(0), AtomicUsize::new(0));
        Arc::new(Self { idle: Mutex::default(), idle_bytes, limits, used, budget })
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Takes the buffers that hold the family `key`, else new ones, else those that have been idle longest, with the baseline of the family if
    /// that is kept. They take `bytes` at most, which the caller has of the budget.
    pub fn acquire(self: &Arc<Self>, key: CallKey, bytes: u64) -> PooledBuffers {
        let mut idle = self.idle();
        let is_full = idle.whole.len() >= self.limits.whole.max(1);
        let has_room = idle.whole.len() + self.used.fetch_add(1, Relaxed) < self.limits.total && !is_full;
        let buffers = match idle.take(key) {
            None if !has_room => idle.take_oldest(self.limits),
            known => known,
        };
        let baseline = match &buffers {
            Some(buffers) if buffers.state.family == Some(key) => None,
            _ => idle.take_baseline(key),
        };
        self.idle_bytes.store(idle.bytes(), Relaxed);
        drop(idle);
        // Planes of larger families would keep their memory.
        let mut buffers = buffers.filter(|buffers| buffers.bytes <= bytes).unwrap_or_default();
        buffers.bytes = bytes;
        if buffers.state.family != Some(key) {
            buffers.state = State::default();
        }
        if let Some(Baseline { planes, size }) = baseline {
            buffers.decoded.baseline = planes;
            (buffers.decoded.width, buffers.decoded.height) = size;
            buffers.state.family = Some(key);
        }
        PooledBuffers { buffers, pool: self.clone() }
    }

    /// Gives up what is idle until it fits into what is free of the budget, and `more`.
    pub fn make_room(&self, more: u64) {
        let free = self.budget.free_bytes() + more;
        if self.idle_bytes.load(Relaxed) <= free {
            return;
        }
        let (mut idle, mut planes, mut baselines) = (self.idle(), Vec::new(), Vec::new());
        while idle.bytes() > free {
            // Half of what is left for each.
            if idle.baseline_bytes > idle.whole_bytes {
                baselines.extend(idle.drop_baseline());
            } else {
                planes.extend(idle.take_oldest(self.limits));
            }
        }
        self.idle_bytes.store(idle.bytes(), Relaxed);
        drop(idle);
    }

    /// How many there are.
    pub fn counts(&self) -> BufferCounts {
        let idle = self.idle();
        let (whole, baselines) = (idle.whole.len(), idle.baselines.len());
        BufferCounts { idle: whole, baselines, used: self.used.load(Relaxed) }
    }
}

impl Idle {
    fn bytes(&self) -> u64 {
        self.whole_bytes + self.baseline_bytes
    }

    fn put(&mut self, buffers: FamilyBuffers) {
        self.whole_bytes += buffers.bytes;
        self.whole.push_back(buffers);
    }

    /// The buffers that hold a family.
    fn take(&mut self, key: CallKey) -> Option<FamilyBuffers> {
        let index = self.whole.iter().position(|buffers| buffers.state.family == Some(key))?;
        let buffers = self.whole.remove(index)?;
        self.whole_bytes -= buffers.bytes;
        Some(buffers)
    }

    /// The buffers that have been idle longest. The baseline that they hold is kept.
    fn take_oldest(&mut self, limits: PoolLimits) -> Option<FamilyBuffers> {
        let mut buffers = self.whole.pop_front()?;
        self.whole_bytes -= buffers.bytes;
        let most = limits.baselines as u64 * buffers.bytes;
        if let Some(key) = buffers.state.family.take().filter(|_| most > 0) {
            buffers.state = State::default();
            let DecodedFamily { baseline, width, height, .. } = &mut buffers.decoded;
            let kept = Baseline { planes: std::mem::take(baseline), size: (*width, *height) };
            self.baseline_bytes += kept.bytes();
            if let Some(same) = self.baselines.insert(key, kept) {
                self.baseline_bytes -= same.bytes();
            }
            while self.baseline_bytes > most {
                drop(self.drop_baseline());
            }
        }
        Some(buffers)
    }

    fn take_baseline(&mut self, key: CallKey) -> Option<Baseline> {
        let baseline = self.baselines.remove(&key)?;
        self.baseline_bytes -= baseline.bytes();
        Some(baseline)
    }

    /// Gives the oldest baseline up.
    fn drop_baseline(&mut self) -> Option<Baseline> {
        let (_, baseline) = self.baselines.pop_front()?;
        self.baseline_bytes -= baseline.bytes();
        Some(baseline)
    }
}

impl Baseline {
    fn bytes(&self) -> u64 {
        let Ycc { luma, chroma, .. } = &self.planes;
        let samples: usize =
            std::iter::once(luma).chain(chroma.iter().flatten()).map(|plane| plane.data().len()).sum();
        samples as u64
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
        let (pool, bytes) = (&self.pool, buffers.bytes);
        let (mut idle, mut oldest) = (pool.idle(), None);
        if pool.limits.whole > 0 {
            idle.put(buffers);
            if idle.whole.len() > pool.limits.whole {
                oldest = idle.take_oldest(pool.limits);
            }
        }
        pool.idle_bytes.store(idle.bytes(), Relaxed);
        drop(idle);
        drop(oldest);
        // They still count as in use.
        pool.make_room(bytes);
        pool.used.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::image::geometry::Geometry;
    use crate::image::plane::Plane;
    use crate::web::budget::Purpose;

    fn key(x: u32) -> CallKey {
        (1, Geometry::new(16384, 1024, 256).unwrap().family(x, 0).unwrap())
    }

    fn counts(idle: usize, baselines: usize, used: usize) -> BufferCounts {
        BufferCounts { idle, baselines, used }
    }

    /// Holds a family whose baseline has 1,024 bytes, each with its number. Returns whether planes and baseline were there.
    fn hold(pool: &Arc<BufferPool>, x: u32) -> (bool, bool) {
        let mut buffers = pool.acquire(key(x), 8192);
        let FamilyBuffers { decoded, state, .. } = &mut *buffers;
        let (has_planes, has_baseline) = (!state.residual.is_empty(), state.family == Some(key(x)));
        assert!(!has_planes || has_baseline);
        let baseline = Ycc::gray(Plane::filled(32, 32, x as u8));
        if has_baseline {
            assert_eq!((&decoded.baseline, decoded.width, decoded.height), (&baseline, 128, 127), "{x}");
        }
        decoded.baseline = baseline;
        (decoded.width, decoded.height) = (128, 127);
        decoded.residual.luma.reset(64, 64);
        *state = State {
            family: Some(key(x)),
            residual: vec![Rect { x: 0, y: 0, width: 1, height: 1 }],
            is_made: false,
        };
        (has_planes, has_baseline)
    }

    #[test]
    fn buffers_keep_their_family_and_the_oldest_are_used_again() {
        let pool = BufferPool::new(3, 3, Arc::new(Budget::new(1 << 20, Duration::ZERO)));
        let residual = |x| pool.acquire(key(x), 8192).decoded.residual.luma.data().as_ptr();
        assert_eq!((hold(&pool, 0), hold(&pool, 1)), ((false, false), (false, false)));
        let (first, second) = (residual(0), residual(1));
        assert_ne!(first, second);
        assert_eq!((hold(&pool, 0), hold(&pool, 1)), ((true, true), (true, true)));
        assert_eq!(pool.counts(), counts(2, 0, 0));
        // The planes of family 0 have been idle longest.
        assert_eq!((hold(&pool, 2), residual(2)), ((false, false), first));
        assert_eq!(pool.counts(), counts(2, 1, 0));
        assert_eq!((hold(&pool, 1), hold(&pool, 0)), ((true, true), (false, true)));
        let all = [0, 1, 2].map(|x| pool.acquire(key(x), 8192));
        assert_eq!(pool.counts(), counts(0, 0, 3));
        drop(all);
        assert_eq!(pool.counts(), counts(2, 1, 0));
    }

    #[test]
    fn baselines_outlast_the_planes_and_the_oldest_go_first() {
        // Two families' planes, and baselines in what two more would take: 16 of them.
        let pool = BufferPool::new(4, 9, Arc::new(Budget::new(1 << 20, Duration::ZERO)));
        assert!((0..18).all(|x| hold(&pool, x % 16) == (false, x > 15)), "planes of none are left");
        assert_eq!(pool.counts(), counts(2, 14, 0));
        assert!((2..14).all(|x| hold(&pool, x) == (false, true)));
        // Nothing is kept where nothing may be, and no baseline where there is room for one family.
        let budget = Arc::new(Budget::new(1 << 20, Duration::ZERO));
        for max_idle in [0, 1] {
            let pool = BufferPool::new(max_idle, 9, budget.clone());
            assert!((0..4).all(|x| hold(&pool, x % 2) == (false, false)));
            assert_eq!(pool.counts(), counts(max_idle, 0, 0));
        }
    }

    #[test]
    fn what_is_written_half_belongs_to_no_family() {
        let pool = BufferPool::new(2, 2, Arc::new(Budget::new(1 << 20, Duration::ZERO)));
        let mut buffers = pool.acquire(key(0), 8192);
        buffers.state = State { family: Some(key(0)), residual: Vec::new(), is_made: true };
        drop(buffers);
        let mut again = pool.acquire(key(0), 8192);
        assert!(again.state.is_made);
        // An error or a panic in between leaves them so.
        drop(std::mem::take(&mut again.state));
        drop(again);
        assert!(!pool.acquire(key(0), 8192).state.is_made);
        assert!((1..4).all(|x| hold(&pool, x) == (false, false)));
        assert_eq!(hold(&pool, 0), (false, false), "nor is its baseline kept");
    }

    #[tokio::test]
    async fn what_is_idle_goes_where_requests_need_its_bytes() {
        let budget = Arc::new(Budget::new(64 << 10, Duration::ZERO));
        let pool = BufferPool::new(18, 9, budget.clone());
        let hold_large = |x, bytes| {
            let mut buffers = pool.acquire(key(x), bytes);
            buffers.state.family = Some(key(x));
        };
        (0..4).for_each(|x| hold_large(x, 20 << 10));
        assert_eq!(pool.counts().idle, 4, "the fourth still counts as in use");
        pool.make_room(0);
        assert_eq!(pool.counts().idle, 3);
        // A tile has a quarter at most.
        let take = || budget.take(Purpose::Tile, 15 << 10);
        let charges = [take().await.unwrap(), take().await.unwrap()];
        pool.make_room(0);
        assert_eq!(pool.counts().idle, 1);
        assert!(pool.acquire(key(3), 20 << 10).state.family.is_some(), "the newest stays");
        drop(charges);
        // Those of a larger family are not used for a smaller one.
        let pool = BufferPool::new(1, 1, budget.clone());
        pool.acquire(key(0), 8 << 10).decoded.residual.luma.reset(64, 64);
        assert_eq!(pool.acquire(key(1), 8 << 10).decoded.residual.luma.width(), 64);
        assert_eq!(pool.acquire(key(2), 4 << 10).decoded.residual.luma.width(), 0);
        // Baselines and planes share what is left.
        let pool = BufferPool::new(8, 9, budget.clone());
        (0..16).for_each(|x| assert_eq!(hold(&pool, x), (false, false)));
        assert_eq!(pool.counts(), counts(4, 12, 0));
        let charges = [take().await.unwrap(), take().await.unwrap(), take().await.unwrap()];
        pool.make_room(0);
        assert_eq!(pool.counts(), counts(1, 11, 0));
        drop(charges);
    }
}

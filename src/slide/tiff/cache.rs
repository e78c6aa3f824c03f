//! Decoded chunks, shared by all threads, bounded in bytes; each is decoded once however many threads want it.
//!
//! The least recently used chunks go first. It deliberately does not know what a chunk is: a number and some bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Bytes = Arc<Vec<u8>>;

/// One chunk: absent, or decoded. Its lock is held while it is decoded, so that others wait for the same work.
#[derive(Default)]
struct Slot {
    bytes: Mutex<Option<Bytes>>,
}

#[derive(Default)]
struct State {
    slots: HashMap<u64, (Arc<Slot>, u64)>,
    /// Bytes of all decoded chunks in `slots`.
    held_bytes: u64,
    /// Sizes of the decoded chunks.
    sizes: HashMap<u64, u64>,
    clock: u64,
}

/// The cache.
pub(super) struct ChunkCache {
    limit_bytes: u64,
    state: Mutex<State>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves a slot empty or full, both of which are valid.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ChunkCache {
    /// A cache of at most `limit_bytes`, or of one chunk where a single one is larger.
    pub fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, state: Mutex::default() }
    }

    /// The chunk `key`, from the cache or from `decode`. A failure is not kept.
    pub fn get<E>(&self, key: u64, decode: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Bytes, E> {
        let slot = {
            let mut state = lock(&self.state);
            state.clock += 1;
            let now = state.clock;
            let entry = state.slots.entry(key).or_default();
            entry.1 = now;
            Arc::clone(&entry.0)
        };
        let mut held = lock(&slot.bytes);
        if let Some(bytes) = &*held {
            return Ok(Arc::clone(bytes));
        }
        match decode() {
            Ok(bytes) => {
                let bytes = Arc::new(bytes);
                *held = Some(Arc::clone(&bytes));
                drop(held);
                self.admit(key, bytes.len() as u64);
                Ok(bytes)
            }
            Err(error) => {
                drop(held);
                let mut state = lock(&self.state);
                // Another thread that waited here may have succeeded meanwhile.
                if !state.sizes.contains_key(&key) {
                    state.slots.remove(&key);
                }
                Err(error)
            }
        }
    }

    fn admit(&self, key: u64, size: u64) {
        let mut state = lock(&self.state);
        // A slot that failed for another thread meanwhile is simply not kept.
        if state.slots.contains_key(&key) && state.sizes.insert(key, size).is_none() {
            state.held_bytes += size;
        }
        while state.held_bytes > self.limit_bytes {
            let used = |(key, (_, used)): (&u64, &(Arc<Slot>, u64))| {
                state.sizes.contains_key(key).then_some((*used, *key))
            };
            let oldest = state.slots.iter().filter_map(used).min();
            match oldest {
                Some((_, oldest)) if oldest != key => {
                    state.slots.remove(&oldest);
                    let freed = state.sizes.remove(&oldest).unwrap_or(0);
                    state.held_bytes = state.held_bytes.saturating_sub(freed);
                }
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn keeps_the_recent_within_its_bytes() {
        let cache = ChunkCache::new(250);
        let decoded = Cell::new(0);
        let get = |key| {
            cache.get(key, || {
                decoded.set(decoded.get() + 1);
                Ok::<_, ()>(vec![key as u8; 100])
            })
        };
        for key in [1, 2, 1, 3, 1] {
            assert_eq!(get(key).unwrap()[0], key as u8);
        }
        assert_eq!(decoded.get(), 3, "1 stayed because it was used after 2");
        get(2).unwrap();
        assert_eq!(decoded.get(), 4, "2 had made room for 3");
    }

    #[test]
    fn a_failure_is_tried_again_and_a_giant_is_kept_alone() {
        let cache = ChunkCache::new(10);
        assert_eq!(cache.get(1, || Err("damaged")), Err("damaged"));
        assert_eq!(cache.get(1, || Ok::<_, ()>(vec![7; 1000])).unwrap().len(), 1000);
        assert_eq!(cache.get(1, || Err("decoded again")).unwrap().len(), 1000);
    }

    #[test]
    fn threads_share_one_decode() {
        let cache = ChunkCache::new(1000);
        let decoded = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let decode = || {
                        decoded.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        Ok::<_, ()>(vec![1; 10])
                    };
                    assert_eq!(cache.get(5, decode).unwrap().len(), 10);
                });
            }
        });
        assert_eq!(decoded.into_inner(), 1);
    }
}

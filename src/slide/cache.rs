//! A least-recently-used cache of decoded chunks, bounded in bytes and shared by all threads.
//!
//! Threads that ask for the same chunk at once share one decode. The cache deliberately does not know what a chunk is: it
//! maps pairs of numbers to bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Bytes = Arc<Vec<u8>>;
/// The image that a chunk belongs to, and its number there.
type Key = (u64, u64);

/// What keeping a chunk takes beside its bytes.
const ENTRY_BYTES: u64 = 256;

/// One chunk, absent or decoded. Its lock is held during the decode, so that other threads wait for the result.
#[derive(Default)]
struct Slot {
    bytes: Mutex<Option<Bytes>>,
}

#[derive(Default)]
struct State {
    limit_bytes: u64,
    /// Each slot with the time of its last use.
    slots: HashMap<Key, (Arc<Slot>, u64)>,
    /// Bytes of all decoded chunks in `slots`.
    total_bytes: u64,
    /// Sizes of the decoded chunks.
    sizes: HashMap<Key, u64>,
    /// Counts the calls of `get`.
    clock: u64,
}

/// Maps chunks to decoded bytes.
pub(super) struct ChunkCache {
    state: Mutex<State>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // After a panic in another thread a slot is empty or filled; both are valid.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ChunkCache {
    /// A cache of at most `limit_bytes`, or of one chunk that is larger.
    pub fn new(limit_bytes: u64) -> Self {
        Self { state: Mutex::new(State { limit_bytes, ..State::default() }) }
    }

    /// Sets the limit anew, from which the next chunk on counts.
    pub fn set_limit(&self, limit_bytes: u64) {
        lock(&self.state).limit_bytes = limit_bytes;
    }

    /// The chunk `key`, from the cache or from `decode`. A failure is not cached.
    pub fn get<E>(&self, key: Key, decode: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Bytes, E> {
        let slot = {
            let mut state = lock(&self.state);
            state.clock += 1;
            let now = state.clock;
            let entry = state.slots.entry(key).or_default();
            entry.1 = now;
            Arc::clone(&entry.0)
        };
        let mut cached = lock(&slot.bytes);
        if let Some(bytes) = &*cached {
            return Ok(Arc::clone(bytes));
        }
        match decode() {
            Ok(bytes) => {
                let bytes = Arc::new(bytes);
                *cached = Some(Arc::clone(&bytes));
                drop(cached);
                self.account(key, bytes.len() as u64 + ENTRY_BYTES);
                Ok(bytes)
            }
            Err(error) => {
                drop(cached);
                let mut state = lock(&self.state);
                // Another thread that waited here may have succeeded meanwhile.
                if !state.sizes.contains_key(&key) {
                    state.slots.remove(&key);
                }
                Err(error)
            }
        }
    }

    /// Counts a decoded chunk. Over the limit the least recently used ones go, an eighth of all at once: each time all are looked at.
    fn account(&self, key: Key, size: u64) {
        let mut state = lock(&self.state);
        // Another thread's failure may have removed the slot meanwhile; then it is not counted.
        if state.slots.contains_key(&key) && state.sizes.insert(key, size).is_none() {
            state.total_bytes += size;
        }
        if state.total_bytes <= state.limit_bytes {
            return;
        }
        let mut last_uses: Vec<(u64, Key)> = state
            .slots
            .iter()
            .filter(|(other, _)| **other != key && state.sizes.contains_key(other))
            .map(|(other, (_, used))| (*used, *other))
            .collect();
        last_uses.sort_unstable();
        let enough = state.limit_bytes - state.limit_bytes / 8;
        for (_, oldest) in last_uses {
            if state.total_bytes <= enough {
                return;
            }
            state.slots.remove(&oldest);
            let freed = state.sizes.remove(&oldest).unwrap_or(0);
            state.total_bytes = state.total_bytes.saturating_sub(freed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn evicts_the_least_recently_used() {
        let cache = ChunkCache::new(2500);
        let decoded = Cell::new(0);
        let get = |key| {
            cache.get((0, key), || {
                decoded.set(decoded.get() + 1);
                Ok::<_, ()>(vec![key as u8; 1000 - ENTRY_BYTES as usize])
            })
        };
        for key in [1, 2, 1, 3, 1] {
            assert_eq!(get(key).unwrap()[0], key as u8);
        }
        assert_eq!(decoded.get(), 3, "1 was used after 2, so 2 was evicted");
        get(2).unwrap();
        assert_eq!(decoded.get(), 4, "2 is decoded again");
    }

    #[test]
    fn a_failure_is_retried_and_a_chunk_over_the_limit_is_kept_alone() {
        let cache = ChunkCache::new(10);
        assert_eq!(cache.get((0, 1), || Err("damaged")), Err("damaged"));
        assert_eq!(cache.get((0, 1), || Ok::<_, ()>(vec![7; 1000])).unwrap().len(), 1000);
        assert_eq!(cache.get((0, 1), || Err("decoded again")).unwrap().len(), 1000);
        assert_eq!(cache.get((1, 1), || Err("of another image")), Err("of another image"));
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
                    assert_eq!(cache.get((0, 5), decode).unwrap().len(), 10);
                });
            }
        });
        assert_eq!(decoded.into_inner(), 1);
    }
}

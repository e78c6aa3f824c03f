//! Objects are read and kept in blocks: aligned parts of one size, so that what neighbours share is fetched once.
//!
//! All objects of a process share the memory. Knows nothing of requests.

use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::settings::{Settings, settings};

/// Bytes of a block; the last one of an object is shorter.
///
/// Below it a request costs more than its bytes; a family has 50 kB to 300 kB, so little more is read than is asked for.
pub const BLOCK_BYTES: u64 = 64 << 10;

/// Most bytes in memory.
pub fn memory_bytes() -> u64 {
    settings().memory_bytes.max(Settings::MIN_MEMORY_BYTES)
}

/// Most bytes that are fetched before anybody reads them.
pub fn ahead_bytes() -> u64 {
    memory_bytes() / 2
}

/// An object's number in this process, and the number of its block.
type Key = (u64, u64);

fn cache() -> &'static Cache<Key, Bytes> {
    static CACHE: OnceLock<Cache<Key, Bytes>> = OnceLock::new();
    CACHE.get_or_init(|| {
        let weight = |_: &Key, bytes: &Bytes| bytes.len() as u32 + 128;
        // By time of use. By default a full cache takes nothing that was asked for less often than what it has, and what is fetched ahead would
        // be fetched again when it is read.
        let policy = EvictionPolicy::lru();
        Cache::builder().max_capacity(memory_bytes()).eviction_policy(policy).weigher(weight).build()
    })
}

/// A block, if it is in memory.
pub fn get(object: u64, block: u64) -> Option<Bytes> {
    cache().get(&(object, block))
}

/// Keeps a block. The bytes are copied, so that it does not hold the reply that it came with.
pub fn keep(object: u64, block: u64, bytes: &[u8]) -> Bytes {
    let bytes = Bytes::copy_from_slice(bytes);
    cache().insert((object, block), bytes.clone());
    bytes
}

/// The blocks that hold a range of bytes.
pub fn of_range(range: &Range<u64>) -> Range<u64> {
    if range.is_empty() {
        return 0..0;
    }
    range.start / BLOCK_BYTES..range.end.div_ceil(BLOCK_BYTES)
}

/// The bytes of a range of blocks of an object of `size` bytes.
pub fn bytes_of(blocks: &Range<u64>, size: u64) -> Range<u64> {
    blocks.start.saturating_mul(BLOCK_BYTES).min(size)..blocks.end.saturating_mul(BLOCK_BYTES).min(size)
}

/// Joins blocks, in ascending order, to runs for one request each: over gaps of at most `gap` blocks, and at most `most` blocks long.
pub fn runs(blocks: impl IntoIterator<Item = u64>, gap: u64, most: u64) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for block in blocks {
        match runs.last_mut() {
            Some(run) if block <= run.end + gap && block < run.start + most => {
                run.end = run.end.max(block + 1)
            }
            _ => runs.push(block..block + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_blocks_and_blocks_runs() {
        assert_eq!(of_range(&(0..1)), 0..1);
        assert_eq!(of_range(&(BLOCK_BYTES - 1..BLOCK_BYTES + 1)), 0..2);
        assert_eq!(of_range(&(5..5)), 0..0);
        assert_eq!(bytes_of(&(1..3), 2 * BLOCK_BYTES + 7), BLOCK_BYTES..2 * BLOCK_BYTES + 7);
        assert_eq!(runs([0, 1, 2, 4, 9], 1, 100), [0..5, 9..10]);
        assert_eq!(runs([0, 1, 2, 3, 4], 0, 2), [0..2, 2..4, 4..5]);
        assert_eq!(runs([3, 3, 9], 0, 8), [3..4, 9..10]);
        assert!(runs([], 1, 8).is_empty());
    }

    #[test]
    fn what_is_fetched_ahead_is_there_when_it_is_read_also_beyond_what_fits() {
        let (object, bytes) = (u64::MAX, vec![7; BLOCK_BYTES as usize]);
        let runs = 3 * memory_bytes() / BLOCK_BYTES / 64;
        for run in 0..runs {
            let blocks = run * 64..(run + 1) * 64;
            assert!(blocks.clone().all(|block| get(object, block).is_none()));
            for block in blocks.clone() {
                keep(object, block, &bytes);
            }
            // The cache lets go now, and not some time later.
            cache().run_pending_tasks();
            assert!(cache().weighted_size() <= memory_bytes());
            let found = blocks.filter(|&block| get(object, block).is_some()).count();
            assert_eq!(found, 64, "of run {run} of {runs}");
        }
    }
}

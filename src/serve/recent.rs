//! Caches of what is open.

use std::hash::Hash;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// A cache of the `most` things that were used last, each for `idle` after its last use.
///
/// By default a full cache takes nothing that was asked for less often than what it has: a slide beyond those would be opened again for
/// each of its tiles. It lets go from time to time, or when it is told to run its pending tasks.
pub fn recent<K, V>(most: u64, idle: Duration) -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(most).eviction_policy(EvictionPolicy::lru()).time_to_idle(idle).build()
}

/// The same of things of different weights, of so much together.
pub fn recent_by_weight<K, V>(
    most: u64,
    idle: Duration,
    weigh: impl Fn(&K, &V) -> u32 + Send + Sync + 'static,
) -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let cache = Cache::builder().max_capacity(most).weigher(weigh);
    cache.eviction_policy(EvictionPolicy::lru()).time_to_idle(idle).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_takes_the_place_of_what_was_used_often_but_not_lately() {
        let cache = recent(4, Duration::from_secs(60));
        for number in 0..4 {
            cache.insert(number, number);
        }
        for _ in 0..100 {
            (0..4).for_each(|number| assert_eq!(cache.get(&number), Some(number)));
        }
        cache.run_pending_tasks();
        cache.insert(4, 4);
        cache.run_pending_tasks();
        assert_eq!(
            [0, 1, 2, 3, 4].map(|number| cache.get(&number).is_some()),
            [false, true, true, true, true]
        );
    }
}

//! The stores of this process, and the web servers that are reached with restrictions. Both are bounded: strangers may name any number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use object_store::ObjectStore;

use super::address_policy::AddressPolicy;
use crate::store::location::Scheme;

/// Most stores that are kept, the last used. One that is made again has lost its connections, and nothing else.
const MAX_STORES: usize = 256;
/// Most web servers that are restricted.
const MAX_RESTRICTED: usize = 10_000;
/// How long a restriction stays at least after it was asked for the last time: longer than anybody works on what was named with it.
const KEPT: Duration = Duration::from_secs(3600);

/// A scheme and a host.
pub type Id = (Scheme, String);

/// Stores and restrictions by host.
#[derive(Default)]
pub struct Stores {
    /// With the number of their last use.
    made: HashMap<Id, (Arc<dyn ObjectStore>, u64)>,
    uses: u64,
    /// With the time of the last request for them.
    restricted: HashMap<Id, (AddressPolicy, Instant)>,
}

/// Those of this process.
pub fn stores() -> MutexGuard<'static, Stores> {
    static STORES: OnceLock<Mutex<Stores>> = OnceLock::new();
    STORES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stores {
    /// The store of a host, if it is there.
    pub fn get(&mut self, id: &Id) -> Option<Arc<dyn ObjectStore>> {
        self.uses += 1;
        let (store, used) = self.made.get_mut(id)?;
        *used = self.uses;
        Some(store.clone())
    }

    /// Keeps a store.
    pub fn insert(&mut self, id: Id, store: Arc<dyn ObjectStore>) {
        if self.made.len() >= MAX_STORES {
            let oldest = self.made.iter().min_by_key(|(_, (_, used))| *used).map(|(id, _)| id.clone());
            oldest.map(|id| self.made.remove(&id));
        }
        self.uses += 1;
        self.made.insert(id, (store, self.uses));
    }

    /// How a host is reached.
    pub fn policy(&self, id: &Id) -> AddressPolicy {
        self.restricted.get(id).map_or(AddressPolicy::All, |(policy, _)| policy.clone())
    }

    /// Has a host be reached so from `now` on. `false`: too many are.
    pub fn restrict(&mut self, id: Id, policy: &AddressPolicy, now: Instant) -> bool {
        if let Some((_, asked)) = self.restricted.get_mut(&id) {
            *asked = now;
            return true;
        }
        if self.restricted.len() >= MAX_RESTRICTED {
            let made = &mut self.made;
            self.restricted.retain(|id, (_, asked)| {
                let stays = now.duration_since(*asked) < KEPT;
                if !stays {
                    made.remove(id);
                }
                stays
            });
        }
        if self.restricted.len() >= MAX_RESTRICTED {
            return false;
        }
        // One that was made without the restriction.
        self.made.remove(&id);
        self.restricted.insert(id, (policy.clone(), now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Id {
        (Scheme::Https, format!("host-{number}"))
    }

    #[test]
    fn the_stores_that_are_kept_are_the_last_used() {
        let mut stores = Stores::default();
        for number in 0..3 * MAX_STORES {
            stores.insert(id(number), Arc::new(object_store::memory::InMemory::new()));
            assert!(stores.get(&id(0)).is_some());
            assert!(stores.made.len() <= MAX_STORES);
        }
        assert!(stores.get(&id(1)).is_none());
    }

    #[test]
    fn a_restriction_stays_while_somebody_may_work_with_it() {
        let (mut stores, public) = (Stores::default(), AddressPolicy::Public("ask".into()));
        let start = Instant::now();
        stores.insert(id(0), Arc::new(object_store::memory::InMemory::new()));
        for number in 0..MAX_RESTRICTED {
            assert!(stores.restrict(id(number), &public, start));
        }
        assert!(stores.get(&id(0)).is_none(), "it was made without the restriction");
        let soon = start + KEPT / 2;
        assert!(!stores.restrict(id(MAX_RESTRICTED), &public, soon));
        assert!(stores.restrict(id(0), &public, soon));
        assert!(stores.restrict(id(MAX_RESTRICTED), &public, start + KEPT));
        assert_eq!((stores.policy(&id(0)), stores.policy(&id(1))), (public, AddressPolicy::All));
        assert_eq!(stores.restricted.len(), 2);
    }
}

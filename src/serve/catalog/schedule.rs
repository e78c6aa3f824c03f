//! When the root is listed again. Knows nothing of what is listed.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Age of a listing at which the root is listed again.
const REFRESH_AGE: Duration = Duration::from_secs(2);
/// The same of a root at an address, whose listings are paid for. It doubles with each listing that has found nothing new.
const FAR_REFRESH_AGE: Duration = Duration::from_secs(5);
/// How often it doubles: to 80 seconds.
const MAX_DOUBLINGS: u32 = 4;
/// Listing takes one part in so many of the time.
const MAX_LISTING_SHARE: u32 = 20;
/// Oldest listing that may answer a request while a new one is made. After a pause without requests, the first one waits for a new
/// listing.
const MAX_AGE: Duration = Duration::from_secs(10);

/// When the root was listed, and what that showed of how often it should be.
pub struct Schedule {
    /// The root is at an address.
    is_far: bool,
    started: Instant,
    /// Time of the last listing, in milliseconds after `started`.
    listed_ms: AtomicU64,
    /// How long it took, in milliseconds.
    took_ms: AtomicU64,
    /// How many listings in a row have found nothing new.
    unchanged: AtomicU32,
    /// A caller of [`Self::claim`] is about to list.
    claimed: AtomicBool,
}

impl Schedule {
    /// That of a root which has not been listed.
    pub fn new(is_far: bool) -> Self {
        Self {
            is_far,
            started: Instant::now(),
            listed_ms: AtomicU64::new(0),
            took_ms: AtomicU64::new(0),
            unchanged: AtomicU32::new(0),
            claimed: AtomicBool::new(false),
        }
    }

    /// Age of the listing.
    fn age(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.listed_ms.load(Relaxed)))
    }

    fn took(&self) -> Duration {
        Duration::from_millis(self.took_ms.load(Relaxed))
    }

    fn refresh_age(&self) -> Duration {
        match self.is_far {
            true => FAR_REFRESH_AGE * (1 << self.unchanged.load(Relaxed).min(MAX_DOUBLINGS)),
            false => REFRESH_AGE,
        }
    }

    /// Whether the root should be listed again: a root that takes long to list is listed less often.
    pub fn is_due(&self) -> bool {
        self.age() >= self.refresh_age().max(self.took() * MAX_LISTING_SHARE)
    }

    /// Whether the listing is too old to answer a request.
    pub fn is_stale(&self) -> bool {
        self.age() >= MAX_AGE.max(self.refresh_age() * 2).max(self.took() * MAX_LISTING_SHARE * 2)
    }

    /// Whether a listing is due and this caller must make it. False for all other callers until it is done.
    pub fn claim(&self) -> bool {
        self.is_due() && !self.claimed.swap(true, Relaxed)
    }

    /// Whoever claimed a listing has made it, or need not.
    pub fn unclaim(&self) {
        self.claimed.store(false, Relaxed);
    }

    /// The root was listed now. A listing that failed says nothing of how long one takes: then it took no time.
    pub fn listed(&self, took: Duration) {
        self.took_ms.store(took.as_millis() as u64, Relaxed);
        self.listed_ms.store(self.started.elapsed().as_millis() as u64, Relaxed);
    }

    /// A listing has found something new, or nothing.
    pub fn found(&self, is_new: bool) {
        match is_new {
            true => self.unchanged.store(0, Relaxed),
            false => {
                self.unchanged.fetch_add(1, Relaxed);
            }
        }
    }

    /// How many listings in a row have found nothing new.
    #[cfg(test)]
    pub fn unchanged(&self) -> u32 {
        self.unchanged.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_where_nothing_changes_is_listed_less_often_until_something_does() {
        let (far, near) = (Schedule::new(true), Schedule::new(false));
        let ages = [0, 1, 2, 3, 4, 5].map(|_| {
            let age = far.refresh_age().as_secs();
            far.found(false);
            near.found(false);
            age
        });
        assert_eq!(ages, [5, 10, 20, 40, 80, 80]);
        far.found(true);
        assert_eq!((far.refresh_age().as_secs(), near.refresh_age()), (5, REFRESH_AGE));
    }
}

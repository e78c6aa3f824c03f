//! Pieces of work that are under way, and since when.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// What is under way of one kind.
#[derive(Default)]
pub struct Busy {
    next: AtomicU64,
    since: Mutex<HashMap<u64, Instant>>,
    changed: Notify,
}

impl Busy {
    fn since(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece of work that begins now, and ends when the result is dropped.
    pub fn begin(self: &Arc<Self>) -> Holds {
        let piece = Piece::new(self);
        piece.begin();
        Holds(piece)
    }

    /// How many pieces began longer ago, or have gone on longer ago.
    pub fn longer_than(&self, limit: Duration) -> usize {
        self.since().values().filter(|began| began.elapsed() > limit).count()
    }

    /// How many pieces are under way.
    pub fn count(&self) -> usize {
        self.since().len()
    }

    /// Waits for a change until `is_so`.
    pub async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_so(self) {
                return;
            }
            changed.await;
        }
    }
}

/// A piece of work that may be interrupted, and begun again.
pub struct Piece {
    of: Arc<Busy>,
    number: u64,
}

impl Piece {
    /// One that has not begun.
    pub fn new(of: &Arc<Busy>) -> Self {
        Self { of: of.clone(), number: of.next.fetch_add(1, Relaxed) }
    }

    /// It is under way.
    pub fn begin(&self) {
        self.of.since().insert(self.number, Instant::now());
    }

    /// A part of it is done, if it is under way.
    pub fn go_on(&self) {
        let is_under_way = self.of.since().get_mut(&self.number).map(|began| *began = Instant::now());
        if is_under_way.is_some() {
            self.of.changed.notify_waiters();
        }
    }

    /// It is under way no more.
    pub fn end(&self) {
        if self.of.since().remove(&self.number).is_some() {
            self.of.changed.notify_waiters();
        }
    }
}

/// A piece of work until it is dropped.
pub struct Holds(Piece);

impl Drop for Holds {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_counts_while_it_lasts_and_who_waits_is_told_of_its_end() {
        let busy = Arc::<Busy>::default();
        let first = busy.begin();
        std::thread::sleep(Duration::from_millis(20));
        let second = busy.begin();
        assert_eq!((busy.count(), busy.longer_than(Duration::from_millis(10))), (2, 1));
        assert_eq!(busy.longer_than(Duration::from_secs(3600)), 0);
        drop(second);
        let waits = std::thread::spawn({
            let busy = busy.clone();
            move || pollster::block_on(busy.until(|busy| busy.longer_than(Duration::from_millis(10)) == 0))
        });
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waits.is_finished());
        drop(first);
        waits.join().unwrap();
        assert_eq!(busy.longer_than(Duration::ZERO), 0);
        let piece = Piece::new(&busy);
        // Of one that is not under way nothing goes on.
        piece.go_on();
        assert_eq!(busy.longer_than(Duration::ZERO), 0);
        piece.begin();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(busy.longer_than(Duration::from_millis(10)), 1);
        piece.go_on();
        assert_eq!(busy.longer_than(Duration::from_secs(3600)), 0);
        piece.end();
        assert_eq!(busy.longer_than(Duration::ZERO), 0);
    }
}

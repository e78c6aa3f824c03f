//! One budget in bytes for what requests hold at a time: planes, payloads, images, and bodies that clients have not taken.
//!
//! Knows no requests: callers say how many bytes they will hold, wait for them, and give them back by dropping them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::ServeError;

/// Bytes are counted in units of so many.
const UNIT: u64 = 1024;

/// What bytes are for. Who holds bytes for one thing waits only for those of things that come later here, and a quarter of the budget is
/// kept for the last: so nobody waits for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An image, which is made of tiles: all of them have half of the budget at most.
    Image,
    /// A tile that is made of finer ones: with images three quarters at most.
    Assembled,
    /// A tile, a family, or a body.
    Tile,
}

/// The budget. Something that needs more than half of it for an image, or a quarter for something else, counts as so much, and there is
/// one such thing of a purpose at a time.
pub struct Budget {
    /// Of [`Purpose::Image`], [`Purpose::Assembled`] and [`Purpose::Tile`].
    shares: [Share; 3],
    units: u32,
    /// How long to wait.
    patience: Duration,
}

/// What a purpose has, together with those before it.
struct Share {
    free: Arc<Semaphore>,
    /// The most that one thing counts as.
    most: u32,
    /// For the one that needs more.
    large: Arc<Semaphore>,
}

/// Bytes of a budget, which return to it on drop.
#[derive(Debug)]
pub struct Charge {
    purpose: Purpose,
    permits: Vec<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A budget of `bytes`, for which a request waits no longer than `patience`.
    pub fn new(bytes: u64, patience: Duration) -> Self {
        let quarter = u32::try_from(bytes / UNIT / 4).unwrap_or(u32::MAX / 4).max(1);
        let share = |quarters: u32, most: u32| Share {
            free: Arc::new(Semaphore::new((quarters * quarter) as usize)),
            most: most * quarter,
            large: Arc::new(Semaphore::new(1)),
        };
        Self { shares: [share(2, 2), share(3, 1), share(4, 1)], units: 4 * quarter, patience }
    }

    /// Takes bytes, as soon as they are free.
    ///
    /// # Errors
    /// [`ServeError::Busy`] where they are not free in time.
    pub async fn take(&self, purpose: Purpose, bytes: u64) -> Result<Charge, ServeError> {
        let (shares, units) = (&self.shares[purpose as usize..], units(bytes));
        let taken = async {
            let mut charge = Charge { purpose, permits: Vec::with_capacity(shares.len()), large: None };
            let most = shares[0].most;
            if units > most {
                charge.large = Some(shares[0].large.clone().acquire_owned().await?);
            }
            for Share { free, .. } in shares {
                charge.permits.push(free.clone().acquire_many_owned(units.min(most)).await?);
            }
            Ok::<_, tokio::sync::AcquireError>(charge)
        };
        timeout(self.patience, taken).await.ok().and_then(Result::ok).ok_or(ServeError::Busy)
    }

    /// Bytes that are free.
    pub fn free_bytes(&self) -> u64 {
        self.shares[Purpose::Tile as usize].free.available_permits() as u64 * UNIT
    }

    /// Bytes that are taken.
    pub fn taken_bytes(&self) -> u64 {
        (u64::from(self.units) * UNIT).saturating_sub(self.free_bytes())
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

impl Charge {
    /// What the bytes are for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Whether it stands for so many bytes.
    pub fn covers(&self, bytes: u64) -> bool {
        let taken = self.permits.first().map_or(0, OwnedSemaphorePermit::num_permits);
        self.large.is_some() || units(bytes) as usize <= taken
    }

    /// Gives back what exceeds `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        let keep = units(bytes) as usize;
        for permit in &mut self.permits {
            let more = permit.num_permits().saturating_sub(keep);
            drop(permit.split(more));
            if more > 0 {
                self.large = None;
            }
        }
    }

    /// The bytes of a body, which hold the charge until the last copy of them is dropped: hyper has sent them, or the client is gone.
    pub fn hold(self, body: Bytes) -> Bytes {
        struct Held {
            body: Bytes,
            _charge: Charge,
        }
        impl AsRef<[u8]> for Held {
            fn as_ref(&self) -> &[u8] {
                &self.body
            }
        }
        Bytes::from_owner(Held { body, _charge: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1024;

    #[tokio::test]
    async fn bytes_return_when_the_last_copy_of_a_body_is_dropped() {
        let budget = Budget::new(64 * KIB, Duration::from_millis(20));
        let mut charge = budget.take(Purpose::Tile, 16 * KIB).await.unwrap();
        assert_eq!((budget.free_bytes(), budget.taken_bytes()), (48 * KIB, 16 * KIB));
        let others = [0; 3].map(|_| budget.take(Purpose::Tile, 16 * KIB));
        for other in others {
            std::mem::forget(other.await.unwrap());
        }
        assert_eq!(budget.take(Purpose::Tile, 1).await.unwrap_err(), ServeError::Busy);
        charge.shrink_to(10 * KIB);
        charge.shrink_to(30 * KIB);
        assert_eq!(budget.free_bytes(), 6 * KIB);
        let body = charge.hold(Bytes::from(vec![7; 10_000]));
        let part = body.slice(500..600);
        drop(body);
        assert_eq!((part[0], part.len(), budget.free_bytes()), (7, 100, 6 * KIB));
        drop(part);
        assert_eq!(budget.free_bytes(), 16 * KIB);
    }

    #[tokio::test]
    async fn what_is_made_of_tiles_leaves_room_for_tiles_of_any_size() {
        let budget = Budget::new(64 * KIB, Duration::from_millis(20));
        let image = budget.take(Purpose::Image, 999 * KIB).await.unwrap();
        assert_eq!(budget.free_bytes(), 32 * KIB);
        assert!(budget.take(Purpose::Image, 1).await.is_err());
        let assembled = budget.take(Purpose::Assembled, 16 * KIB).await.unwrap();
        assert!(budget.take(Purpose::Assembled, 1).await.is_err());
        drop(budget.take(Purpose::Tile, 999 * KIB).await.unwrap());
        drop((image, assembled));
        assert_eq!(budget.free_bytes(), 64 * KIB);
    }

    #[tokio::test]
    async fn one_thing_that_needs_more_than_its_part_is_made_at_a_time() {
        let budget = Budget::new(64 * KIB, Duration::from_millis(20));
        let mut large = budget.take(Purpose::Tile, 17 * KIB).await.unwrap();
        assert_eq!(budget.free_bytes(), 48 * KIB);
        assert!(budget.take(Purpose::Tile, 17 * KIB).await.is_err());
        drop(budget.take(Purpose::Tile, 16 * KIB).await.unwrap());
        drop(budget.take(Purpose::Image, 99 * KIB).await.unwrap());
        // It counts as a quarter, and stands for any number of bytes until it is known to be small.
        assert!(large.covers(999 * KIB));
        large.shrink_to(KIB);
        assert!(large.covers(KIB) && !large.covers(KIB + 1));
        drop(budget.take(Purpose::Tile, 17 * KIB).await.unwrap());
        assert_eq!(budget.free_bytes(), 63 * KIB);
    }
}

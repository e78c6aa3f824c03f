//! The reads of a slide that are under way. Where one takes long the others of the slide come one at a time, and where many do none begins any
//! more: storage that hangs holds few threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::busy::{Busy, Piece};
use crate::web::blocking;
use crate::web::error::ServeError;

/// Most reads of a slide on threads for files at a time; there are 32 of these threads by default.
const MOST: usize = 8;
/// Reads of a slide that take long at which none begins any more.
const MOST_SLOW: usize = 4;
/// The longest time that a part of a read may take before it counts as slow.
const SLOW: Duration = Duration::from_secs(2);

/// How long a part of a read may take before it counts as slow, where requests wait for reads no longer than `limit`.
pub fn slow(limit: Duration) -> Duration {
    SLOW.min(limit / 4)
}

/// The reads of a slide. Clones are of the same slide.
#[derive(Clone)]
pub struct SlideReads {
    busy: Arc<Busy>,
    permits: Arc<Semaphore>,
    limit: Duration,
}

/// A read on a thread for files, or one that is about to begin there.
struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
    busy: Arc<Busy>,
}

impl Turn {
    /// Does the read.
    fn read<T>(self, work: impl FnOnce() -> T) -> T {
        let _holds = self.busy.begin();
        work()
    }
}

impl SlideReads {
    /// Of a slide whose requests wait for a read no longer than `limit`.
    pub fn new(limit: Duration) -> Self {
        Self { busy: Arc::default(), permits: Arc::new(Semaphore::new(MOST)), limit }
    }

    /// A read that has not begun.
    pub fn piece(&self) -> Piece {
        Piece::new(&self.busy)
    }

    /// Waits while many reads take long, and where one does for the end of those that may be quick.
    pub async fn quick(&self) {
        let may_begin = |busy: &Busy| {
            let slow = busy.longer_than(slow(self.limit));
            slow == 0 || (slow < MOST_SLOW && slow == busy.count())
        };
        self.busy.until(may_begin).await;
    }

    /// The same, and waits while there are many on threads for files.
    async fn turn(&self) -> Turn {
        // It is never closed.
        let permit = self.permits.clone().acquire_owned().await.ok();
        self.quick().await;
        Turn { _permit: permit, busy: self.busy.clone() }
    }

    /// As [`Self::quick`].
    ///
    /// # Errors
    /// [`ServeError::Away`] where that lasts too long; at once where many reads have taken so long already.
    pub async fn answer(&self) -> Result<(), ServeError> {
        if self.busy.longer_than(self.limit) >= MOST_SLOW {
            return Err(ServeError::Away);
        }
        timeout(self.limit, self.quick()).await.map_err(|_| ServeError::Away)
    }

    /// Runs `work`, which reads the slide, on a thread for files.
    ///
    /// # Errors
    /// [`ServeError::Away`] where it is not done in time. A panic is [`ServeError::Broken`].
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServeError> {
        let began = Instant::now();
        self.answer().await?;
        let left = || self.limit.saturating_sub(began.elapsed());
        let turn = timeout(left(), self.turn()).await.map_err(|_| ServeError::Away)?;
        blocking::run(left(), move || turn.read(work)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn reads_that_hang_hold_some_threads_and_the_others_of_their_slide_wait() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().max_blocking_threads(2 * MOST).enable_all().build();
        let limit = Duration::from_millis(200);
        let (slide, other) = (SlideReads::new(limit), SlideReads::new(Duration::from_secs(60)));
        let (releases, held): (Vec<_>, Vec<_>) = (0..2 * MOST).map(|_| mpsc::channel::<()>()).unzip();
        runtime.unwrap().block_on(async {
            let mut hang = tokio::task::JoinSet::new();
            for held in held {
                let slide = slide.clone();
                hang.spawn(async move { slide.run(move || held.recv()).await });
            }
            while let Some(ended) = hang.join_next().await {
                assert_eq!(ended.unwrap(), Err(ServeError::Away));
            }
            assert_eq!(slide.busy.longer_than(Duration::ZERO), MOST);
            assert_eq!(other.run(|| 7).await, Ok(7));
            // At once.
            assert_eq!(timeout(limit, slide.run(|| 7)).await, Ok(Err(ServeError::Away)));
            drop(releases);
            // They return at once, on their threads.
            while slide.run(|| 7).await != Ok(7) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
}

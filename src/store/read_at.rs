//! What readers ask of files and objects: bytes at an offset, at once or as soon as they are there.

use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use super::arrival::Arrival;
use super::memory::zeroed;

/// Bytes that can be read at an offset, from many threads at once.
pub trait ReadAt: Send + Sync {
    /// Length in bytes.
    ///
    /// # Errors
    /// The error of the system.
    fn size(&self) -> io::Result<u64>;

    /// When it was last changed, where that is known.
    fn modified(&self) -> Option<SystemTime> {
        None
    }

    /// A number that is another one once other bytes have its name, or it was written to: of a file by its inode, length and time of the last change, of an
    /// object by its version. 0 where nothing tells.
    fn stamp(&self) -> u64 {
        0
    }

    /// Fills `buf` from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` where the object ends before; the error of the system.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// The `bytes` bytes from `offset` on, for callers that can wait without holding a thread. The answer has the errors of
    /// [`Self::read_exact_at`].
    fn read(&self, offset: u64, bytes: usize) -> Reading<'_> {
        let read = |mut buf: Vec<u8>| self.read_exact_at(&mut buf, offset).map(|()| buf);
        Reading::done(zeroed(bytes as u64).and_then(read))
    }

    /// Says which bytes will be read soon, so that a store far away can send them ahead, neighbours in one request. Of a file they are
    /// there at once.
    fn will_read(&self, _ranges: &[Range<u64>]) -> Arrival {
        Arrival::default()
    }
}

/// Bytes that are there, or will be: a file answers at once, an object without holding the thread that awaits it.
pub enum Reading<'a> {
    /// The answer; `None` once it has been taken.
    Done(Option<io::Result<Vec<u8>>>),
    /// A request that is under way.
    Waiting(Pin<Box<dyn Future<Output = io::Result<Vec<u8>>> + Send + 'a>>),
}

impl Reading<'_> {
    /// An answer.
    pub fn done(result: io::Result<Vec<u8>>) -> Self {
        Self::Done(Some(result))
    }
}

impl Future for Reading<'_> {
    type Output = io::Result<Vec<u8>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Done(result) => {
                Poll::Ready(result.take().unwrap_or_else(|| Err(io::Error::other("it was read already"))))
            }
            Self::Waiting(future) => future.as_mut().poll(context),
        }
    }
}

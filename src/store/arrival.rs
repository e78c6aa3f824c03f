//! Bytes that were announced: whoever will read them can wait until they are there, without holding a thread.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

type Coming = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Bytes on their way. As a future it is done when they are there, or cannot come: whoever reads them then learns of the error. Dropped,
/// they come all the same. The default has nothing to wait for, as of a local file.
#[derive(Default)]
#[must_use = "await it before the bytes are read, or drop it"]
pub struct Arrival {
    bytes: u64,
    coming: Vec<Coming>,
}

impl Arrival {
    /// `bytes` bytes, which are there when `coming` is done.
    pub fn of(bytes: u64, coming: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { bytes, coming: vec![Box::pin(coming)] }
    }

    /// How many bytes are on their way.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Both.
    pub fn and(mut self, other: Self) -> Self {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.coming.extend(other.coming);
        self
    }
}

impl FromIterator<Arrival> for Arrival {
    fn from_iter<I: IntoIterator<Item = Arrival>>(arrivals: I) -> Self {
        arrivals.into_iter().fold(Self::default(), Self::and)
    }
}

impl Future for Arrival {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.coming.retain_mut(|coming| coming.as_mut().poll(context).is_pending());
        if self.coming.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

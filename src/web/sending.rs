//! The bodies that a connection is sending: in small parts, so that it shows whether the client takes them.
//!
//! A socket's write timeout does not show that: a client of HTTP/2 may answer pings for ever and open no window.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::{Buf, Bytes};
use hyper::body::{Frame, SizeHint};

/// Size of the parts. A client that takes less than one within the timeout is taken to take nothing.
const PART_BYTES: usize = 32 << 10;
/// How often in a timeout it is looked whether a body moves.
const LOOKS: u32 = 4;

/// The bodies of one connection.
#[derive(Default)]
pub struct Outgoing {
    bodies: Mutex<HashMap<u64, Progress>>,
    number: AtomicU64,
}

/// How far a body is.
struct Progress {
    /// When a part of it was last taken or sent.
    moved: Instant,
    /// Parts that hyper holds.
    parts: usize,
    /// Whether it waits for more of itself, not for the client.
    is_waiting: bool,
}

impl Outgoing {
    fn bodies(&self) -> MutexGuard<'_, HashMap<u64, Progress>> {
        self.bodies.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A response whose body is watched.
    pub fn watch(self: &Arc<Self>, response: Response) -> Response {
        response.map(|body| {
            if body.is_end_stream() {
                return body;
            }
            let id = self.number.fetch_add(1, Relaxed);
            let progress = Progress { moved: Instant::now(), parts: 0, is_waiting: false };
            self.bodies().insert(id, progress);
            let entry = Arc::new(Entry { outgoing: self.clone(), id });
            Body::new(Watched { body, rest: Bytes::new(), entry })
        })
    }

    /// Completes when the client has taken nothing of a body for `limit`.
    pub async fn stalled(&self, limit: Duration) {
        loop {
            tokio::time::sleep(limit / LOOKS).await;
            let is_stalled = |of: &Progress| (of.parts > 0 || !of.is_waiting) && of.moved.elapsed() > limit;
            if self.bodies().values().any(is_stalled) {
                return;
            }
        }
    }
}

/// The place of a body among those of its connection, until body and parts are dropped.
struct Entry {
    outgoing: Arc<Outgoing>,
    id: u64,
}

impl Entry {
    fn moves(&self, change: impl FnOnce(&mut Progress)) {
        if let Some(progress) = self.outgoing.bodies().get_mut(&self.id) {
            progress.moved = Instant::now();
            change(progress);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.outgoing.bodies().remove(&self.id);
    }
}

/// A part of a body. Hyper drops it when it is written.
struct Part {
    bytes: Bytes,
    entry: Arc<Entry>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.entry.moves(|progress| progress.parts -= 1);
    }
}

/// A body that is handed on in parts.
struct Watched {
    body: Body,
    /// Of the frame that is being handed on.
    rest: Bytes,
    entry: Arc<Entry>,
}

impl Watched {
    fn part(&mut self) -> Frame<Bytes> {
        let bytes = self.rest.split_to(self.rest.len().min(PART_BYTES));
        self.entry.moves(|progress| {
            progress.parts += 1;
            progress.is_waiting = false;
        });
        Frame::data(Bytes::from_owner(Part { bytes, entry: self.entry.clone() }))
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        while !self.rest.has_remaining() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Poll::Pending => {
                    self.entry.moves(|progress| progress.is_waiting = true);
                    return Poll::Pending;
                }
                end => return end,
            }
        }
        Poll::Ready(Some(Ok(self.part())))
    }

    fn is_end_stream(&self) -> bool {
        !self.rest.has_remaining() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, inner) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        // The upper bound first: the lower one may not exceed it.
        if let Some(upper) = inner.upper() {
            hint.set_upper(rest + upper);
        }
        hint.set_lower(rest + inner.lower());
        hint
    }
}

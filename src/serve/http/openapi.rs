//! `/api/openapi.json`: the description of all addresses.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Uri};
use axum::routing::get;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::client;
use super::state::State;
use crate::serve::openapi;
use crate::web::respond::{cacheable_body, etag_of};

/// The document, with the address under which the client knows the server. `jobs` says whether the server takes jobs. It asks for no
/// credentials, so that an answer takes no memory of its own but for that address.
pub fn router(jobs: bool) -> Router<State> {
    let document = move |Shared(state): Shared<State>, uri: Uri, headers: HeaderMap| async move {
        let base = client::base(&uri, &headers, state.options.access.trust_forwarded);
        let parts = openapi::document(&base, jobs);
        let tag = etag_of(parts.iter().map(AsRef::as_ref));
        let body = Body::new(Parts(parts.into()));
        cacheable_body(&headers, &tag, "no-cache", "application/json", body)
    };
    Router::new().route("/api/openapi.json", get(document))
}

/// A body whose parts are there.
struct Parts(VecDeque<Bytes>);

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|part| part.len() as u64).sum())
    }
}

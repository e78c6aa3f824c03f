//! `/api/openapi.json`: the description of all addresses.

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Uri};
use axum::routing::get;

use super::client;
use super::state::State;
use crate::serve::openapi;
use crate::web::respond::{cacheable, etag};

/// The document, with the address under which the client knows the server. `jobs` says whether the server takes jobs.
pub fn router(jobs: bool) -> Router<State> {
    let document = move |Shared(state): Shared<State>, uri: Uri, headers: HeaderMap| async move {
        let base = client::base(&uri, &headers, state.options.access.trust_forwarded);
        let text = openapi::document(&base, jobs).to_string();
        cacheable(&headers, &etag(text.as_bytes()), "no-cache", "application/json", text.into())
    };
    Router::new().route("/api/openapi.json", get(document))
}

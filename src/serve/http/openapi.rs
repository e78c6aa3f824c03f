//! `/api/openapi.json`: the description of all addresses.

use axum::extract::State as Shared;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::client;
use super::state::State;
use crate::serve::openapi;
use crate::web::respond::{cacheable, etag};

/// The document, with the address under which the client knows the server.
pub async fn document(Shared(state): Shared<State>, uri: Uri, headers: HeaderMap) -> Response {
    let text =
        openapi::document(&client::base(&uri, &headers, state.options.access.trust_forwarded)).to_string();
    cacheable(&headers, &etag(text.as_bytes()), "no-cache", "application/json", text.into())
}

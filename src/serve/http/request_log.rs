//! The outermost layer of every request: its number, its client, its span, its metrics and its line in the log.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::client::{Client, request_id, scheme};
use super::request_span;
use super::state::State;
use crate::web::respond::errors_as_json;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Sets `X-Request-Id`, attaches [`Client`] for the handlers, counts and logs the response.
pub async fn log(Shared(state): Shared<State>, mut request: Request, next: Next) -> Response {
    static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);
    let started = Instant::now();
    let number = NEXT_NUMBER.fetch_add(1, Relaxed);
    let trust = state.options.access.trust_forwarded;
    let given = trust.then(|| request_id(request.headers())).flatten();
    let id = given.map_or_else(|| format!("{:08x}-{number:x}", std::process::id()), str::to_string);
    let client = Client::of(&request, trust);
    request.extensions_mut().insert(client);
    let logged = tracing::enabled!(target: "origami::access", tracing::Level::INFO);
    let line = logged.then(|| (request.method().clone(), request.uri().path().to_string()));
    let span = request_span::of(&request, &id, scheme(request.headers(), trust));
    let mut response = errors_as_json(span.around(next.run(request)).await);
    let status = response.status().as_u16();
    request_span::answered(&span, status);
    let bytes = axum::body::HttpBody::size_hint(response.body()).exact().unwrap_or(0);
    state.metrics.response(status, bytes);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if let Some((method, path)) = line {
        let us = started.elapsed().as_micros() as u64;
        tracing::info!(target: "origami::access", id, client = %client.address, %method, path, status, bytes, us);
    }
    response
}

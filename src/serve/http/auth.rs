//! Requires credentials: maps a route to the slide that it reads, and a refusal to its response. `access` decides.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use super::state::State;
use crate::serve::access::Refusal;
use crate::serve::view;
use crate::web::respond::json_response;

/// Routes that need no credentials: health, and what is the same in every copy of the program.
const OPEN_ROUTES: [&str; 6] =
    ["/healthz", "/readyz", "/assets/{name}", "/compare", "/api/docs", "/api/openapi.json"];

/// Refuses requests without valid credentials. Routes of no slide, unknown routes included, need credentials for every slide.
pub async fn require_credentials(
    Shared(state): Shared<State>,
    route: Option<MatchedPath>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let credentials = &state.options.access.credentials;
    if credentials.is_open() || route.is_some_and(|route| OPEN_ROUTES.contains(&route.as_str())) {
        return next.run(request).await;
    }
    let name = params.as_ref().ok().and_then(slide_of);
    match credentials.check(name, authorization(request.headers()), request.uri().query(), now()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused(refusal),
    }
}

/// Whether a request that passes may change the marks of a slide.
pub fn may_annotate(state: &State, name: &str, headers: &HeaderMap, query: Option<&str>) -> bool {
    let credentials = &state.options.access.credentials;
    match credentials.is_open() {
        true => state.options.annotations.open,
        false => credentials.may_annotate(name, authorization(headers), query, now()),
    }
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
}

/// Seconds since 1970. A clock before that is wrong: the latest time makes every signature expire.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
}

/// The slide of a route, as its handler reads it: decoded, without a suffix.
fn slide_of(params: &RawPathParams) -> Option<&str> {
    params.iter().find_map(|(key, value)| match key {
        // An identifier of IIIF may end in a view.
        "slide" => Some(value),
        "identifier" => Some(view::split(value).0),
        "file" => value.strip_suffix(".dzi").or_else(|| value.strip_suffix(".json")),
        "files" => value.strip_suffix("_files"),
        _ => None,
    })
}

fn refused(refusal: Refusal) -> Response {
    let (status, problem) = match refusal {
        Refusal::Unknown => (
            StatusCode::UNAUTHORIZED,
            "this server asks for a token (Authorization: Bearer ...) or a signed address",
        ),
        Refusal::Invalid => (StatusCode::FORBIDDEN, "the signature is invalid for this address"),
        Refusal::Expired => (StatusCode::FORBIDDEN, "the signature has expired; ask for a new address"),
    };
    let mut response = json_response(status, &json!({"error": problem}));
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        out.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"origami\""));
    }
    response
}

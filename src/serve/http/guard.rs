//! Which address belongs to which slide, and the answer to who may not see it. Whether one may is for `access`.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use super::super::access::Refusal;
use super::{State, json_response};

/// Open to everybody: whether the server lives, and files that are in every copy of the program.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/assets/{name}"];

/// Lets through who may. What has no slide, an address that does not exist included, needs credentials for everything.
pub async fn guard(
    Shared(state): Shared<State>,
    route: Option<MatchedPath>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let access = &state.options.access;
    if access.is_open() || route.is_some_and(|route| OPEN.contains(&route.as_str())) {
        return next.run(request).await;
    }
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    // A clock before 1970 is wrong: as late as can be, so that nothing passes that should not.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs());
    let name = params.as_ref().ok().and_then(slide_of);
    match access.check(name, authorization, request.uri().query(), now) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused(refusal),
    }
}

/// The slide that an address is about, as the handlers read it: decoded, without what follows the name.
fn slide_of(params: &RawPathParams) -> Option<&str> {
    params.iter().find_map(|(key, value)| match key {
        "slide" => Some(value),
        "file" => value.strip_suffix(".dzi"),
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

//! Responses: conditional requests, strong entity tags, ranges, and errors as JSON.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::error::ServeError;
use super::range::Asked;

impl IntoResponse for ServeError {
    fn into_response(self) -> Response {
        let status = match &self {
            ServeError::NotFound | ServeError::Absent(_) => StatusCode::NOT_FOUND,
            ServeError::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            ServeError::Bad(_) => StatusCode::BAD_REQUEST,
            ServeError::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
            ServeError::Busy | ServeError::Later(_) | ServeError::Away => StatusCode::SERVICE_UNAVAILABLE,
            ServeError::Broken | ServeError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut response = json_response(status, &json!({"error": self.to_string()}));
        if matches!(self, ServeError::Busy | ServeError::Later(_) | ServeError::Away) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A JSON body. Errors are marked `no-store`: what is missing or broken now may be there in a moment.
pub fn json_response(status: StatusCode, value: &Value) -> Response {
    json_text(status, value.to_string().into())
}

/// The same of a text that is JSON already.
pub fn json_text(status: StatusCode, text: Bytes) -> Response {
    let response = (status, [(header::CONTENT_TYPE, "application/json")], text).into_response();
    if status.is_success() { response } else { uncached(response) }
}

/// The same response for the one who asked, now: no cache keeps it.
pub fn uncached(mut response: Response) -> Response {
    let out = response.headers_mut();
    out.remove(header::ETAG);
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Gives the framework's own refusals, such as of a method or of a path that is not UTF-8, the JSON body that all errors have.
pub fn errors_as_json(response: Response) -> Response {
    let status = response.status();
    let plain = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/plain");
    let ours = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| !plain(kind));
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let reason = status.canonical_reason().unwrap_or("refused").to_lowercase();
    let mut json = json_response(status, &json!({"error": reason}));
    // What is allowed, and who may read that: a page elsewhere is refused like others.
    let kept = |name: &HeaderName| {
        [header::ALLOW, header::VARY].contains(name) || name.as_str().starts_with("access-control-")
    };
    let headers = response.headers().iter().filter(|(name, _)| kept(name));
    json.headers_mut().extend(headers.map(|(name, value)| (name.clone(), value.clone())));
    json
}

/// A strong entity tag of `bytes`, in quotes.
pub fn etag(bytes: &[u8]) -> String {
    format!("\"{:016x}\"", xxh3_64(bytes))
}

/// The same of bytes in parts.
pub fn etag_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Xxh3::new();
    parts.into_iter().for_each(|part| hash.update(part));
    format!("\"{:016x}\"", hash.digest())
}

/// Whether `If-None-Match` names `tag`, so that the client needs no body.
pub fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|list| list.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}

/// A response that a client may cache: 304 without a body where `If-None-Match` names `tag`, else 200 with `body`.
pub fn cacheable(
    headers: &HeaderMap,
    tag: &str,
    cache_control: &str,
    content_type: &str,
    body: Bytes,
) -> Response {
    cacheable_body(headers, tag, cache_control, content_type, Body::from(body))
}

/// As [`cacheable`], or the part of the body that `Range` asks for.
pub fn ranged(
    headers: &HeaderMap,
    tag: &str,
    cache_control: &str,
    content_type: &str,
    body: Bytes,
) -> Response {
    let size = body.len() as u64;
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_current = text(header::IF_RANGE).is_none_or(|held| held == tag) && !matches(headers, tag);
    let asked = text(header::RANGE).filter(|_| is_current).map(|text| Asked::parse(text, size));
    let (mut response, content_range) = match asked {
        Some(Asked::Range(range)) => {
            // A body lies in memory.
            let part = body.slice(range.start as usize..range.end as usize);
            let mut response = cacheable(headers, tag, cache_control, content_type, part);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            (response, Some(format!("bytes {}-{}/{size}", range.start, range.end - 1)))
        }
        Some(Asked::Nothing) => {
            let problem = json!({"error": format!("there are no such bytes: it has {size}")});
            (json_response(StatusCode::RANGE_NOT_SATISFIABLE, &problem), Some(format!("bytes */{size}")))
        }
        Some(Asked::Everything) | None => (cacheable(headers, tag, cache_control, content_type, body), None),
    };
    let out = response.headers_mut();
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(value) = content_range.and_then(|text| HeaderValue::from_str(&text).ok()) {
        out.insert(header::CONTENT_RANGE, value);
    }
    response
}

/// As [`cacheable`], of a body that may come in parts.
pub fn cacheable_body(
    headers: &HeaderMap,
    tag: &str,
    cache_control: &str,
    content_type: &str,
    body: Body,
) -> Response {
    let unchanged = matches(headers, tag);
    let mut response =
        if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let out = response.headers_mut();
    let mut named = vec![(header::ETAG, tag), (header::CACHE_CONTROL, cache_control)];
    named.extend((!unchanged).then_some((header::CONTENT_TYPE, content_type)));
    for (name, value) in named {
        if let Ok(value) = HeaderValue::from_str(value) {
            out.insert(name, value);
        }
    }
    if !unchanged {
        out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    response
}

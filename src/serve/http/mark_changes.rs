//! What a request that changes marks must bring, and how it is refused.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::auth::may_annotate;
use super::client::base;
use super::state::State;
use crate::serve::annotations::{Refused, StoreError};
use crate::web::respond::json_response;

const NOT_ALLOWED: &str = "marks may be seen here, not changed: that takes a token, an address that was signed for changes, or \
    a server without credentials whose operator lets everybody change them";

/// Why a request is refused.
pub struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json_response(self.0, &json!({"error": self.1}))
    }
}

/// The turn of a request that changes marks. A body takes many times its bytes once it is parsed, so one is at a time.
pub async fn turn() -> Option<SemaphorePermit<'static>> {
    static TURN: Semaphore = Semaphore::const_new(1);
    // It is never closed.
    TURN.acquire().await.ok()
}

/// Refuses who may not write, and pages of other origins.
pub fn may_write(state: &State, name: &str, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    if state.annotations.is_none() {
        return Err(off());
    }
    let site = HeaderName::from_static("sec-fetch-site");
    let own = match (value_of(headers, &site), value_of(headers, &header::ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let own = base(uri, headers, state.options.access.trust_forwarded);
            host(origin).is_some_and(|theirs| Some(theirs) == host(&own))
        }
        (None, None) => true,
    };
    if !own {
        return Err(refused(
            StatusCode::FORBIDDEN,
            "marks are changed by this server's own pages, not by those of another origin",
        ));
    }
    match may_annotate(state, name, headers, uri.query()) {
        true => Ok(()),
        false => Err(refused(StatusCode::FORBIDDEN, NOT_ALLOWED)),
    }
}

/// Host and port of an origin or address.
fn host(address: &str) -> Option<&str> {
    address.split_once("://").and_then(|(_, rest)| rest.split('/').next())
}

/// The body of a request.
pub fn parse<T: DeserializeOwned>(headers: &HeaderMap, body: &Bytes) -> Result<T, Refusal> {
    let kind = value_of(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !(kind == "application/json" || kind.ends_with("+json")) {
        return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json"));
    }
    serde_json::from_slice(body).map_err(|e| refused(StatusCode::BAD_REQUEST, &format!("the body: {e}")))
}

/// The revision that a change of one mark is based on.
pub fn based_on(headers: &HeaderMap) -> Result<u64, Refusal> {
    let revision = |value: &str| value.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    match (value_of(headers, &header::IF_MATCH), value_of(headers, &header::IF_NONE_MATCH)) {
        (Some(value), None) => revision(value).ok_or_else(|| {
            refused(StatusCode::BAD_REQUEST, "If-Match: give the revision in quotes, as \"7\"")
        }),
        (None, Some("*")) => Ok(0),
        _ => Err(refused(
            StatusCode::PRECONDITION_REQUIRED,
            "say what the change is based on: If-Match with the revision, or If-None-Match: * for a new mark",
        )),
    }
}

/// A header's value; empty where it is no text.
pub fn value_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// A refusal with its reason.
pub fn refused(status: StatusCode, problem: &str) -> Refusal {
    Refusal(status, problem.into())
}

/// The refusal of a server without marks.
pub fn off() -> Refusal {
    refused(StatusCode::NOT_FOUND, "this server keeps no marks; its operator can name a directory for them")
}

/// What an error is to a client. Paths go to the log.
pub fn failed(name: &str, error: &StoreError) -> Refusal {
    let status = match error {
        StoreError::OtherWriter(_) => StatusCode::SERVICE_UNAVAILABLE,
        StoreError::OtherSlide { .. } | StoreError::Changed => StatusCode::CONFLICT,
        StoreError::Refused(Refused::Full) => StatusCode::PAYLOAD_TOO_LARGE,
        StoreError::Refused(Refused::Bad { .. }) => StatusCode::BAD_REQUEST,
        StoreError::Foreign(_) | StoreError::Io { .. } | StoreError::Write(_) => {
            tracing::error!(slide = name, "marks: {error}");
            let problem = "the marks cannot be read or written; the server's log says why";
            return refused(StatusCode::INTERNAL_SERVER_ERROR, problem);
        }
    };
    refused(status, &error.to_string())
}

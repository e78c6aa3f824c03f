//! What a request that changes marks must bring, and how it is refused.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::auth::may_annotate;
use super::client::base;
use super::state::State;
use crate::serve::annotations::{Refused, StoreError};
use crate::web::budget::{Charge, Purpose};
use crate::web::error::ServeError;
use crate::web::origin::{Sender, host};
use crate::web::respond::json_response;

/// Most bytes of a request. More is sent in several.
const MAX_BODY_BYTES: usize = 8 << 20;
/// What a body takes once it is parsed, for each of its bytes: a list of digits is two bytes a number, and a number 32 in a list that grows.
const PARSED: u64 = 32;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

const NOT_ALLOWED: &str = "marks may be seen here, not changed: that takes a token, an address that was signed for changes, or \
    a server without credentials whose operator lets everybody change them";

/// Why a request is refused.
pub struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json_response(self.0, &json!({"error": self.1}))
    }
}

/// A request that may change marks, once its body is there: nobody else's body is taken in.
pub struct Given {
    /// The bytes of the body in the memory that requests share, and those of what it says.
    _charges: [Charge; 2],
    _turn: Option<SemaphorePermit<'static>>,
    body: Bytes,
}

/// Takes in the body of a request that may change marks.
///
/// # Errors
/// [`ServeError::Busy`] where there is no memory for it in time.
pub async fn given(
    state: &State,
    name: &str,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<Result<Given, Refusal>, ServeError> {
    if let Err(refusal) = may_write(state, name, uri, headers) {
        return Ok(Err(refusal));
    }
    let length = value_of(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let large = || {
        let problem =
            format!("the body has more than {MAX_BODY_BYTES} bytes: send the changes in several requests");
        refused(StatusCode::PAYLOAD_TOO_LARGE, &problem)
    };
    // Of a body in chunks nobody knows how long it will be.
    let most = length.unwrap_or(MAX_BODY_BYTES);
    if most > MAX_BODY_BYTES {
        return Ok(Err(large()));
    }
    let charge = state.tiles.charge(Purpose::Image, most as u64).await?;
    let body = match timeout(BODY_TIME, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) if length.is_none() => return Ok(Err(large())),
        Ok(Err(_)) => return Ok(Err(refused(StatusCode::BAD_REQUEST, "the body ends before its length"))),
        Err(_) => {
            let problem = format!("the body did not arrive within {} seconds", BODY_TIME.as_secs());
            return Ok(Err(refused(StatusCode::REQUEST_TIMEOUT, &problem)));
        }
    };
    let turn = turn().await;
    let parsed = state.tiles.charge(Purpose::Assembled, PARSED * body.len() as u64).await?;
    Ok(Ok(Given { _charges: [charge, parsed], _turn: turn, body }))
}

/// The turn of a request that changes marks. A body takes many times its bytes once it is parsed, so one is at a time.
async fn turn() -> Option<SemaphorePermit<'static>> {
    static TURN: Semaphore = Semaphore::const_new(1);
    // It is never closed.
    TURN.acquire().await.ok()
}

/// Refuses who may not write, and pages of other origins.
pub fn may_write(state: &State, name: &str, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    if state.annotations.is_none() {
        return Err(off());
    }
    let own = base(uri, headers, state.options.access.trust_forwarded);
    if Sender::of(headers, host(&own)) == Sender::Other {
        return Err(refused(
            StatusCode::FORBIDDEN,
            "marks are changed by this server's own pages, not by those of another origin",
        ));
    }
    match may_annotate(state, name, &Method::PUT, uri, headers) {
        true => Ok(()),
        false => Err(refused(StatusCode::FORBIDDEN, NOT_ALLOWED)),
    }
}

impl Given {
    /// What the body says.
    pub fn parse<T: DeserializeOwned>(&self, headers: &HeaderMap) -> Result<T, Refusal> {
        let kind = value_of(headers, &header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !(kind == "application/json" || kind.ends_with("+json")) {
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json"));
        }
        let wrong = |e| refused(StatusCode::BAD_REQUEST, &format!("the body: {e}"));
        serde_json::from_slice(&self.body).map_err(wrong)
    }
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
pub fn failed(state: &State, name: &str, error: &StoreError) -> Refusal {
    let status = match error {
        StoreError::OtherWriter(_) => StatusCode::SERVICE_UNAVAILABLE,
        StoreError::OtherSlide { .. } | StoreError::Changed => StatusCode::CONFLICT,
        StoreError::Refused(Refused::Full | Refused::Conflicts) => StatusCode::PAYLOAD_TOO_LARGE,
        StoreError::Refused(Refused::Bad { .. }) => StatusCode::BAD_REQUEST,
        StoreError::Foreign(_) | StoreError::Newer { .. } | StoreError::Io { .. } | StoreError::Write(_) => {
            state.mark_faults.log(name, &format_args!("marks: {error}"));
            let problem = "the marks cannot be read or written; the server's log says why";
            return refused(StatusCode::INTERNAL_SERVER_ERROR, problem);
        }
    };
    refused(status, &error.to_string())
}

//! Why a request is refused: a status, and a JSON object with code, message and details.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::lines::Lines;
use crate::jobs::{Code, Error};
use crate::tour::Fault;
use crate::web::respond::json_response;

/// Codes of requests, beside those of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OfRequest {
    NotFound,
    Conflict,
    RequestTooLarge,
    RangeNotSatisfiable,
    QueueFull,
    Unauthorized,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    status: StatusCode,
    code: Value,
    message: String,
    context: Option<String>,
    suggestion: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, code: Value, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), context: None, suggestion: None }
    }

    /// The request is wrong.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self::coded(StatusCode::BAD_REQUEST, Code::ScenarioParseError, message)
    }

    /// A refusal with the code of jobs.
    pub fn coded(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        let suggestion = code.suggestion().map(String::from);
        Self { suggestion, ..Self::new(status, json!(code), message) }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn advised(self, suggestion: &str) -> Self {
        Self { suggestion: Some(suggestion.into()), ..self }
    }

    /// An address that is refused.
    pub fn address(field: &str, message: impl std::fmt::Display) -> Self {
        Self::coded(StatusCode::BAD_REQUEST, Code::ConnectionError, format!("{field}: {message}"))
    }

    /// Faults of a document: all in the message, the place of the first as context.
    pub fn faults(faults: &[Fault]) -> Self {
        let said = |fault: &Fault| match fault.place.is_empty() {
            true => fault.problem.clone(),
            false => format!("{}: {}", fault.place, fault.problem),
        };
        let message = faults.iter().map(said).collect::<Vec<_>>().join("; ");
        let at = faults.first().and_then(|fault| fault.line_column);
        let context = at.map(|(line, column)| format!("line {line}, column {column}"));
        Self { context, ..Self::wrong(message) }
    }

    /// No such job, or it has no result.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, json!(OfRequest::NotFound), message)
    }

    /// The job is not as the request needs it.
    pub fn conflict(message: impl Into<String>, suggestion: &str) -> Self {
        let suggestion = Some(suggestion.into());
        Self { suggestion, ..Self::new(StatusCode::CONFLICT, json!(OfRequest::Conflict), message) }
    }

    /// The body is too large.
    pub fn too_large(max_bytes: usize) -> Self {
        let message = format!("the body is larger than {max_bytes} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, json!(OfRequest::RequestTooLarge), message)
    }

    /// What would be kept of the job is too large: numbers may be longer than they were sent.
    pub fn too_long(bytes: usize, most: usize) -> Self {
        let message =
            format!("the job would take {bytes} bytes beside its results, which is more than {most}");
        let suggestion =
            Some("leave out fields that the service does not know, or send shorter lists".into());
        let problem = Self::new(StatusCode::PAYLOAD_TOO_LARGE, json!(OfRequest::RequestTooLarge), message);
        Self { suggestion, ..problem }
    }

    /// The file does not have the bytes that are asked for.
    pub fn no_such_bytes(size: u64) -> Self {
        let message = format!("there are no such bytes: it has {size}");
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, json!(OfRequest::RangeNotSatisfiable), message)
    }

    /// Too many jobs have not ended.
    pub fn queue_full(most: usize) -> Self {
        Self::full(format!("{most} jobs have not ended"), "send the request again when some have")
    }

    /// The requests of jobs that have not ended are too large.
    pub fn too_many_bytes(most: usize) -> Self {
        let message = format!("the requests of jobs that have not ended take {most} bytes");
        Self::full(message, "send the request again when some have ended, or a shorter one")
    }

    fn full(message: String, suggestion: &str) -> Self {
        let (status, suggestion) = (StatusCode::SERVICE_UNAVAILABLE, Some(suggestion.into()));
        Self { suggestion, ..Self::new(status, json!(OfRequest::QueueFull), message) }
    }

    /// No valid credentials.
    pub fn unauthorized(status: StatusCode, message: &str) -> Self {
        Self::new(status, json!(OfRequest::Unauthorized), message)
    }

    /// Something failed here; the log says what.
    pub fn failed() -> Self {
        let message = "the service failed on this request; its log says why";
        Self::coded(StatusCode::INTERNAL_SERVER_ERROR, Code::RenderError, message)
    }

    /// What the request needs does not answer in time. It may still be done.
    pub fn away() -> Self {
        let message =
            "files, queue or results do not answer in time: send the request again, with the same jobId";
        Self::coded(StatusCode::SERVICE_UNAVAILABLE, Code::StorageAccessError, message)
    }

    /// Other requests hold all of the memory for requests.
    pub fn busy() -> Self {
        Self::full("other requests hold all of the memory for requests".into(), "send the request again")
    }

    /// As JSON, without the status.
    pub fn json(&self) -> Value {
        json!({
            "code": self.code, "message": self.message,
            "details": {"context": self.context, "suggestion": self.suggestion},
        })
    }
}

/// Queue or results do not answer. What they say goes to the log, since it names files.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        static LINES: Lines = Lines::new();
        LINES.error(&error);
        let message = "the queue or the results cannot be reached; the log of the service says why";
        Self::coded(StatusCode::SERVICE_UNAVAILABLE, Code::StorageAccessError, message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = json_response(self.status, &json!({"error": self.json()}));
        use axum::http::{HeaderValue, header};
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer realm=\"origami\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

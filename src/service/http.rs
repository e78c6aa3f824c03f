//! Routes and handlers.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::time::timeout;

use super::blocking::blocking;
use super::job::Kind;
use super::problem::Problem;
use super::registry::Registry;
use super::request::{self, JobId, MAX_BYTES};
use super::sent::Sent;
use super::{health, metrics, result, websocket};
use crate::serve::{Presented, Refusal};
use crate::web::budget::Purpose;
use crate::web::error::ServeError;
use crate::web::exposition;
use crate::web::origin::Sender;
use crate::web::respond::{errors_as_json, json_response, uncached};

/// Routes that need no credentials.
const OPEN_ROUTES: [&str; 2] = ["/health", "/healthz"];

/// Longest time for a body to come.
const BODY: Duration = Duration::from_secs(30);
/// Bytes that a byte of a body takes once it is read: a list of numbers has a value for every second one.
const PARSED: usize = 16;

/// The addresses of the service.
pub fn routes(registry: Arc<Registry>) -> Router {
    guarded(addresses(), registry)
}

/// The same with those that a server has anyway.
pub fn alone(registry: Arc<Registry>) -> Router {
    let router = addresses()
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(figures))
        .fallback(async || ServeError::NotFound);
    guarded(router, registry)
        .layer(middleware::map_response(async |response: Response| errors_as_json(response)))
}

fn addresses() -> Router<Arc<Registry>> {
    Router::new()
        .route("/render", post(render))
        .route("/encode", post(encode))
        .route("/api/render/process", post(render))
        .route("/api/render/queue/status", get(queue))
        .route("/api/render/queue/clear", post(clear))
        .route("/api/render/{job_id}", get(record))
        .route("/api/render/{job_id}/status", get(status))
        .route("/api/render/{job_id}/cancel", post(cancel))
        .route("/api/render/{job_id}/ws", get(websocket::open))
        .route("/api/render/{job_id}/result", get(result::send))
        .route("/queue/status", get(queue))
        .route("/health", get(health))
}

fn guarded(router: Router<Arc<Registry>>, registry: Arc<Registry>) -> Router {
    router.layer(middleware::from_fn_with_state(registry.clone(), admit)).with_state(registry)
}

/// Refuses requests without credentials, where any are asked for, and those that a page of another server has a browser send.
async fn admit(
    Shared(registry): Shared<Arc<Registry>>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let upgrades = request.headers().contains_key(header::UPGRADE);
    let own = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let sender = Sender::of(request.headers(), own);
    if (changes || upgrades) && sender == Sender::Other {
        let message = "a page of another server has sent this request";
        return Problem::unauthorized(StatusCode::FORBIDDEN, message).into_response();
    }
    let credentials = &registry.options.credentials;
    if credentials.is_open() || route.is_some_and(|route| OPEN_ROUTES.contains(&route.as_str())) {
        return next.run(request).await;
    }
    let presented = Presented::of(request.headers(), request.uri().query());
    // A browser adds a session by itself: for a change it counts only if a page of this server asks for it.
    let counts = !changes || sender == Sender::Own;
    let presented = if counts { presented } else { presented.without_session() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs());
    match credentials.check(None, &presented, now) {
        // A signed address is given away to be looked at.
        Ok(()) if changes && !credentials.has_token(&presented, now) => {
            let message = "a signed address changes nothing; give a token (Authorization: Bearer ...)";
            Problem::unauthorized(StatusCode::FORBIDDEN, message).into_response()
        }
        Ok(()) => next.run(request).await,
        Err(Refusal::Unknown) => {
            let message = "this service asks for a token (Authorization: Bearer ...) or a signed address";
            Problem::unauthorized(StatusCode::UNAUTHORIZED, message).into_response()
        }
        Err(_) => {
            let message = "the signature does not cover this address, or has expired";
            Problem::unauthorized(StatusCode::FORBIDDEN, message).into_response()
        }
    }
}

/// Answers with what a call says of all jobs, within the time that a request waits for files.
async fn answer(
    registry: Arc<Registry>,
    status: StatusCode,
    call: impl FnOnce(&Registry) -> Result<Value, Problem> + Send + 'static,
) -> Response {
    let limit = registry.options.read_timeout;
    match blocking(limit, move || call(&registry)).await {
        Ok(value) => uncached(json_response(status, &value)),
        Err(problem) => problem.into_response(),
    }
}

async fn render(shared: Shared<Arc<Registry>>, headers: HeaderMap, body: Body) -> Response {
    submit(shared, Kind::Render, &headers, body).await
}

async fn encode(shared: Shared<Arc<Registry>>, headers: HeaderMap, body: Body) -> Response {
    submit(shared, Kind::Encode, &headers, body).await
}

/// Takes a job. The memory that requests share has its body, and what becomes of it while it is read.
async fn submit(
    Shared(registry): Shared<Arc<Registry>>,
    kind: Kind,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    // Of a body in chunks nobody knows how long it will be.
    let most = length.unwrap_or(MAX_BYTES);
    if most > MAX_BYTES {
        return Problem::too_large(MAX_BYTES).into_response();
    }
    let Ok(_body) = registry.memory().charge(Purpose::Image, most as u64).await else {
        return Problem::busy().into_response();
    };
    let body = match timeout(BODY, to_bytes(body, MAX_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Problem::too_large(MAX_BYTES).into_response(),
        Err(_) => return Problem::wrong("the body did not come in time").into_response(),
    };
    let parsed = (body.len() * PARSED) as u64;
    let Ok(parsed) = registry.memory().charge(Purpose::Tile, parsed).await else {
        return Problem::busy().into_response();
    };
    let taken = move |registry: &Registry| {
        // Also where the client does not wait any more.
        let _parsed = parsed;
        registry.submit(request::read(kind, &body, &registry.options)?)
    };
    answer(registry, StatusCode::ACCEPTED, taken).await
}

async fn status(Shared(registry): Shared<Arc<Registry>>, JobId(job_id): JobId) -> Response {
    answer(registry, StatusCode::OK, move |registry| registry.status(&job_id)).await
}

async fn record(Shared(registry): Shared<Arc<Registry>>, JobId(job_id): JobId) -> Response {
    let read = move |registry: &Registry| {
        let mut value = registry.status(&job_id)?;
        let live = registry.find(&job_id)?;
        value["request"] =
            live.map(|live| registry.request(&live)).transpose()?.unwrap_or(Sent::NOT_HERE).value();
        Ok(value)
    };
    answer(registry, StatusCode::OK, read).await
}

async fn cancel(Shared(registry): Shared<Arc<Registry>>, JobId(job_id): JobId) -> Response {
    answer(registry, StatusCode::OK, move |registry| registry.cancel(&job_id)).await
}

async fn clear(Shared(registry): Shared<Arc<Registry>>) -> Response {
    answer(registry, StatusCode::OK, Registry::clear).await
}

async fn queue(Shared(registry): Shared<Arc<Registry>>) -> Response {
    let overview = |registry: &Registry| {
        Ok(registry.jobs().overview(registry.options.max_concurrent, registry.now_ms()))
    };
    answer(registry, StatusCode::OK, overview).await
}

async fn health(Shared(registry): Shared<Arc<Registry>>) -> Response {
    answer(registry, StatusCode::OK, |registry| Ok(health::json(registry))).await
}

async fn figures(Shared(registry): Shared<Arc<Registry>>, headers: HeaderMap) -> Response {
    exposition::metrics(&headers, metrics::text(&registry) + "# EOF\n")
}

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
use super::{health, metrics, result, websocket};
use crate::serve::{Presented, Refusal};
use crate::web::error::ServeError;
use crate::web::exposition;
use crate::web::origin::Sender;
use crate::web::respond::{errors_as_json, json_response, uncached};

/// Routes that need no credentials.
const OPEN_ROUTES: [&str; 2] = ["/health", "/healthz"];

/// Longest time for a body to come.
const BODY: Duration = Duration::from_secs(30);

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
    let clear = post(async |Shared(registry): Shared<Arc<Registry>>| {
        answer(StatusCode::OK, move || registry.clear()).await
    });
    Router::new()
        .route("/render", post(render))
        .route("/encode", post(encode))
        .route("/api/render/process", post(render))
        .route("/api/render/queue/status", get(queue))
        .route("/api/render/queue/clear", clear)
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

async fn answer(
    status: StatusCode,
    call: impl FnOnce() -> Result<Value, Problem> + Send + 'static,
) -> Response {
    match blocking(call).await {
        Ok(value) => uncached(json_response(status, &value)),
        Err(problem) => problem.into_response(),
    }
}

async fn render(Shared(registry): Shared<Arc<Registry>>, body: Body) -> Response {
    submit(registry, Kind::Render, body).await
}

async fn encode(Shared(registry): Shared<Arc<Registry>>, body: Body) -> Response {
    submit(registry, Kind::Encode, body).await
}

async fn submit(registry: Arc<Registry>, kind: Kind, body: Body) -> Response {
    let body = match timeout(BODY, to_bytes(body, MAX_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Problem::too_large(MAX_BYTES).into_response(),
        Err(_) => return Problem::wrong("the body did not come in time").into_response(),
    };
    answer(StatusCode::ACCEPTED, move || registry.submit(request::read(kind, &body, &registry.options)?))
        .await
}

async fn status(Shared(registry): Shared<Arc<Registry>>, JobId(job_id): JobId) -> Response {
    answer(StatusCode::OK, move || registry.status(&job_id)).await
}

async fn record(Shared(registry): Shared<Arc<Registry>>, JobId(job_id): JobId) -> Response {
    let read = move || {
        let mut value = registry.status(&job_id)?;
        value["request"] = registry.find(&job_id)?.map(|live| live.job.request).unwrap_or_default();
        Ok(value)
    };
    answer(StatusCode::OK, read).await
}

async fn cancel(Shared(registry): Shared<Arc<Registry>>, JobId(job_id): JobId) -> Response {
    answer(StatusCode::OK, move || registry.cancel(&job_id)).await
}

async fn queue(Shared(registry): Shared<Arc<Registry>>) -> Response {
    answer(StatusCode::OK, move || {
        Ok(registry.jobs().overview(registry.options.max_concurrent, registry.now_ms()))
    })
    .await
}

async fn health(Shared(registry): Shared<Arc<Registry>>) -> Response {
    answer(StatusCode::OK, move || Ok(health::json(&registry))).await
}

async fn figures(Shared(registry): Shared<Arc<Registry>>, headers: HeaderMap) -> Response {
    exposition::metrics(&headers, metrics::text(&registry) + "# EOF\n")
}

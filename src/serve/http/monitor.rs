//! What operators and orchestrators watch: readiness, metrics, and lines of statistics in the log.

use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::state::State;
use crate::serve::metrics::Gauges;
use crate::store::is_address;
use crate::web::blocking;
use crate::web::exposition;
use crate::web::respond::{json_response, uncached};

/// `/healthz`: alive where this is answered at all.
pub async fn alive() -> Response {
    uncached("ok\n".into_response())
}

/// `/readyz`: ready when the root can be listed, and storage that hangs does not hold every thread.
pub async fn ready(Shared(state): Shared<State>) -> Response {
    let (root, catalog) = (state.options.slides.root.clone(), state.catalog.clone());
    let is_ready = move || {
        if is_address(&root) {
            catalog.refresh();
            return catalog.is_listed();
        }
        root.is_file() || std::fs::read_dir(root).is_ok()
    };
    let limit = state.options.limits.read_timeout;
    let refused = |error: &str| json_response(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": error }));
    match blocking::run(limit, is_ready).await {
        Ok(true) if state.tiles.threads().hang(limit) => {
            refused("storage that does not answer holds every thread that makes tiles")
        }
        Ok(true) => uncached("ready\n".into_response()),
        _ => refused("the slides cannot be listed; the server's log says why"),
    }
}

/// `/metrics`, in Prometheus' text format or in OpenMetrics.
pub async fn metrics(Shared(state): Shared<State>, headers: HeaderMap) -> Response {
    let mut text = state.metrics.text(&state.tiles.gauges(), (state.backend_stats)());
    if let (Some(more), Some(end)) = (state.more_metrics.get(), text.rfind("# EOF")) {
        text.insert_str(end, &more());
    }
    exposition::metrics(&headers, text)
}

/// Logs a line of statistics at every interval, until it is aborted.
pub fn log_stats(state: State) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let interval = state.options.logging.stats_interval;
        if interval.is_zero() {
            return std::future::pending().await;
        }
        let mut ticks = tokio::time::interval(interval.max(Duration::from_secs(1)));
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let Gauges { tiles, bytes, families, .. } = state.tiles.gauges();
            let made = state.metrics.families_reconstructed();
            tracing::info!(
                tiles,
                bytes,
                families,
                made,
                "cached tiles, their weight, families in flight, families made"
            );
        }
    })
}

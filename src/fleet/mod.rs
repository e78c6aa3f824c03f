//! The page of a queue: how far it is, in a browser.
//!
//! Shares connections, errors and the style of the pages with the tile server, by `web`. It changes nothing, and names the files of
//! slides: whoever reaches it sees those.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::jobs::{Clock, Queue};
use crate::web::assets::{APP_STYLE, Asset, Assets, ICON, SCRIPT, STYLE, send_page};
use crate::web::error::ServeError;
use crate::web::listen::{self, ConnectionLimits};
use crate::web::respond::{cacheable, errors_as_json, etag};

/// Connections at a time: a few people.
const MAX_CONNECTIONS: usize = 64;
/// Age of an overview up to which it answers the next request as well: many pages are one reader of the queue.
const MAX_AGE: Duration = Duration::from_millis(900);

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    Assets::new(&[
        APP_STYLE,
        ICON,
        Asset { name: "fleet.css", content_type: STYLE, bytes: include_bytes!("page/fleet.css") },
        Asset { name: "fleet.js", content_type: SCRIPT, bytes: include_bytes!("page/fleet.js") },
    ])
});

static PAGE: LazyLock<Bytes> = LazyLock::new(|| ASSETS.page(include_str!("page/index.html")));

/// The page of one queue.
pub struct QueuePage {
    queue: Box<dyn Queue>,
    results: String,
    last: Mutex<Option<(Instant, Bytes)>>,
}

impl QueuePage {
    /// The page of a queue whose results go to `results`.
    pub fn new(queue: Box<dyn Queue>, results: &str) -> Self {
        Self { queue, results: results.into(), last: Mutex::default() }
    }

    /// Serves until `stop` completes.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        listen::serve(listener, router(Arc::new(self)), ConnectionLimits::new(MAX_CONNECTIONS), stop).await;
    }

    /// The overview as JSON, at most a second old.
    fn overview(&self) -> Result<Bytes, ServeError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, json)) = &*last
            && at.elapsed() < MAX_AGE
        {
            return Ok(json.clone());
        }
        let overview = self.queue.overview().map_err(|e| ServeError::Failed(e.to_string()))?;
        let json = overview.json(&self.queue.name(), &self.results, Clock::default().now_ms());
        let json = Bytes::from(json.to_string());
        *last = Some((Instant::now(), json.clone()));
        Ok(json)
    }
}

fn router(page: Arc<QueuePage>) -> Router {
    Router::new()
        .route("/", get(async |headers: HeaderMap| send_page(&headers, &PAGE)))
        .route("/assets/{name}", get(asset))
        .route("/api/status", get(status))
        .route("/healthz", get(async || "ok\n"))
        .fallback(async || ServeError::NotFound)
        .layer(middleware::map_response(async |response: Response| errors_as_json(response)))
        .with_state(page)
}

async fn asset(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    ASSETS.send(&name, query.as_deref(), &headers)
}

/// Reads the queue off the asynchronous threads.
async fn status(State(page): State<Arc<QueuePage>>, headers: HeaderMap) -> Result<Response, ServeError> {
    let read = tokio::task::spawn_blocking(move || page.overview()).await;
    let json = read.map_err(|_| ServeError::Failed("the queue could not be read".into()))??;
    Ok(cacheable(&headers, &etag(&json), "no-cache", "application/json", json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_keeps_to_the_policy_and_names_assets_that_exist() {
        crate::web::assets::check(&ASSETS, &[&PAGE], 4);
    }

    #[test]
    fn the_style_that_pages_share_has_no_rule_for_an_element_of_this_one() {
        let (page, style) = (include_str!("page/index.html"), include_str!("../web/app.css"));
        let ids: Vec<_> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(ids.contains(&"progress"), "{ids:?}");
        let is_styled = |id: &&&str| style.lines().any(|line| line.starts_with(&format!("#{id} ")));
        let shared: Vec<_> = ids.iter().filter(is_styled).collect();
        assert!(shared.is_empty(), "{shared:?}");
    }
}

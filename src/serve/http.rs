//! Addresses to answers: routes, headers, errors. Thin over `catalog` and `tiles`.

mod client;
mod guard;
mod iiif;
mod thumbnail;
mod tile;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use serde_json::{Value, json};
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use xxhash_rust::xxh3::xxh3_64;

use self::client::Client;
use super::access::path_segment;
use super::catalog::Catalog;
use super::error::ServeError;
use super::metrics::{Metrics, TileGauges};
use super::slide::Slide;
use super::tiles::Tiles;
use super::viewer;
use super::{Figures, ServeOptions};
use crate::output::tile::OutputFormat;

/// What every handler needs, under one count: every layer of every request clones it.
pub type State = Arc<Everything>;

/// The parts of a server.
pub struct Everything {
    pub options: Arc<ServeOptions>,
    pub catalog: Arc<Catalog>,
    pub tiles: Arc<Tiles>,
    pub metrics: Arc<Metrics>,
    pub figures: Figures,
}

type Answer = Result<Response, ServeError>;

/// Every address.
pub fn router(state: State) -> Router {
    let router = Router::new()
        .route("/dzi/{file}", get(descriptor))
        .route("/original/{file}", get(original_descriptor))
        .route("/api/slides", get(slides))
        .route("/api/slides/{slide}", get(slide))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .merge(viewer::router())
        .fallback(async || ServeError::NotFound)
        .layer(CompressionLayer::new())
        // Coded images: nothing to compress.
        .route("/dzi/{files}/{level}/{tile}", get(tile::derived))
        .route("/tiles/{slide}/{level}/{tile}", get(tile::tile))
        .route("/original/{files}/{level}/{tile}", get(tile::original))
        .route("/thumbnails/{slide}", get(thumbnail::thumbnail));
    let guarded = if state.options.access.is_open() {
        router
    } else {
        router.layer(middleware::from_fn_with_state(state.clone(), guard::guard))
    };
    let mut router = guarded;
    if let Some(origin) = state.options.cors.as_deref().and_then(|origin| HeaderValue::from_str(origin).ok())
    {
        let any = origin == "*";
        let layer = CorsLayer::new()
            .allow_methods([Method::GET, Method::HEAD])
            .allow_headers([header::AUTHORIZATION])
            .expose_headers([header::ETAG]);
        router = router.layer(if any {
            layer.allow_origin(tower_http::cors::Any)
        } else {
            layer.allow_origin(origin)
        });
    }
    // With its own rule for other origins, which is the specification's.
    let router = router.merge(iiif::routes(&state).layer(CompressionLayer::new()));
    router.layer(middleware::from_fn_with_state(state.clone(), log)).with_state(state)
}

impl IntoResponse for ServeError {
    fn into_response(self) -> Response {
        let status = match &self {
            ServeError::NotFound => StatusCode::NOT_FOUND,
            ServeError::Bad(_) => StatusCode::BAD_REQUEST,
            ServeError::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
            ServeError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ServeError::Broken | ServeError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut response = json_response(status, &json!({"error": self.to_string()}));
        if self == ServeError::Busy {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn json_response(status: StatusCode, value: &Value) -> Response {
    let mut response =
        (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response();
    if !status.is_success() {
        // What is missing or broken now may be there in a moment.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Refusals that are not this server's own, such as of a method or of an address that is not UTF-8, look like those that are.
pub fn as_json(response: Response) -> Response {
    let status = response.status();
    let plain = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/plain");
    let own = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| !plain(kind));
    if own || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let reason = status.canonical_reason().unwrap_or("refused").to_lowercase();
    let mut made = json_response(status, &json!({"error": reason}));
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        made.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    made
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One line a request, a number for each, and the figures.
async fn log(Shared(state): Shared<State>, mut request: Request, next: Next) -> Response {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let started = Instant::now();
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let trust = state.options.trust_forwarded;
    let given = trust.then(|| client::request_id(request.headers())).flatten();
    let id = given.map_or_else(|| format!("{:08x}-{number:x}", std::process::id()), str::to_string);
    let client = Client::of(&request, trust);
    request.extensions_mut().insert(client);
    let told = tracing::enabled!(target: "origami::access", tracing::Level::INFO);
    let told = told.then(|| (request.method().clone(), request.uri().path().to_string()));
    let mut response = as_json(next.run(request).await);
    let status = response.status().as_u16();
    let bytes = axum::body::HttpBody::size_hint(response.body()).exact().unwrap_or(0);
    state.metrics.response(status, bytes);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if let Some((method, path)) = told {
        let us = started.elapsed().as_micros() as u64;
        tracing::info!(target: "origami::access", id, client = %client.address, %method, path, status, bytes, us);
    }
    response
}

/// Looks a name up; off the asynchronous threads where that may open files.
pub async fn open(state: &State, name: &str) -> Result<Arc<Slide>, ServeError> {
    let catalog = state.catalog.clone();
    if catalog.wants_refresh() {
        let catalog = catalog.clone();
        tokio::task::spawn_blocking(move || catalog.refresh());
    }
    let found = match catalog.known(name) {
        Some(slide) => Some(slide),
        None => {
            let name = name.to_string();
            tokio::task::spawn_blocking(move || catalog.get(&name)).await.map_err(|_| ServeError::Broken)?
        }
    };
    found.ok_or(ServeError::NotFound)?.map_err(|_| ServeError::Broken)
}

fn content_type(format: OutputFormat) -> &'static str {
    match format {
        OutputFormat::Jpeg => "image/jpeg",
        OutputFormat::Webp => "image/webp",
        OutputFormat::Png => "image/png",
    }
}

async fn descriptor(Shared(state): Shared<State>, Path(file): Path<String>, headers: HeaderMap) -> Answer {
    send_descriptor(&state, &file, &headers, Side::Served).await
}

/// The tiles of `/original` are those of the tree in the geometry of what is sent, so that both sides can be compared.
async fn original_descriptor(
    Shared(state): Shared<State>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Answer {
    send_descriptor(&state, &file, &headers, Side::Original).await
}

/// Which of a slide's two sets of tiles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Served,
    Original,
}

async fn send_descriptor(state: &State, file: &str, headers: &HeaderMap, side: Side) -> Answer {
    let name = file.strip_suffix(".dzi").ok_or(ServeError::NotFound)?;
    let slide = open(state, name).await?;
    if side == Side::Original && slide.original.is_none() {
        return Err(ServeError::NotFound);
    }
    let xml = slide.descriptor(state.options.format.extension()).to_xml();
    let tag = format!("\"{:016x}\"", xxh3_64(xml.as_bytes()));
    Ok(cacheable(headers, &tag, "no-cache", "application/xml", xml.into()))
}

/// Whether the client has it already.
pub fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|list| list.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}

/// What a client may keep: 304 where it has it already.
pub fn cacheable(headers: &HeaderMap, tag: &str, control: &str, kind: &'static str, body: Bytes) -> Response {
    let seen = matches(headers, tag);
    let mut response =
        if seen { StatusCode::NOT_MODIFIED.into_response() } else { Body::from(body).into_response() };
    let out = response.headers_mut();
    for (name, value) in [(header::ETAG, tag), (header::CACHE_CONTROL, control)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            out.insert(name, value);
        }
    }
    if !seen {
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    response
}

/// Pages ask again and again: whoever has it already gets no body.
async fn slides(Shared(state): Shared<State>, headers: HeaderMap) -> Answer {
    let catalog = state.catalog.clone();
    let names = tokio::task::spawn_blocking(move || catalog.names()).await.map_err(|_| ServeError::Broken)?;
    let mut all = Vec::new();
    for name in names {
        all.push(match open(&state, &name).await {
            Ok(slide) => describe(&state, &slide),
            Err(e) => json!({"name": name, "error": e.to_string()}),
        });
    }
    let text = json!({"slides": all}).to_string();
    let tag = format!("\"{:016x}\"", xxh3_64(text.as_bytes()));
    Ok(cacheable(&headers, &tag, "no-cache", "application/json", text.into()))
}

async fn slide(Shared(state): Shared<State>, Path(name): Path<String>) -> Answer {
    let slide = open(&state, &name).await?;
    Ok(json_response(StatusCode::OK, &describe(&state, &slide)))
}

fn describe(state: &State, slide: &Slide) -> Value {
    let g = &slide.geometry;
    let levels = (0..=g.top_level()).map(|level| {
        let ((width, height), (columns, rows)) = (g.level_size(level), g.tiles(level));
        json!({"level": level, "width": width, "height": height, "columns": columns, "rows": rows})
    });
    let pixels: u64 =
        (0..=g.top_level()).map(|l| g.level_size(l)).map(|(w, h)| u64::from(w) * u64::from(h)).sum();
    let stored =
        slide.input().filter(|input| !input.is_directory()).map(|input| input.archive().file_bytes());
    let lossy = slide
        .input()
        .filter(|_| slide.reconstructs())
        .map(|input| json!({"reconstructed": true, "encode": input.meta().encode}));
    json!({
        "name": slide.name, "width": g.width(), "height": g.height(), "tile_size": g.tile(), "overlap": 0,
        "format": state.options.format.extension(), "levels": levels.collect::<Vec<_>>(),
        "microns_per_pixel": slide.microns_per_pixel(), "objective_power": slide.objective_power(),
        "stored_bytes": stored, "represented_bytes": 3 * pixels, "lossy": lossy, "warning": slide.warning,
        "has_original": slide.original.is_some() && slide.reconstructs(),
        "version": format!("{:016x}", slide.version as u64),
        "dzi": format!("/dzi/{}.dzi", path_segment(&slide.name)),
        "thumbnail": format!("/thumbnails/{}", path_segment(&slide.name)),
    })
}

/// Ready once the root can be listed.
async fn ready(Shared(state): Shared<State>) -> Response {
    let root = state.options.slides_root.clone();
    match tokio::task::spawn_blocking(move || std::fs::read_dir(root).is_ok()).await {
        Ok(true) => "ready\n".into_response(),
        _ => json_response(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({"error": "the slides cannot be listed; the server's log says why"}),
        ),
    }
}

async fn metrics(Shared(state): Shared<State>) -> Response {
    let text = state.metrics.text(&state.tiles.gauges(), (state.figures)());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// A line of figures now and then.
pub fn log_figures(state: State) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let every = state.options.metrics_interval;
        if every.is_zero() {
            return std::future::pending().await;
        }
        let mut ticks = tokio::time::interval(every.max(Duration::from_secs(1)));
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let TileGauges { tiles, bytes, families, .. } = state.tiles.gauges();
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

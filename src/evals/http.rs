//! Routes and handlers: the page, the listing, pictures. A picture's name is looked up in the last listing and never joined to a
//! path.

use std::io::Read;
use std::path::Path as FilePath;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;

use super::images::Image;
use super::library::Library;
use super::scan::Listing;
use super::stamp::Stamp;
use crate::web::assets::{APP_STYLE, Asset, Assets, ICON, SCRIPT, STYLE, send_page};
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, errors_as_json, etag, matches};

/// Largest picture that is sent. A picture is read into memory as a whole.
const MAX_IMAGE_BYTES: u64 = 1 << 30;
/// Most pictures that are read at the same time.
const MAX_READERS: usize = 4;
/// Age of a listing from which on a request for a picture that is not in it makes a new one.
const MIN_RELIST_AGE: Duration = Duration::from_secs(1);

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    Assets::new(&[
        APP_STYLE,
        ICON,
        Asset { name: "evals.css", content_type: STYLE, bytes: include_bytes!("page/evals.css") },
        Asset { name: "runs.js", content_type: SCRIPT, bytes: include_bytes!("page/runs.js") },
        Asset { name: "table.js", content_type: SCRIPT, bytes: include_bytes!("page/table.js") },
        Asset { name: "plot.js", content_type: SCRIPT, bytes: include_bytes!("page/plot.js") },
        Asset { name: "bdrate.js", content_type: SCRIPT, bytes: include_bytes!("page/bdrate.js") },
        Asset { name: "rates.js", content_type: SCRIPT, bytes: include_bytes!("page/rates.js") },
        Asset { name: "export.js", content_type: SCRIPT, bytes: include_bytes!("page/export.js") },
        Asset { name: "sides.js", content_type: SCRIPT, bytes: include_bytes!("page/sides.js") },
        Asset { name: "compare.js", content_type: SCRIPT, bytes: include_bytes!("page/compare.js") },
        Asset { name: "page.js", content_type: SCRIPT, bytes: include_bytes!("page/page.js") },
    ])
});

static PAGE: LazyLock<Bytes> = LazyLock::new(|| ASSETS.page(include_str!("page/index.html")));

type State = Arc<AppState>;

/// What the handlers share.
struct AppState {
    library: Arc<Library>,
    /// The last listing and its time.
    last: RwLock<Option<(Instant, Arc<Listing>)>>,
    readers: Semaphore,
}

/// Every route.
pub fn router(library: Arc<Library>) -> Router {
    let state = AppState { library, last: RwLock::default(), readers: Semaphore::new(MAX_READERS) };
    Router::new()
        .route("/", get(async |headers: HeaderMap| send_page(&headers, &PAGE)))
        .route("/assets/{name}", get(asset))
        .route("/api/runs", get(runs))
        .route("/healthz", get(async || "ok\n"))
        .fallback(async || ServeError::NotFound)
        .layer(CompressionLayer::new())
        // Below the compression: images are compressed already.
        .route("/runs/{id}/{image}", get(image))
        .layer(middleware::map_response(async |response: Response| errors_as_json(response)))
        .with_state(Arc::new(state))
}

async fn asset(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    ASSETS.send(&name, query.as_deref(), &headers)
}

/// Scans the folder, off the asynchronous threads.
async fn list(state: &State) -> Result<Arc<Listing>, ServeError> {
    let state = state.clone();
    let scan = move || {
        let listing = Arc::new(state.library.scan());
        *state.last.write().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), listing.clone()));
        listing
    };
    tokio::task::spawn_blocking(scan).await.map_err(|_| failed("the folder could not be looked at"))
}

fn failed(problem: &str) -> ServeError {
    ServeError::Failed(problem.into())
}

async fn runs(Shared(state): Shared<State>, headers: HeaderMap) -> Result<Response, ServeError> {
    let json = list(&state).await?.json.clone();
    Ok(cacheable(&headers, &etag(&json), "no-cache", "application/json", json))
}

async fn image(
    Shared(state): Shared<State>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    let found = find(&state, &id, &name).await?;
    let library = state.library.clone();
    let _permit = state.readers.acquire().await.map_err(|_| failed("the server is ending"))?;
    let request_headers = headers.clone();
    let (content_type, tag, body) = tokio::task::spawn_blocking(move || {
        let path = library.locate(&found).ok_or(ServeError::NotFound)?;
        let (tag, body) = read(&path, |tag| matches(&request_headers, tag))?;
        Ok::<_, ServeError>((found.content_type, tag, body))
    })
    .await
    .map_err(|_| failed("the picture could not be read"))??;
    let mut response = cacheable(&headers, &tag, "no-cache", content_type, body);
    let own = HeaderValue::from_static("same-origin");
    response.headers_mut().insert(header::HeaderName::from_static("cross-origin-resource-policy"), own);
    Ok(response)
}

/// Looks a picture up in the last listing, or in a new one if that is old.
async fn find(state: &State, id: &str, name: &str) -> Result<Image, ServeError> {
    let last = state.last.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((at, listing)) = last {
        if let Some(image) = listing.image(id, name) {
            return Ok(image.clone());
        }
        if at.elapsed() < MIN_RELIST_AGE {
            return Err(ServeError::NotFound);
        }
    }
    list(state).await?.image(id, name).cloned().ok_or(ServeError::NotFound)
}

/// Entity tag and bytes of a file; no bytes if the client's copy is `current`.
fn read(path: &FilePath, current: impl Fn(&str) -> bool) -> Result<(String, Bytes), ServeError> {
    let gone = |e: std::io::Error| {
        tracing::warn!("{}: cannot be read: {e}", path.display());
        ServeError::NotFound
    };
    let file = std::fs::File::open(path).map_err(gone)?;
    let meta = file.metadata().map_err(gone)?;
    let tag = format!("\"{}\"", Stamp::of(&meta).text());
    if current(&tag) {
        return Ok((tag, Bytes::new()));
    }
    let mut body = Vec::new();
    file.take(MAX_IMAGE_BYTES + 1).read_to_end(&mut body).map_err(gone)?;
    if body.len() as u64 > MAX_IMAGE_BYTES {
        let most = MAX_IMAGE_BYTES >> 20;
        return Err(failed(&format!(
            "this picture is larger than {most} MiB; put a part of it into the run"
        )));
    }
    Ok((tag, body.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::assets::check;

    #[test]
    fn the_page_names_embedded_assets_only() {
        check(&ASSETS, &[&PAGE], 9);
    }
}

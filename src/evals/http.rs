//! Addresses to answers: the page, the listing, pictures. A picture's name is looked up in the last listing and never
//! joined to a path.

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
use super::runs::{Library, Listing, Stamp, tag};
use crate::serve::assets::{APP_STYLE, Asset, Assets, ICON, SCRIPT, STYLE, send_page};
use crate::serve::error::ServeError;
use crate::serve::http::{as_json, cacheable, matches};

/// The largest picture that is sent; it is read whole.
const MAX_IMAGE_BYTES: u64 = 1 << 30;
/// Pictures that are read at a time.
const READERS: usize = 4;
/// How old a listing may be before a picture that is not in it is looked for again.
const STALE: Duration = Duration::from_secs(1);

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    Assets::new(&[
        APP_STYLE,
        ICON,
        Asset { name: "evals.css", kind: STYLE, bytes: include_bytes!("page/evals.css") },
        Asset { name: "runs.js", kind: SCRIPT, bytes: include_bytes!("page/runs.js") },
        Asset { name: "table.js", kind: SCRIPT, bytes: include_bytes!("page/table.js") },
        Asset { name: "plot.js", kind: SCRIPT, bytes: include_bytes!("page/plot.js") },
        Asset { name: "sides.js", kind: SCRIPT, bytes: include_bytes!("page/sides.js") },
        Asset { name: "compare.js", kind: SCRIPT, bytes: include_bytes!("page/compare.js") },
        Asset { name: "page.js", kind: SCRIPT, bytes: include_bytes!("page/page.js") },
    ])
});

static PAGE: LazyLock<Bytes> = LazyLock::new(|| ASSETS.page(include_str!("page/index.html")));

type State = Arc<Everything>;

/// What the handlers share.
struct Everything {
    library: Arc<Library>,
    /// The last listing and when it was made.
    last: RwLock<Option<(Instant, Arc<Listing>)>>,
    readers: Semaphore,
}

/// Every address.
pub fn router(library: Arc<Library>) -> Router {
    let state = Everything { library, last: RwLock::default(), readers: Semaphore::new(READERS) };
    Router::new()
        .route("/", get(async |headers: HeaderMap| send_page(&headers, &PAGE)))
        .route("/assets/{name}", get(asset))
        .route("/api/runs", get(runs))
        .route("/healthz", get(async || "ok\n"))
        .fallback(async || ServeError::NotFound)
        .layer(CompressionLayer::new())
        // Coded images: nothing to compress.
        .route("/runs/{id}/{image}", get(image))
        .layer(middleware::map_response(async |response: Response| as_json(response)))
        .with_state(Arc::new(state))
}

async fn asset(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    ASSETS.send(&name, query.as_deref(), &headers)
}

/// Looks at the folder, off the threads of connections.
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

/// Who has it already gets no body.
async fn runs(Shared(state): Shared<State>, headers: HeaderMap) -> Result<Response, ServeError> {
    let json = list(&state).await?.json.clone();
    Ok(cacheable(&headers, &tag(&json), "no-cache", "application/json", json))
}

async fn image(
    Shared(state): Shared<State>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    let found = find(&state, &id, &name).await?;
    let library = state.library.clone();
    let _turn = state.readers.acquire().await.map_err(|_| failed("the server is ending"))?;
    let asked = headers.clone();
    let (kind, tag, body) = tokio::task::spawn_blocking(move || {
        let place = library.locate(&found).ok_or(ServeError::NotFound)?;
        let (tag, body) = read(&place, |tag| matches(&asked, tag))?;
        Ok::<_, ServeError>((found.kind, tag, body))
    })
    .await
    .map_err(|_| failed("the picture could not be read"))??;
    let mut response = cacheable(&headers, &tag, "no-cache", kind, body);
    let own = HeaderValue::from_static("same-origin");
    response.headers_mut().insert(header::HeaderName::from_static("cross-origin-resource-policy"), own);
    Ok(response)
}

/// A picture of the last listing, or of a new one where that is old.
async fn find(state: &State, id: &str, name: &str) -> Result<Image, ServeError> {
    let last = state.last.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((at, listing)) = last {
        if let Some(image) = listing.image(id, name) {
            return Ok(image.clone());
        }
        if at.elapsed() < STALE {
            return Err(ServeError::NotFound);
        }
    }
    list(state).await?.image(id, name).cloned().ok_or(ServeError::NotFound)
}

/// Tag and bytes of a file; no bytes for who has them.
fn read(path: &FilePath, has: impl Fn(&str) -> bool) -> Result<(String, Bytes), ServeError> {
    let gone = |e: std::io::Error| {
        tracing::warn!("{}: cannot be read: {e}", path.display());
        ServeError::NotFound
    };
    let file = std::fs::File::open(path).map_err(gone)?;
    let meta = file.metadata().map_err(gone)?;
    let tag = format!("\"{}\"", Stamp::of(&meta).text());
    if has(&tag) {
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
    use crate::serve::assets::check;

    #[test]
    fn the_page_names_embedded_assets_only() {
        check(&ASSETS, &[&PAGE], 6);
    }
}

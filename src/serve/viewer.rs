//! The pages that show slides: files of `viewer/` and OpenSeadragon, embedded in the program.
//!
//! Knows nothing of slides; the pages ask `/api`.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;

use super::assets::{APP_STYLE, Asset, Assets, ICON, SCRIPT, send_page};
use super::error::ServeError;
use super::http::{State, open};

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    Assets::new(&[
        APP_STYLE,
        Asset { name: "compare.js", kind: SCRIPT, bytes: include_bytes!("viewer/compare.js") },
        ICON,
        Asset { name: "list.js", kind: SCRIPT, bytes: include_bytes!("viewer/list.js") },
        // Not in the repository: scripts/openseadragon.sh fetches it, build.rs asks for it.
        Asset {
            name: "openseadragon.min.js",
            kind: SCRIPT,
            bytes: include_bytes!("../../vendor/openseadragon/openseadragon.min.js"),
        },
        Asset { name: "signed.js", kind: SCRIPT, bytes: include_bytes!("viewer/signed.js") },
        Asset { name: "viewer.js", kind: SCRIPT, bytes: include_bytes!("viewer/viewer.js") },
    ])
});

static LIST: LazyLock<Bytes> = LazyLock::new(|| ASSETS.page(include_str!("viewer/index.html")));
static VIEWER: LazyLock<Bytes> = LazyLock::new(|| ASSETS.page(include_str!("viewer/viewer.html")));

/// The pages and what they load.
pub fn router() -> Router<State> {
    Router::new()
        .route("/", get(async |headers: HeaderMap| send_page(&headers, &LIST)))
        .route("/viewer/{slide}", get(viewer))
        .route("/assets/{name}", get(asset))
}

/// The page is the same for all slides. Where there is none of that name it says so, and so does the status.
async fn viewer(
    axum::extract::State(state): axum::extract::State<State>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    if matches!(open(&state, &name).await, Err(ServeError::NotFound)) {
        let mut response = send_page(&HeaderMap::new(), &VIEWER);
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    send_page(&headers, &VIEWER)
}

async fn asset(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    ASSETS.send(&name, query.as_deref(), &headers)
}

#[cfg(test)]
mod tests {
    use super::super::assets::check;
    use super::*;

    #[test]
    fn pages_name_embedded_assets_only() {
        check(&ASSETS, &[&LIST, &VIEWER], 3);
    }
}

//! The pages that show slides: the files of `serve/viewer/` and OpenSeadragon, embedded in the program.
//!
//! Knows nothing of slides; the pages ask `/api`.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;

use super::state::{State, open_slide};
use crate::web::assets::{APP_STYLE, Asset, Assets, ICON, SCRIPT, STYLE, send_page};
use crate::web::error::ServeError;

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    Assets::new(&[
        APP_STYLE,
        Asset { name: "camera.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/camera.js") },
        Asset { name: "compare.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/compare.js") },
        Asset { name: "drawer.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/drawer.js") },
        Asset { name: "geojson.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/geojson.js") },
        ICON,
        Asset { name: "jobs.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/jobs.js") },
        Asset { name: "jobs-page.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/jobs-page.js") },
        Asset { name: "list.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/list.js") },
        Asset { name: "looks.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/looks.js") },
        Asset { name: "load.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/load.js") },
        Asset {
            name: "marks-classes.js",
            content_type: SCRIPT,
            bytes: include_bytes!("../viewer/marks-classes.js"),
        },
        Asset {
            name: "marks-edit.js",
            content_type: SCRIPT,
            bytes: include_bytes!("../viewer/marks-edit.js"),
        },
        Asset {
            name: "marks-layer.js",
            content_type: SCRIPT,
            bytes: include_bytes!("../viewer/marks-layer.js"),
        },
        Asset {
            name: "marks-panel.js",
            content_type: SCRIPT,
            bytes: include_bytes!("../viewer/marks-panel.js"),
        },
        Asset {
            name: "marks-store.js",
            content_type: SCRIPT,
            bytes: include_bytes!("../viewer/marks-store.js"),
        },
        Asset { name: "marks.css", content_type: STYLE, bytes: include_bytes!("../viewer/marks.css") },
        Asset { name: "marks.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/marks.js") },
        Asset { name: "measure.css", content_type: STYLE, bytes: include_bytes!("../viewer/measure.css") },
        Asset { name: "measure.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/measure.js") },
        // Not in the repository: scripts/npm-files.sh fetches it, and build.rs checks that it is there.
        Asset {
            name: "openseadragon.min.js",
            content_type: SCRIPT,
            bytes: include_bytes!("../../../vendor/openseadragon/openseadragon.min.js"),
        },
        Asset { name: "overlay.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/overlay.js") },
        Asset { name: "planes.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/planes.js") },
        Asset { name: "preview.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/preview.js") },
        // Fetched as well.
        Asset {
            name: "rbush.min.js",
            content_type: SCRIPT,
            bytes: include_bytes!("../../../vendor/rbush/rbush.min.js"),
        },
        Asset { name: "recorder.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/recorder.js") },
        Asset { name: "rendering.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/rendering.js") },
        Asset { name: "scale.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/scale.js") },
        Asset { name: "shapes.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/shapes.js") },
        Asset { name: "signed.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/signed.js") },
        Asset { name: "sketch.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/sketch.js") },
        Asset { name: "tiles.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/tiles.js") },
        Asset {
            name: "tour-overlay.js",
            content_type: SCRIPT,
            bytes: include_bytes!("../viewer/tour-overlay.js"),
        },
        Asset { name: "tour.css", content_type: STYLE, bytes: include_bytes!("../viewer/tour.css") },
        Asset { name: "tour.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/tour.js") },
        Asset { name: "units.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/units.js") },
        Asset { name: "viewer.js", content_type: SCRIPT, bytes: include_bytes!("../viewer/viewer.js") },
    ])
});

static JOBS: LazyLock<Bytes> = LazyLock::new(|| ASSETS.page(include_str!("../viewer/jobs.html")));
static LIST: LazyLock<Bytes> = LazyLock::new(|| ASSETS.page(include_str!("../viewer/index.html")));
static VIEWER: LazyLock<Bytes> = LazyLock::new(|| ASSETS.page(include_str!("../viewer/viewer.html")));

/// The pages and their assets.
pub fn router() -> Router<State> {
    Router::new()
        .route("/", get(async |headers: HeaderMap| send_page(&headers, &LIST)))
        .route("/jobs", get(async |headers: HeaderMap| send_page(&headers, &JOBS)))
        .route("/viewer/{slide}", get(viewer))
        .route("/assets/{name}", get(asset))
}

/// The page is the same for every name; its script reports an unknown slide, and the status is 404.
async fn viewer(
    axum::extract::State(state): axum::extract::State<State>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    if matches!(open_slide(&state, &name).await, Err(ServeError::NotFound)) {
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
    use super::*;
    use crate::web::assets::check;

    #[test]
    fn pages_name_embedded_assets_only() {
        check(&ASSETS, &[&JOBS, &LIST, &VIEWER], 3);
    }
}

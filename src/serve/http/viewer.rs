//! The pages that show slides: the files of `serve/viewer/` and OpenSeadragon, embedded in the program.
//!
//! Knows nothing of slides; the pages ask `/api`.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Extension, Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;

use super::client::shows_pages;
use super::languages::{Page, varies};
use super::state::{HasSession, State, open_slide};
use crate::web::assets::{APP_STYLE, Asset, Assets, ICON, SCRIPT, STYLE, send_framed, send_page};
use crate::web::error::ServeError;
use crate::web::respond::uncached;

/// A file of `serve/viewer`.
macro_rules! own {
    ($name:literal, $content_type:ident) => {
        Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../viewer/", $name)),
        }
    };
}

/// A file of `serve/viewer/languages`.
macro_rules! language {
    ($name:literal) => {
        Asset {
            name: $name,
            content_type: SCRIPT,
            bytes: include_bytes!(concat!("../viewer/languages/", $name)),
        }
    };
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    Assets::new(&[
        own!("about.js", SCRIPT),
        APP_STYLE,
        own!("camera.js", SCRIPT),
        own!("cards.js", SCRIPT),
        own!("compare-page.js", SCRIPT),
        own!("compare.css", STYLE),
        own!("compare.js", SCRIPT),
        language!("de.js"),
        own!("docs.css", STYLE),
        own!("docs.js", SCRIPT),
        own!("drawer.js", SCRIPT),
        own!("early.js", SCRIPT),
        own!("embed.css", STYLE),
        own!("embed.js", SCRIPT),
        language!("es.js"),
        language!("fr.js"),
        own!("geojson.js", SCRIPT),
        ICON,
        language!("ja.js"),
        own!("jobs.js", SCRIPT),
        own!("jobs-page.js", SCRIPT),
        own!("list.css", STYLE),
        own!("list.js", SCRIPT),
        own!("linked.js", SCRIPT),
        own!("login.css", STYLE),
        own!("login.js", SCRIPT),
        own!("looks.js", SCRIPT),
        own!("load.js", SCRIPT),
        own!("marks-classes.js", SCRIPT),
        own!("marks-edit.js", SCRIPT),
        own!("marks-files.js", SCRIPT),
        own!("marks-layer.js", SCRIPT),
        own!("marks-list.js", SCRIPT),
        own!("marks-panel.js", SCRIPT),
        own!("marks-several.js", SCRIPT),
        own!("marks-drawer.js", SCRIPT),
        own!("marks-store.js", SCRIPT),
        own!("marks.css", STYLE),
        own!("marks.js", SCRIPT),
        own!("measure.css", STYLE),
        own!("measure-edit.js", SCRIPT),
        own!("measure.js", SCRIPT),
        own!("nowhere.js", SCRIPT),
        own!("open.js", SCRIPT),
        // Not in the repository: scripts/npm-files.sh fetches it, and build.rs checks that it is there.
        Asset {
            name: "openseadragon.min.js",
            content_type: SCRIPT,
            bytes: include_bytes!("../../../vendor/openseadragon/openseadragon.min.js"),
        },
        own!("original.js", SCRIPT),
        own!("overlay.js", SCRIPT),
        own!("panels.js", SCRIPT),
        own!("phrases.js", SCRIPT),
        own!("picture.js", SCRIPT),
        own!("planes.js", SCRIPT),
        own!("preview.js", SCRIPT),
        // Fetched as well.
        Asset {
            name: "rbush.min.js",
            content_type: SCRIPT,
            bytes: include_bytes!("../../../vendor/rbush/rbush.min.js"),
        },
        own!("recorder.js", SCRIPT),
        own!("region.js", SCRIPT),
        own!("rendering.js", SCRIPT),
        own!("scale.js", SCRIPT),
        own!("shapes.js", SCRIPT),
        own!("sharing.js", SCRIPT),
        own!("signed.js", SCRIPT),
        own!("sketch.js", SCRIPT),
        own!("snapshot.js", SCRIPT),
        own!("theme.js", SCRIPT),
        own!("tiles.js", SCRIPT),
        own!("tour-overlay.js", SCRIPT),
        own!("tour.css", STYLE),
        own!("tour.js", SCRIPT),
        own!("units.js", SCRIPT),
        own!("viewer.js", SCRIPT),
        language!("zh.js"),
    ])
});

static COMPARE: LazyLock<Page> = LazyLock::new(|| Page::new(&ASSETS, include_str!("../viewer/compare.html")));
// In English, as the document that it shows.
static DOCS: LazyLock<Bytes> = LazyLock::new(|| ASSETS.page(include_str!("../viewer/docs.html")));
static EMBED: LazyLock<Page> = LazyLock::new(|| Page::new(&ASSETS, include_str!("../viewer/embed.html")));
static JOBS: LazyLock<Page> = LazyLock::new(|| Page::new(&ASSETS, include_str!("../viewer/jobs.html")));
/// The list, by whether jobs are taken and whether who asks has a session.
static LISTS: LazyLock<[[Page; 2]; 2]> =
    LazyLock::new(|| [false, true].map(|jobs| [false, true].map(|session| list_page(jobs, session))));
static LOGIN: LazyLock<Page> = LazyLock::new(|| Page::new(&ASSETS, include_str!("../viewer/login.html")));
static NOWHERE: LazyLock<Page> = LazyLock::new(|| Page::new(&ASSETS, include_str!("../viewer/nowhere.html")));
static VIEWER: LazyLock<Page> = LazyLock::new(|| Page::new(&ASSETS, include_str!("../viewer/viewer.html")));

/// First parts of the addresses that programs ask for: whoever misses there reads JSON.
const SERVICES: [&str; 12] = [
    "api",
    "assets",
    "associated",
    "dicomweb",
    "dzi",
    "families",
    "iiif",
    "original",
    "thumbnails",
    "tiles",
    "xyz",
    "zoomify",
];

/// The way to the end of a session, and that to the queue, as they are in the list, and as they are shown.
const LOG_OUT: (&str, &str) =
    ("<a id=\"to-log-out\" href=\"/logout\" hidden>", "<a id=\"to-log-out\" href=\"/logout\">");
const TO_JOBS: (&str, &str) =
    ("<a id=\"to-jobs\" href=\"/jobs\" hidden>", "<a id=\"to-jobs\" href=\"/jobs\">");

fn list_page(jobs: bool, session: bool) -> Page {
    let mut text = include_str!("../viewer/index.html").to_string();
    for ((hidden, shown), show) in [(TO_JOBS, jobs), (LOG_OUT, session)] {
        if show {
            text = text.replace(hidden, shown);
        }
    }
    Page::new(&ASSETS, &text)
}

/// The pages and their assets. `jobs` says whether the server takes jobs.
pub fn router(jobs: bool) -> Router<State> {
    // Who has a session sees where to end it.
    let list = async move |session: Option<Extension<HasSession>>, headers: HeaderMap| {
        page(&headers, &LISTS[usize::from(jobs)][usize::from(session.is_some())])
    };
    Router::new()
        .route("/", get(list))
        // The page holds nothing of a slide. What its script asks for needs the credentials of each slide.
        .route("/compare", get(async |headers: HeaderMap| page(&headers, &COMPARE)))
        .route("/api/docs", get(async |headers: HeaderMap| send_page(&headers, &DOCS)))
        .route("/jobs", get(async |headers: HeaderMap| page(&headers, &JOBS)))
        .route("/viewer/{slide}", get(viewer))
        .route("/embed/{slide}", get(embed))
        .route("/assets/{name}", get(asset))
}

/// An address that this server does not have: a page for who shows pages, JSON for all others.
pub async fn nowhere(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let place = uri.path().split('/').nth(1).unwrap_or_default();
    if SERVICES.contains(&place) || !shows_pages(&method, &headers) {
        return ServeError::NotFound.into_response();
    }
    // Whole, whatever the browser has kept.
    let mut response = varies(send_page(&HeaderMap::new(), NOWHERE.of(&headers)));
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// The text of the login page for a request, in which its texts are missing.
pub fn login_text(headers: &HeaderMap) -> &'static str {
    str::from_utf8(LOGIN.of(headers)).unwrap_or_default()
}

/// A page in the language of a request.
fn page(headers: &HeaderMap, page: &Page) -> Response {
    varies(send_page(headers, page.of(headers)))
}

/// The page is the same for every name; its script reports an unknown slide, and the status is 404.
async fn viewer(Shared(state): Shared<State>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    of_slide(&state, &name, &headers, |cached| send_page(cached, VIEWER.of(&headers))).await
}

/// The same for a frame of another page.
async fn embed(Shared(state): Shared<State>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let origins = &state.options.access.embed_origins;
    let ancestors = if origins.is_empty() { "'none'".to_string() } else { origins.join(" ") };
    of_slide(&state, &name, &headers, |cached| send_framed(cached, EMBED.of(&headers), &ancestors)).await
}

async fn of_slide(
    state: &State,
    name: &str,
    headers: &HeaderMap,
    send: impl Fn(&HeaderMap) -> Response,
) -> Response {
    if matches!(open_slide(state, name).await, Err(ServeError::NotFound)) {
        let mut response = varies(uncached(send(&HeaderMap::new())));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    varies(send(headers))
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
    use std::collections::BTreeSet;

    use super::*;
    use crate::serve::openapi;
    use crate::web::assets::check;

    #[test]
    fn who_misses_below_a_service_reads_json() {
        let document: serde_json::Value =
            serde_json::from_slice(&openapi::document("", false).concat()).unwrap();
        let paths = document["paths"].as_object().unwrap().keys();
        let below = paths.filter_map(|path| path[1..].split_once('/').map(|(place, _)| place));
        // These two are pages of a slide.
        let services: BTreeSet<_> = below.filter(|place| !["viewer", "embed"].contains(place)).collect();
        assert_eq!(services, BTreeSet::from(SERVICES));
    }

    #[test]
    fn pages_name_embedded_assets_only() {
        let pages = [&*COMPARE, &EMBED, &JOBS, &LOGIN, &NOWHERE, &VIEWER];
        let lists = LISTS.iter().flatten();
        let all: Vec<&Bytes> =
            pages.into_iter().chain(lists).flat_map(|page| page.all()).chain([&*DOCS]).collect();
        check(&ASSETS, &all, 3);
        let none = HeaderMap::new();
        let shown = |jobs: usize, session: usize, link: &str| {
            let text = str::from_utf8(LISTS[jobs][session].of(&none)).unwrap();
            text.contains(link)
        };
        for at in [0, 1] {
            assert!(shown(1, at, TO_JOBS.1) && !shown(0, at, TO_JOBS.1), "the queue, where jobs are taken");
            assert!(shown(at, 1, LOG_OUT.1) && !shown(at, 0, LOG_OUT.1), "a session shows where to end it");
        }
        assert!(login_text(&none).contains("{{said}}"));
    }
}

//! The pages that show slides: files of `viewer/` and OpenSeadragon, embedded in the program.
//!
//! Knows nothing of slides; the pages ask `/api`.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::error::ServeError;
use super::http::{State, cacheable, open};

/// Nothing from elsewhere, and no script or style but the embedded files. The one hash is that of the style element that
/// OpenSeadragon 6.1.1 adds; `scripts/browser.sh` fails where another version adds another.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE='; img-src 'self' data: blob:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Stands in the pages for the version of the assets.
const PLACEHOLDER: &str = "{{version}}";

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static ASSETS: [Asset; 7] = [
    Asset { name: "app.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("viewer/app.css") },
    Asset { name: "compare.js", kind: SCRIPT, bytes: include_bytes!("viewer/compare.js") },
    Asset { name: "icon.svg", kind: "image/svg+xml", bytes: include_bytes!("viewer/icon.svg") },
    Asset { name: "list.js", kind: SCRIPT, bytes: include_bytes!("viewer/list.js") },
    // Not in the repository: scripts/openseadragon.sh fetches it, build.rs asks for it.
    Asset {
        name: "openseadragon.min.js",
        kind: SCRIPT,
        bytes: include_bytes!("../../vendor/openseadragon/openseadragon.min.js"),
    },
    Asset { name: "signed.js", kind: SCRIPT, bytes: include_bytes!("viewer/signed.js") },
    Asset { name: "viewer.js", kind: SCRIPT, bytes: include_bytes!("viewer/viewer.js") },
];

/// A hash over all assets. The pages name it in every address, so that an asset may be kept for good and a new program
/// is never mixed with old scripts.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Xxh3::new();
    for asset in &ASSETS {
        hash.update(asset.bytes);
    }
    format!("{:016x}", hash.digest())
});

static LIST: LazyLock<Bytes> = LazyLock::new(|| page(include_str!("viewer/index.html")));
static VIEWER: LazyLock<Bytes> = LazyLock::new(|| page(include_str!("viewer/viewer.html")));

fn page(text: &str) -> Bytes {
    text.replace(PLACEHOLDER, &VERSION).into()
}

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

fn send_page(headers: &HeaderMap, page: &Bytes) -> Response {
    let tag = format!("\"{:016x}\"", xxh3_64(page));
    let mut response = cacheable(headers, &tag, "no-cache", "text/html; charset=utf-8", page.clone());
    let out = response.headers_mut();
    out.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    out.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    out.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

async fn asset(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or(ServeError::NotFound)?;
    let current = query.is_some_and(|query| query.strip_prefix("v=") == Some(VERSION.as_str()));
    // Of another version, or of none, is whatever this program has: good for now only.
    let control = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tag = format!("\"{:016x}\"", xxh3_64(asset.bytes));
    Ok(cacheable(&headers, &tag, control, asset.kind, Bytes::from_static(asset.bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy forbids scripts and styles within a page, and what a page names must be there.
    #[test]
    fn pages_name_embedded_assets_only() {
        for page in [&LIST, &VIEWER] {
            let text = std::str::from_utf8(page).unwrap();
            assert!(!text.contains(PLACEHOLDER) && !text.contains(" style=") && !text.contains("<style"));
            assert!(!text.contains("://") && !text.contains(" onclick="));
            let named: Vec<&str> = text.split("\"/assets/").skip(1).collect();
            assert!(named.len() >= 3);
            for rest in named {
                let (name, version) = rest.split('"').next().unwrap().split_once("?v=").unwrap();
                assert!(ASSETS.iter().any(|asset| asset.name == name), "{name}");
                assert_eq!(version, *VERSION);
            }
        }
        for script in ["list.js", "viewer.js", "compare.js", "signed.js"] {
            let asset = ASSETS.iter().find(|asset| asset.name == script).unwrap();
            let text = std::str::from_utf8(asset.bytes).unwrap();
            // Names of slides come from files: no way for one to become markup.
            assert!(!text.contains("innerHTML") && !text.contains("insertAdjacentHTML"), "{script}");
        }
    }
}

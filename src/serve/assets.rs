//! Files that are embedded in the program, and the headers that pages and assets go out with.
//!
//! Knows no page: `viewer` and `evals` say which files they have.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::error::ServeError;
use super::http::cacheable;

/// Nothing from elsewhere, and no script or style but the embedded files. The one hash is that of the style element that
/// OpenSeadragon 6.1.1 adds; `scripts/browser.sh` fails where another version adds another.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE='; img-src 'self' data: blob:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Stands in the pages for the version of the assets.
const PLACEHOLDER: &str = "{{version}}";

/// The type of scripts.
pub const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The type of style sheets.
pub const STYLE: &str = "text/css; charset=utf-8";

/// One embedded file.
#[derive(Clone, Copy)]
pub struct Asset {
    pub name: &'static str,
    pub kind: &'static str,
    pub bytes: &'static [u8],
}

/// What all pages look like.
pub const APP_STYLE: Asset = Asset { name: "app.css", kind: STYLE, bytes: include_bytes!("viewer/app.css") };
/// The icon of all pages.
pub const ICON: Asset =
    Asset { name: "icon.svg", kind: "image/svg+xml", bytes: include_bytes!("viewer/icon.svg") };

/// The files of one set of pages.
pub struct Assets {
    all: &'static [Asset],
    /// A hash over all of them. The pages name it in every address, so that an asset may be kept for good and a new
    /// program is never mixed with old scripts.
    version: String,
}

impl Assets {
    pub fn new(all: &'static [Asset]) -> Self {
        let mut hash = Xxh3::new();
        for asset in all {
            hash.update(asset.bytes);
        }
        Self { all, version: format!("{:016x}", hash.digest()) }
    }

    /// A page that names these assets.
    pub fn page(&self, text: &str) -> Bytes {
        text.replace(PLACEHOLDER, &self.version).into()
    }

    /// The answer to `/assets/{name}`.
    pub fn send(&self, name: &str, query: Option<&str>, headers: &HeaderMap) -> Result<Response, ServeError> {
        let asset = self.all.iter().find(|asset| asset.name == name).ok_or(ServeError::NotFound)?;
        let current = query.is_some_and(|query| query.strip_prefix("v=") == Some(self.version.as_str()));
        // Of another version, or of none, is whatever this program has: good for now only.
        let control = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
        let tag = format!("\"{:016x}\"", xxh3_64(asset.bytes));
        Ok(cacheable(headers, &tag, control, asset.kind, Bytes::from_static(asset.bytes)))
    }
}

/// The answer to the address of a page.
pub fn send_page(headers: &HeaderMap, page: &Bytes) -> Response {
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

/// What the tests of each set of pages hold them to: the policy forbids scripts and styles within a page, what a page
/// names must be there, and a name from a file must have no way to become markup.
#[cfg(test)]
pub fn check(assets: &Assets, pages: &[&Bytes], least: usize) {
    for page in pages {
        let text = std::str::from_utf8(page).unwrap();
        assert!(!text.contains(PLACEHOLDER) && !text.contains(" style=") && !text.contains("<style"));
        assert!(!text.contains("://") && !text.contains(" onclick="));
        let named: Vec<&str> = text.split("\"/assets/").skip(1).collect();
        assert!(named.len() >= least);
        for rest in named {
            let (name, version) = rest.split('"').next().unwrap().split_once("?v=").unwrap();
            assert!(assets.all.iter().any(|asset| asset.name == name), "{name}");
            assert_eq!(version, assets.version);
        }
    }
    // All scripts of ours: OpenSeadragon is the one that is not.
    let scripts = assets.all.iter().filter(|a| a.kind == SCRIPT && !a.name.starts_with("openseadragon"));
    for script in scripts {
        let text = std::str::from_utf8(script.bytes).unwrap();
        assert!(!text.contains("innerHTML") && !text.contains("insertAdjacentHTML"), "{}", script.name);
    }
}

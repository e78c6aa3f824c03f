//! Files that are embedded in the program, and the headers of the responses that send them.
//!
//! Knows no page: the server's viewer and `evals` list their own files.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use super::error::ServeError;
use super::respond::{cacheable, etag, uncached};

/// `Content-Security-Policy`: nothing from another origin, no script or style but the embedded files. Where its
/// forms lead and who may frame it follow. The hash is that of the style element that OpenSeadragon 6.1.1 adds; `scripts/browser.sh` fails if another version adds a different one.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE='; img-src 'self' data: blob:; \
    media-src 'self'; connect-src 'self'; base-uri 'none'; ";

/// In the text of a page: replaced by the version of its assets.
const VERSION_PLACEHOLDER: &str = "{{version}}";

/// Content type of scripts.
pub const SCRIPT: &str = "text/javascript; charset=utf-8";
/// Content type of style sheets.
pub const STYLE: &str = "text/css; charset=utf-8";

/// One embedded file.
#[derive(Clone, Copy)]
pub struct Asset {
    /// The last part of its address.
    pub name: &'static str,
    pub content_type: &'static str,
    pub bytes: &'static [u8],
}

/// The style sheet of all pages.
pub const APP_STYLE: Asset = Asset { name: "app.css", content_type: STYLE, bytes: include_bytes!("app.css") };
/// The icon of all pages.
pub const ICON: Asset =
    Asset { name: "icon.svg", content_type: "image/svg+xml", bytes: include_bytes!("icon.svg") };

/// The files of one set of pages.
pub struct Assets {
    all: &'static [Asset],
    /// A hash of all of them. Every address in a page carries it, so that browsers may cache an asset for ever and a new
    /// program never runs with old scripts.
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

    /// A page with the version of these assets in its addresses.
    pub fn page(&self, text: &str) -> Bytes {
        text.replace(VERSION_PLACEHOLDER, &self.version).into()
    }

    /// The response to `/assets/{name}`.
    pub fn send(&self, name: &str, query: Option<&str>, headers: &HeaderMap) -> Result<Response, ServeError> {
        let asset = self.all.iter().find(|asset| asset.name == name).ok_or(ServeError::NotFound)?;
        let current = query.is_some_and(|query| query.strip_prefix("v=") == Some(self.version.as_str()));
        // Whatever version the address asks for, the bytes are this program's: only its own version may be cached for ever.
        let control = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
        Ok(cacheable(
            headers,
            &etag(asset.bytes),
            control,
            asset.content_type,
            Bytes::from_static(asset.bytes),
        ))
    }
}

/// The response to the address of a page, which only pages of this server may frame.
pub fn send_page(headers: &HeaderMap, page: &Bytes) -> Response {
    send_framed(headers, page, "'self'")
}

/// The same of a page that `ancestors` may frame, in the form of `frame-ancestors`.
pub fn send_framed(headers: &HeaderMap, page: &Bytes, ancestors: &str) -> Response {
    send(headers, page, &format!("form-action 'none'; frame-ancestors {ancestors}"))
}

/// A page with a form that leads to this server, made for one request: no cache keeps it.
pub fn send_form(page: &Bytes) -> Response {
    uncached(send(&HeaderMap::new(), page, "form-action 'self'; frame-ancestors 'none'"))
}

fn send(headers: &HeaderMap, page: &Bytes, more: &str) -> Response {
    let policy = HeaderValue::try_from(format!("{CONTENT_POLICY}{more}"));
    let mut response = cacheable(headers, &etag(page), "no-cache", "text/html; charset=utf-8", page.clone());
    let out = response.headers_mut();
    // Only ancestors that no header can have would fail.
    out.insert(
        header::CONTENT_SECURITY_POLICY,
        policy.unwrap_or(HeaderValue::from_static("default-src 'none'")),
    );
    out.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    out.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

/// For the tests of each set of pages. The policy forbids inline scripts and styles, every asset that a page names must exist,
/// and no script may turn a name from a file into markup. Each page must name at least `min_assets`.
#[cfg(test)]
pub fn check(assets: &Assets, pages: &[&Bytes], min_assets: usize) {
    for page in pages {
        let text = std::str::from_utf8(page).unwrap();
        assert!(!text.contains(VERSION_PLACEHOLDER) && !text.contains(" style=") && !text.contains("<style"));
        assert!(!text.contains("://") && !text.contains(" onclick="));
        let named: Vec<&str> = text.split("\"/assets/").skip(1).collect();
        assert!(named.len() >= min_assets);
        for rest in named {
            let (name, version) = rest.split('"').next().unwrap().split_once("?v=").unwrap();
            assert!(assets.all.iter().any(|asset| asset.name == name), "{name}");
            assert_eq!(version, assets.version);
        }
    }
    // OpenSeadragon is not ours.
    let scripts =
        assets.all.iter().filter(|a| a.content_type == SCRIPT && !a.name.starts_with("openseadragon"));
    for script in scripts {
        let text = std::str::from_utf8(script.bytes).unwrap();
        assert!(!text.contains("innerHTML") && !text.contains("insertAdjacentHTML"), "{}", script.name);
    }
}

//! `/dzi/{slide}.dzi` and `/original/{slide}.dzi`: Deep Zoom descriptors; `.json` for `.dzi` is the same as JSON.

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, Uri};

use super::client;
use super::state::{HandlerResult, State, open_view};
use super::url::path_segment;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag};

/// `/dzi/{slide}.dzi`.
pub async fn served(
    Shared(state): Shared<State>,
    Path(file): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> HandlerResult {
    send(&state, &file, &uri, &headers, false).await
}

/// `/original/{slide}.dzi`. It is the descriptor of `/dzi`, so that viewers can compare both sets of tiles; slides without an
/// original have none.
pub async fn original(
    Shared(state): Shared<State>,
    Path(file): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> HandlerResult {
    send(&state, &file, &uri, &headers, true).await
}

async fn send(state: &State, file: &str, uri: &Uri, headers: &HeaderMap, of_original: bool) -> HandlerResult {
    let (name, is_json) = file
        .strip_suffix(".dzi")
        .map(|name| (name, false))
        .or_else(|| file.strip_suffix(".json").map(|name| (name, true)))
        .ok_or(ServeError::NotFound)?;
    let slide = open_view(state, name, uri.query()).await?;
    if of_original && slide.original_identity().is_none() {
        return Err(ServeError::NotFound);
    }
    let descriptor = slide.descriptor(state.options.output.format.extension());
    let (text, kind) = if is_json {
        let base = client::base(uri, headers, state.options.access.trust_forwarded);
        let folder = if of_original { "original" } else { "dzi" };
        let tiles = format!("{base}/{folder}/{}_files/", path_segment(&slide.name));
        (descriptor.to_json(&tiles).to_string(), "application/json")
    } else {
        (descriptor.to_xml(), "application/xml")
    };
    Ok(cacheable(headers, &etag(text.as_bytes()), "no-cache", kind, text.into()))
}

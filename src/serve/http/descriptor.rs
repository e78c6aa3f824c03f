//! `/dzi/{slide}.dzi` and `/original/{slide}.dzi`: Deep Zoom descriptors.

use axum::extract::{Path, State as Shared};
use axum::http::HeaderMap;

use super::state::{HandlerResult, State, open_slide};
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag};

/// `/dzi/{slide}.dzi`.
pub async fn served(
    Shared(state): Shared<State>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> HandlerResult {
    send(&state, &file, &headers, false).await
}

/// `/original/{slide}.dzi`. It is the descriptor of `/dzi`, so that viewers can compare both sets of tiles; slides without an
/// original have none.
pub async fn original(
    Shared(state): Shared<State>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> HandlerResult {
    send(&state, &file, &headers, true).await
}

async fn send(state: &State, file: &str, headers: &HeaderMap, needs_original: bool) -> HandlerResult {
    let name = file.strip_suffix(".dzi").ok_or(ServeError::NotFound)?;
    let slide = open_slide(state, name).await?;
    if needs_original && slide.original_identity().is_none() {
        return Err(ServeError::NotFound);
    }
    let xml = slide.descriptor(state.options.output.format.extension()).to_xml();
    Ok(cacheable(headers, &etag(xml.as_bytes()), "no-cache", "application/xml", xml.into()))
}

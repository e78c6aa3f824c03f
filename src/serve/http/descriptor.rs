//! `/dzi/{slide}.dzi` and `/original/{slide}.dzi`: Deep Zoom descriptors.

use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::HeaderMap;

use super::state::{HandlerResult, State, open_view};
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag};

/// `/dzi/{slide}.dzi`.
pub async fn served(
    Shared(state): Shared<State>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    send(&state, &file, query.as_deref(), &headers, false).await
}

/// `/original/{slide}.dzi`. It is the descriptor of `/dzi`, so that viewers can compare both sets of tiles; slides without an
/// original have none.
pub async fn original(
    Shared(state): Shared<State>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    send(&state, &file, query.as_deref(), &headers, true).await
}

async fn send(
    state: &State,
    file: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    needs_original: bool,
) -> HandlerResult {
    let name = file.strip_suffix(".dzi").ok_or(ServeError::NotFound)?;
    let slide = open_view(state, name, query).await?;
    if needs_original && slide.original_identity().is_none() {
        return Err(ServeError::NotFound);
    }
    let xml = slide.descriptor(state.options.output.format.extension()).to_xml();
    Ok(cacheable(headers, &etag(xml.as_bytes()), "no-cache", "application/xml", xml.into()))
}

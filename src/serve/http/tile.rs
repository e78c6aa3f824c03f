//! Tiles: `/dzi`, `/tiles` and `/original`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::HeaderMap;
use bytes::Bytes;

use super::client::Client;
use super::state::{HandlerResult, State, open_view};
use crate::image::geometry::TileId;
use crate::serve::metrics::LevelClass;
use crate::serve::slide::Slide;
use crate::serve::tiles::TileSet;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag, matches};

/// `/dzi/{slide}_files/{level}/{tile}`.
pub async fn deep_zoom(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path((files, level, tile)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let name = files.strip_suffix("_files").ok_or(ServeError::NotFound)?;
    let id = parse_tile(&level, &tile).ok_or(ServeError::NotFound)?;
    let slide = open_view(&state, name, query.as_deref()).await?;
    send_tile(&state, client.address, &slide, id, &headers, TileSet::Served).await
}

/// `/original/{slide}_files/{level}/{tile}`.
pub async fn original(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path((files, level, tile)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let name = files.strip_suffix("_files").ok_or(ServeError::NotFound)?;
    let id = parse_tile(&level, &tile).ok_or(ServeError::NotFound)?;
    let slide = open_view(&state, name, query.as_deref()).await?;
    send_tile(&state, client.address, &slide, id, &headers, TileSet::Original).await
}

/// `/tiles/{slide}/{level}/{tile}`.
pub async fn plain(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path((name, level, tile)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let id = parse_tile(&level, &tile).ok_or(ServeError::NotFound)?;
    let slide = open_view(&state, &name, query.as_deref()).await?;
    send_tile(&state, client.address, &slide, id, &headers, TileSet::Served).await
}

/// The name of a tile's file without its extension. Clients may derive any of the extensions, whatever the format.
pub fn without_extension(tile: &str) -> Option<&str> {
    let (place, extension) = tile.rsplit_once('.')?;
    ["jpg", "jpeg", "webp", "png"].contains(&extension).then_some(place)
}

/// Parses `{level}` and `{x}_{y}.{ext}`.
pub fn parse_tile(level: &str, tile: &str) -> Option<TileId> {
    let (x, y) = without_extension(tile)?.split_once('_')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?;
    Some(TileId { level: number(level)?, x: number(x)?, y: number(y)? })
}

/// Sends a tile of an open slide.
pub async fn send_tile(
    state: &State,
    client: IpAddr,
    slide: &Arc<Slide>,
    id: TileId,
    headers: &HeaderMap,
    set: TileSet,
) -> HandlerResult {
    // A slide whose files cannot be read may have been replaced.
    let look = |e: &ServeError| {
        if matches!(e, ServeError::Away | ServeError::Broken) {
            state.catalog.look_soon();
        }
    };
    let found = state.tiles.find(slide, id, set).await.inspect_err(look)?;
    // The identity covers everything that the bytes depend on, so a request with a current tag needs no tile.
    let mut tagged = found.identity().to_le_bytes().to_vec();
    tagged.extend([id.level, id.x, id.y].iter().flat_map(|v| v.to_le_bytes()));
    let tag = etag(&tagged);
    let (control, kind) =
        (state.options.access.cache_control.as_str(), state.options.output.format.media_type());
    if matches(headers, &tag) {
        return Ok(cacheable(headers, &tag, control, kind, Bytes::new()));
    }
    let started = Instant::now();
    let (bytes, outcome) = state.tiles.make(slide, found).await.inspect_err(look)?;
    let class = match slide.geometry.top_level() - id.level {
        0 => LevelClass::L0,
        1 => LevelClass::L1,
        _ => LevelClass::Small,
    };
    state.metrics.tile(class, outcome, started.elapsed());
    if set == TileSet::Served && class != LevelClass::Small {
        state.tiles.prefetch_for(client, slide, id);
    }
    Ok(cacheable(headers, &tag, control, kind, state.tiles.to_send(bytes).await?))
}

//! Tiles by their addresses: `/dzi`, `/tiles` and `/original`.

use std::net::IpAddr;
use std::time::Instant;

use axum::Extension;
use axum::extract::{Path, State as Shared};
use axum::http::HeaderMap;
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::client::Client;
use super::{Answer, Side, State, cacheable, content_type, matches, open};
use crate::image::geometry::TileId;
use crate::serve::error::ServeError;
use crate::serve::metrics::LevelClass;

pub async fn derived(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path((files, level, tile)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let name = files.strip_suffix("_files").ok_or(ServeError::NotFound)?;
    send_tile(&state, client.address, name, &level, &tile, &headers, Side::Served).await
}

pub async fn original(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path((files, level, tile)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let name = files.strip_suffix("_files").ok_or(ServeError::NotFound)?;
    send_tile(&state, client.address, name, &level, &tile, &headers, Side::Original).await
}

pub async fn tile(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path((name, level, tile)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    send_tile(&state, client.address, &name, &level, &tile, &headers, Side::Served).await
}

/// `{level}` and `{x}_{y}.{ext}` to an address; the extension may be any that a client derives.
fn parse_tile(level: &str, tile: &str) -> Option<TileId> {
    let (place, extension) = tile.rsplit_once('.')?;
    if !["jpg", "jpeg", "webp", "png"].contains(&extension) {
        return None;
    }
    let (x, y) = place.split_once('_')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?;
    Some(TileId { level: number(level)?, x: number(x)?, y: number(y)? })
}

pub async fn send_tile(
    state: &State,
    client: IpAddr,
    name: &str,
    level: &str,
    tile: &str,
    headers: &HeaderMap,
    side: Side,
) -> Answer {
    let id = parse_tile(level, tile).ok_or(ServeError::NotFound)?;
    let slide = open(state, name).await?;
    let identity = match side {
        Side::Served => slide.source(id).map(|(_, identity)| identity),
        Side::Original => slide.geometry.tile_rect(id).and(slide.original),
    };
    let identity = identity.ok_or(ServeError::NotFound)?;
    // What a tile is follows from what is stored and how it is sent: no need to make it to know whether the client has it.
    let mut of = identity.to_le_bytes().to_vec();
    of.extend([id.level, id.x, id.y].iter().flat_map(|v| v.to_le_bytes()));
    let tag = format!("\"{:016x}\"", xxh3_64(&of));
    let (control, kind) = (state.options.cache_control.as_str(), content_type(state.options.format));
    if matches(headers, &tag) {
        return Ok(cacheable(headers, &tag, control, kind, Bytes::new()));
    }
    let started = Instant::now();
    let (bytes, outcome) = match side {
        Side::Served => state.tiles.get(&slide, id).await?,
        Side::Original => state.tiles.original(&slide, id).await?,
    };
    let class = match slide.geometry.top_level() - id.level {
        0 => LevelClass::L0,
        1 => LevelClass::L1,
        _ => LevelClass::Small,
    };
    state.metrics.tile(class, outcome, started.elapsed());
    if side == Side::Served && class != LevelClass::Small {
        state.tiles.travelled(client, &slide, id);
    }
    Ok(cacheable(headers, &tag, control, kind, bytes))
}

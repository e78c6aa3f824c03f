//! The slide's tiles under the addresses of Zoomify and of XYZ (Google Maps).
//!
//! Both number levels from the finest one that is a single tile. Each level has half the size of the next, rounded up, as in Deep Zoom: so
//! Zoomify is specified, `vips dzsave` writes it and OpenLayers computes it. A tile is the one of Deep Zoom, bytes and entity tag.
//! OpenSeadragon rounds down: its grid has the same tiles but for those of a last column or row of which less than a pixel is left.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::HeaderMap;
use bytes::Bytes;

use super::client::Client;
use super::state::{HandlerResult, State, open_view};
use super::tile::{send_tile, without_extension};
use crate::image::geometry::{Geometry, TileId};
use crate::output::picture::PictureFormat;
use crate::pixels::{Place, Scale};
use crate::pyramid::tree::{first_level, zoomify_tiles};
use crate::serve::region::{Asked, Picture, Regions};
use crate::serve::slide::Slide;
use crate::serve::tiles::TileSet;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag, matches};

/// `/zoomify/{slide}/ImageProperties.xml`.
pub async fn zoomify_properties(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let slide = open_view(&state, &name, query.as_deref()).await?;
    let geometry = &slide.geometry;
    let (width, height, tile) = (geometry.width(), geometry.height(), geometry.tile());
    let xml = format!(
        "<IMAGE_PROPERTIES WIDTH=\"{width}\" HEIGHT=\"{height}\" NUMTILES=\"{}\" NUMIMAGES=\"1\" VERSION=\"1.8\" TILESIZE=\"{tile}\" />\n",
        zoomify_tiles(geometry)
    );
    Ok(cacheable(&headers, &etag(xml.as_bytes()), "no-cache", "application/xml", xml.into()))
}

/// `/zoomify/{slide}/TileGroup{g}/{z}-{x}-{y}.jpg`. The group follows from the others, and is not looked at: clients that round down count
/// other groups.
pub async fn zoomify(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path((name, group, tile)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let place = group.strip_prefix("TileGroup").and_then(number).and_then(|_| {
        let mut parts = without_extension(&tile)?.splitn(3, '-').map(number);
        Some((parts.next()??, parts.next()??, parts.next()??))
    });
    let place = place.ok_or(ServeError::NotFound)?;
    let slide = open_view(&state, &name, query.as_deref()).await?;
    let id = tile_of(&slide.geometry, place).ok_or(ServeError::NotFound)?;
    send_tile(&state, client.address, &slide, id, &headers, TileSet::Served).await
}

/// `/xyz/{slide}/{z}/{x}/{y}.jpg`. Clients stretch every tile to the full size, so those at the right and lower edge are filled up with white.
pub async fn xyz(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path((name, z, x, y)): Path<(String, String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let place = || Some((number(&z)?, number(&x)?, number(without_extension(&y)?)?));
    let place = place().ok_or(ServeError::NotFound)?;
    let slide = open_view(&state, &name, query.as_deref()).await?;
    let id = tile_of(&slide.geometry, place).ok_or(ServeError::NotFound)?;
    let rect = slide.geometry.tile_rect(id).ok_or(ServeError::NotFound)?;
    let side = slide.geometry.tile();
    match (rect.width, rect.height) == (side, side) {
        true => send_tile(&state, client.address, &slide, id, &headers, TileSet::Served).await,
        false => send_filled(&state, &slide, id, &headers).await,
    }
}

/// A tile of the edge, in the format of tiles.
async fn send_filled(state: &State, slide: &Arc<Slide>, id: TileId, headers: &HeaderMap) -> HandlerResult {
    let options = &state.options;
    let format = PictureFormat::of(options.output.format);
    let (control, kind) = (&options.access.cache_control, format.media_type());
    let tag = etag(format!("xyz 1 {:x} {id}", slide.version).as_bytes());
    if !slide.has_loose_tiles() && matches(headers, &tag) {
        return Ok(cacheable(headers, &tag, control, kind, Bytes::new()));
    }
    let down = slide.geometry.top_level() - id.level;
    let rect = slide.geometry.tile_rect(id).ok_or(ServeError::NotFound)?;
    let span = |start: u32, length: u32, whole: u32| {
        let start = u64::from(start) << down;
        (start, (u64::from(length) << down).min(u64::from(whole) - start))
    };
    let (x, width) = span(rect.x, rect.width, slide.geometry.width());
    let (y, height) = span(rect.y, rect.height, slide.geometry.height());
    let asked = Asked { place: Place { x, y, width, height }, scale: Scale::Level(down) };
    let side = slide.geometry.tile();
    let picture = Picture {
        region: Regions::region(slide, asked)?,
        filled_to: Some((side, side)),
        format,
        quality: options.output.quality,
    };
    let made = state.regions.picture(&state.tiles, slide, picture).await?;
    let tag = if slide.has_loose_tiles() { etag(&made.bytes) } else { tag };
    Ok(cacheable(headers, &tag, control, kind, made.charge.hold(made.bytes.into())))
}

/// The tile at a level, which is counted from the finest one of a single tile, and a place.
fn tile_of(geometry: &Geometry, (z, x, y): (u32, u32, u32)) -> Option<TileId> {
    Some(TileId { level: first_level(geometry).checked_add(z)?, x, y })
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

//! WADO-RS: frames as they are stored or made, alone or many.

use std::net::IpAddr;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use xxhash_rust::xxh3::Xxh3;

use super::client::Client;
use super::dicomweb_service::{Asked, Found, find, varied};
use super::state::{HandlerResult, State};
use crate::convert::{Kind, transfer_syntax};
use crate::serve::dicomweb::{Framing, Multipart, count_of_frames, frame, frame_list, of_frames, tile_of};
use crate::web::budget::Purpose;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, cacheable_body, etag, matches, ranged};

/// Frames of an answer that are made ahead.
pub const AHEAD: usize = 4;
/// More than what stands before and behind a frame in an answer.
pub const HEAD_BYTES: u64 = 512;

/// `.../frames/{frames}`.
pub async fn some(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path((study, series, instance, frames)): Path<(String, String, String, String)>,
    asked: Asked,
) -> HandlerResult {
    let found = find(&state, &asked, (&study, &series, &instance)).await?;
    let list = frame_list(&frames, count_of_frames(&found.slide.geometry, found.down))?;
    if let [one] = list[..] {
        ahead(&state, client.address, &found, one);
    }
    send(state, found, list.into_iter(), &asked).await
}

/// `.../bulkdata/pixels`: all frames.
pub async fn all(
    Shared(state): Shared<State>,
    Path((study, series, instance)): Path<(String, String, String)>,
    asked: Asked,
) -> HandlerResult {
    let found = find(&state, &asked, (&study, &series, &instance)).await?;
    let all = 0..count_of_frames(&found.slide.geometry, found.down);
    send(state, found, all, &asked).await
}

/// Reconstructs families ahead of a viewer that pans, as for other tiles.
fn ahead(state: &State, client: IpAddr, found: &Found, frame: u32) {
    if found.down < 2 {
        let tile = tile_of(&found.slide.geometry, found.down, frame);
        state.tiles.prefetch_for(client, &found.slide, tile);
    }
}

/// Sends frames in order. Of a large slide they are a range: a list would be large as well.
async fn send(
    state: State,
    found: Found,
    mut frames: impl ExactSizeIterator<Item = u32> + Clone + Send + 'static,
    asked: &Asked,
) -> HandlerResult {
    let count = frames.len();
    let look = found.looked.levels.get(found.down as usize).copied().unwrap_or_default();
    let native = if matches!(look.kind, Kind::Jpeg2000(..)) { "image/jp2" } else { "image/jpeg" };
    let syntax = transfer_syntax(look.kind);
    let (framing, kind) = of_frames(&asked.accepted()?, native, syntax, count)?;
    // Everything that the answer depends on.
    let mut all = Xxh3::new();
    all.update(&found.slide.identity.to_le_bytes());
    all.update(&found.down.to_le_bytes());
    frames.clone().for_each(|number| all.update(&number.to_le_bytes()));
    all.update(kind.as_bytes());
    let hash = all.digest128();
    let (tag, parts) = (etag(&hash.to_le_bytes()), Multipart::new(hash, kind, Some(syntax)));
    let content_type = match framing {
        Framing::Single => parts.part_type(),
        Framing::Multipart => parts.content_type(),
    };
    let control = state.options.access.cache_control.clone();
    if matches(&asked.headers, &tag) {
        return Ok(varied(cacheable(&asked.headers, &tag, &control, &content_type, Bytes::new())));
    }
    // Its faults have a status still.
    let one = |number: u32| frame(&state.tiles, &found.slide, &found.looked, found.down, number);
    let first = one(frames.next().unwrap_or_default()).await?;
    // The copy of a frame waits for its memory before it is made.
    let charge = state.tiles.charge(Purpose::Tile, first.len() as u64 + HEAD_BYTES).await?;
    let first = match framing {
        Framing::Single => first,
        Framing::Multipart if count == 1 => parts.whole(&first).into(),
        Framing::Multipart => part(&parts, true, &first),
    };
    let first = state.tiles.to_send_within(charge, first).await?;
    if count == 1 {
        return Ok(varied(ranged(&asked.headers, &tag, &control, &content_type, first)));
    }
    let end = Bytes::from(parts.end());
    let rest = stream::iter(frames).map(move |number| {
        let (state, slide, looked) = (state.clone(), found.slide.clone(), found.looked.clone());
        let (down, parts) = (found.down, Multipart::new(hash, kind, Some(syntax)));
        async move {
            let made = frame(&state.tiles, &slide, &looked, down, number).await?;
            let charge = state.tiles.charge(Purpose::Tile, made.len() as u64 + HEAD_BYTES).await?;
            state.tiles.to_send_within(charge, part(&parts, false, &made)).await
        }
    });
    let start = stream::iter([Ok::<_, ServeError>(first)]);
    let body = start.chain(rest.buffered(AHEAD)).chain(stream::iter([Ok(end)]));
    Ok(varied(cacheable_body(&asked.headers, &tag, &control, &content_type, Body::from_stream(body))))
}

/// A frame behind the head of its part.
fn part(parts: &Multipart, is_first: bool, frame: &[u8]) -> Bytes {
    [parts.head(is_first, Some(frame.len())).as_bytes(), frame].concat().into()
}

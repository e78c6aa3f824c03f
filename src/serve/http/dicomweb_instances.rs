//! WADO-RS: whole instances, as `convert` writes them but for the table of offsets, which is empty: frames are sent as they are made.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use xxhash_rust::xxh3::xxh3_128;

use super::dicomweb_frames::{AHEAD, HEAD_BYTES};
use super::dicomweb_metadata::{dataset_bytes, with_pyramid};
use super::dicomweb_service::{Asked, look, open, place, slides, varied};
use super::state::{HandlerResult, State};
use crate::convert::{END_OF_FRAMES, head, item, pixel_data_head, transfer_syntax};
use crate::error::Error;
use crate::serve::dicomweb::{Described, Framing, Looked, Multipart, count_of_frames, frame, of_instance};
use crate::serve::slide::Slide;
use crate::web::budget::Purpose;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, cacheable_body, etag, matches};

/// Most slides of an answer: each stays open until it is sent.
const MAX_SLIDES: usize = 64;
const DICOM: &str = "application/dicom";

/// An instance that is sent.
#[derive(Clone)]
struct Sent {
    described: Arc<Described>,
    slide: Arc<Slide>,
    looked: Arc<Looked>,
    down: u32,
    is_first: bool,
}

/// A part of an answer.
enum Piece {
    /// What comes before the frames of an instance.
    Head(Sent),
    Frame(Sent, u32),
    /// What comes behind its frames.
    Foot,
}

pub async fn study(Shared(state): Shared<State>, Path(study): Path<String>, asked: Asked) -> HandlerResult {
    all(state, (&study, None), &asked).await
}

pub async fn series(
    Shared(state): Shared<State>,
    Path((study, series)): Path<(String, String)>,
    asked: Asked,
) -> HandlerResult {
    all(state, (&study, Some(&series)), &asked).await
}

pub async fn instance(
    Shared(state): Shared<State>,
    Path((study, series, instance)): Path<(String, String, String)>,
    asked: Asked,
) -> HandlerResult {
    let (described, down) = place(&state, &asked, (&study, &series, &instance)).await?;
    send(state, vec![(described, down)], &asked).await
}

async fn all(state: State, (study, series): (&str, Option<&str>), asked: &Asked) -> HandlerResult {
    let found = slides(&state, asked, (study, series)).await?;
    if found.len() > MAX_SLIDES {
        let problem =
            format!("{} slides are too many at once: ask for one series after the other", found.len());
        return Err(ServeError::Bad(problem));
    }
    let each = |described: &Arc<Described>| {
        let described = described.clone();
        (0..described.instances.len() as u32).map(move |down| (described.clone(), down))
    };
    let instances = found.iter().flat_map(each).collect();
    send(state, instances, asked).await
}

async fn send(state: State, instances: Vec<(Arc<Described>, u32)>, asked: &Asked) -> HandlerResult {
    let (mut sent, mut syntaxes, mut key) = (Vec::new(), Vec::new(), String::new());
    for (described, down) in instances {
        let slide = open(&state, &described).await?;
        let looked = look(&state, &described, &slide).await?;
        let kind = looked.levels.get(down as usize).copied().unwrap_or_default().kind;
        syntaxes.push(transfer_syntax(kind));
        key += &format!("{:x} {down} {:?} {:?} ", slide.identity, described.shared, described.attributes);
        sent.push(Sent { described, slide, looked, down, is_first: sent.is_empty() });
    }
    let framing = of_instance(&asked.accepted()?, &syntaxes)?;
    let hash = xxh3_128(format!("instances {framing:?} {key}").as_bytes());
    syntaxes.dedup();
    let syntax = if let [one] = syntaxes[..] { Some(one) } else { None };
    let parts = Multipart::new(hash, DICOM, syntax);
    let content_type = match framing {
        Framing::Single => parts.part_type(),
        Framing::Multipart => parts.content_type(),
    };
    let (tag, control) = (etag(&hash.to_le_bytes()), state.options.access.cache_control.clone());
    if matches(&asked.headers, &tag) {
        return Ok(varied(cacheable(&asked.headers, &tag, &control, &content_type, Bytes::new())));
    }
    let end = if framing == Framing::Multipart { parts.end() } else { String::new() };
    let parts = Arc::new(parts);
    let pieces = stream::iter(sent.into_iter().flat_map(pieces)).map(move |piece| {
        let (state, parts) = (state.clone(), (framing == Framing::Multipart).then(|| parts.clone()));
        async move { make(&state, piece, parts.as_deref()).await }
    });
    let body = pieces.buffered(AHEAD).chain(stream::iter([Ok::<_, ServeError>(Bytes::from(end))]));
    Ok(varied(cacheable_body(&asked.headers, &tag, &control, &content_type, Body::from_stream(body))))
}

/// The pieces of an instance, in order.
fn pieces(sent: Sent) -> impl Iterator<Item = Piece> {
    let frames = 0..count_of_frames(&sent.slide.geometry, sent.down);
    let of = sent.clone();
    [Piece::Head(sent)]
        .into_iter()
        .chain(frames.map(move |number| Piece::Frame(of.clone(), number)))
        .chain([Piece::Foot])
}

/// A piece, whose memory is taken before it is made.
async fn make(state: &State, piece: Piece, parts: Option<&Multipart>) -> Result<Bytes, ServeError> {
    match piece {
        Piece::Head(Sent { described, slide, looked, down, is_first }) => {
            let look = looked.levels.get(down as usize).copied().unwrap_or_default();
            let uid = described.instances.get(down as usize).cloned().unwrap_or_default();
            let file = described.file.clone();
            let bytes = dataset_bytes(&described, &slide);
            let made = with_pyramid(state, (&described, &slide), bytes, move |pyramid| {
                let data = pyramid.dataset(down, &look)?;
                let mut bytes = head(&data, transfer_syntax(look.kind), &uid)
                    .map_err(|problem| Error::input(&file, problem))?;
                // The sizes of the frames are not known yet.
                bytes.extend(pixel_data_head(&[]));
                Ok(bytes)
            });
            let (made, charge) = made.await?;
            let before = parts.map(|parts| parts.head(is_first, None)).unwrap_or_default();
            state.tiles.to_send_within(charge, [before.as_bytes(), &made].concat().into()).await
        }
        Piece::Frame(Sent { slide, looked, down, .. }, number) => {
            let made = frame(&state.tiles, &slide, &looked, down, number).await?;
            let charge = state.tiles.charge(Purpose::Tile, made.len() as u64 + HEAD_BYTES).await?;
            state.tiles.to_send_within(charge, item(&made).into()).await
        }
        Piece::Foot => Ok(Bytes::from_static(&END_OF_FRAMES)),
    }
}

//! `POST /api/slides/{slide}/regions`: many rectangles of a slide in one answer, a tar archive.
//!
//! An archive of tar is read as it arrives, by every language's own library and by `tar`, and knows how long each part is. One picture is
//! made at a time, and the next one when the client has taken it: the memory is that of one, whatever the number.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::region::{format_of, scale_of};
use super::state::{HandlerResult, State, open_view};
use crate::output::picture::PictureFormat;
use crate::pixels::{Place, Region};
use crate::serve::region::{Asked, Picture, Regions};
use crate::serve::slide::Slide;
use crate::web::budget::Purpose;
use crate::web::error::ServeError;
use crate::web::respond::json_response;

/// Most rectangles of a request.
const MAX_REGIONS: usize = 256;
/// Most bytes of a request.
const MAX_BODY_BYTES: usize = 64 << 10;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Entries of a tar archive begin at multiples of this.
const BLOCK_BYTES: usize = 512;
static EMPTY: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];
/// The name of the first entry, which says what the others are.
const INDEX: &str = "regions.json";

/// The pictures that the body asks for.
pub async fn regions(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    body: Body,
) -> HandlerResult {
    let slide = open_view(&state, &name, query.as_deref()).await?;
    let charge = state.tiles.charge(Purpose::Image, MAX_BODY_BYTES as u64).await?;
    let body = match timeout(BODY_TIME, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Ok(too_large()),
        Err(_) => {
            let problem = format!("the body did not arrive within {} seconds", BODY_TIME.as_secs());
            return Ok(json_response(StatusCode::REQUEST_TIMEOUT, &json!({"error": problem})));
        }
    };
    let (regions, format) = parse(&slide, &body)?;
    drop((body, charge));
    let (sender, receiver) = mpsc::channel(1);
    // It ends when nobody takes what it makes.
    tokio::spawn(async move { write(&state, &slide, &regions, format, &sender).await });
    let mut response = Body::new(Parts(receiver)).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn too_large() -> Response {
    let problem = format!(
        "the body has more than {MAX_BODY_BYTES} bytes: send at most {MAX_REGIONS} rectangles at once"
    );
    json_response(StatusCode::PAYLOAD_TOO_LARGE, &json!({"error": problem}))
}

/// What a body asks for. All of it is checked before the first picture is made.
fn parse(slide: &Slide, body: &[u8]) -> Result<(Vec<Region>, PictureFormat), ServeError> {
    let bad = |problem: String| ServeError::Bad(problem);
    let value: Value = serde_json::from_slice(body).map_err(|e| bad(format!("the body is no JSON: {e}")))?;
    known(&value, "the body", &["format", "regions"])?;
    let format = match &value["format"] {
        Value::Null => PictureFormat::Png,
        name => format_of(name.as_str().unwrap_or_default())?,
    };
    let all = value["regions"].as_array().filter(|all| (1..=MAX_REGIONS).contains(&all.len()));
    let all = all.ok_or_else(|| bad(format!("regions: give a list of 1 to {MAX_REGIONS} rectangles")))?;
    let regions = all.iter().enumerate().map(|(number, one)| {
        let region = asked(one).and_then(|asked| Regions::region(slide, asked));
        region.map_err(|e| bad(format!("rectangle {number}: {e}")))
    });
    Ok((regions.collect::<Result<_, _>>()?, format))
}

/// One rectangle: the keys of the query of one, as numbers, and scales as text too.
fn asked(one: &Value) -> Result<Asked, ServeError> {
    known(one, "it", &["x", "y", "w", "h", "mpp", "scale", "level"])?;
    let whole = |key: &str| {
        let problem = || ServeError::Bad(format!("{key}: give a whole number of pixels from 0"));
        one[key].as_u64().ok_or_else(problem)
    };
    let place = Place { x: whole("x")?, y: whole("y")?, width: whole("w")?, height: whole("h")? };
    let text = |key: &str| match &one[key] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    Ok(Asked { place, scale: scale_of(&text)? })
}

/// Refuses what is no object, and keys that mean nothing.
fn known(value: &Value, what: &str, keys: &[&str]) -> Result<(), ServeError> {
    let form = || format!("give an object of {}", keys.join(", "));
    let object =
        value.as_object().ok_or_else(|| ServeError::Bad(format!("{what} is no object: {}", form())))?;
    match object.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => {
            let key: String = key.chars().take(40).collect();
            Err(ServeError::Bad(format!("{what} has the key '{key}', which is not known: {}", form())))
        }
        None => Ok(()),
    }
}

/// Writes the archive: the index, then each picture in order. One that fails has an entry that says why.
async fn write(
    state: &State,
    slide: &Arc<Slide>,
    regions: &[Region],
    format: PictureFormat,
    to: &mpsc::Sender<Bytes>,
) {
    let name = |number: usize| format!("{number:04}.{}", format.extension());
    let entries = regions.iter().enumerate().map(|(number, region)| {
        let ((width, height), rect) = (region.size(), region.rect());
        json!({"name": name(number), "width": width, "height": height, "x": rect.x, "y": rect.y, "w": rect.width, "h": rect.height})
    });
    let index = json!({"format": format.name(), "regions": Value::from_iter(entries)}).to_string();
    if send(to, INDEX, index.into()).await.is_none() {
        return;
    }
    for (number, &region) in regions.iter().enumerate() {
        let picture = Picture { region, filled_to: None, format, quality: state.options.output.quality };
        let made = state.regions.picture(&state.tiles, slide, picture).await;
        let sent = match made {
            Ok(made) => send(to, &name(number), made.charge.hold(made.bytes.into())).await,
            Err(e) => {
                let problem = json!({"error": e.to_string()}).to_string();
                send(to, &format!("{number:04}.error.json"), problem.into()).await
            }
        };
        if sent.is_none() {
            return;
        }
    }
    // Two empty blocks end an archive.
    drop(to.send(Bytes::from_static(&EMPTY)).await);
}

/// Sends an entry: its header, its bytes and what fills the last block. `None` where nobody takes it.
async fn send(to: &mpsc::Sender<Bytes>, name: &str, bytes: Bytes) -> Option<()> {
    let mut head = tar::Header::new_ustar();
    head.set_path(name).ok()?;
    head.set_size(bytes.len() as u64);
    head.set_mode(0o644);
    head.set_mtime(0);
    head.set_cksum();
    let fill = bytes.len().next_multiple_of(BLOCK_BYTES) - bytes.len();
    to.send(Bytes::copy_from_slice(head.as_bytes())).await.ok()?;
    to.send(bytes).await.ok()?;
    to.send(Bytes::from_static(EMPTY.get(..fill)?)).await.ok()
}

/// The parts of a body as they are made.
struct Parts(mpsc::Receiver<Bytes>);

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| Ok(Frame::data(part))))
    }
}

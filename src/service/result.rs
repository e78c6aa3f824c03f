//! The file of a job, as a whole or a range of it: players ask for ranges.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

use super::blocking::blocking;
use super::job::Kind;
use super::lines::Lines;
use super::problem::Problem;
use super::registry::Registry;
use super::request::JobId;
use crate::store::{self, ReadAt};
use crate::web::budget::{Charge, Purpose};
use crate::web::range::Asked;
use crate::web::respond::matches;

/// Bytes that are read at a time.
const PIECE_BYTES: u64 = 128 << 10;
/// Pieces in memory of one answer: one that is read, one that waits, and what the connection holds.
const PIECES: u64 = 3;

/// Lines about results that cannot be read.
static UNREADABLE: Lines = Lines::new();

/// `GET /api/render/{job_id}/result`.
pub async fn send(
    Shared(registry): Shared<Arc<Registry>>,
    JobId(job_id): JobId,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (limit, of) = (registry.options.read_timeout, registry.clone());
    let Opened { file, size, tag, kind } = blocking(limit, move || open(&of, &job_id)).await?;
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let held = text(header::IF_RANGE);
    // Parts of two versions of a file are none of it.
    let is_current = held.is_none_or(|held| tag.as_deref() == Some(held));
    let asked = text(header::RANGE).filter(|_| is_current).map(|text| Asked::parse(text, size));
    let range = match asked {
        _ if tag.as_deref().is_some_and(|tag| matches(&headers, tag)) => {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            validated(&mut response, tag.as_deref());
            return Ok(response);
        }
        // A range that is not understood may be ignored.
        None | Some(Asked::Everything) => None,
        Some(Asked::Range(range)) => Some(range),
        Some(Asked::Nothing) => {
            let length = HeaderValue::from_str(&format!("bytes */{size}")).ok();
            let mut response = Problem::no_such_bytes(size).into_response();
            response.headers_mut().extend(length.map(|length| (header::CONTENT_RANGE, length)));
            return Ok(response);
        }
    };
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let part = range.clone().unwrap_or(0..size);
    let length = part.end - part.start;
    let most = length.min(PIECES * PIECE_BYTES);
    let charge = registry.memory().charge(Purpose::Tile, most).await.map_err(|_| Problem::busy())?;
    let mut response = (status, Body::from_stream(pieces(file, part, charge, limit))).into_response();
    validated(&mut response, tag.as_deref());
    let out = response.headers_mut();
    out.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(match kind {
            Kind::Render => "video/mp4",
            Kind::Encode => "application/octet-stream",
        }),
    );
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(header::CONTENT_LENGTH, length.into());
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(range) = range
        && let Ok(value) = HeaderValue::from_str(&format!("bytes {}-{}/{size}", range.start, range.end - 1))
    {
        out.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// Says which version of the file it is. A job of the same name may have another one later.
fn validated(response: &mut Response, tag: Option<&str>) {
    let out = response.headers_mut();
    let tag = tag.and_then(|tag| HeaderValue::from_str(tag).ok());
    out.extend(tag.map(|tag| (header::ETAG, tag)));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
}

/// The file of a job.
struct Opened {
    file: Arc<dyn ReadAt>,
    size: u64,
    /// The strong entity tag of these bytes; `None` where the store has nothing that tells versions apart.
    tag: Option<String>,
    kind: Kind,
}

fn open(registry: &Registry, job_id: &str) -> Result<Opened, Problem> {
    let live =
        registry.find(job_id)?.ok_or_else(|| Problem::not_found(format!("there is no job {job_id:?}")))?;
    let result = live.job.ended.as_ref().and_then(|ended| ended.result.as_ref());
    let result = result.ok_or_else(|| Problem::not_found(format!("{job_id:?} has no result")))?;
    let gone = |e: io::Error| {
        UNREADABLE.warn(&format_args!("{}: {e}", result.file));
        Problem::not_found(format!(
            "the result of {job_id:?} cannot be read; the log of the service says why"
        ))
    };
    let file: Arc<dyn ReadAt> = store::open(result.file.as_ref()).map_err(gone)?.into();
    let size = file.size().map_err(gone)?;
    let tag = Some(file.stamp()).filter(|&stamp| stamp != 0).map(|stamp| format!("\"{stamp:016x}\""));
    Ok(Opened { file, size, tag, kind: live.job.kind })
}

/// The bytes of a part, read while they are sent. A read that takes longer than `limit` ends the answer before its length.
fn pieces(
    file: Arc<dyn ReadAt>,
    part: Range<u64>,
    charge: Charge,
    limit: Duration,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((part.start, charge), move |(at, charge)| {
        let (file, end) = (file.clone(), part.end);
        async move {
            if at >= end {
                return Ok(None);
            }
            let next = end.min(at + PIECE_BYTES);
            let read = crate::web::blocking::run(limit, move || {
                let mut piece = vec![0; (next - at) as usize];
                file.read_exact_at(&mut piece, at).map(|()| Bytes::from(piece))
            });
            let piece = read.await.map_err(io::Error::other).flatten();
            let piece = piece.inspect_err(|e| {
                UNREADABLE.warn(&format_args!("a result ends before its last byte: {e}"));
            });
            Ok(Some((piece?, (next, charge))))
        }
    })
}

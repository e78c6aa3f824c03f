//! The file of a job, as a whole or a range of it: players ask for ranges.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

use super::blocking::blocking;
use super::job::Kind;
use super::problem::Problem;
use super::registry::Registry;
use super::request::JobId;
use crate::store::{self, ReadAt};
use crate::web::range::Asked;

/// Bytes that are read at a time.
const PIECE_BYTES: u64 = 1 << 20;

/// `GET /api/render/{job_id}/result`.
pub async fn send(
    Shared(registry): Shared<Arc<Registry>>,
    JobId(job_id): JobId,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (file, size, kind) = blocking(move || open(&registry, &job_id)).await?;
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let range = match asked.map(|text| Asked::parse(text, size)) {
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
    let mut response = (status, Body::from_stream(pieces(file, part))).into_response();
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

type Opened = (Arc<dyn ReadAt>, u64, Kind);

fn open(registry: &Registry, job_id: &str) -> Result<Opened, Problem> {
    let live =
        registry.find(job_id)?.ok_or_else(|| Problem::not_found(format!("there is no job {job_id:?}")))?;
    let result = live.job.ended.as_ref().and_then(|ended| ended.result.as_ref());
    let result = result.ok_or_else(|| Problem::not_found(format!("{job_id:?} has no result")))?;
    let gone = |e: io::Error| {
        tracing::warn!("{}: {e}", result.file);
        Problem::not_found(format!(
            "the result of {job_id:?} cannot be read; the log of the service says why"
        ))
    };
    let file: Arc<dyn ReadAt> = store::open(result.file.as_ref()).map_err(gone)?.into();
    let size = file.size().map_err(gone)?;
    Ok((file, size, live.job.kind))
}

/// The bytes of a part, read while they are sent.
fn pieces(file: Arc<dyn ReadAt>, part: Range<u64>) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(part.start, move |at| {
        let (file, end) = (file.clone(), part.end);
        async move {
            if at >= end {
                return Ok(None);
            }
            let next = end.min(at + PIECE_BYTES);
            let read = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; (next - at) as usize];
                file.read_exact_at(&mut piece, at).map(|()| Bytes::from(piece))
            });
            let piece = read.await.map_err(io::Error::other)??;
            Ok(Some((piece, next)))
        }
    })
}

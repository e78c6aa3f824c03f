//! The status of a job as a WebSocket (RFC 6455): a text at once and with each change, and the end of the connection after the last.
//!
//! Only what a sender of short texts needs: frames of clients are read for pings and closes, and what else they send is dropped.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use hyper_util::rt::TokioIo;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::blocking::blocking;
use super::problem::Problem;
use super::registry::Registry;
use super::request::JobId;

/// What a server appends to the key of a client before it hashes it.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Time between two looks at the job.
const TICK: Duration = Duration::from_millis(200);
/// Time between two pings.
const PING: Duration = Duration::from_secs(20);
/// Longest time without a byte of the client, which answers pings.
const SILENCE: Duration = Duration::from_secs(60);
/// Longest time for a write.
const WRITE: Duration = Duration::from_secs(10);
/// Connections at a time.
const MAX_CONNECTIONS: usize = 256;
/// Largest frame of a client.
const MAX_FRAME_BYTES: u64 = 64 << 10;

static CONNECTIONS: Semaphore = Semaphore::const_new(MAX_CONNECTIONS);

/// `GET /api/render/{job_id}/ws`.
pub async fn open(
    Shared(registry): Shared<Arc<Registry>>,
    JobId(job_id): JobId,
    mut request: Request,
) -> Response {
    let Some(accept) = accept(request.headers()) else {
        let problem = Problem::wrong("this address is a WebSocket of version 13");
        return problem.advised("connect with a WebSocket, or ask for the status").into_response();
    };
    let Ok(connection) = CONNECTIONS.try_acquire() else {
        return Problem::queue_full(MAX_CONNECTIONS).into_response();
    };
    let (known, name) = (registry.clone(), job_id.clone());
    if let Err(problem) = blocking(registry.options.read_timeout, move || known.status(&name)).await {
        return problem.into_response();
    }
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let _connection = connection;
        match upgraded.await {
            Ok(upgraded) => serve(TokioIo::new(upgraded), &registry, job_id).await,
            Err(e) => tracing::debug!("a connection did not become a WebSocket: {e}"),
        }
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// The answer to the key of a client; `None` for a request that is no handshake.
fn accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let names = |name, wanted: &str| {
        value(name).is_some_and(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(wanted)))
    };
    let is_handshake = names(header::UPGRADE, "websocket")
        && names(header::CONNECTION, "upgrade")
        && value(header::SEC_WEBSOCKET_VERSION) == Some("13");
    let key = value(header::SEC_WEBSOCKET_KEY).filter(|key| is_handshake && key.len() == 24)?;
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes());
    HeaderValue::from_str(&BASE64.encode(hash.as_ref())).ok()
}

/// Codes of frames.
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING_FRAME: u8 = 9;
const PONG: u8 = 10;
/// Reasons to close.
const NORMAL: u16 = 1000;
const PROTOCOL: u16 = 1002;
const TOO_BIG: u16 = 1009;

/// A frame of ours: whole, and not masked.
fn frame(code: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | code];
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length @ 126..=0xffff => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// What a client has sent.
#[derive(Debug, PartialEq)]
enum Event {
    Ping(Vec<u8>),
    Close,
    /// Something that is not looked at.
    Other,
}

/// Takes a frame from the beginning of what was read; `None` where it is not whole. The error is a reason to close.
fn take(buffer: &mut Vec<u8>) -> Result<Option<Event>, u16> {
    let [first, second, ..] = buffer[..] else { return Ok(None) };
    let (code, is_last, is_control) = (first & 0x0f, first & 0x80 != 0, first & 0x08 != 0);
    if first & 0x70 != 0 || second & 0x80 == 0 || (is_control && (!is_last || second & 0x7f > 125)) {
        return Err(PROTOCOL);
    }
    let number =
        |bytes: Option<&[u8]>| bytes.map(|bytes| bytes.iter().fold(0u64, |n, &b| n << 8 | u64::from(b)));
    let (length, head) = match second & 0x7f {
        126 => (number(buffer.get(2..4)), 4),
        127 => (number(buffer.get(2..10)), 10),
        length => (Some(u64::from(length)), 2),
    };
    let Some(length) = length else { return Ok(None) };
    if length > MAX_FRAME_BYTES {
        return Err(TOO_BIG);
    }
    let (mask_at, end) = (head, head + 4 + length as usize);
    let Some(whole) = buffer.get(mask_at..end) else { return Ok(None) };
    let (mask, payload) = whole.split_at(4);
    let event = match code {
        CLOSE => Event::Close,
        PING_FRAME => {
            Event::Ping(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect())
        }
        _ => Event::Other,
    };
    buffer.drain(..end);
    Ok(Some(event))
}

/// Sends the status of a job until it has ended.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, registry: &Arc<Registry>, job_id: String) {
    let (mut read, mut write) = tokio::io::split(stream);
    let (mut last, mut buffer, mut chunk) = (String::new(), Vec::new(), [0; 4096]);
    let (mut pinged, mut heard) = (Instant::now(), Instant::now());
    let reason = 'open: loop {
        let (own, name) = (registry.clone(), job_id.clone());
        let limit = registry.options.read_timeout;
        let Ok(status) = blocking(limit, move || own.status(&name)).await else { break NORMAL };
        let is_over = !status["finished_at"].is_null();
        let text = status.to_string();
        if text != last {
            if !send(&mut write, TEXT, text.as_bytes()).await {
                return;
            }
            last = text;
        }
        if is_over || heard.elapsed() > SILENCE {
            break NORMAL;
        }
        if pinged.elapsed() > PING {
            pinged = Instant::now();
            if !send(&mut write, PING_FRAME, b"").await {
                return;
            }
        }
        let until = Instant::now() + TICK;
        while let Ok(got) = tokio::time::timeout_at(until, read.read(&mut chunk)).await {
            let Ok(length @ 1..) = got else { return };
            heard = Instant::now();
            buffer.extend_from_slice(chunk.get(..length).unwrap_or_default());
            loop {
                match take(&mut buffer) {
                    Ok(Some(Event::Ping(payload))) => {
                        if !send(&mut write, PONG, &payload).await {
                            return;
                        }
                    }
                    Ok(Some(Event::Close)) => break 'open NORMAL,
                    Ok(Some(Event::Other)) => {}
                    Ok(None) => break,
                    Err(reason) => break 'open reason,
                }
            }
        }
    };
    send(&mut write, CLOSE, &reason.to_be_bytes()).await;
    drop(timeout(WRITE, write.shutdown()).await);
}

/// Writes a frame. `false`: the client does not take it.
async fn send(write: &mut (impl AsyncWrite + Unpin), code: u8, payload: &[u8]) -> bool {
    let frame = frame(code, payload);
    let sent = timeout(WRITE, async {
        write.write_all(&frame).await?;
        write.flush().await
    });
    matches!(sent.await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_is_that_of_the_standard() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        assert_eq!(accept(&headers).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        headers.insert("sec-websocket-version", HeaderValue::from_static("8"));
        assert_eq!(accept(&headers), None);
    }

    /// A frame of a client.
    fn masked(code: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = frame(code, payload);
        frame[1] |= 0x80;
        let at = frame.len() - payload.len();
        frame.splice(at..at, [1, 2, 3, 4]);
        for (i, byte) in frame[at + 4..].iter_mut().enumerate() {
            *byte ^= [1, 2, 3, 4][i % 4];
        }
        frame
    }

    #[test]
    fn frames_of_clients_are_read_in_pieces_and_with_limits() {
        let mut all =
            [masked(TEXT, &[7; 300]), masked(PING_FRAME, b"hello"), masked(CLOSE, &[3, 232])].concat();
        let (mut buffer, mut events) = (Vec::new(), Vec::new());
        for byte in all.drain(..) {
            buffer.push(byte);
            events.extend(take(&mut buffer).unwrap());
        }
        assert_eq!(events, [Event::Other, Event::Ping(b"hello".to_vec()), Event::Close]);
        assert!(buffer.is_empty());
        // Not masked; a reserved bit; a control frame in parts, and one that is long; one that is too long.
        for wrong in [&frame(TEXT, b"a")[..], &[0xc1, 0x80], &[0x09, 0x80], &[0x89, 0xfe]] {
            assert_eq!(take(&mut wrong.to_vec()), Err(PROTOCOL), "{wrong:?}");
        }
        assert_eq!(take(&mut [&[0x81, 0xff][..], &[0xff; 8]].concat()), Err(TOO_BIG));
    }

    #[test]
    fn lengths_are_written_in_the_shortest_form() {
        assert_eq!(frame(TEXT, b"ab"), [0x81, 2, b'a', b'b']);
        assert_eq!(frame(TEXT, &[0; 126])[..4], [0x81, 126, 0, 126]);
        assert_eq!(frame(TEXT, &[0; 65536])[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}

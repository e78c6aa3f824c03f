//! A small, fast client of a Deep Zoom server: one request at a time on a persistent connection.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use origami::image::geometry::{Geometry, TileId};
use origami::pyramid::dzi::Descriptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Length of the head of an answer, in bytes.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// A slide on a server.
#[derive(Clone)]
pub struct ServedSlide {
    /// The descriptor's address.
    pub url: String,
    /// `host:port`.
    host: String,
    /// The descriptor's path without `.dzi`.
    base: String,
    /// The query with its `?`, or nothing.
    query: String,
    /// Extension of tiles.
    format: String,
    /// Size of the slide and of its tiles.
    pub geometry: Geometry,
}

impl ServedSlide {
    /// Reads the descriptor at `http://HOST:PORT/PATH.dzi`.
    pub async fn open(url: &str) -> Result<Self> {
        let address = url.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
        let Some((host, path)) = address else { bail!("{url}: give http://HOST:PORT/PATH.dzi") };
        let (path, query) = path.split_once('?').map_or((path, String::new()), |(p, q)| (p, format!("?{q}")));
        let Some(base) = path.strip_suffix(".dzi") else { bail!("{url}: the path must end in .dzi") };
        let host = if host.contains(':') { host.to_string() } else { format!("{host}:80") };
        let mut connection = Connection::open(&host).await?;
        let answer = connection.get(&format!("/{path}{query}")).await?;
        if answer.status != 200 {
            bail!("{url}: status {}", answer.status);
        }
        let descriptor =
            Descriptor::parse(std::path::Path::new(url), &String::from_utf8_lossy(connection.body()))?;
        let geometry = Geometry::new(descriptor.width, descriptor.height, descriptor.tile)?;
        let base = format!("/{base}_files");
        Ok(Self { url: url.into(), host, base, query, format: descriptor.format, geometry })
    }

    /// Connects to its server.
    pub async fn connect(&self) -> Result<Connection> {
        Connection::open(&self.host).await
    }

    /// The path of a tile.
    pub fn path(&self, TileId { level, x, y }: TileId) -> String {
        format!("{}/{level}/{x}_{y}.{}{}", self.base, self.format, self.query)
    }
}

/// An answer of the server; its body is in the connection.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// From sending the request to the last byte of the answer.
    pub time: Duration,
}

/// A persistent HTTP/1.1 connection.
pub struct Connection {
    stream: TcpStream,
    host: String,
    request: Vec<u8>,
    /// The last answer, head and body.
    buffer: Vec<u8>,
    /// Offset of its body.
    body_at: usize,
    /// Whether it has answered before.
    used: bool,
}

impl Connection {
    async fn open(host: &str) -> Result<Self> {
        let stream = TcpStream::connect(host).await.with_context(|| format!("cannot connect to {host}"))?;
        stream.set_nodelay(true)?;
        let (request, buffer) = (Vec::new(), Vec::new());
        Ok(Self { stream, host: host.to_string(), request, buffer, body_at: 0, used: false })
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        &self.buffer[self.body_at..]
    }

    /// Sends a GET request and reads the whole answer, whatever its status. A server may close a connection between two requests
    /// at any time (RFC 9112, 9.3.1): the request is then sent once more, on a new one.
    ///
    /// # Errors
    /// A broken connection, an answer that is not HTTP or has no Content-Length.
    pub async fn get(&mut self, path: &str) -> Result<Reply> {
        self.request.clear();
        for part in ["GET ", path, " HTTP/1.1\r\nHost: ", &self.host, "\r\n\r\n"] {
            self.request.extend_from_slice(part.as_bytes());
        }
        let started = Instant::now();
        let mut begun = self.begin().await;
        if self.used && !matches!(begun, Ok(1..)) {
            *self = Self { request: std::mem::take(&mut self.request), ..Self::open(&self.host).await? };
            begun = self.begin().await;
        }
        if begun? == 0 {
            bail!("the server has closed the connection");
        }
        let end = self.read_head().await?;
        let (status, length) = parse_head(&self.buffer[..end]).context("not an answer with a length")?;
        self.body_at = end;
        self.buffer.reserve((end + length).saturating_sub(self.buffer.len()));
        while self.buffer.len() < end + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server has closed the connection in the middle of a body");
            }
        }
        self.used = true;
        Ok(Reply { status, time: started.elapsed() })
    }

    /// Sends the request and reads what comes first: the number of bytes, 0 where the connection is closed.
    async fn begin(&mut self) -> std::io::Result<usize> {
        self.buffer.clear();
        self.stream.write_all(&self.request).await?;
        self.stream.read_buf(&mut self.buffer).await
    }

    /// Reads on to the end of the head; its length.
    async fn read_head(&mut self) -> Result<usize> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                return Ok(end + 4);
            }
            if self.buffer.len() > MAX_HEAD_BYTES {
                bail!("no end of the head after {MAX_HEAD_BYTES} bytes");
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server has closed the connection in the middle of a head");
            }
        }
    }
}

/// Status and Content-Length of a head.
fn parse_head(bytes: &[u8]) -> Option<(u16, usize)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Some((status, length?.1.trim().parse().ok()?))
}

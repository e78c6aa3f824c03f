//! A tile server under load.
//!
//! Works against any server that speaks Deep Zoom.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use origami::image::geometry::TileId;
use xxhash_rust::xxh3::xxh3_64;

use super::http_client::ServedSlide;

/// How the server is loaded.
pub struct LoadOptions {
    /// Connections, each with one request at a time.
    pub connections: u32,
    /// How long.
    pub duration: Duration,
    /// Number of different tiles of L0 and L1; `None` for all.
    pub tiles: Option<u32>,
    /// Request every tile once before, so that caches are full.
    pub fill: bool,
}

/// The answers of all connections.
pub struct LoadReport {
    /// Different tiles that were requested.
    pub tiles: usize,
    /// Requests that were answered with a tile.
    pub requests: usize,
    /// Duration.
    pub seconds: f64,
    /// Bytes of all tiles.
    pub bytes: u64,
    /// Latency of the 50th, 95th and 99th percentile and of the slowest request, in microseconds.
    pub latency_us: [u32; 4],
    /// Answers with 503.
    pub refused: u64,
    /// Other answers, broken connections, tiles whose bytes differ from an earlier answer.
    pub errors: u64,
    /// The first of them.
    pub first_error: Option<String>,
}

/// State that all connections share.
struct Shared {
    slide: ServedSlide,
    tiles: Vec<TileId>,
    /// Hash of each tile's first answer; 0 until it has come.
    hashes: Vec<AtomicU64>,
    until: Instant,
}

/// Counts of one connection, or of all.
#[derive(Default)]
struct Counts {
    micros: Vec<u32>,
    bytes: u64,
    refused: u64,
    errors: u64,
    first_error: Option<String>,
}

/// Loads the server. Errors of requests are in the report.
pub async fn measure(slide: ServedSlide, options: &LoadOptions) -> Result<LoadReport> {
    let tiles = choose_tiles(&slide, options.tiles)?;
    if options.fill {
        let mut connection = slide.connect().await?;
        for &tile in &tiles {
            connection.get(&slide.path(tile)).await?;
        }
    }
    let hashes = tiles.iter().map(|_| AtomicU64::new(0)).collect();
    let until = Instant::now() + options.duration;
    let shared = Arc::new(Shared { slide, tiles, hashes, until });
    let started = Instant::now();
    let all: Vec<_> =
        (0..options.connections).map(|n| tokio::spawn(request_tiles(shared.clone(), n))).collect();
    let mut sum = Counts::default();
    for counts in all {
        let counts = counts.await.context("a connection's task")?;
        sum.micros.extend(counts.micros);
        sum.bytes += counts.bytes;
        sum.refused += counts.refused;
        sum.errors += counts.errors;
        sum.first_error = sum.first_error.or(counts.first_error);
    }
    let seconds = started.elapsed().as_secs_f64();
    sum.micros.sort_unstable();
    let requests = sum.micros.len();
    let percentile = |p: f64| match requests {
        0 => 0,
        n => sum.micros[((n as f64 * p / 100.0) as usize).min(n - 1)],
    };
    Ok(LoadReport {
        tiles: shared.tiles.len(),
        requests,
        seconds,
        bytes: sum.bytes,
        latency_us: [50.0, 95.0, 99.0, 100.0].map(percentile),
        refused: sum.refused,
        errors: sum.errors,
        first_error: sum.first_error,
    })
}

/// All tiles of L0 and L1, or `count` of them, spread over the slide and the same ones in every run.
fn choose_tiles(slide: &ServedSlide, count: Option<u32>) -> Result<Vec<TileId>> {
    let geometry = slide.geometry;
    let mut tiles: Vec<_> = (0..2)
        .flat_map(|down| geometry.all_families().flat_map(move |id| geometry.family_tiles(id, down)))
        .collect();
    if tiles.is_empty() {
        bail!("{}: the slide is too small to have families", slide.url);
    }
    if let Some(count) = count {
        let mut random = Random(1);
        for i in (1..tiles.len()).rev() {
            tiles.swap(i, random.below(i + 1));
        }
        tiles.truncate(count as usize);
    }
    Ok(tiles)
}

/// Requests random tiles on one connection until the time is over.
async fn request_tiles(shared: Arc<Shared>, number: u32) -> Counts {
    let (mut counts, mut random) = (Counts::default(), Random(u64::from(number) + 2));
    let mut connection = None;
    while Instant::now() < shared.until {
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => shared.slide.connect().await,
        };
        let pick = random.below(shared.tiles.len());
        let path = shared.slide.path(shared.tiles[pick]);
        let reply = match open {
            Ok(mut open) => open.get(&path).await.map(|reply| (open, reply)),
            Err(e) => Err(e),
        };
        let problem = match reply {
            Ok((open, reply)) if reply.status == 200 => {
                counts.micros.push(u32::try_from(reply.time.as_micros()).unwrap_or(u32::MAX));
                counts.bytes += open.body().len() as u64;
                let hash = xxh3_64(open.body()).max(1);
                let first = shared.hashes[pick].compare_exchange(0, hash, Relaxed, Relaxed);
                connection = Some(open);
                first.is_err_and(|known| known != hash).then(|| "other bytes than before".to_string())
            }
            Ok((open, reply)) if reply.status == 503 => {
                counts.refused += 1;
                connection = Some(open);
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
            Ok((_, reply)) => Some(format!("status {}", reply.status)),
            Err(e) => Some(format!("{e:#}")),
        };
        if let Some(problem) = problem {
            counts.errors += 1;
            counts.first_error.get_or_insert_with(|| format!("{path}: {problem}"));
            // Do not ask a server that is gone a million times.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    counts
}

/// Pseudo-random numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}

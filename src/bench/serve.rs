//! A tile server under load, and its first tile of a cold family against the bare JPEG calls.
//!
//! Knows addresses, not servers: the load works against any that speaks Deep Zoom.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use origami::archive::Kind;
use origami::backend::{Backend, CpuBackend};
use origami::codec::{ImageEncoder, JpegEncoder, decoder};
use origami::decode::Input;
use origami::image::family::{Pixels, Want};
use origami::image::geometry::TileId;
use origami::image::ycc::Sampling;
use origami::residual::FamilyDecoder;
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use super::load::Target;
use super::median;

#[derive(Args)]
pub struct ServeArgs {
    /// Descriptor of a slide on a server: http://HOST:PORT/dzi/SLIDE.dzi, or a static tree
    url: String,
    /// Connections, each with one request at a time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    connections: u32,
    /// How long
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Ask for so many different tiles of L0 and L1 only [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    tiles: Option<u32>,
    /// Ask for every tile once before, so that caches are filled
    #[arg(long)]
    fill: bool,
    /// Instead of load: one tile of every family, one after another, each against the bare JPEG calls of this bundle, which
    /// the server must have just begun to serve: nothing of it in any cache
    #[arg(long, value_name = "BUNDLE")]
    cold: Option<PathBuf>,
    /// Between two families of --cold, for the server to finish the one before
    #[arg(long, value_name = "MS", default_value_t = 60)]
    pause_ms: u64,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: ServeArgs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let target = Target::open(&args.url).await?;
        match &args.cold {
            Some(bundle) => cold(&args, &target, bundle).await,
            None => load(&args, target).await,
        }
    })
}

/// What all connections share.
struct Shared {
    target: Target,
    tiles: Vec<TileId>,
    /// A hash of each tile as it came first; 0 before.
    hashes: Vec<AtomicU64>,
    until: Instant,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    micros: Vec<u32>,
    bytes: u64,
    refused: u64,
    /// The first thing that is wrong, and how often anything was.
    wrong: Option<String>,
    errors: u64,
}

async fn load(args: &ServeArgs, target: Target) -> Result<()> {
    let geometry = target.geometry;
    let mut tiles: Vec<_> = (0..2)
        .flat_map(|down| geometry.all_families().flat_map(move |id| geometry.family_tiles(id, down)))
        .collect();
    if tiles.is_empty() {
        bail!("{}: the slide is too small to have families", args.url);
    }
    if let Some(most) = args.tiles {
        // Spread over the slide, the same ones every time.
        let mut random = Random(1);
        for i in (1..tiles.len()).rev() {
            tiles.swap(i, random.below(i + 1));
        }
        tiles.truncate(most as usize);
    }
    if args.fill {
        let mut connection = target.connect().await?;
        for &tile in &tiles {
            connection.get(&target.path(tile)).await?;
        }
    }
    let hashes = tiles.iter().map(|_| AtomicU64::new(0)).collect();
    let until = Instant::now() + Duration::from_secs(args.seconds);
    let shared = Arc::new(Shared { target, tiles, hashes, until });
    let started = Instant::now();
    let all: Vec<_> = (0..args.connections).map(|n| tokio::spawn(one(shared.clone(), n))).collect();
    let mut sum = Seen::default();
    for seen in all {
        let seen = seen.await.context("a connection's task")?;
        sum.micros.extend(seen.micros);
        sum.bytes += seen.bytes;
        sum.refused += seen.refused;
        sum.errors += seen.errors;
        sum.wrong = sum.wrong.or(seen.wrong);
    }
    report(args, sum, started.elapsed().as_secs_f64(), shared.tiles.len())
}

/// One connection, until the time is over.
async fn one(shared: Arc<Shared>, number: u32) -> Seen {
    let (mut seen, mut random) = (Seen::default(), Random(u64::from(number) + 2));
    let mut connection = None;
    while Instant::now() < shared.until {
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => shared.target.connect().await,
        };
        let pick = random.below(shared.tiles.len());
        let path = shared.target.path(shared.tiles[pick]);
        let reply = match open {
            Ok(mut open) => open.get(&path).await.map(|reply| (open, reply)),
            Err(e) => Err(e),
        };
        let problem = match reply {
            Ok((open, reply)) if reply.status == 200 => {
                seen.micros.push(u32::try_from(reply.time.as_micros()).unwrap_or(u32::MAX));
                seen.bytes += open.body().len() as u64;
                let hash = xxh3_64(open.body()).max(1);
                let first = shared.hashes[pick].compare_exchange(0, hash, Relaxed, Relaxed);
                connection = Some(open);
                first.is_err_and(|known| known != hash).then(|| "other bytes than before".to_string())
            }
            Ok((open, reply)) if reply.status == 503 => {
                seen.refused += 1;
                connection = Some(open);
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
            Ok((_, reply)) => Some(format!("status {}", reply.status)),
            Err(e) => Some(format!("{e:#}")),
        };
        if let Some(problem) = problem {
            seen.errors += 1;
            seen.wrong.get_or_insert_with(|| format!("{path}: {problem}"));
            // A server that is gone is not asked a million times.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    seen
}

fn report(args: &ServeArgs, mut seen: Seen, seconds: f64, tiles: usize) -> Result<()> {
    seen.micros.sort_unstable();
    let requests = seen.micros.len();
    let percentile = |p: f64| match requests {
        0 => 0,
        n => seen.micros[((n as f64 * p / 100.0) as usize).min(n - 1)],
    };
    let (rate, megabytes) = (requests as f64 / seconds, seen.bytes as f64 / seconds / 1e6);
    let [p50, p95, p99, most] = [50.0, 95.0, 99.0, 100.0].map(percentile);
    if args.json {
        let value = json!({
            "url": args.url, "connections": args.connections, "seconds": seconds, "tiles": tiles,
            "requests": requests, "requests_per_second": rate, "megabytes_per_second": megabytes,
            "p50_us": p50, "p95_us": p95, "p99_us": p99, "max_us": most,
            "refused": seen.refused, "errors": seen.errors, "first_error": seen.wrong,
        });
        say!("{value:#}");
    } else {
        say!(
            "{requests} tiles in {seconds:.1} s over {} connections: {rate:.0}/s, {megabytes:.0} MB/s",
            args.connections
        );
        say!("latency P50 {p50} us, P95 {p95} us, P99 {p99} us, most {most} us");
        say!("{} refused with 503, {} errors", seen.refused, seen.errors);
    }
    match seen.wrong {
        Some(wrong) => bail!("{} errors; the first: {wrong}", seen.errors),
        None => Ok(()),
    }
}

/// One L0 tile of every family, never the same place in it, each beside the JPEG calls of both payloads as a whole and the tile.
async fn cold(args: &ServeArgs, target: &Target, bundle: &std::path::Path) -> Result<()> {
    let input = Input::file(bundle, Kind::Bundle)?;
    let (geometry, coding) = (*input.geometry(), input.meta().coding.clone());
    if geometry != target.geometry {
        bail!("{}: not the slide at {}", bundle.display(), args.url);
    }
    let (backend, mut connection) = (CpuBackend::new(), target.connect().await?);
    // Of the request; of the calls after the same pause, when caches and clocks are as the server found them; of the calls again.
    let mut times: [Vec<f64>; 3] = Default::default();
    for (n, id) in input.families().into_iter().enumerate() {
        let tiles: Vec<_> = geometry.family_tiles(id, 0).collect();
        let tile = tiles[n * 7 % tiles.len()];
        // What the calls need is made before, what the server does with the rest of the family is over after the pause.
        let record = input.read(id)?;
        let decoded =
            FamilyDecoder { geometry: &geometry, coding: &coding, id: id, record: &record }.decode()?;
        let made = backend.reconstruct(&coding, &decoded, Want::Planes(Sampling::S420)).await?;
        let (Pixels::Ycc(l0), Some(rect)) = (&made.l0, geometry.tile_rect(tile)) else {
            bail!("{}: family {id} has no tile {tile}", bundle.display());
        };
        let side = 4 * geometry.tile();
        let (x, y) = ((rect.x - id.x() * side) as usize, (rect.y - id.y() * side) as usize);
        let part = l0.view().part(x, y, rect.width as usize, rect.height as usize);
        let bare = || -> Result<f64> {
            let started = Instant::now();
            for payload in &record.payloads {
                let residual = payload.kind == origami::image::family::PayloadKind::Residual;
                let plane = if residual { &decoded.residual.luma } else { &decoded.baseline.luma };
                let shape =
                    origami::codec::Shape { width: plane.width(), height: plane.height(), sampling: None };
                std::hint::black_box(decoder(payload.codec)?.decode(&payload.bytes, shape)?);
            }
            std::hint::black_box(JpegEncoder::new()?.encode(part, 95.into())?);
            Ok(started.elapsed().as_secs_f64() * 1e3)
        };
        let pause = || tokio::time::sleep(Duration::from_millis(args.pause_ms));
        pause().await;
        let reply = connection.get(&target.path(tile)).await?;
        if reply.status != 200 {
            bail!("{}: status {}", target.path(tile), reply.status);
        }
        pause().await;
        times[0].push(reply.time.as_secs_f64() * 1e3);
        times[1].push(bare()?);
        times[2].push(bare()?.min(bare()?));
    }
    let [cold, bare, again] = [&times[0], &times[1], &times[2]].map(|all| median(all));
    let ratio = |of: &[f64]| median(&times[0].iter().zip(of).map(|(a, b)| a / b).collect::<Vec<_>>());
    let (ratio, ratio_again, families) = (ratio(&times[1]), ratio(&times[2]), times[0].len());
    if args.json {
        let value = json!({"families": families, "cold_ms": cold, "bare_ms": bare, "ratio": ratio, "bare_repeated_ms": again,
                "ratio_to_repeated": ratio_again});
        say!("{value:#}");
    } else {
        say!("first tile of {families} cold families: P50 {cold:.2} ms");
        say!("bare JPEG calls of the same after the same pause: P50 {bare:.2} ms; ratio {ratio:.2}");
        say!("the same calls again at once: P50 {again:.2} ms; ratio {ratio_again:.2}");
    }
    Ok(())
}

/// A sequence that is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}

//! `origami bench serve`: a tile server under load, or its first tile of a cold family against the bare JPEG calls.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use crate::bench::cold::{self, ColdTimes};
use crate::bench::http_client::ServedSlide;
use crate::bench::load::{self, LoadOptions, LoadReport};
use crate::cli::args::values::{DAY, HOUR, MILLISECOND, SECOND, duration, whole};
use crate::cli::args::work::JsonArgs;
use crate::cli::json;
use crate::cli::print::say;

#[derive(Args)]
pub struct ServeArgs {
    /// Descriptor of a slide on a server: http://HOST:PORT/dzi/SLIDE.dzi, or a static tree
    #[arg(value_parser = descriptor_url, help_heading = "Input")]
    url: String,
    /// Connections, each with one request at a time [range: 1 to 100000]
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = whole::<u32>(1..=100_000))]
    #[arg(help_heading = "Network")]
    connections: u32,
    /// How long; without a unit it is in seconds [range: 1s to 1d]
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration(Some(SECOND), SECOND..=DAY))]
    #[arg(help_heading = "Speed")]
    seconds: Duration,
    /// Ask for so many different tiles of L0 and L1 only [range: 1 to 4294967295] [default: all]
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=u64::from(u32::MAX)), help_heading = "Input")]
    tiles: Option<u32>,
    /// Ask for every tile once before, so that caches are filled
    #[arg(long, help_heading = "Cache")]
    fill: bool,
    /// One tile of every family, each against the bare JPEG calls of this bundle [default: load]
    ///
    /// One after another. The server must have just begun to serve the bundle: nothing of it in any cache.
    #[arg(long, value_name = "BUNDLE", help_heading = "Cache")]
    cold: Option<PathBuf>,
    /// Between two families of --cold, for the server to finish the one before [range: 0 to 1h]
    ///
    /// Without a unit it is in milliseconds.
    #[arg(long, value_name = "TIME", default_value = "60ms")]
    #[arg(value_parser = duration(Some(MILLISECOND), Duration::ZERO..=HOUR), help_heading = "Cache")]
    pause_ms: Duration,
    #[command(flatten)]
    json: JsonArgs,
}

/// An address that the client of the benches reads.
fn descriptor_url(text: &str) -> Result<String, String> {
    match text.starts_with("http://") && text.ends_with(".dzi") {
        true => Ok(text.into()),
        false => Err("an address such as http://127.0.0.1:8080/dzi/slide.dzi".into()),
    }
}

pub fn run(args: ServeArgs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let slide = ServedSlide::open(&args.url).await?;
        match &args.cold {
            Some(bundle) => measure_cold(&args, &slide, bundle).await,
            None => measure_load(&args, slide).await,
        }
    })
}

async fn measure_load(args: &ServeArgs, slide: ServedSlide) -> Result<()> {
    let options = LoadOptions {
        connections: args.connections,
        duration: args.seconds,
        tiles: args.tiles,
        fill: args.fill,
    };
    let LoadReport { tiles, requests, seconds, bytes, latency_us, refused, errors, first_error } =
        load::measure(slide, &options).await?;
    let (rate, megabytes) = (requests as f64 / seconds, bytes as f64 / seconds / 1e6);
    let [p50, p95, p99, max] = latency_us;
    if args.json.json {
        let value = json!({
            "url": args.url, "connections": args.connections, "seconds": seconds, "tiles": tiles,
            "requests": requests, "requests_per_second": rate, "megabytes_per_second": megabytes,
            "p50_us": p50, "p95_us": p95, "p99_us": p99, "max_us": max,
            "refused": refused, "errors": errors, "first_error": first_error,
        });
        json::print("bench serve", value)?;
    } else {
        let connections = args.connections;
        say!(
            "{requests} tiles in {seconds:.1} s over {connections} connections: {rate:.0}/s, {megabytes:.0} MB/s"
        );
        say!("latency P50 {p50} us, P95 {p95} us, P99 {p99} us, most {max} us");
        say!("{refused} refused with 503, {errors} errors");
    }
    match first_error {
        Some(error) => bail!("{errors} errors; the first: {error}"),
        None => Ok(()),
    }
}

async fn measure_cold(args: &ServeArgs, slide: &ServedSlide, bundle: &Path) -> Result<()> {
    let ColdTimes { families, cold_ms, bare_ms, bare_repeated_ms, ratio, ratio_to_repeated } =
        cold::measure(slide, bundle, args.pause_ms).await?;
    if args.json.json {
        let value = json!({
            "families": families, "cold_ms": cold_ms, "bare_ms": bare_ms, "ratio": ratio,
            "bare_repeated_ms": bare_repeated_ms, "ratio_to_repeated": ratio_to_repeated,
        });
        json::print("bench serve", value)?;
    } else {
        say!("first tile of {families} cold families: P50 {cold_ms:.2} ms");
        say!("bare JPEG calls of the same after the same pause: P50 {bare_ms:.2} ms; ratio {ratio:.2}");
        say!("the same calls again at once: P50 {bare_repeated_ms:.2} ms; ratio {ratio_to_repeated:.2}");
    }
    Ok(())
}

//! One cold L0 tile of an archive that holds the source's own, against the bare JPEG decode of the same tile.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use origami::archive::Kind;
use origami::codec::decode_foreign;
use origami::decode::Input;
use origami::image::family::PayloadKind;
use origami::image::geometry::TileId;
use origami::image::ycc::Sampling;
use origami::lossless::jpeg;
use origami::output::render::{Output, Renderer};
use origami::output::tile::OutputFormat;
use serde_json::json;

use super::median;

#[derive(Args)]
pub struct OriginalsArgs {
    /// A .bundle made with --preset lossless
    bundle: PathBuf,
    /// How many tiles, spread over the slide
    #[arg(long, default_value_t = 200)]
    tiles: usize,
    /// Rounds a tile, of which the best counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
}

pub fn run(args: OriginalsArgs) -> Result<()> {
    let input = Input::file(&args.bundle, Kind::Bundle)?;
    if !input.meta().coding.originals {
        bail!("{}: it holds no original tiles; encode with --preset lossless", args.bundle.display());
    }
    let geometry = *input.geometry();
    let all = input.families().into_iter().flat_map(|id| geometry.family_tiles(id, 0).map(move |t| (id, t)));
    // Small tiles at the edge take no time that could be measured.
    let side = geometry.tile();
    let whole =
        |tile: &TileId| geometry.tile_rect(*tile).is_some_and(|r| (r.width, r.height) == (side, side));
    let all: Vec<_> = all.filter(|(_, tile)| whole(tile)).collect();
    let step = (all.len() / args.tiles.max(1)).max(1);
    let output =
        Output { format: OutputFormat::Jpeg, quality: 95, sampling: Sampling::S420, grayscale: false };
    let renderer = Renderer::new(geometry, input.meta().coding.upsample_filter, output)?;
    let best = |work: &dyn Fn() -> Result<()>| -> Result<f64> {
        let mut best = f64::INFINITY;
        for _ in 0..args.rounds.max(1) {
            let start = Instant::now();
            work()?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        Ok(best)
    };
    let (mut cold, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for &(id, tile) in all.iter().step_by(step).take(args.tiles) {
        let make = || -> Result<Vec<u8>> {
            let payload = input.read_payloads(id, &[PayloadKind::original(tile)])?.swap_remove(0);
            Ok(renderer.original(tile, jpeg(&geometry, tile, payload)?)?)
        };
        let bytes = make()?;
        let of_cold = best(&|| {
            black_box(make()?);
            Ok(())
        })?;
        let of_bare = best(&|| {
            black_box(decode_foreign(&bytes, None)?);
            Ok(())
        })?;
        ratios.push(of_cold / of_bare);
        cold.push(of_cold * 1e6);
        bare.push(of_bare * 1e6);
    }
    let megapixels = f64::from(side) * f64::from(side) / 1e6;
    let rate = megapixels / (median(&cold) / 1e6);
    if args.json {
        let value = json!({
            "tiles": ratios.len(), "cold_us": median(&cold), "decode_us": median(&bare), "ratio": median(&ratios),
            "megapixels_a_second": rate,
        });
        say!("{value:#}");
        return Ok(());
    }
    say!(
        "{} tiles: read and unpacked in {:.0} us, decoded in {:.0} us: {:.1} times, {rate:.0} megapixels/s on one thread",
        ratios.len(),
        median(&cold),
        median(&bare),
        median(&ratios)
    );
    Ok(())
}

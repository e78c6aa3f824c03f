//! A cold L0 tile of an archive that stores the source's own tiles, against the bare decode of the same tile.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};
use origami::archive::Kind;
use origami::decode::Input;
use origami::image::family::PayloadKind;
use origami::image::geometry::TileId;
use origami::image::ycc::Sampling;
use origami::lossless::{original, tile_size};
use origami::output::render::{Output, Renderer};
use origami::output::tile::OutputFormat;

use super::stats::{median, median_ratio};

/// Medians over all tiles.
pub struct OriginalTimes {
    /// Number of tiles.
    pub tiles: usize,
    /// To read and unpack a tile, in microseconds.
    pub cold_us: f64,
    /// To decode its image, in microseconds.
    pub decode_us: f64,
    /// The first divided by the second.
    pub ratio: f64,
    /// Read and unpacked, on one thread.
    pub megapixels_per_s: f64,
}

/// Times tiles spread over the slide. Each time is the shortest of `rounds`.
pub fn measure(bundle: &Path, tiles: usize, rounds: usize) -> Result<OriginalTimes> {
    let input = Input::file(bundle, Kind::Bundle)?;
    if !input.meta().coding.originals {
        bail!("{}: it holds no original tiles; encode with --preset lossless", bundle.display());
    }
    let geometry = *input.geometry();
    let all = input.families().into_iter().flat_map(|id| geometry.family_tiles(id, 0).map(move |t| (id, t)));
    // Small tiles at the edges take too little time to measure.
    let side = geometry.tile();
    let whole =
        |tile: &TileId| geometry.tile_rect(*tile).is_some_and(|r| (r.width, r.height) == (side, side));
    let all: Vec<_> = all.filter(|(_, tile)| whole(tile)).collect();
    let step = (all.len() / tiles.max(1)).max(1);
    let output =
        Output { format: OutputFormat::Jpeg, quality: 95, sampling: Sampling::S420, grayscale: false };
    let renderer = Renderer::new(geometry, input.meta().coding.upsample_filter, output)?;
    let shortest = |work: &dyn Fn() -> Result<()>| -> Result<f64> {
        let mut best = f64::INFINITY;
        for _ in 0..rounds.max(1) {
            let start = Instant::now();
            work()?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        Ok(best)
    };
    let (mut cold, mut bare) = (Vec::new(), Vec::new());
    for &(id, tile) in all.iter().step_by(step).take(tiles) {
        let make = || -> Result<Vec<u8>> {
            let payload = input.read_payloads(id, &[PayloadKind::original(tile)])?.swap_remove(0);
            Ok(renderer.original(tile, original(&geometry, tile, payload)?)?)
        };
        let payload = input.read_payloads(id, &[PayloadKind::original(tile)])?.swap_remove(0);
        let (image, size) = (original(&geometry, tile, payload)?, tile_size(&geometry, tile)?);
        let cold_s = shortest(&|| {
            black_box(make()?);
            Ok(())
        })?;
        let bare_s = shortest(&|| {
            black_box(image.planes(size)?);
            Ok(())
        })?;
        cold.push(cold_s * 1e6);
        bare.push(bare_s * 1e6);
    }
    let megapixels = f64::from(side) * f64::from(side) / 1e6;
    Ok(OriginalTimes {
        tiles: cold.len(),
        cold_us: median(&cold),
        decode_us: median(&bare),
        ratio: median_ratio(&cold, &bare),
        megapixels_per_s: megapixels / (median(&cold) / 1e6),
    })
}

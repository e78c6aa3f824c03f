//! A server's first tile of a cold family, against the bare JPEG calls of the same bundle.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use origami::archive::Kind;
use origami::backend::{Backend, CpuBackend};
use origami::codec::{ImageEncoder, JpegEncoder};
use origami::decode::Input;
use origami::image::family::{Pixels, Want};
use origami::image::ycc::Sampling;
use origami::residual::FamilyDecoder;

use super::http_client::ServedSlide;
use super::stats::{median, median_ratio};
use super::work::decode_payloads;

/// Medians over all families.
pub struct ColdTimes {
    /// Families of the slide.
    pub families: usize,
    /// The request, in milliseconds.
    pub cold_ms: f64,
    /// The bare calls after the same pause, in milliseconds.
    pub bare_ms: f64,
    /// The bare calls at once again, in milliseconds.
    pub bare_repeated_ms: f64,
    /// The request divided by the bare calls after the pause.
    pub ratio: f64,
    /// The request divided by the repeated bare calls.
    pub ratio_to_repeated: f64,
}

/// Requests one L0 tile of every family, at another place in each, and times the JPEG calls of both payloads as a whole and of the
/// tile.
pub async fn measure(slide: &ServedSlide, bundle: &Path, pause: Duration) -> Result<ColdTimes> {
    let input = Input::file(bundle, Kind::Bundle)?;
    let (geometry, coding) = (*input.geometry(), input.meta().coding.clone());
    if geometry != slide.geometry {
        bail!("{}: not the slide at {}", bundle.display(), slide.url);
    }
    let (backend, mut connection) = (CpuBackend::new(), slide.connect().await?);
    // Milliseconds of the request; of the calls after the same pause, so that caches and clocks are in the state that the server met;
    // of the same calls at once after that.
    let mut times: [Vec<f64>; 3] = Default::default();
    for (n, id) in input.families().into_iter().enumerate() {
        let tiles: Vec<_> = geometry.family_tiles(id, 0).collect();
        let tile = tiles[n * 7 % tiles.len()];
        // The input of the calls is made before the pause, and the server finishes the rest of the family during it.
        let record = input.read(id)?;
        let decoded = FamilyDecoder { geometry: &geometry, coding: &coding, id, record: &record }.decode()?;
        let made = backend.reconstruct(&coding, &decoded, Want::Planes(Sampling::S420)).await?;
        let (Pixels::Ycc(l0), Some(rect)) = (&made.l0, geometry.tile_rect(tile)) else {
            bail!("{}: family {id} has no tile {tile}", bundle.display());
        };
        let side = 4 * geometry.tile();
        let (x, y) = ((rect.x - id.x() * side) as usize, (rect.y - id.y() * side) as usize);
        let part = l0.view().part(x, y, rect.width as usize, rect.height as usize);
        let bare = || -> Result<f64> {
            let started = Instant::now();
            decode_payloads(&record, &decoded)?;
            black_box(JpegEncoder::new()?.encode(part, 95.into())?);
            Ok(started.elapsed().as_secs_f64() * 1e3)
        };
        let pause = || tokio::time::sleep(pause);
        pause().await;
        let reply = connection.get(&slide.path(tile)).await?;
        if reply.status != 200 {
            bail!("{}: status {}", slide.path(tile), reply.status);
        }
        pause().await;
        times[0].push(reply.time.as_secs_f64() * 1e3);
        times[1].push(bare()?);
        times[2].push(bare()?.min(bare()?));
    }
    let [cold, bare, repeated] = &times;
    Ok(ColdTimes {
        families: cold.len(),
        cold_ms: median(cold),
        bare_ms: median(bare),
        bare_repeated_ms: median(repeated),
        ratio: median_ratio(cold, bare),
        ratio_to_repeated: median_ratio(cold, repeated),
    })
}

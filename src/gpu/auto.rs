//! What `--backend auto` measures: whole families, synthetic, with the parameters that were asked for, in every mode.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::backend::scheduler::Scheduler;
use crate::backend::{Backend, BackendMode, Task};
use crate::codec::coefficients::{file_in_stripes, packed};
use crate::codec::{
    CodecId, ImageDecoder, ImageEncoder, ImageRole, JpegDecoder, JpegEncoder, Quality, ResidualCoder, Shape,
    decoder, encode_and_decode,
};
use crate::image::family::{DecodedFamily, Pixels, SourceFamily, Want};
use crate::image::geometry::{Geometry, GeometryError};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc, YccRef};
use crate::params::EncodeParams;

/// Side of the synthetic L0 in pixels: a family of 256-pixel tiles.
const SIDE: usize = 1024;
/// Side of its tiles.
const TILE: usize = SIDE / 4;
/// Length of each measurement.
const MEASURED: Duration = Duration::from_millis(150);
/// A mode is preferred to a simpler one if it is faster by this factor.
const MIN_GAIN: f64 = 1.05;

/// Families a second in each mode: cpu, gpu, hybrid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates(pub [f64; 3]);

impl Rates {
    /// The modes, in the order of their rates.
    pub const MODES: [BackendMode; 3] = [BackendMode::Cpu, BackendMode::Gpu, BackendMode::Hybrid];

    /// The fastest mode; of modes about as fast the simplest.
    pub fn best(&self) -> BackendMode {
        let [cpu, gpu, hybrid] = self.0;
        let (plain, rate) =
            if gpu > cpu * MIN_GAIN { (BackendMode::Gpu, gpu) } else { (BackendMode::Cpu, cpu) };
        if hybrid > rate * MIN_GAIN { BackendMode::Hybrid } else { plain }
    }
}

impl std::fmt::Display for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = Self::MODES.iter().zip(self.0).map(|(mode, rate)| format!("{} {rate:.0}", mode.name()));
        write!(f, "families a second: {}", all.collect::<Vec<_>>().join(", "))
    }
}

/// Why no measurement was made.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] crate::backend::Error),
    /// A codec failed.
    #[error(transparent)]
    Codec(#[from] crate::codec::Error),
    /// The synthetic slide has no size.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
}

type Result<T, E = MeasureError> = std::result::Result<T, E>;

/// A family to measure with.
pub struct Probe {
    task: Task,
    geometry: Geometry,
    params: EncodeParams,
    source: SourceFamily,
    /// Codec and bytes of both payloads.
    stored: [(CodecId, Vec<u8>); 2],
    tile: Ycc,
    tile_jpeg: Vec<u8>,
}

impl Probe {
    /// A family for this work, coded with these parameters.
    ///
    /// # Errors
    /// A codec that this build lacks.
    pub fn new(task: Task, params: &EncodeParams) -> Result<Self> {
        let geometry = Geometry::new(SIDE as u32, SIDE as u32, TILE as u32)?;
        // Archives of original tiles have no residuals to measure.
        let params = EncodeParams { originals: false, ..params.clone() };
        // Waves and grain compress about as well as tissue.
        let wave = |x: usize, y: usize| (((x / 7 * (y / 5)) % 61) * 3) as u8;
        let grain = |x: usize, y: usize| ((x * 31 + y * 17) ^ (x * y)) as u8 % 23;
        let plane = |width: usize, height: usize| {
            let samples =
                (0..width * height).map(|i| wave(i % width, i / width) + grain(i % width, i / width));
            Plane::from_vec(width, height, samples.collect())
        };
        let image = |side: usize| Ycc {
            luma: plane(side, side),
            chroma: Some([plane(side / 2, side / 2), plane(side / 2, side / 2)]),
            sampling: Sampling::S420,
        };
        let Some(id) = geometry.all_families().next() else { unreachable!("a slide has a family") };
        let source = SourceFamily { id, tile: TILE, image: Pixels::Ycc(image(SIDE)), tile_bytes: Vec::new() };
        let sampling = params.coding().baseline_subsamp.sampling();
        let chroma = sampling.chroma_size(TILE, TILE);
        let baseline = Ycc {
            luma: plane(TILE, TILE),
            chroma: Some([plane(chroma.0, chroma.1), plane(chroma.0, chroma.1)]),
            sampling,
        };
        let (width, height) = params.coding().residual_size(SIDE, SIDE);
        let grains = |(width, height): (usize, usize)| {
            Plane::from_vec(
                width,
                height,
                (0..width * height).map(|i| 116 + grain(i % width, i / width)).collect(),
            )
        };
        let mut residual = Ycc::gray(grains((width, height)));
        if params.coding().chroma_residual {
            let size = Sampling::S420.chroma_size(width, height);
            residual.chroma = Some([grains(size), grains(size)]);
            residual.sampling = Sampling::S420;
        }
        let tile = image(TILE);
        let tile_jpeg = JpegEncoder::new()?.encode(tile.view(), 90.into())?;
        let stored = [
            store(&params, ImageRole::Baseline, baseline.view())?.0,
            store(&params, ImageRole::Residual, residual.view())?.0,
        ];
        Ok(Self { task, geometry, params, source, stored, tile, tile_jpeg })
    }

    /// How many families all threads together complete a second with `backend`, from the decoding of their source to the bytes that are
    /// written, copies and waits included.
    ///
    /// # Errors
    /// Those of codec and backend.
    pub fn rate(&self, backend: &dyn Backend, scheduler: &Scheduler) -> Result<f64> {
        let extra = backend.in_flight(&self.geometry);
        // The first batches are small, and their tables are not uploaded yet.
        self.run(backend, scheduler, extra)?;
        let started = Instant::now();
        let done = self.run(backend, scheduler, extra)?;
        Ok(f64::from(done) / started.elapsed().as_secs_f64())
    }

    fn run(&self, backend: &dyn Backend, scheduler: &Scheduler, extra: usize) -> Result<u32> {
        let (started, mut done) = (Instant::now(), 0u32);
        let jobs = std::iter::from_fn(|| (started.elapsed() < MEASURED).then_some(Ok(())));
        scheduler.pipelined(
            extra,
            (SIDE * SIDE * 12) as u64,
            jobs,
            |()| async move {
                match self.task {
                    Task::Encode => self.encode(backend).await,
                    Task::Decode => self.decode(backend).await,
                }
            },
            |()| {
                done += 1;
                Ok(())
            },
        )?;
        Ok(done)
    }

    async fn encode(&self, backend: &dyn Backend) -> Result<()> {
        let shape = Shape { width: TILE, height: TILE, sampling: None };
        for _ in 0..16 {
            JpegDecoder.decode(&self.tile_jpeg, shape)?;
        }
        if let Some(made) = backend.coefficients(&self.params, &self.source).await? {
            let entropy = self.params.entropy;
            black_box(file_in_stripes(&made.baseline, 0).map(|file| entropy.store(CodecId::Jpeg, file)));
            let stored = made.residual.map(|residual| entropy.store_coefficients(&residual, TILE));
            black_box(stored.transpose()?);
            return Ok(());
        }
        let base = backend.base(&self.params, &self.source).await?;
        let (_, baseline) = store(&self.params, ImageRole::Baseline, base.l2.view())?;
        let made = backend.residual(&self.params, &self.source, base.ticket, &baseline).await?;
        black_box(store(&self.params, ImageRole::Residual, made.residual.view())?);
        Ok(())
    }

    async fn decode(&self, backend: &dyn Backend) -> Result<()> {
        let (width, height) = self.params.coding().residual_size(SIDE, SIDE);
        let sizes = [(TILE, TILE), (width, height)];
        let decoded = |i: usize| {
            let ((codec, bytes), (width, height)) = (&self.stored[i], sizes[i]);
            decoder(*codec)?.decode(bytes, Shape { width, height, sampling: None })
        };
        let (coding, want) = (self.params.coding(), Want::Planes(Sampling::S420));
        let mut family =
            DecodedFamily { baseline: decoded(0)?, width: SIDE, height: SIDE, ..DecodedFamily::default() };
        let (codec, bytes) = &self.stored[1];
        let shape = Shape { width, height, sampling: None };
        let packed =
            (*codec == CodecId::Jpeg && backend.takes_coefficients()).then(|| packed(bytes, shape)).flatten();
        let made = match packed {
            Some(residual) => backend.reconstruct_packed(&coding, &family, &residual, want).await?,
            None => None,
        };
        if made.is_none() {
            family.residual = decoded(1)?;
            backend.reconstruct(&coding, &family, want).await?;
        }
        let mut encoder = JpegEncoder::new()?;
        for _ in 0..20 {
            black_box(encoder.encode(self.tile.view(), 95.into())?);
        }
        Ok(())
    }
}

/// Codes an image as `residual::encode_family` does: what is stored, and what it decodes to.
fn store(params: &EncodeParams, role: ImageRole, image: YccRef<'_>) -> Result<((CodecId, Vec<u8>), Ycc)> {
    let (kind, quality) = match role {
        ImageRole::Baseline => (params.encoder, Quality::from(params.base_quality)),
        ImageRole::Residual => (params.residual_encoder(), params.residual_qualities()),
    };
    if role == ImageRole::Residual
        && params.entropy.residual == ResidualCoder::Context
        && let Some((bytes, decoded)) = kind.encode_by_context(image, quality, TILE)?
    {
        return Ok(((CodecId::Context, bytes), decoded));
    }
    let mut encoder = kind.encoder(role)?;
    let (bytes, decoded) = encode_and_decode(&mut *encoder, image, quality)?;
    let codec = encoder.codec();
    let stored = match role {
        ImageRole::Baseline => params.entropy.store(codec, bytes),
        ImageRole::Residual => params.entropy.store_residual(codec, bytes, image.into(), TILE)?,
    };
    Ok((stored, decoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simplest_of_the_fast_modes_is_chosen() {
        assert_eq!(Rates([100.0, 300.0, 301.0]).best(), BackendMode::Gpu);
        assert_eq!(Rates([100.0, 80.0, 150.0]).best(), BackendMode::Hybrid);
        assert_eq!(Rates([100.0, 104.0, 104.0]).best(), BackendMode::Cpu);
        assert_eq!(Rates([100.0, 104.0, 106.0]).best(), BackendMode::Hybrid);
        assert_eq!(Rates([100.0, 30.0, 20.0]).best(), BackendMode::Cpu);
    }

    #[test]
    fn rates_are_told_with_their_modes() {
        assert_eq!(Rates([1.2, 30.0, 4.0]).to_string(), "families a second: cpu 1, gpu 30, hybrid 4");
    }
}

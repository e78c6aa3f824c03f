//! The decision of `--backend auto`: measures codec, CPU kernels and GPU on a synthetic family.

use std::time::{Duration, Instant};

use super::backend::GpuBackend;
use crate::backend::scheduler::Scheduler;
use crate::backend::{Backend, BackendMode, CpuBackend, Task};
use crate::codec::{ImageDecoder, ImageEncoder, JpegDecoder, JpegEncoder, Shape};
use crate::image::family::{DecodedFamily, Pixels, SourceFamily, Want};
use crate::image::geometry::{Geometry, GeometryError};
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::params::EncodeParams;

/// Side of the synthetic L0 in pixels: a family of 256-pixel tiles.
const SIDE: usize = 1024;
/// Length of each measurement.
const MEASURED: Duration = Duration::from_millis(120);
/// A mode is preferred to a simpler one if it is faster by this factor.
const MIN_GAIN: f64 = 1.05;

/// Rates in families a second, of all threads or of the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// JPEG calls alone.
    pub codec: f64,
    /// Kernels alone, on the CPU.
    pub cpu: f64,
    /// Kernels on the GPU, upload and download included.
    pub gpu: f64,
    /// Copies by the threads into and out of staging buffers, alone.
    pub copies: f64,
}

impl Rates {
    /// The expected rate of the whole pipeline in each mode: cpu, gpu, hybrid.
    pub fn pipelines(&self) -> [(BackendMode, f64); 3] {
        let cpu = 1.0 / (1.0 / self.codec + 1.0 / self.cpu);
        let fed = 1.0 / (1.0 / self.codec + 1.0 / self.copies);
        let gpu = self.gpu.min(fed);
        // The GPU takes `self.gpu` families a second, the threads do the kernels of the rest.
        let shared = (1.0 + self.gpu / self.cpu) / (1.0 / self.codec + 1.0 / self.cpu);
        [(BackendMode::Cpu, cpu), (BackendMode::Gpu, gpu), (BackendMode::Hybrid, shared.min(fed).max(gpu))]
    }

    /// The fastest mode; of modes about as fast the simplest.
    pub fn best(&self) -> BackendMode {
        let [cpu, gpu, hybrid] = self.pipelines();
        let plain = if gpu.1 > cpu.1 * MIN_GAIN { gpu } else { cpu };
        if hybrid.1 > plain.1 * MIN_GAIN { hybrid.0 } else { plain.0 }
    }
}

/// Why no measurement was made.
#[derive(Debug, thiserror::Error)]
enum MeasureError {
    #[error(transparent)]
    Backend(#[from] crate::backend::Error),
    #[error(transparent)]
    Codec(#[from] crate::codec::Error),
    #[error(transparent)]
    Geometry(#[from] GeometryError),
}

type Result<T, E = MeasureError> = std::result::Result<T, E>;

/// Measures and chooses a mode; also returns the reason.
pub fn decide(
    task: Task,
    cpu: &CpuBackend,
    gpu: &GpuBackend,
    scheduler: &Scheduler,
) -> (BackendMode, String) {
    match measure(task, cpu, gpu, scheduler) {
        Ok(rates) => {
            let all = rates.pipelines().map(|(mode, rate)| format!("{} {rate:.0}", mode.name())).join(", ");
            (rates.best(), format!("expected families a second: {all}, with {}", gpu.adapter().label()))
        }
        Err(e) => {
            let reason = format!("{} could not be measured: {e}", gpu.adapter().label());
            tracing::warn!("{reason}; all families are worked on by the CPU");
            (BackendMode::Cpu, reason)
        }
    }
}

fn measure(task: Task, cpu: &CpuBackend, gpu: &GpuBackend, scheduler: &Scheduler) -> Result<Rates> {
    let geometry = Geometry::new(SIDE as u32, SIDE as u32, (SIDE / 4) as u32)?;
    let family = Family::new(&geometry)?;
    let codec = rate(scheduler, 0, || async { family.codec_calls(task) })?;
    let on_cpu = rate(scheduler, 0, || family.kernels(task, cpu))?;
    let extra = gpu.in_flight(&geometry);
    // Warm up: the first batches are small, and their tables are not uploaded yet.
    rate(scheduler, extra.min(16), || family.kernels(task, gpu))?;
    let before = gpu.stats();
    let on_gpu = rate(scheduler, extra, || family.kernels(task, gpu))?;
    let after = gpu.stats();
    let copy_ns = (after.upload_ns + after.download_ns - before.upload_ns - before.download_ns) as f64;
    let round_trips = if task == Task::Encode { 2.0 } else { 1.0 };
    let families = (after.families - before.families) as f64 / round_trips;
    let copies = scheduler.threads() as f64 * 1e9 * families / copy_ns.max(1.0);
    Ok(Rates { codec, cpu: on_cpu, gpu: on_gpu, copies })
}

/// How often a second all threads together complete `work`.
fn rate<F: Future<Output = Result<()>> + Send>(
    scheduler: &Scheduler,
    extra: usize,
    work: impl Fn() -> F + Sync,
) -> Result<f64> {
    let (started, mut done) = (Instant::now(), 0u32);
    let jobs = std::iter::from_fn(|| (started.elapsed() < MEASURED).then_some(Ok(())));
    scheduler.pipelined(
        extra,
        (SIDE * SIDE * 12) as u64,
        jobs,
        |()| work(),
        |()| {
            done += 1;
            Ok(())
        },
    )?;
    Ok(f64::from(done) / started.elapsed().as_secs_f64())
}

/// A family and its payloads.
struct Family {
    params: EncodeParams,
    source: SourceFamily,
    decoded: DecodedFamily,
    baseline: Vec<u8>,
    residual: Vec<u8>,
    tile: Ycc,
    tile_jpeg: Vec<u8>,
}

impl Family {
    fn new(geometry: &Geometry) -> Result<Self> {
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
        let params = EncodeParams::default();
        let Some(id) = geometry.all_families().next() else { unreachable!("a slide has a family") };
        let source =
            SourceFamily { id, tile: SIDE / 4, image: Pixels::Ycc(image(SIDE)), tile_bytes: Vec::new() };
        let baseline = Ycc {
            luma: plane(SIDE / 4, SIDE / 4),
            chroma: Some([plane(SIDE / 4, SIDE / 4), plane(SIDE / 4, SIDE / 4)]),
            sampling: Sampling::S444,
        };
        let grains = (0..SIDE * SIDE).map(|i| 116 + grain(i % SIDE, i / SIDE)).collect();
        let residual = Ycc::gray(Plane::from_vec(SIDE, SIDE, grains));
        let tile = image(SIDE / 4);
        let tile_jpeg = JpegEncoder::new()?.encode(tile.view(), 90.into())?;
        let mut stored = JpegEncoder::new()?.optimised()?;
        Ok(Self {
            baseline: stored.encode(baseline.view(), params.base_quality.into())?,
            residual: stored.encode(residual.view(), params.residual_qualities())?,
            decoded: DecodedFamily { baseline, residual, width: SIDE, height: SIDE },
            params,
            source,
            tile,
            tile_jpeg,
        })
    }

    /// The JPEG calls of one family.
    fn codec_calls(&self, task: Task) -> Result<()> {
        let shape = |width, height| Shape { width, height, sampling: None };
        let mut decoder = JpegDecoder;
        decoder.decode(&self.baseline, shape(SIDE / 4, SIDE / 4))?;
        decoder.decode(&self.residual, shape(SIDE, SIDE))?;
        match task {
            Task::Encode => {
                for _ in 0..16 {
                    decoder.decode(&self.tile_jpeg, shape(SIDE / 4, SIDE / 4))?;
                }
                let mut encoder = JpegEncoder::new()?.optimised()?;
                encoder.encode(self.decoded.baseline.view(), self.params.base_quality.into())?;
                encoder.encode(self.decoded.residual.view(), self.params.residual_qualities())?;
            }
            Task::Decode => {
                let mut encoder = JpegEncoder::new()?;
                for _ in 0..20 {
                    encoder.encode(self.tile.view(), 95.into())?;
                }
            }
        }
        Ok(())
    }

    /// The kernels of one family.
    async fn kernels(&self, task: Task, backend: &dyn Backend) -> Result<()> {
        match task {
            Task::Encode => {
                let base = backend.base(&self.params, &self.source).await?;
                backend.residual(&self.params, &self.source, base.ticket, &self.decoded.baseline).await?;
            }
            Task::Decode => {
                let want = Want::Planes(Sampling::S420);
                backend.reconstruct(&self.params.coding(), &self.decoded, want).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simplest_of_the_fast_modes_is_chosen() {
        let rates = |codec, cpu, gpu| Rates { codec, cpu, gpu, copies: 100.0 * gpu };
        // With a GPU faster than the codec, the CPU has no kernels left to run.
        assert_eq!(rates(1000.0, 2000.0, 5000.0).best(), BackendMode::Gpu);
        // A GPU slower than the threads can only help.
        assert_eq!(rates(1000.0, 1000.0, 300.0).best(), BackendMode::Hybrid);
        // A GPU that adds less than 5% is not used.
        assert_eq!(rates(1000.0, 2000.0, 20.0).best(), BackendMode::Cpu);
        // A GPU whose copies cost more than the kernels.
        let rates = Rates { codec: 1000.0, cpu: 4000.0, gpu: 3000.0, copies: 2000.0 };
        assert_eq!(rates.best(), BackendMode::Cpu);
    }

    #[test]
    fn expected_rates_follow_from_measured_rates() {
        let rates = Rates { codec: 200.0, cpu: 200.0, gpu: 50.0, copies: f64::INFINITY };
        let [cpu, gpu, hybrid] = rates.pipelines();
        assert_eq!((cpu.1, gpu.1), (100.0, 50.0));
        // 125 families: 50 kernels on the GPU, 75 on the CPU (0.375 s), 125 codecs (0.625 s).
        assert!((hybrid.1 - 125.0).abs() < 1e-9);
    }
}

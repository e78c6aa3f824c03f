//! The crossing of a family to the device and back, step by step, for batches of several sizes.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use origami::backend::scheduler::{Scheduler, family_bytes};
use origami::backend::{Backend, CpuBackend};
use origami::codec::Shape;
use origami::codec::coefficients::{PackedImage, packed};
use origami::gpu::{GpuBackend, GpuOptions};
use origami::image::family::{DecodedFamily, PayloadKind, Pixels, SourceFamily, Want};
use origami::image::geometry::Geometry;
use origami::image::plane::Plane;
use origami::image::ycc::Sampling;
use origami::params::EncodeParams;
use origami::quality::presets::Preset;
use origami::residual::encode_family;
use serde::Serialize;

use crate::bench::tissue::pixel;

/// Side of L0 in pixels: a family of 256-pixel tiles.
const SIDE: u32 = 1024;
/// Most families of a batch, on hardware and in software.
const SIZES: &[usize] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];
const SIZES_IN_SOFTWARE: &[usize] = &[1, 4];
/// Length of a measurement.
const MEASURED: Duration = Duration::from_millis(400);

/// A crossing. Times are of one family, in microseconds.
#[derive(Serialize)]
pub struct Crossing {
    /// `encode`: L0 up, coefficients down; `encode, balanced`: the same with the trellis and the chroma of that preset;
    /// `encode, two crossings`: planes; `decode`: L2 and the residual's coefficients up, L0 and L1 down; `decode, planes`:
    /// its planes up.
    pub what: &'static str,
    /// Most families of a batch.
    pub most: usize,
    /// Families of a batch that there were.
    pub families_a_crossing: f64,
    /// Families a second.
    pub families_per_s: f64,
    /// A thread's copy into staging memory.
    pub copy_in_us: f64,
    /// Copies over the bus to the device, by its clock; 0 where that does not tell.
    pub bus_up_us: f64,
    /// All kernels, by the device's clock where it has one.
    pub kernels_us: f64,
    /// Copies over the bus back.
    pub bus_down_us: f64,
    /// From submission until the results are mapped: both copies over the bus, and the kernels.
    pub submission_us: f64,
    /// A thread's copy out of staging memory.
    pub copy_out_us: f64,
    /// Bytes to the device.
    pub bytes_up: f64,
    /// Bytes from it.
    pub bytes_down: f64,
}

/// A family in both directions.
struct Family {
    geometry: Geometry,
    params: EncodeParams,
    balanced: EncodeParams,
    source: SourceFamily,
    decoded: DecodedFamily,
    /// The residual in coefficients.
    residual: PackedImage,
}

impl Family {
    fn new() -> Result<Self> {
        let geometry = Geometry::new(SIDE, SIDE, SIDE / 4)?;
        let rgb = (0..SIDE * SIDE).flat_map(|i| pixel(i % SIDE + 4096, i / SIDE)).collect();
        let rgb = Plane::from_vec(3 * SIDE as usize, SIDE as usize, rgb);
        let mut image = Pixels::Rgb(rgb).into_ycc();
        // Half of each side of chroma, as in the tiles of most trees.
        let half = SIDE as usize / 2;
        image.chroma = image.chroma.map(|planes| {
            planes.map(|plane| {
                let rows =
                    (0..half).flat_map(|y| plane.row(2 * y).iter().step_by(2).copied().collect::<Vec<_>>());
                Plane::from_vec(half, half, rows.collect())
            })
        });
        image.sampling = Sampling::S420;
        let Some(id) = geometry.all_families().next() else { unreachable!("a slide has a family") };
        let params = EncodeParams::default();
        let tile = SIDE as usize / 4;
        let source = SourceFamily { id, tile, image: Pixels::Ycc(image), tile_bytes: Vec::new() };
        let coded = pollster::block_on(encode_family(&CpuBackend::new(), &params, source.clone()))?;
        let (width, height) = (SIDE as usize, SIDE as usize);
        let shape = Shape { width, height, sampling: None };
        let payload =
            coded.record.payload(PayloadKind::Residual).map(|payload| packed(&payload.bytes, shape));
        let Some(residual) = payload.flatten() else { bail!("the synthetic family has no residual") };
        let decoded = DecodedFamily { baseline: coded.baseline, residual: coded.residual, width, height };
        Ok(Self { geometry, params, balanced: Preset::Balanced.params(), source, decoded, residual })
    }

    async fn cross(&self, what: &str, backend: &dyn Backend) -> Result<()> {
        match what {
            "encode" | "encode, balanced" => {
                let params = if what == "encode" { &self.params } else { &self.balanced };
                let made = backend.coefficients(params, &self.source).await?;
                ensure!(made.is_some(), "the device left an encode to the CPU");
            }
            "decode" => {
                let want = Want::Planes(Sampling::S420);
                let (coding, residual) = (self.params.coding(), &self.residual);
                let made = backend.reconstruct_packed(&coding, &self.decoded, residual, want).await?;
                ensure!(made.is_some(), "the device left a decode to the CPU");
            }
            "decode, planes" => {
                let want = Want::Planes(Sampling::S420);
                backend.reconstruct(&self.params.coding(), &self.decoded, want).await?;
            }
            _ => {
                let base = backend.base(&self.params, &self.source).await?;
                backend.residual(&self.params, &self.source, base.ticket, &self.decoded.baseline).await?;
            }
        }
        Ok(())
    }
}

/// Measures every direction with batches of every size.
pub fn measure(options: &GpuOptions, is_software: bool, scheduler: &Scheduler) -> Result<Vec<Crossing>> {
    let family = Family::new()?;
    let mut all = Vec::new();
    for &most in if is_software { SIZES_IN_SOFTWARE } else { SIZES } {
        let gpu = GpuBackend::open(&GpuOptions { max_families: most, ..options.clone() })?;
        for what in ["encode", "encode, balanced", "encode, two crossings", "decode", "decode, planes"] {
            // Batches grow to their size.
            run(&family, what, &gpu, most, scheduler)?;
            all.push(run(&family, what, &gpu, most, scheduler)?);
        }
    }
    Ok(all)
}

fn run(
    family: &Family,
    what: &'static str,
    gpu: &GpuBackend,
    most: usize,
    scheduler: &Scheduler,
) -> Result<Crossing> {
    let (before, started, mut done) = (gpu.stats(), Instant::now(), 0u32);
    let jobs = std::iter::from_fn(|| (started.elapsed() < MEASURED).then_some(Ok::<_, anyhow::Error>(())));
    // Enough for the batches under way and those that form.
    let extra = (4 * most).min(gpu.in_flight(&family.geometry));
    scheduler.pipelined(
        extra,
        family_bytes(&family.geometry),
        jobs,
        |()| family.cross(what, gpu),
        |()| {
            done += 1;
            Ok(())
        },
    )?;
    let (seconds, stats) = (started.elapsed().as_secs_f64(), gpu.stats() - before);
    let families = f64::from(done);
    let us = |ns: u64| ns as f64 / 1e3 / families;
    Ok(Crossing {
        what,
        most,
        families_a_crossing: stats.families as f64 / stats.submissions.max(1) as f64,
        families_per_s: families / seconds,
        copy_in_us: us(stats.upload_ns),
        bus_up_us: us(stats.bus_up_ns),
        kernels_us: us(stats.device_ns),
        bus_down_us: us(stats.bus_down_ns),
        submission_us: us(stats.submission_ns),
        copy_out_us: us(stats.download_ns),
        bytes_up: stats.upload_bytes as f64 / families,
        bytes_down: stats.download_bytes as f64 / families,
    })
}

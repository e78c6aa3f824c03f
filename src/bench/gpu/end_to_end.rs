//! Encode and decode with each backend, against the bare JPEG calls of the same work.

use anyhow::{Result, bail};
use origami::backend::{BackendChoice, Task};
use origami::gpu::engine::{Engine, EngineOptions};
use origami::gpu::{GpuOptions, GpuStats};
use origami::params::EncodeParams;
use serde::Serialize;

use crate::bench::setup::Setup;
use crate::bench::stats::median;
use crate::bench::work::{decode_calls, encode_calls};

/// Shares of a run's time. Time of threads is a share of all threads' time, time of the device a share of the elapsed time; they
/// overlap.
#[derive(Serialize)]
pub struct Shares {
    /// The bare JPEG calls.
    pub threads_codec: f64,
    /// Copies into staging buffers.
    pub threads_upload: f64,
    /// Copies out of staging buffers.
    pub threads_download: f64,
    /// Kernels on the device.
    pub device_compute: f64,
    /// Batches on the device, from submission to the last byte.
    pub device_crossing: f64,
    /// Mean families of a batch.
    pub families_a_crossing: f64,
    /// Sum of codec, upload, download and compute: above 1 where they overlap.
    pub overlap: f64,
}

/// Shares of the time of all rounds.
fn shares(rounds_s: &[f64], stats: GpuStats, bare_s: f64, threads: usize) -> Shares {
    let wall: f64 = rounds_s.iter().sum();
    let of_threads = |seconds: f64| seconds / (wall * threads as f64);
    let seconds = |ns: u64| ns as f64 / 1e9;
    let codec = of_threads(bare_s * rounds_s.len() as f64 * threads as f64);
    let (upload, download) = (of_threads(seconds(stats.upload_ns)), of_threads(seconds(stats.download_ns)));
    let device = seconds(stats.device_ns) / wall;
    Shares {
        threads_codec: codec,
        threads_upload: upload,
        threads_download: download,
        device_compute: device,
        device_crossing: seconds(stats.submission_ns) / wall,
        families_a_crossing: stats.families as f64 / stats.submissions.max(1) as f64,
        overlap: codec + upload + download + device,
    }
}

/// One backend's result.
pub struct BackendResult {
    /// Name of its mode.
    pub backend: &'static str,
    /// Median over the rounds.
    pub seconds: f64,
    /// How its time is divided.
    pub shares: Shares,
}

/// One direction, over all backends.
pub struct EndToEnd {
    /// Name of the direction.
    pub what: &'static str,
    /// Families of the slide.
    pub families: u64,
    /// Worker threads.
    pub threads: usize,
    /// The bare JPEG calls in seconds, median over the rounds.
    pub bare_s: f64,
    /// CPU, GPU, hybrid.
    pub backends: Vec<BackendResult>,
}

/// Encodes, encodes with optL2 and decodes with each backend, in turn with the bare JPEG calls.
pub fn measure(setup: &Setup, options: &GpuOptions, rounds: u32) -> Result<Vec<EndToEnd>> {
    let plain = EncodeParams { optl2: false, ..setup.params.clone() };
    let optl2 = EncodeParams { optl2: true, ..setup.params.clone() };
    let directions = [
        ("encode", Task::Encode, &plain),
        ("encode --optl2", Task::Encode, &optl2),
        ("decode", Task::Decode, &optl2),
    ];
    let directions = directions.into_iter();
    directions.map(|(what, task, params)| measure_one(setup, options, rounds, what, task, params)).collect()
}

fn measure_one(
    setup: &Setup,
    options: &GpuOptions,
    rounds: u32,
    what: &'static str,
    task: Task,
    params: &EncodeParams,
) -> Result<EndToEnd> {
    let engines = [BackendChoice::Cpu, BackendChoice::Gpu, BackendChoice::Hybrid].map(|choice| {
        let options = EngineOptions { gpu: options.clone(), ..EngineOptions::new(choice, task) };
        Engine::new(options, &setup.scheduler)
    });
    let once = |engine: &Engine| match task {
        Task::Encode => setup.encode(params, engine).map(|(seconds, _)| seconds),
        Task::Decode => setup.decode_in_memory(engine),
    };
    let bare = || match task {
        Task::Encode => setup.bare(|work| Ok(encode_calls(work, params)?.bytes)),
        Task::Decode => setup.bare(decode_calls),
    };
    // Caches, batches and tables settle in a first run.
    for engine in &engines {
        once(engine)?;
    }
    let before = engines.each_ref().map(Engine::gpu_stats);
    let (mut bare_s, mut seconds) = (Vec::new(), [(); 3].map(|()| Vec::new()));
    for _ in 0..rounds {
        bare_s.push(bare()?);
        for (engine, seconds) in engines.iter().zip(&mut seconds) {
            seconds.push(once(engine)?);
        }
    }
    let (bare_s, threads) = (median(&bare_s), setup.scheduler.threads());
    let mut backends = Vec::new();
    for ((engine, seconds), before) in engines.iter().zip(&seconds).zip(before) {
        let backend = engine.mode().0.name();
        if engine.stats().fallbacks > 0 {
            bail!("{what}, {backend}: the GPU failed, so the figures mean nothing");
        }
        let shares = shares(seconds, engine.gpu_stats() - before, bare_s, threads);
        backends.push(BackendResult { backend, seconds: median(seconds), shares });
    }
    Ok(EndToEnd { what, families: setup.families, threads, bare_s, backends })
}

//! A GPU against its own limits, kernel by kernel, and end to end against CPU and hybrid and the bare JPEG calls, in one run.

use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use origami::backend::choice::{BackendChoice, Task};
use origami::gpu::engine::{Engine, EngineOptions};
use origami::gpu::{
    AdapterFacts, Ceiling, GpuBackend, GpuOptions, GpuStats, Job, Pass, PassList, PlaneAllocator,
    PlaneLayout, Program, RoundTrip, SampleFormat, adapters, choose,
};
use origami::image::plane::Plane;
use origami::kernels::optl2::{Extent, Problem};
use origami::kernels::sharpen::Strength;
use origami::kernels::taps::{Filter, Taps};
use origami::params::EncodeParams;
use serde_json::{Value, json};

use super::median;
use super::speed::{Setup, SpeedArgs, decode_calls, encode_calls, set_up};
use crate::cli::backend::BackendArg;

#[derive(Args)]
pub struct GpuArgs {
    #[command(flatten)]
    speed: SpeedArgs,
    /// Only the kernels
    #[arg(long)]
    kernels_only: bool,
}

/// Side of L0: a family of 256-pixel tiles.
const SIDE: usize = 1024;
const SMALL: usize = SIDE / 4;

/// One kernel as it was timed.
struct Timed {
    pass: Pass,
    what: &'static str,
    /// Read and written, by one plane or family.
    bytes: usize,
    /// Multiply-adds that its definition asks for, by one plane or family.
    multiply_adds: usize,
    us: f64,
}

impl Timed {
    fn bytes_per_s(&self) -> f64 {
        self.bytes as f64 / self.us * 1e6
    }
    fn multiply_adds_per_s(&self) -> f64 {
        self.multiply_adds as f64 / self.us * 1e6
    }
    /// The time that copying or computing alone would take, whichever is longer, against the time it took.
    fn of_ceiling(&self, ceiling: &Ceiling) -> f64 {
        (self.bytes_per_s() / ceiling.copy_bytes_per_s)
            .max(self.multiply_adds_per_s() / ceiling.multiply_adds_per_s)
    }
}

/// A kernel over as many planes as fill the device.
struct Load {
    region: PlaneAllocator,
    up: Vec<PlaneLayout>,
    jobs: Vec<Job>,
}

impl Load {
    fn new(count: usize, make: impl Fn(&mut PlaneAllocator, &mut Vec<PlaneLayout>) -> Job) -> Self {
        let (mut region, mut up) = (PlaneAllocator::default(), Vec::new());
        let jobs = (0..count).map(|_| make(&mut region, &mut up)).collect();
        Self { region, up, jobs }
    }

    /// Microseconds of one job: from runs of few and of many rounds, so that what surrounds them drops out.
    fn time(&self, gpu: &GpuBackend, pass: Pass) -> Result<f64> {
        let samples = |place: &PlaneLayout| {
            let n = place.row_bytes() * place.height;
            let noise = (0..n as u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 23) as u8);
            Plane::from_vec(place.row_bytes(), place.height, noise.collect())
        };
        // One plane is enough to see; the others hold what was there before.
        let upload = vec![self.up[0]];
        let planes: Vec<Plane> = upload.iter().map(samples).collect();
        let download = vec![self.jobs[0].dst];
        let run = |rounds: usize| -> Result<f64> {
            let passes: PassList = (0..rounds).map(|_| (pass, self.jobs.clone())).collect();
            let round_trips = vec![RoundTrip { upload: upload.clone(), passes, download: download.clone() }];
            let program = Program { round_trips, words: self.region.peak_words() };
            let before = gpu.stats().device_ns;
            pollster::block_on(gpu.run(program, &planes))?;
            Ok((gpu.stats().device_ns - before) as f64 / 1e3)
        };
        let (few, many) = if gpu.adapter().is_software() { (1, 4) } else { (4, 24) };
        run(few)?;
        let mut times = Vec::new();
        for _ in 0..5 {
            times.push((run(many)? - run(few)?) / (many - few) as f64);
        }
        Ok(median(&times) / self.jobs.len() as f64)
    }
}

fn kernels(gpu: &GpuBackend) -> Result<Vec<Timed>> {
    let count = if gpu.adapter().is_software() { 2 } else { 64 };
    let (n, small) = (SIDE * SIDE, SMALL * SMALL);
    let filter = Filter::Lanczos3;
    let down = Arc::new(Taps::downsample(filter, SIDE, 4));
    let up = Arc::new(Taps::upsample(filter, SMALL, 4, SIDE));
    let axis = Extent { small: SMALL, large: SIDE, factor: 4 };
    let problem = Problem::new(filter, axis, axis);
    let ([right, _], [gram, _]) = (problem.right().clone(), problem.gram().clone());
    let strength = Strength::new(0.5).unwrap_or_else(|| unreachable!("0.5 is in range"));
    // Both passes of a filter: rows x outputs x taps, then outputs x taps.
    let work = |taps: &Taps, rows: usize| taps.used() * taps.out_len() * (rows + taps.out_len());

    let filtered = |taps: &Arc<Taps>, from: usize, to: usize, format: SampleFormat| {
        Load::new(count, move |region, sources| {
            let (src, dst) = (region.allocate(from, from, SampleFormat::U8), region.allocate(to, to, format));
            sources.push(src);
            Job::filter(src, dst, taps.clone(), taps.clone())
        })
    };
    let predicted = Load::new(count, |region, sources| {
        let (src, other) =
            (region.allocate(SMALL, SMALL, SampleFormat::U8), region.allocate(SIDE, SIDE, SampleFormat::U8));
        let (dst, second) =
            (region.allocate(SIDE, SIDE, SampleFormat::U8), region.allocate(SIDE, SIDE, SampleFormat::U8));
        sources.push(src);
        Job::filter(src, dst, up.clone(), up.clone()).with(other, second)
    });
    let stepped = Load::new(count, |region, sources| {
        let mut wide = || region.allocate(SMALL, SMALL, SampleFormat::Q6);
        let (src, dst, right) = (wide(), wide(), wide());
        let start = region.allocate(SMALL, SMALL, SampleFormat::U8);
        sources.push(start);
        let mut job = Job::filter(src, dst, gram.clone(), gram.clone()).with(right, start);
        job.numbers = [i32::from(problem.step()), 15];
        job
    });
    let sharpened = Load::new(count, |region, sources| {
        let (src, dst) =
            (region.allocate(SIDE, SIDE, SampleFormat::U8), region.allocate(SIDE, SIDE, SampleFormat::U8));
        sources.push(src);
        Job::sharpen(src, dst, strength)
    });
    let coloured = |to_rgb: bool| {
        Load::new(count, move |region, sources| {
            let rgb = region.allocate(SIDE, SIDE, SampleFormat::Rgb);
            let planes = [(); 3].map(|()| region.allocate(SIDE, SIDE, SampleFormat::U8));
            sources.push(if to_rgb { planes[0] } else { rgb });
            if to_rgb { Job::to_rgb(planes, rgb) } else { Job::to_ycc(rgb, planes) }
        })
    };

    let all: [(Pass, &'static str, usize, usize, Load); 9] = [
        (Pass::ToYcc, "RGB to YCbCr, 1024x1024", 6 * n, 9 * n, coloured(false)),
        (Pass::ToRgb, "YCbCr to RGB, 1024x1024", 6 * n, 4 * n, coloured(true)),
        (
            Pass::Resample,
            "lanczos3 1024x1024 to 256x256",
            n + small,
            work(&down, SIDE),
            filtered(&down, SIDE, SMALL, SampleFormat::U8),
        ),
        (
            Pass::Resample,
            "lanczos3 256x256 to 1024x1024",
            n + small,
            work(&up, SMALL),
            filtered(&up, SMALL, SIDE, SampleFormat::U8),
        ),
        (
            Pass::ResampleToQ6,
            "right side of optL2, 1024x1024",
            n + 2 * small,
            work(&right, SIDE),
            filtered(&right, SIDE, SMALL, SampleFormat::Q6),
        ),
        (Pass::Predict, "prediction and residual, 1024x1024", small + 3 * n, work(&up, SMALL), predicted),
        (
            Pass::Apply,
            "prediction plus residual, 1024x1024",
            small + 2 * n,
            work(&up, SMALL),
            Load::new(count, |region, sources| {
                let (src, other) = (
                    region.allocate(SMALL, SMALL, SampleFormat::U8),
                    region.allocate(SIDE, SIDE, SampleFormat::U8),
                );
                let dst = region.allocate(SIDE, SIDE, SampleFormat::U8);
                sources.push(src);
                Job::filter(src, dst, up.clone(), up.clone()).with(other, other)
            }),
        ),
        (Pass::Optl2, "one step of optL2, 256x256", 7 * small, work(&gram, SMALL) + small, stepped),
        (Pass::Sharpen, "1024x1024", 2 * n, 4 * n, sharpened),
    ];
    let mut timed = Vec::new();
    for (pass, what, bytes, multiply_adds, load) in all {
        timed.push(Timed { pass, what, bytes, multiply_adds, us: load.time(gpu, pass)? });
    }
    Ok(timed)
}

/// One way to run, over all rounds.
struct Run {
    backend: String,
    seconds: Vec<f64>,
    stats: GpuStats,
}

struct EndToEnd {
    what: &'static str,
    bare_s: Vec<f64>,
    runs: Vec<Run>,
}

fn end_to_end(args: &GpuArgs, setup: &Setup, options: &GpuOptions) -> Result<Vec<EndToEnd>> {
    let families = setup.families()?;
    let plain = EncodeParams { optl2: false, ..setup.params.clone() };
    let optl2 = EncodeParams { optl2: true, ..setup.params.clone() };
    let mut all = Vec::new();
    for (what, task) in [("encode", Task::Encode), ("encode --optl2", Task::Encode), ("decode", Task::Decode)]
    {
        let params = if what == "encode" { &plain } else { &optl2 };
        let engines = [BackendChoice::Cpu, BackendChoice::Gpu, BackendChoice::Hybrid].map(|choice| {
            let options = EngineOptions { gpu: options.clone(), ..EngineOptions::new(choice, task) };
            Engine::new(options, &setup.scheduler)
        });
        let once = |engine: &Engine| match task {
            Task::Encode => setup.encode(params, engine).map(|(seconds, _)| seconds),
            Task::Decode => setup.decode_in_memory(engine, families),
        };
        let bare = || match task {
            Task::Encode => setup.bare(families, |work| encode_calls(work, params)),
            Task::Decode => setup.bare(families, decode_calls),
        };
        let mut entry = EndToEnd {
            what,
            bare_s: Vec::new(),
            runs: engines
                .iter()
                .map(|engine| Run {
                    backend: engine.mode().0.name().into(),
                    seconds: Vec::new(),
                    stats: GpuStats::default(),
                })
                .collect(),
        };
        // Caches, batches and tables settle.
        for engine in &engines {
            once(engine)?;
        }
        let before = engines.each_ref().map(Engine::gpu_stats);
        for _ in 0..args.speed.rounds {
            entry.bare_s.push(bare()?);
            for (engine, run) in engines.iter().zip(&mut entry.runs) {
                run.seconds.push(once(engine)?);
            }
        }
        for ((engine, run), before) in engines.iter().zip(&mut entry.runs).zip(before) {
            run.stats = engine.gpu_stats() - before;
            if engine.stats().fallbacks > 0 {
                bail!("{what}, {}: the GPU failed, so the figures mean nothing", run.backend);
            }
        }
        all.push(entry);
    }
    Ok(all)
}

/// Shares of a run's time. `threads` is the time of all threads; the device's and the threads' time overlap.
fn shares(run: &Run, bare_s: f64, threads: usize) -> Value {
    let wall: f64 = run.seconds.iter().sum();
    let of_threads = |seconds: f64| seconds / (wall * threads as f64);
    let seconds = |ns: u64| ns as f64 / 1e9;
    let codec = of_threads(bare_s * run.seconds.len() as f64 * threads as f64);
    let (upload, download) =
        (of_threads(seconds(run.stats.upload_ns)), of_threads(seconds(run.stats.download_ns)));
    let device = seconds(run.stats.device_ns) / wall;
    json!({
        "threads_codec": codec, "threads_upload": upload, "threads_download": download,
        "device_compute": device, "device_crossing": seconds(run.stats.submission_ns) / wall,
        "families_a_crossing": run.stats.families as f64 / run.stats.submissions.max(1) as f64,
        "overlap": codec + upload + download + device,
    })
}

pub fn run(args: GpuArgs) -> Result<()> {
    if args.speed.backend.backend != BackendArg::Auto || args.speed.coding.optl2 {
        bail!(
            "bench gpu measures cpu, gpu and hybrid, with and without --optl2; leave --backend and --optl2 out"
        );
    }
    let wanted = args.speed.backend.gpu_adapter.as_deref();
    let found = choose(adapters(), wanted)?;
    let options = GpuOptions {
        adapter: Some(found.facts.index.to_string()),
        memory_bytes: args.speed.backend.gpu_memory.map(|mib| mib << 20),
        ..GpuOptions::default()
    };
    let gpu = GpuBackend::open_adapter(found, &options)?;
    let (facts, ceiling) = (gpu.adapter().clone(), gpu.ceiling()?);
    let timed = kernels(&gpu)?;
    drop(gpu);
    let ends = if args.kernels_only {
        Vec::new()
    } else {
        let setup = set_up(&args.speed)?;
        let families = setup.families()?;
        let threads = setup.scheduler.threads();
        end_to_end(&args, &setup, &options)?.into_iter().map(|end| (end, families, threads)).collect()
    };
    if args.speed.json {
        print_json(&facts, &ceiling, &timed, &ends)
    } else {
        print(&facts, &ceiling, &timed, &ends)
    }
}

fn print_json(
    facts: &AdapterFacts,
    ceiling: &Ceiling,
    timed: &[Timed],
    ends: &[(EndToEnd, u64, usize)],
) -> Result<()> {
    let kernels = timed.iter().map(|t| {
        json!({
            "kernel": t.pass.kernel().name(), "what": t.what, "us": t.us, "bytes_per_s": t.bytes_per_s(),
            "of_copy": t.bytes_per_s() / ceiling.copy_bytes_per_s, "multiply_adds_per_s": t.multiply_adds_per_s(),
            "of_integer_rate": t.multiply_adds_per_s() / ceiling.multiply_adds_per_s, "of_ceiling": t.of_ceiling(ceiling),
        })
    });
    let ends = ends.iter().map(|(end, families, threads)| {
        let bare = median(&end.bare_s);
        let runs = end.runs.iter().map(|run| {
            let seconds = median(&run.seconds);
            json!({
                "backend": run.backend, "s": seconds, "families_per_s": *families as f64 / seconds,
                "of_codec_ceiling": bare / seconds, "shares": shares(run, bare, *threads),
            })
        });
        json!({
            "what": end.what, "families": families, "threads": threads, "rounds": end.bare_s.len(), "bare_jpeg_s": bare,
            "bare_families_per_s": *families as f64 / bare, "runs": runs.collect::<Vec<_>>(),
        })
    });
    let report = json!({
        "adapter": facts, "ceiling": ceiling, "kernels": kernels.collect::<Vec<_>>(), "end_to_end": ends.collect::<Vec<_>>(),
    });
    say!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}

fn print(
    facts: &AdapterFacts,
    ceiling: &Ceiling,
    timed: &[Timed],
    ends: &[(EndToEnd, u64, usize)],
) -> Result<()> {
    let (copy, rate) = (ceiling.copy_bytes_per_s / 1e9, ceiling.multiply_adds_per_s / 1e9);
    say!("{}, {}", facts.label(), facts.driver);
    say!(
        "plain copy {copy:.1} GB/s, {rate:.0} G integer multiply-adds/s; a kernel's ceiling is the lower of the two"
    );
    for t in timed {
        say!(
            "{:<9}{:<36}{:>9.2} us {:>8.2} GB/s {:>5.2} of copy, {:>8.1} G/s {:>5.2} of integer rate, {:>5.2} of ceiling",
            t.pass.kernel().name(),
            t.what,
            t.us,
            t.bytes_per_s() / 1e9,
            t.bytes_per_s() / ceiling.copy_bytes_per_s,
            t.multiply_adds_per_s() / 1e9,
            t.multiply_adds_per_s() / ceiling.multiply_adds_per_s,
            t.of_ceiling(ceiling)
        );
    }
    for (end, families, threads) in ends {
        let bare = median(&end.bare_s);
        say!(
            "{}: {families} families on {threads} threads, medians of {} rounds",
            end.what,
            end.bare_s.len()
        );
        say!("  {:<8}{:>9.3} s {:>8.1} families/s", "codec", bare, *families as f64 / bare);
        for run in &end.runs {
            let seconds = median(&run.seconds);
            let shares = shares(run, bare, *threads);
            let share = |name: &str| shares[name].as_f64().unwrap_or(0.0);
            say!(
                "  {:<8}{:>9.3} s {:>8.1} families/s, {:.2} of the codec's; codec {:.2}, up {:.3}, down {:.3} of thread time, \
                 device {:.2} of wall, overlap {:.2}",
                run.backend,
                seconds,
                *families as f64 / seconds,
                bare / seconds,
                share("threads_codec"),
                share("threads_upload"),
                share("threads_download"),
                share("device_compute"),
                share("overlap")
            );
        }
    }
    Ok(())
}

//! A GPU that fails, at every stage and at random: no family is lost, none differs, memory stays flat, and each failure is logged once.

use crate::alone;
use crate::kit::gpu;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, RwLockWriteGuard};
use std::time::{Duration, Instant};

use crate::kit::rng::Rng;
use origami::archive::FamilyRecord;
use origami::backend::scheduler::Scheduler;
use origami::backend::{Backend, BackendChoice, CpuBackend, Task};
use origami::codec::EncoderKind;
use origami::error::Result;
use origami::gpu::engine::{Engine, EngineOptions};
use origami::gpu::{Fault, Faults, Stage};
use origami::image::family::{DecodedFamily, Pixels, Reconstruction, SourceFamily, Want};
use origami::image::geometry::{FamilyId, Geometry};
use origami::image::plane::Plane;
use origami::image::ycc::{Sampling, Ycc};
use origami::params::EncodeParams;
use origami::residual::{FamilyDecoder, encode_family, encode_transformed};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// What was logged. A line belongs to the test that runs alone.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn logged_alone() -> RwLockWriteGuard<'static, ()> {
    let alone = alone();
    // Already set by the test before.
    drop(tracing::subscriber::set_global_default(Log));
    LINES.lock().unwrap().clear();
    alone
}

/// Collects what an operator would see.
struct Log;

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with("origami")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                write!(self.0, "{field}={value:?} ").unwrap();
            }
        }
        let mut line = Line(String::new());
        event.record(&mut line);
        LINES.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn engine(test: &str, faults: Faults, scheduler: &Scheduler) -> Option<Engine> {
    let gpu = gpu::options(test, faults)?;
    let options = EngineOptions {
        gpu,
        retry_after: Duration::ZERO,
        max_failures: u32::MAX,
        ..EngineOptions::new(BackendChoice::Gpu, Task::Encode)
    };
    Some(Engine::new(options, scheduler))
}

/// Families of 128 x 128, with smaller ones at the edges.
fn families(count: u32) -> (Geometry, Vec<FamilyId>) {
    let side = (1..).find(|n| n * n >= count).unwrap();
    let geometry = Geometry::new(128 * side - 37, 128 * side - 90, 32).unwrap();
    (geometry, geometry.all_families().take(count as usize).collect())
}

/// A family like no other: noise over a slope, gray, in planes or in RGB.
fn source(geometry: &Geometry, id: FamilyId) -> SourceFamily {
    let (rect, mut rng) = (geometry.family_rect(id), Rng(u64::from(id.x()) << 32 | u64::from(id.y())));
    let (w, h) = (rect.width as usize, rect.height as usize);
    let mut plane = |w: usize, h: usize| {
        let (a, b) = (rng.next() as usize % 7, rng.next() as usize % 5);
        let samples = (0..w * h).map(|i| ((i % w * a + i / w * b) / 3) as u8 ^ (rng.next() as u8 & 31));
        Plane::from_vec(w, h, samples.collect())
    };
    let image = match (id.x() + id.y()) % 5 {
        0 => Pixels::Rgb(plane(3 * w, h)),
        1 => Pixels::Ycc(Ycc::gray(plane(w, h))),
        _ => {
            let luma = plane(w, h);
            let (cw, ch) = Sampling::S420.chroma_size(w, h);
            Pixels::Ycc(Ycc { luma, chroma: Some([plane(cw, ch), plane(cw, ch)]), sampling: Sampling::S420 })
        }
    };
    SourceFamily { id, tile: geometry.tile() as usize, image, tile_bytes: Vec::new() }
}

/// The parameters of a family: those of every second row have a trellis.
fn of_family(params: &EncodeParams, id: FamilyId) -> EncodeParams {
    let encoder = if id.y() % 2 == 1 { EncoderKind::Trellis } else { EncoderKind::Turbojpeg };
    EncodeParams { encoder, ..params.clone() }
}

/// Whether a family's encode crosses to the device twice; the others' coefficients come down in one crossing.
fn crosses_twice(id: FamilyId) -> bool {
    id.y() % 4 == 3
}

/// Both directions of one family: what is stored, what comes back.
async fn round_trip(
    backend: &dyn Backend,
    params: &EncodeParams,
    geometry: &Geometry,
    source: SourceFamily,
) -> Result<(FamilyRecord, Reconstruction)> {
    let (id, coding) = (source.id, params.coding());
    let params = &of_family(params, id);
    let transformed = match crosses_twice(id) {
        true => None,
        false => encode_transformed(backend, params, &source).await?,
    };
    let record = match transformed {
        Some(record) => record,
        None => encode_family(backend, params, source).await?.into_record(),
    };
    let decoder = FamilyDecoder { geometry, coding: &coding, id, record: &record };
    let mut decoded = DecodedFamily::default();
    let mut made = None;
    if let Some(residual) = decoder.decode_for(backend, &mut decoded)? {
        made = backend.reconstruct_packed(&coding, &decoded, &residual, want(id)).await?;
        if made.is_none() {
            decoder.decode_left(&mut decoded)?;
        }
    }
    let made = match made {
        Some(made) => made,
        None => backend.reconstruct(&coding, &decoded, want(id)).await?,
    };
    Ok((record, made))
}

fn want(id: FamilyId) -> Want {
    [Want::Planes(Sampling::S420), Want::Rgb, Want::Planes(Sampling::Gray), Want::Planes(Sampling::S444)]
        [(id.x() % 4) as usize]
}

fn same(a: &Pixels, b: &Pixels) -> bool {
    match (a, b) {
        (Pixels::Ycc(a), Pixels::Ycc(b)) => a == b,
        (Pixels::Rgb(a), Pixels::Rgb(b)) => a == b,
        _ => false,
    }
}

fn params(optl2: bool) -> EncodeParams {
    EncodeParams { optl2, sharpen: 0.4, ..EncodeParams::default() }
}

/// Runs `count` families both ways on `engine` and compares each with the CPU. `seen` gets the number of families done.
fn run(
    engine: &Engine,
    scheduler: &Scheduler,
    count: u32,
    params: &EncodeParams,
    mut seen: impl FnMut(usize),
) {
    let ((geometry, ids), cpu) = (families(count), CpuBackend::new());
    let (patient, waiting) = (count > 1000, AtomicU64::new(0));
    let mut done = Vec::new();
    let work = |id: FamilyId| {
        let (geometry, cpu, waiting) = (&geometry, &cpu, &waiting);
        async move {
            if patient && waiting.fetch_add(1, SeqCst) == 0 {
                // Most families should meet a device: one thread opens it anew, the other waits for that.
                let until = Instant::now() + Duration::from_secs(5);
                while engine.adapter().is_none() && Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            if patient {
                waiting.fetch_sub(1, SeqCst);
            }
            let (stored, made) = round_trip(engine, params, geometry, source(geometry, id)).await?;
            let (want, clean) = round_trip(cpu, params, geometry, source(geometry, id)).await?;
            assert!(stored == want, "family {id}: other payloads than the CPU's");
            assert!(same(&made.l0, &clean.l0) && same(&made.l1, &clean.l1), "family {id}: other pixels");
            Ok::<_, origami::error::Error>(id)
        }
    };
    // Few at a time: many batches, and few families in them when one fails.
    scheduler
        .pipelined(24, 1 << 20, ids.iter().map(|&id| Ok(id)), work, |id| {
            done.push(id);
            seen(done.len());
            Ok(())
        })
        .unwrap();
    assert_eq!(done, ids, "every family once, in order");
}

#[test]
fn every_fault_at_every_stage_is_survived_and_told_once() {
    let _alone = logged_alone();
    let scheduler = Scheduler::new(2).unwrap();
    for stage in Stage::ALL {
        for fault in [Fault::Lost, Fault::OutOfMemory, Fault::Hung] {
            // Only once, and not before the device has done something.
            let passed = Arc::new(AtomicU64::new(0));
            let count = passed.clone();
            let first = matches!(stage, Stage::Open | Stage::Compile | Stage::Allocate);
            let at = if first { 0 } else { 3 };
            let plan =
                move |asked: Stage| (asked == stage && count.fetch_add(1, SeqCst) == at).then_some(fault);
            LINES.lock().unwrap().clear();
            let Some(engine) = engine("faults", Faults::new(plan), &scheduler) else { return };
            run(&engine, &scheduler, 30, &params(false), |_| ());
            let (stats, lines) = (engine.stats(), LINES.lock().unwrap().clone());
            println!("{stage:?} {fault:?}: {stats:?} {lines:?}");
            // A smaller workspace is the answer to the first refusal of memory: nothing fails.
            let fails = stage != Stage::Allocate;
            assert_eq!(stats.failures, u64::from(fails), "{stage:?} {fault:?}");
            assert_eq!(lines.len(), usize::from(fails), "{stage:?} {fault:?}: {lines:#?}");
            assert!(stats.on_gpu > 0, "{stage:?} {fault:?}: it comes back");
            assert!(passed.load(SeqCst) > at, "{stage:?} is not passed");
        }
    }
}

#[test]
fn a_family_that_is_too_large_is_done_by_the_cpu_alone() {
    let _alone = logged_alone();
    let scheduler = Scheduler::new(2).unwrap();
    let Some(mut gpu) = gpu::options("too large", Faults::default()) else { return };
    gpu.memory_bytes = Some(1);
    let options = EngineOptions { gpu, ..EngineOptions::new(BackendChoice::Gpu, Task::Encode) };
    let engine = Engine::new(options, &scheduler);
    // 2048 x 2048 in RGB does not fit into the least that a batch has; 128 x 128 does.
    let large = Plane::from_vec(3 * 2048, 2048, (0..3 * 2048 * 2048).map(|i| (i * 7 / 5) as u8).collect());
    let (geometry, ids) = families(4);
    let large = SourceFamily { id: ids[0], tile: 512, image: Pixels::Rgb(large), tile_bytes: Vec::new() };
    let params = params(false);
    let made = pollster::block_on(engine.base(&params, &large)).unwrap();
    let want = pollster::block_on(CpuBackend::new().base(&params, &large)).unwrap();
    assert_eq!(made.l2, want.l2);
    let stats = engine.stats();
    assert_eq!((stats.failures, stats.fallbacks, stats.on_cpu), (0, 1, 1));
    pollster::block_on(engine.base(&params, &source(&geometry, ids[1]))).unwrap();
    assert_eq!(engine.stats().on_gpu, 1);
}

#[test]
fn no_adapter_is_no_failure() {
    let _alone = logged_alone();
    let scheduler = Scheduler::new(2).unwrap();
    let mut options = EngineOptions::new(BackendChoice::Hybrid, Task::Decode);
    options.gpu.adapter = Some("an adapter that nobody has".into());
    let engine = Engine::new(options, &scheduler);
    assert!(engine.mode().1.to_string().contains("CPU"), "{:?}", engine.mode());
    run(&engine, &scheduler, 6, &params(true), |_| ());
    assert_eq!(engine.stats().on_gpu, 0);
}

/// The device is fed as it should be: several batches under way, of several families, in buffers that are there.
#[test]
fn batches_overlap_grow_and_take_no_new_buffers() {
    let _alone = logged_alone();
    let Some(gpu) = gpu::open("batches", Faults::default()) else { return };
    let (scheduler, params) = (Scheduler::new(2).unwrap(), params(true));
    let (geometry, ids) = families(200);
    let (gpu, params, geometry, before) = (&gpu, &params, &geometry, gpu.peaks().buffers);
    let work = |id| {
        let source = source(geometry, id);
        async move { round_trip(gpu, params, geometry, source).await }
    };
    scheduler.pipelined(64, 1 << 20, ids.iter().map(|&id| Ok(id)), work, |_| Ok(())).unwrap();
    let peaks = gpu.peaks();
    println!("{peaks:?}, {:?}", gpu.stats());
    assert_eq!(peaks.buffers, before);
    assert!(peaks.batches >= 2, "{peaks:?}");
    assert!(peaks.families >= 2, "{peaks:?}");
    let crossings = ids.iter().map(|&id| if crosses_twice(id) { 3 } else { 2 });
    let (least, families) = (crossings.sum::<u64>(), gpu.stats().families);
    // A family with more coefficients than there is room for goes both ways.
    assert!((least..3 * 200).contains(&families), "{families} crossings, at least {least}");
}

/// Memory of this process in use, in bytes.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// 2,000 families both ways, with a fault at every few batches.
#[test]
fn soak() {
    let _alone = logged_alone();
    let scheduler = Scheduler::new(2).unwrap();
    let dice = Mutex::new(Rng(2000));
    let injected = Arc::new(AtomicU64::new(0));
    let count = injected.clone();
    let plan = move |stage: Stage| {
        let roll = dice.lock().unwrap().next();
        let often = if matches!(stage, Stage::Submit | Stage::Wait) { 150 } else { 500 };
        roll.is_multiple_of(often).then(|| {
            count.fetch_add(1, SeqCst);
            [Fault::Lost, Fault::OutOfMemory, Fault::Hung][(roll >> 32) as usize % 3]
        })
    };
    let Some(engine) = engine("soak", Faults::new(plan), &scheduler) else { return };
    let mut sizes = Vec::new();
    run(&engine, &scheduler, 2000, &params(true), |done| {
        if done % 100 == 0 {
            sizes.extend(resident_bytes());
        }
    });
    let (stats, mib) = (engine.stats(), |bytes: u64| bytes >> 20);
    println!("{stats:?}, {} faults injected, {:?}", injected.load(SeqCst), engine.gpu_stats());
    println!("MiB in use per 100 families: {:?}", sizes.iter().copied().map(mib).collect::<Vec<_>>());
    assert!(stats.failures >= 10 && stats.on_gpu > 1800, "{stats:?}");
    if sizes.len() == 20 {
        let (early, late) = (sizes[4..10].iter().max().unwrap(), sizes[14..].iter().max().unwrap());
        // A device that leaks its workspaces at every failure would be at gigabytes; what moves here is two devices at a time.
        assert!(*late < early + (256 << 20), "memory grows: {} MiB, then {}", mib(*early), mib(*late));
    }
}

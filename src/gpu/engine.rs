//! CPU and GPU as one backend: which of them takes a family, and what happens when the GPU fails.
//!
//! A family that the GPU does not finish is finished on the CPU from the planes that the caller still holds: none is lost, and
//! as its caller waits for one result, none is done twice. The device is then opened anew after a while. Knows no kernels and no
//! device calls.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::auto::{self, Task};
use super::{AdapterFacts, GpuBackend, GpuError, GpuOptions, GpuStats, adapters, choose};
use crate::backend::error::{Error, Result};
use crate::backend::scheduler::Scheduler;
use crate::backend::{Backend, Base, CpuBackend, Pending, Predicted, Ticket};
use crate::image::family::{DecodedFamily, Reconstruction, SourceFamily, Want};
use crate::image::geometry::Geometry;
use crate::image::ycc::Ycc;
use crate::params::{Coding, EncodeParams};

pub use crate::backend::BackendChoice as Choice;

/// How families are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All to the CPU.
    Cpu,
    /// All to the GPU.
    Gpu,
    /// To the GPU while it has room.
    Hybrid,
}

impl Mode {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Cpu => "cpu",
            Mode::Gpu => "gpu",
            Mode::Hybrid => "hybrid",
        }
    }
}

/// How to make an [`Engine`].
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// What was asked for.
    pub backend: Choice,
    /// Which GPU, and how.
    pub gpu: GpuOptions,
    /// What `auto` measures.
    pub task: Task,
    /// Families to come, as far as known: `auto` opens no GPU for a few.
    pub families: Option<u64>,
    /// How long after a failure the GPU is tried again; doubled with every failure.
    pub retry_after: Duration,
    /// Failures in a row after which the GPU is left alone for good.
    pub most_failures: u32,
}

impl EngineOptions {
    /// For a task, everything else at its default.
    pub fn new(backend: Choice, task: Task) -> Self {
        let (gpu, retry_after) = (GpuOptions::default(), Duration::from_secs(2));
        Self { backend, gpu, task, families: None, retry_after, most_failures: 6 }
    }
}

/// Crossings after which a device counts as recovered.
const RECOVERED: u64 = 256;
/// Fewer families than this are done before a GPU is open.
const WORTH_OPENING: u64 = 48;

/// What came of the GPU so far; for logs and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct EngineStats {
    /// Times that the device failed.
    pub failures: u64,
    /// Family calls that the CPU finished for the GPU.
    pub fallbacks: u64,
    /// Family calls that the GPU finished.
    pub on_gpu: u64,
    /// Family calls that the CPU finished, for the GPU or by itself.
    pub on_cpu: u64,
}

#[derive(Default)]
struct Device {
    gpu: Option<Arc<GpuBackend>>,
    failures: u32,
    /// When to try again; `None` for never.
    retry_at: Option<Instant>,
    /// Stats of devices that are gone.
    past: GpuStats,
}

#[derive(Default)]
struct Counters {
    failures: AtomicU64,
    fallbacks: AtomicU64,
    on_gpu: AtomicU64,
    on_cpu: AtomicU64,
    too_large: AtomicU64,
}

/// The CPU, and a GPU where there is one.
pub struct Engine {
    cpu: CpuBackend,
    mode: Mode,
    /// Why this mode.
    reason: String,
    options: EngineOptions,
    device: Mutex<Device>,
    counters: Counters,
}

impl Engine {
    /// Opens what was asked for. `auto` measures CPU and GPU with `scheduler` for a moment. An engine without a GPU works: on the CPU.
    pub fn new(options: EngineOptions, scheduler: &Scheduler) -> Self {
        let mut engine = Self {
            cpu: CpuBackend::new(),
            mode: Mode::Cpu,
            reason: "as asked".into(),
            options,
            device: Mutex::default(),
            counters: Counters::default(),
        };
        let mode = match engine.options.backend {
            Choice::Cpu => return engine,
            Choice::Auto => return engine.choose(scheduler),
            Choice::Gpu => Mode::Gpu,
            Choice::Hybrid => Mode::Hybrid,
        };
        engine.mode = mode;
        if let Err(e) = engine.open() {
            engine.reason = format!("{e}; all on the CPU");
            tracing::warn!(kind = e.kind(), "no GPU: {e}; all families are worked on by the CPU");
        }
        engine
    }

    fn choose(mut self, scheduler: &Scheduler) -> Self {
        if let Some(few) = self.options.families.filter(|&n| n < WORTH_OPENING) {
            self.reason = format!("{few} families are too few to open a GPU for");
            return self;
        }
        let found = choose(adapters(), self.options.gpu.adapter.as_deref());
        let opened = found.and_then(|found| match found.facts.is_software() {
            true => Err(GpuError::NoAdapter(format!("{} is not a GPU", found.facts.name))),
            false => GpuBackend::open_adapter(found, &self.options.gpu),
        });
        match opened {
            Err(e @ GpuError::NoAdapter(_)) => self.reason = e.to_string(),
            Err(e) => {
                self.reason = e.to_string();
                self.counters.failures.fetch_add(1, Relaxed);
                tracing::warn!(kind = e.kind(), "no GPU: {e}; all families are worked on by the CPU");
            }
            Ok(gpu) => {
                let gpu = Arc::new(gpu);
                let (mode, reason) = auto::decide(self.options.task, &self.cpu, &gpu, scheduler);
                (self.mode, self.reason) = (mode, reason);
                if mode != Mode::Cpu {
                    self.books().gpu = Some(gpu);
                }
            }
        }
        tracing::info!(backend = self.mode.name(), "auto: {}", self.reason);
        self
    }

    /// How families are shared out, and why.
    pub fn mode(&self) -> (Mode, &str) {
        (self.mode, &self.reason)
    }

    /// The GPU in use, if any.
    pub fn adapter(&self) -> Option<AdapterFacts> {
        self.books().gpu.as_ref().map(|gpu| gpu.adapter().clone())
    }

    /// What came of the GPU so far.
    pub fn stats(&self) -> EngineStats {
        let c = &self.counters;
        EngineStats {
            failures: c.failures.load(Relaxed),
            fallbacks: c.fallbacks.load(Relaxed),
            on_gpu: c.on_gpu.load(Relaxed),
            on_cpu: c.on_cpu.load(Relaxed),
        }
    }

    /// What the devices of this engine have done so far.
    pub fn gpu_stats(&self) -> GpuStats {
        let device = self.books();
        device.gpu.as_ref().map_or(device.past, |gpu| device.past + gpu.stats())
    }

    fn books(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn open(&self) -> Result<Arc<GpuBackend>, GpuError> {
        match GpuBackend::open(&self.options.gpu) {
            Ok(gpu) => {
                let gpu = Arc::new(gpu);
                self.books().gpu = Some(gpu.clone());
                Ok(gpu)
            }
            Err(e) => {
                self.count_failure(&mut self.books(), &e);
                Err(e)
            }
        }
    }

    fn count_failure(&self, device: &mut Device, error: &GpuError) -> Option<Duration> {
        self.counters.failures.fetch_add(1, Relaxed);
        device.failures += 1;
        // An adapter that is not there does not come back.
        let hopeless =
            matches!(error, GpuError::NoAdapter(_)) || device.failures >= self.options.most_failures;
        let pause = (!hopeless).then(|| self.options.retry_after * (1 << (device.failures - 1).min(8)));
        device.retry_at = pause.map(|pause| Instant::now() + pause);
        pause
    }

    /// The device for the next family, `None` where the CPU is to take it.
    fn device(&self) -> Option<Arc<GpuBackend>> {
        if self.mode == Mode::Cpu {
            return None;
        }
        let mut device = self.books();
        if let Some(gpu) = &device.gpu {
            return (self.mode == Mode::Gpu || gpu.has_room()).then(|| gpu.clone());
        }
        // One caller opens it anew, the others go on meanwhile.
        device.retry_at.take_if(|at| *at <= Instant::now())?;
        drop(device);
        let opened = self.open();
        match &opened {
            Ok(gpu) => tracing::info!("GPU in use again: {}", gpu.adapter().label()),
            Err(e) => tracing::warn!(kind = e.kind(), "the GPU cannot be opened again: {e}"),
        }
        opened.ok()
    }

    /// A family came back from the GPU with an error: says whether the CPU is to take it.
    fn failed(&self, gpu: &Arc<GpuBackend>, error: Error) -> Result<()> {
        let Error::Gpu(e) = error else { return Err(error) };
        self.counters.fallbacks.fetch_add(1, Relaxed);
        if let GpuError::TooLarge { .. } = e {
            if self.counters.too_large.fetch_add(1, Relaxed) == 0 {
                tracing::warn!(
                    kind = e.kind(),
                    "{e}: the CPU takes such families; --gpu-memory gives it more"
                );
            }
            return Ok(());
        }
        let mut device = self.books();
        // The first family of a failed device is the one that tells.
        if device.gpu.as_ref().is_some_and(|current| Arc::ptr_eq(current, gpu)) {
            let stats = gpu.stats();
            device.gpu = None;
            device.past = device.past + stats;
            // One that hangs again and again leaves a thread behind each time.
            if stats.crossings >= RECOVERED && !matches!(e, GpuError::Hung { .. }) {
                device.failures = 0;
            }
            let next = match self.count_failure(&mut device, &e) {
                Some(pause) => format!("the GPU is tried again in {:.1} s", pause.as_secs_f64()),
                None => "the GPU is not tried again".into(),
            };
            tracing::warn!(
                kind = e.kind(),
                "{}: {e}; the CPU finishes its families, {next}",
                gpu.adapter().name
            );
        }
        Ok(())
    }

    fn count<T>(&self, counter: &AtomicU64, result: Result<T>) -> Result<T> {
        counter.fetch_add(1, Relaxed);
        result
    }
}

impl Backend for Engine {
    fn name(&self) -> String {
        match (self.mode, self.adapter()) {
            (Mode::Cpu, _) | (_, None) => self.cpu.name(),
            (Mode::Gpu, Some(gpu)) => format!("gpu {}", gpu.label()),
            (Mode::Hybrid, Some(gpu)) => format!("{} and gpu {}", self.cpu.name(), gpu.label()),
        }
    }

    fn in_flight(&self, geometry: &Geometry) -> usize {
        self.books().gpu.as_ref().map_or(0, |gpu| gpu.in_flight(geometry))
    }

    fn cpu(&self) -> &CpuBackend {
        &self.cpu
    }

    fn base<'a>(&'a self, params: &'a EncodeParams, source: &'a SourceFamily) -> Pending<'a, Base> {
        Box::pin(async move {
            if let Some(gpu) = self.device() {
                match gpu.base(params, source).await {
                    Ok(made) => return self.count(&self.counters.on_gpu, Ok(made)),
                    Err(e) => self.failed(&gpu, e)?,
                }
            }
            self.count(&self.counters.on_cpu, self.cpu.base(params, source).await)
        })
    }

    fn residual<'a>(
        &'a self,
        params: &'a EncodeParams,
        source: &'a SourceFamily,
        ticket: Ticket,
        coded: &'a Ycc,
    ) -> Pending<'a, Predicted> {
        Box::pin(async move {
            // Where L0 is, there the rest is done: nothing goes up twice.
            let gpu = self.books().gpu.clone();
            let mut ticket = ticket;
            if let (true, Some(gpu)) = (ticket.is_on_device(), gpu) {
                match gpu.residual(params, source, std::mem::take(&mut ticket), coded).await {
                    Ok(made) => return self.count(&self.counters.on_gpu, Ok(made)),
                    Err(e) => self.failed(&gpu, e)?,
                }
            }
            self.count(&self.counters.on_cpu, self.cpu.residual(params, source, ticket, coded).await)
        })
    }

    fn reconstruct_into<'a>(
        &'a self,
        coding: &'a Coding,
        family: &'a DecodedFamily,
        want: Want,
        used: Reconstruction,
    ) -> Pending<'a, Reconstruction> {
        Box::pin(async move {
            let mut used = used;
            if let Some(gpu) = self.device() {
                match gpu.reconstruct_into(coding, family, want, std::mem::take(&mut used)).await {
                    Ok(made) => return self.count(&self.counters.on_gpu, Ok(made)),
                    Err(e) => self.failed(&gpu, e)?,
                }
            }
            self.count(&self.counters.on_cpu, self.cpu.reconstruct_into(coding, family, want, used).await)
        })
    }
}

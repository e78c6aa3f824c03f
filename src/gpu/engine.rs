//! CPU and GPU as one backend: assigns families to them, and goes on when the GPU fails.
//!
//! A family that the GPU does not finish is finished on the CPU, from the planes that the caller still holds.
//! So none is lost, and as its caller waits for one result, none is done twice. After a pause the device is
//! opened again. Knows no kernels and no device calls.

mod measure;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::adapter::{AdapterFacts, adapters, choose};
use super::backend::GpuBackend;
use super::options::GpuOptions;
use super::reason::Reason;
use super::stats::GpuStats;
use crate::backend::error::{Error, Result};
use crate::backend::scheduler::Scheduler;
use crate::backend::{
    Backend, BackendChoice, BackendMode, Base, CpuBackend, GpuError, NoAdapter, Pending, Predicted, Task,
    Ticket, Transformed,
};
use crate::codec::coefficients::PackedImage;
use crate::image::family::{DecodedFamily, Reconstruction, SourceFamily, Want};
use crate::image::geometry::Geometry;
use crate::image::ycc::Ycc;
use crate::params::{Coding, EncodeParams};

/// How to make an [`Engine`].
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The devices that the caller chose.
    pub backend: BackendChoice,
    /// Which GPU, and how to open it.
    pub gpu: GpuOptions,
    /// The work that `auto` measures.
    pub task: Task,
    /// Its parameters: those of the encode, or those with which the archive was encoded.
    pub params: EncodeParams,
    /// Number of families, if known: `auto` opens no GPU for a few.
    pub families: Option<u64>,
    /// Pause before the GPU is opened again after a failure; doubled with every failure.
    pub retry_after: Duration,
    /// Failures in a row after which the GPU is not opened again.
    pub max_failures: u32,
}

impl EngineOptions {
    /// For a task, everything else at its default.
    pub fn new(backend: BackendChoice, task: Task) -> Self {
        let (gpu, retry_after) = (GpuOptions::default(), Duration::from_secs(2));
        let params = EncodeParams::default();
        Self { backend, gpu, task, params, families: None, retry_after, max_failures: 6 }
    }
}

/// Submissions after which a device counts as recovered from earlier failures.
const MIN_SUBMISSIONS_TO_RECOVER: u64 = 256;
/// Fewer families than this take less time than opening a GPU.
const MIN_FAMILIES_FOR_GPU: u64 = 48;

/// Counts of families and failures, for logs and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct EngineStats {
    /// Failures of the device.
    pub failures: u64,
    /// Calls that the CPU finished after the GPU failed on them.
    pub fallbacks: u64,
    /// Calls that the GPU finished.
    pub on_gpu: u64,
    /// Calls that the CPU finished, fallbacks included.
    pub on_cpu: u64,
}

#[derive(Default)]
struct DeviceState {
    gpu: Option<Arc<GpuBackend>>,
    /// In a row.
    failures: u32,
    /// When to open the GPU again; `None` for never.
    retry_at: Option<Instant>,
    /// Statistics of devices that failed and were closed.
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

/// The CPU, and a GPU if there is one.
pub struct Engine {
    cpu: CpuBackend,
    mode: BackendMode,
    /// Why this mode.
    reason: Reason,
    options: EngineOptions,
    device: Mutex<DeviceState>,
    counters: Counters,
}

impl Engine {
    /// Opens the devices of [`EngineOptions::backend`]; `auto` measures CPU and GPU on `scheduler` first.
    /// Never fails: without a GPU the CPU takes all families.
    pub fn new(options: EngineOptions, scheduler: &Scheduler) -> Self {
        let mut engine = Self {
            cpu: CpuBackend::new(),
            mode: BackendMode::Cpu,
            reason: Reason::AsAsked,
            options,
            device: Mutex::default(),
            counters: Counters::default(),
        };
        let mode = match engine.options.backend {
            BackendChoice::Cpu => return engine,
            BackendChoice::Auto => return engine.choose(scheduler),
            BackendChoice::Gpu => BackendMode::Gpu,
            BackendChoice::Hybrid => BackendMode::Hybrid,
        };
        engine.mode = mode;
        if let Err(e) = engine.open() {
            tracing::warn!(kind = e.kind(), "no GPU: {e}; all families are worked on by the CPU");
            engine.reason = Reason::CpuInstead(e);
        }
        engine
    }

    fn choose(mut self, scheduler: &Scheduler) -> Self {
        if let Some(few) = self.options.families.filter(|&n| n < MIN_FAMILIES_FOR_GPU) {
            self.reason = Reason::FewFamilies(few);
            return self;
        }
        let found = choose(adapters(), self.options.gpu.adapter.as_deref());
        let opened = found.and_then(|found| match found.facts.is_software() {
            true => Err(NoAdapter::Software { name: found.facts.name }.into()),
            false => GpuBackend::open_adapter(found, &self.options.gpu),
        });
        match opened {
            Err(e @ GpuError::NoAdapter(_)) => self.reason = Reason::NoGpu(e),
            Err(e) => {
                self.counters.failures.fetch_add(1, Relaxed);
                tracing::warn!(kind = e.kind(), "no GPU: {e}; all families are worked on by the CPU");
                self.reason = Reason::NoGpu(e);
            }
            Ok(gpu) => {
                self.device_state().gpu = Some(Arc::new(gpu));
                self.measure(scheduler);
            }
        }
        tracing::info!(backend = self.mode.name(), "auto: {}", self.reason);
        self
    }

    /// How families are distributed, and why.
    pub fn mode(&self) -> (BackendMode, &Reason) {
        (self.mode, &self.reason)
    }

    /// The GPU in use, if any.
    pub fn adapter(&self) -> Option<AdapterFacts> {
        self.device_state().gpu.as_ref().map(|gpu| gpu.adapter().clone())
    }

    /// Counts of families and failures so far.
    pub fn stats(&self) -> EngineStats {
        let c = &self.counters;
        EngineStats {
            failures: c.failures.load(Relaxed),
            fallbacks: c.fallbacks.load(Relaxed),
            on_gpu: c.on_gpu.load(Relaxed),
            on_cpu: c.on_cpu.load(Relaxed),
        }
    }

    /// Statistics of all devices that this engine has opened.
    pub fn gpu_stats(&self) -> GpuStats {
        let device = self.device_state();
        device.gpu.as_ref().map_or(device.past, |gpu| device.past + gpu.stats())
    }

    fn device_state(&self) -> MutexGuard<'_, DeviceState> {
        self.device.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn open(&self) -> Result<Arc<GpuBackend>, GpuError> {
        match GpuBackend::open(&self.options.gpu) {
            Ok(gpu) => {
                let gpu = Arc::new(gpu);
                self.device_state().gpu = Some(gpu.clone());
                Ok(gpu)
            }
            Err(e) => {
                self.count_failure(&mut self.device_state(), &e);
                Err(e)
            }
        }
    }

    fn count_failure(&self, device: &mut DeviceState, error: &GpuError) -> Option<Duration> {
        self.counters.failures.fetch_add(1, Relaxed);
        device.failures += 1;
        // An adapter that is not there does not come back.
        let hopeless =
            matches!(error, GpuError::NoAdapter(_)) || device.failures >= self.options.max_failures;
        let pause = (!hopeless).then(|| self.options.retry_after * (1 << (device.failures - 1).min(8)));
        device.retry_at = pause.map(|pause| Instant::now() + pause);
        pause
    }

    /// The device for the next family; `None` if the CPU takes it.
    fn device(&self) -> Option<Arc<GpuBackend>> {
        if self.mode == BackendMode::Cpu {
            return None;
        }
        let mut device = self.device_state();
        if let Some(gpu) = &device.gpu {
            return (self.mode == BackendMode::Gpu || gpu.has_free_slot()).then(|| gpu.clone());
        }
        // One caller opens the device again; meanwhile the others go on with the CPU.
        device.retry_at.take_if(|at| *at <= Instant::now())?;
        drop(device);
        let opened = self.open();
        match &opened {
            Ok(gpu) => tracing::info!("GPU in use again: {}", gpu.adapter().label()),
            Err(e) => tracing::warn!(kind = e.kind(), "the GPU cannot be opened again: {e}"),
        }
        opened.ok()
    }

    /// Handles the error of a GPU call. Ok if the CPU takes the family.
    ///
    /// # Errors
    /// An error that is not the device's.
    fn failed(&self, gpu: &Arc<GpuBackend>, error: Error) -> Result<()> {
        let Error::Gpu(e) = error else { return Err(error) };
        self.counters.fallbacks.fetch_add(1, Relaxed);
        if let GpuError::TooLarge { .. } = e {
            if self.counters.too_large.fetch_add(1, Relaxed) == 0 {
                tracing::warn!(
                    kind = e.kind(),
                    "{e}: the CPU takes such families; a higher limit of GPU memory admits them"
                );
            }
            return Ok(());
        }
        let mut device = self.device_state();
        // All families of a failed device come here; the first one closes it.
        if device.gpu.as_ref().is_some_and(|current| Arc::ptr_eq(current, gpu)) {
            let stats = gpu.stats();
            device.gpu = None;
            device.past = device.past + stats;
            // A device that hangs leaves a thread behind, so hangs count even when they are far apart.
            if stats.submissions >= MIN_SUBMISSIONS_TO_RECOVER && !matches!(e, GpuError::Hung { .. }) {
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
            (BackendMode::Cpu, _) | (_, None) => self.cpu.name(),
            (BackendMode::Gpu, Some(gpu)) => format!("gpu {}", gpu.label()),
            (BackendMode::Hybrid, Some(gpu)) => format!("{} and gpu {}", self.cpu.name(), gpu.label()),
        }
    }

    fn in_flight(&self, geometry: &Geometry) -> usize {
        if self.mode == BackendMode::Cpu {
            return 0;
        }
        self.device_state().gpu.as_ref().map_or(0, |gpu| gpu.in_flight(geometry))
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
            // The device that holds L0 goes on with it, so that nothing is uploaded twice.
            let gpu = self.device_state().gpu.clone();
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

    fn coefficients<'a>(
        &'a self,
        params: &'a EncodeParams,
        source: &'a SourceFamily,
    ) -> Pending<'a, Option<Transformed>> {
        Box::pin(async move {
            let Some(gpu) = self.device() else { return Ok(None) };
            match gpu.coefficients(params, source).await {
                Ok(Some(made)) => self.count(&self.counters.on_gpu, Ok(Some(made))),
                // The caller goes the other way, which takes less of the device's memory.
                Ok(None) | Err(Error::Gpu(GpuError::TooLarge { .. })) => Ok(None),
                Err(e) => self.failed(&gpu, e).map(|()| None),
            }
        })
    }

    fn takes_coefficients(&self) -> bool {
        self.device().is_some()
    }

    fn reconstruct_packed<'a>(
        &'a self,
        coding: &'a Coding,
        family: &'a DecodedFamily,
        residual: &'a PackedImage,
        want: Want,
    ) -> Pending<'a, Option<Reconstruction>> {
        Box::pin(async move {
            let Some(gpu) = self.device() else { return Ok(None) };
            match gpu.reconstruct_packed(coding, family, residual, want).await {
                Ok(Some(made)) => self.count(&self.counters.on_gpu, Ok(Some(made))),
                Ok(None) | Err(Error::Gpu(GpuError::TooLarge { .. })) => Ok(None),
                Err(e) => self.failed(&gpu, e).map(|()| None),
            }
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

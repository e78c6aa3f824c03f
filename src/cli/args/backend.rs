//! `--backend` and the flags of the GPU.

use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use origami::backend::scheduler::Scheduler;
use origami::backend::{Backend, BackendChoice, CpuBackend};
use origami::params::EncodeParams;

use super::values::{MIB, TIB, names, size};
use crate::cli::fault::usage;
#[cfg(feature = "gpu")]
use crate::cli::print::note;
#[cfg(feature = "gpu")]
use crate::cli::words;

/// Where the pixel arithmetic runs. The bytes are the same everywhere.
#[derive(Args, Clone)]
#[command(next_help_heading = "Speed")]
pub struct BackendArgs {
    /// CPU, GPU or both
    ///
    /// auto measures for a moment and takes the fastest; hybrid is both from one queue. The bytes are the same everywhere.
    #[arg(long, value_name = "WHERE", value_enum, value_parser = names::<BackendChoice>(), default_value_t)]
    pub backend: BackendChoice,
    /// Adapter by index or part of its name, as `origami doctor` lists them [default: the best that is not software]
    #[arg(long, value_name = "NAME|INDEX", hide_short_help = true)]
    pub gpu_adapter: Option<String>,
    /// Memory of the GPU's batches and of the planes on their way [range: 128MiB to 1TiB] [default: what suits]
    ///
    /// Batches on the device take half of it. Without a unit it is in MiB.
    #[arg(long, value_name = "SIZE", value_parser = size(MIB, 128 * MIB..=TIB), hide_short_help = true)]
    pub gpu_memory: Option<u64>,
}

/// A tile that arrives at a busy GPU waits for the running batch and for its own: two of these, far below what an eye notices.
#[cfg(all(feature = "gpu", feature = "serve"))]
const SERVE_BATCH_TIME: std::time::Duration = std::time::Duration::from_millis(8);

/// The kind of work that a backend is opened for, with the parameters that `auto` measures; `None` where there are several.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "gpu"), expect(dead_code, reason = "a GPU alone is measured"))]
pub enum Workload<'a> {
    Encode(Option<&'a EncodeParams>),
    Decode(Option<&'a EncodeParams>),
    /// Decode with low latency: a viewer waits for each family.
    #[cfg(feature = "serve")]
    Serve,
}

/// A backend, with its engine for statistics.
pub struct OpenBackend {
    pub backend: Arc<dyn Backend>,
    /// `None` for the CPU alone.
    #[cfg(feature = "gpu")]
    pub engine: Option<Arc<origami::gpu::engine::Engine>>,
}

impl OpenBackend {
    /// The CPU alone.
    pub fn cpu() -> Self {
        Self {
            backend: Arc::new(CpuBackend::new()),
            #[cfg(feature = "gpu")]
            engine: None,
        }
    }

    /// The backend's mode, and why it is that one.
    #[cfg(feature = "serve")]
    pub fn choice(&self) -> (&'static str, String) {
        #[cfg(feature = "gpu")]
        if let Some(engine) = &self.engine {
            let (mode, reason) = engine.mode();
            return (mode.name(), words::reason(reason));
        }
        ("cpu", "this program was built without a GPU backend".into())
    }

    /// Where the work ran, for the last line of a run.
    pub fn summary(&self) -> String {
        #[cfg(feature = "gpu")]
        if let Some(engine) = &self.engine {
            let stats = engine.stats();
            let name = if stats.on_gpu == 0 { CpuBackend::new().name() } else { engine.name() };
            return match stats.fallbacks {
                0 => format!("on {name}"),
                n if stats.failures == 0 => {
                    format!("on {name}; the CPU took {n} times a family that is too large for a GPU batch")
                }
                n => format!("on {name}, {n} calls finished by the CPU after a GPU failed"),
            };
        }
        format!("on {}", self.backend.name())
    }
}

impl BackendArgs {
    /// Opens the backend for a workload of `families` families, where their number is known. Prints on standard error which backend
    /// it is, unless the CPU is used without a choice or `quiet` is set.
    #[cfg(feature = "gpu")]
    pub fn open(
        &self,
        workload: Workload<'_>,
        families: Option<u64>,
        scheduler: &Scheduler,
        quiet: bool,
    ) -> Result<OpenBackend> {
        use origami::backend::{BackendMode, Task};
        use origami::gpu::engine::{Engine, EngineOptions};
        use origami::gpu::{adapters, choose};

        if let (Some(name), BackendChoice::Cpu) = (&self.gpu_adapter, self.backend) {
            usage!("--gpu-adapter {name} contradicts --backend cpu; leave one of them out");
        }
        if let Some(name) = &self.gpu_adapter {
            // An unknown name is a mistake of the user, not a reason to continue without a GPU.
            choose(adapters(), Some(name))?;
        }
        let (task, params) = match workload {
            Workload::Encode(params) => (Task::Encode, params),
            Workload::Decode(params) => (Task::Decode, params),
            #[cfg(feature = "serve")]
            Workload::Serve => (Task::Decode, None),
        };
        let mut options = EngineOptions::new(self.backend, task);
        options.params = params.cloned().unwrap_or_default();
        options.families = families;
        options.gpu.adapter = self.gpu_adapter.clone();
        #[cfg(feature = "serve")]
        if let Workload::Serve = workload {
            options.gpu.batch_time = SERVE_BATCH_TIME;
        }
        options.gpu.memory_bytes = self.gpu_memory;
        let engine = Arc::new(Engine::new(options, scheduler));
        let (mode, reason) = engine.mode();
        // The engine has logged a GPU that failed, and the CPU is worth a line only where the user named an adapter.
        let by_name = self.backend == BackendChoice::Auto && self.gpu_adapter.is_some();
        if (mode != BackendMode::Cpu && engine.stats().failures == 0 || by_name) && !quiet {
            note!("backend: {}: {}", engine.name(), words::reason(reason));
        }
        Ok(OpenBackend { backend: engine.clone(), engine: Some(engine) })
    }

    /// Opens the CPU, the only backend of this build.
    #[cfg(not(feature = "gpu"))]
    pub fn open(&self, _: Workload<'_>, _: Option<u64>, _: &Scheduler, _: bool) -> Result<OpenBackend> {
        if matches!(self.backend, BackendChoice::Gpu | BackendChoice::Hybrid) || self.gpu_adapter.is_some() {
            usage!("this build has no GPU backend; build with --features gpu, or use --backend cpu");
        }
        Ok(OpenBackend::cpu())
    }

    /// Whether any of these flags was given.
    pub fn is_given(&self) -> bool {
        self.backend != BackendChoice::Auto || self.gpu_adapter.is_some() || self.gpu_memory.is_some()
    }
}

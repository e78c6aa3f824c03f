//! `--backend` and what goes with it.

use std::sync::Arc;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
#[cfg(feature = "gpu")]
use origami::backend::choice::BackendChoice;
use origami::backend::scheduler::Scheduler;
use origami::backend::{Backend, CpuBackend};

/// Where the pixel arithmetic runs. The bytes are the same everywhere.
#[derive(Args, Clone)]
pub struct BackendArgs {
    /// CPU, GPU, or both from one queue; auto measures them for a moment and takes the fastest
    #[arg(long, value_enum, default_value_t = BackendArg::Auto)]
    pub backend: BackendArg,
    /// Adapter by index or part of its name, as `origami doctor` lists them [default: the best that is not software]
    #[arg(long, value_name = "NAME|INDEX")]
    pub gpu_adapter: Option<String>,
    /// Memory of all batches on the device and as much again for planes on their way, in MiB together [default: what suits]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(128..=1_048_576))]
    pub gpu_memory: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackendArg {
    Auto,
    Gpu,
    Cpu,
    Hybrid,
}

/// A tile that arrives at a busy GPU waits for the batch that is there and for its own: two of these, and far below what an eye notices.
#[cfg(all(feature = "gpu", feature = "serve"))]
const SERVE_BATCH_TIME: std::time::Duration = std::time::Duration::from_millis(8);

/// What families are for.
#[derive(Clone, Copy)]
pub enum Purpose {
    Encode,
    Decode,
    /// Decode while somebody waits for each family.
    #[cfg(feature = "serve")]
    Serve,
}

/// A backend, and what became of it.
pub struct Opened {
    /// For the library.
    pub backend: Arc<dyn Backend>,
    #[cfg(feature = "gpu")]
    pub engine: Option<Arc<origami::gpu::engine::Engine>>,
}

impl Opened {
    /// For the last line of a run: where it ran.
    pub fn summary(&self) -> String {
        #[cfg(feature = "gpu")]
        if let Some(engine) = &self.engine {
            let stats = engine.stats();
            let name = if stats.on_gpu == 0 { CpuBackend::new().name() } else { engine.name() };
            return match stats.fallbacks {
                0 => format!("on {name}"),
                n if stats.failures == 0 => {
                    format!("on {name}, {n} calls of families too large for a GPU batch by the CPU")
                }
                n => format!("on {name}, {n} calls finished by the CPU after a GPU failed"),
            };
        }
        format!("on {}", self.backend.name())
    }
}

impl BackendArgs {
    /// Opens what was asked for; says on standard error what that is, unless there was nothing to choose.
    #[cfg(feature = "gpu")]
    pub fn open(
        &self,
        purpose: Purpose,
        families: Option<u64>,
        scheduler: &Scheduler,
        quiet: bool,
    ) -> Result<Opened> {
        use origami::backend::choice::{BackendMode, Task};
        use origami::gpu::engine::{Engine, EngineOptions};
        use origami::gpu::{adapters, choose};

        if let (Some(name), BackendArg::Cpu) = (&self.gpu_adapter, self.backend) {
            bail!("--gpu-adapter {name} contradicts --backend cpu; leave one of them out");
        }
        if let Some(name) = &self.gpu_adapter {
            // A name that is not there is a mistake, not a reason to go on without.
            if let Err(e) = choose(adapters(), Some(name)) {
                bail!("--gpu-adapter {name}: {e}");
            }
        }
        let task = match purpose {
            Purpose::Encode => Task::Encode,
            Purpose::Decode => Task::Decode,
            #[cfg(feature = "serve")]
            Purpose::Serve => Task::Decode,
        };
        let mut options = EngineOptions::new(self.choice(), task);
        options.families = families;
        options.gpu.adapter = self.gpu_adapter.clone();
        #[cfg(feature = "serve")]
        if let Purpose::Serve = purpose {
            options.gpu.batch_time = SERVE_BATCH_TIME;
        }
        options.gpu.memory_bytes = self.gpu_memory.map(|mib| mib << 20);
        let engine = Arc::new(Engine::new(options, scheduler));
        let (mode, reason) = engine.mode();
        // What was asked for and did not come has been told; the CPU goes without saying.
        let by_name = self.backend == BackendArg::Auto && self.gpu_adapter.is_some();
        if (mode != BackendMode::Cpu && engine.stats().failures == 0 || by_name) && !quiet {
            eprintln!("backend: {}: {reason}", engine.name());
        }
        Ok(Opened { backend: engine.clone(), engine: Some(engine) })
    }

    /// Opens the CPU, which is all that this build has.
    #[cfg(not(feature = "gpu"))]
    pub fn open(&self, _: Purpose, _: Option<u64>, _: &Scheduler, _: bool) -> Result<Opened> {
        if matches!(self.backend, BackendArg::Gpu | BackendArg::Hybrid) || self.gpu_adapter.is_some() {
            bail!("this build has no GPU backend; build with --features gpu, or use --backend cpu");
        }
        Ok(Opened { backend: Arc::new(CpuBackend::new()) })
    }

    /// Whether anything was asked for.
    pub fn is_given(&self) -> bool {
        self.backend != BackendArg::Auto || self.gpu_adapter.is_some() || self.gpu_memory.is_some()
    }

    /// The CPU alone.
    pub fn cpu() -> Opened {
        Opened {
            backend: Arc::new(CpuBackend::new()),
            #[cfg(feature = "gpu")]
            engine: None,
        }
    }

    #[cfg(feature = "gpu")]
    fn choice(&self) -> BackendChoice {
        match self.backend {
            BackendArg::Auto => BackendChoice::Auto,
            BackendArg::Gpu => BackendChoice::Gpu,
            BackendArg::Cpu => BackendChoice::Cpu,
            BackendArg::Hybrid => BackendChoice::Hybrid,
        }
    }
}

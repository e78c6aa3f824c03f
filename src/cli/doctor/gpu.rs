//! Lists and tests every adapter. A build without a GPU backend has `no_gpu.rs` in its place.

use std::time::Instant;

use anyhow::Result;
use origami::backend::scheduler::Scheduler;
use origami::backend::{BackendChoice, Task};
use origami::gpu::engine::{Engine, EngineOptions};
use origami::gpu::parity::{Agreed, self_test};
use origami::gpu::{AdapterFacts, GpuAdapter, GpuBackend, GpuOptions, adapters, choose};
use serde::Serialize;

use super::finding::{Auto, AutoChoice, Parity};
use super::section::{Section, binary_bytes};
use crate::cli::words;

/// An adapter and the result of its test.
#[derive(Serialize)]
pub struct Adapter {
    #[serde(flatten)]
    facts: AdapterFacts,
    /// `None` where the user named another adapter.
    parity: Option<Parity<Agreed>>,
}

/// Lists all adapters and tests them, or only the one named `wanted`.
///
/// # Errors
/// No adapter has that name. An adapter that fails its test is no error: the report says so.
pub fn examine(wanted: Option<&str>) -> Result<Vec<Adapter>> {
    let mut all: Vec<_> = adapters().into_iter().map(|found| (found.facts.clone(), Some(found))).collect();
    if wanted.is_some() {
        let chosen = choose(all.iter_mut().filter_map(|(_, found)| found.take()).collect(), wanted)?;
        let index = chosen.facts.index;
        all.iter_mut().filter(|(facts, _)| facts.index == index).for_each(|(_, found)| *found = None);
        if let Some((_, place)) = all.iter_mut().find(|(facts, _)| facts.index == index) {
            *place = Some(chosen);
        }
    }
    Ok(all.into_iter().map(|(facts, found)| Adapter { facts, parity: found.map(test) }).collect())
}

fn test(found: GpuAdapter) -> Parity<Agreed> {
    let started = Instant::now();
    let opened = GpuBackend::open_adapter(found, &GpuOptions::default());
    let open_ms = ms_since(started);
    let started = Instant::now();
    let result = match &opened {
        Ok(gpu) => self_test(gpu, false).map_err(|e| e.to_string()),
        Err(e) => Err(e.to_string()),
    };
    let ms = ms_since(started);
    let (kernels, problem) = match result {
        Ok(kernels) => (kernels, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    Parity { ok: problem.is_none(), ms, open_ms, kernels, problem }
}

fn ms_since(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e4).round() / 10.0
}

pub fn name(adapter: &Adapter) -> &str {
    &adapter.facts.name
}

pub fn is_software(adapter: &Adapter) -> bool {
    adapter.facts.is_software()
}

/// The fault that the self-test found.
pub fn problem(adapter: &Adapter) -> Option<&str> {
    adapter.parity.as_ref()?.problem.as_deref()
}

/// Whether the Vulkan loader can be loaded, by the name under which wgpu looks for it.
#[cfg(target_os = "linux")]
pub fn has_loader() -> bool {
    // SAFETY: the name is terminated; loading runs the constructors of the system's Vulkan loader, as making an instance does. It is
    // never unloaded.
    #[allow(unsafe_code)]
    let handle = unsafe { libc::dlopen(c"libvulkan.so.1".as_ptr(), libc::RTLD_LAZY) };
    !handle.is_null()
}

/// Other systems have no separate loader to look for.
#[cfg(not(target_os = "linux"))]
pub fn has_loader() -> bool {
    true
}

/// The choices of the engine itself.
pub fn auto(wanted: Option<&str>) -> Result<Auto> {
    let scheduler = Scheduler::new(0)?;
    let taken = |task| {
        let mut options = EngineOptions::new(BackendChoice::Auto, task);
        options.gpu.adapter = wanted.map(Into::into);
        let engine = Engine::new(options, &scheduler);
        let (mode, reason) = engine.mode();
        AutoChoice { backend: mode.name(), reason: words::reason(reason) }
    };
    Ok(Auto { encode: taken(Task::Encode), decode: taken(Task::Decode) })
}

/// The adapters as text.
pub fn sections(adapters: &[Adapter]) -> Vec<Section> {
    if adapters.is_empty() {
        return vec![Section::new("gpu").row("adapters", "none")];
    }
    adapters.iter().map(section).collect()
}

fn section(Adapter { facts, parity }: &Adapter) -> Section {
    let parity = match parity {
        None => "not tested: another adapter was asked for".into(),
        Some(Parity { problem: Some(problem), .. }) => format!("FAILED: {problem}"),
        Some(it) => {
            let kernels: Vec<_> = it.kernels.iter().map(|a| format!("{} {}", a.kernel, a.cases)).collect();
            let cases: usize = it.kernels.iter().map(|a| a.cases).sum();
            let (kernels, ms, open_ms) = (kernels.join(", "), it.ms, it.open_ms);
            format!("ok: {cases} cases in {ms:.0} ms ({kernels}); opened in {open_ms:.0} ms")
        }
    };
    Section::new(&format!("gpu {}", facts.index))
        .row("name", &facts.name)
        .row("kind", &format!("{}, {}", facts.kind, facts.api))
        .row("driver", &facts.driver)
        .row(
            "limits",
            &format!(
                "binding {}, buffer {}, workgroup {} and {} invocations",
                binary_bytes(facts.max_binding_bytes),
                binary_bytes(facts.max_buffer_bytes),
                binary_bytes(facts.workgroup_bytes.into()),
                facts.workgroup_invocations
            ),
        )
        .row("timestamps", if facts.timestamps { "yes" } else { "no" })
        .row("parity", &parity)
}

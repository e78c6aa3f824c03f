//! The adapters of this machine, and the choice of one.
//!
//! Honours wgpu's own variables: `WGPU_BACKEND`, `WGPU_ADAPTER_NAME`, `WGPU_POWER_PREF`, `WGPU_VALIDATION`
//! and the like.

use serde::Serialize;
use wgpu::{Backends, DeviceType, Instance, InstanceDescriptor};

use crate::backend::{GpuError, NoAdapter};

/// Properties of an adapter that are known before it is opened.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterFacts {
    /// Its index in the list of adapters, for `--gpu-adapter INDEX`.
    pub index: usize,
    /// The driver's name for it.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// `vulkan`, `metal`, `dx12`.
    pub api: String,
    /// Driver and its version.
    pub driver: String,
    /// Largest storage buffer binding of a shader, in bytes.
    pub max_binding_bytes: u64,
    /// Largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// Workgroup memory, in bytes.
    pub workgroup_bytes: u32,
    /// Invocations of a workgroup.
    pub workgroup_invocations: u32,
    /// Whether it has timestamp queries.
    pub timestamps: bool,
}

impl AdapterFacts {
    /// Whether it runs on the CPU, such as llvmpipe.
    pub fn is_software(&self) -> bool {
        self.kind == "software"
    }

    /// Name, kind and API on one line.
    pub fn label(&self) -> String {
        format!("{} ({}, {})", self.name, self.kind, self.api)
    }
}

/// An adapter of this machine.
pub struct GpuAdapter {
    /// Its properties.
    pub facts: AdapterFacts,
    pub(super) adapter: wgpu::Adapter,
}

/// Every adapter that can compute, in the order of their indices.
pub fn adapters() -> Vec<GpuAdapter> {
    let mut desc = InstanceDescriptor::new_without_display_handle();
    desc.backends = Backends::PRIMARY;
    let instance = Instance::new(desc.with_env());
    let all = pollster::block_on(instance.enumerate_adapters(Backends::all()));
    let able = all.into_iter().filter(|adapter| {
        let flags = adapter.get_downlevel_capabilities().flags;
        flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
    });
    able.enumerate().map(|(index, adapter)| GpuAdapter { facts: facts(index, &adapter), adapter }).collect()
}

fn facts(index: usize, adapter: &wgpu::Adapter) -> AdapterFacts {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    let kind = match info.device_type {
        DeviceType::DiscreteGpu => "discrete",
        DeviceType::IntegratedGpu => "integrated",
        DeviceType::VirtualGpu => "virtual",
        DeviceType::Cpu => "software",
        DeviceType::Other => "other",
    };
    AdapterFacts {
        index,
        name: info.name,
        kind,
        api: info.backend.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_string(),
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        workgroup_invocations: limits.max_compute_invocations_per_workgroup,
        timestamps: adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY),
    }
}

/// The adapter that `wanted` names: an index, or part of a name in any case. Without it `WGPU_ADAPTER_NAME`
/// counts, then the kind: discrete first, with `WGPU_POWER_PREF=low` integrated first. A software adapter is
/// only taken by name or index.
///
/// # Errors
/// No adapter matches; the message lists those that exist.
pub fn choose(found: Vec<GpuAdapter>, wanted: Option<&str>) -> Result<GpuAdapter, GpuError> {
    let by_env = std::env::var("WGPU_ADAPTER_NAME").ok().filter(|name| !name.is_empty());
    let low_power = std::env::var("WGPU_POWER_PREF").is_ok_and(|pref| pref.eq_ignore_ascii_case("low"));
    choose_from(found, wanted.or(by_env.as_deref()), low_power, |found| &found.facts)
}

fn choose_from<T>(
    mut found: Vec<T>,
    wanted: Option<&str>,
    low_power: bool,
    facts: impl Fn(&T) -> &AdapterFacts,
) -> Result<T, GpuError> {
    let list = found.iter().map(|f| format!("[{}] {}", facts(f).index, facts(f).label()));
    let list = list.collect::<Vec<_>>().join(", ");
    let position = match wanted {
        Some(wanted) => {
            let name = wanted.to_lowercase();
            let index = found.iter().position(|f| wanted.parse() == Ok(facts(f).index));
            let position =
                index.or_else(|| found.iter().position(|f| facts(f).name.to_lowercase().contains(&name)));
            let wanted = wanted.to_string();
            let absent = match list.is_empty() {
                true => NoAdapter::NoGpuNamed { wanted },
                false => NoAdapter::Unknown { wanted, found: list },
            };
            position.ok_or(absent)?
        }
        None => {
            let rank = |kind: &str| match (kind, low_power) {
                ("discrete", false) | ("integrated", true) => 0,
                ("integrated", false) | ("discrete", true) => 1,
                ("virtual", _) => 2,
                _ => 3,
            };
            let hardware = found.iter().enumerate().filter(|(_, f)| !facts(f).is_software());
            let best = hardware.min_by_key(|(_, f)| rank(facts(f).kind)).map(|(position, _)| position);
            best.ok_or_else(|| match found.first() {
                None => NoAdapter::NoGpu,
                Some(first) => NoAdapter::SoftwareOnly {
                    name: facts(first).name.split_whitespace().next().unwrap_or("0").to_string(),
                },
            })?
        }
    };
    Ok(found.swap_remove(position))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(kinds: &[(&str, &'static str)]) -> Vec<AdapterFacts> {
        let facts = |(index, (name, kind)): (usize, &(&str, &'static str))| AdapterFacts {
            index,
            name: name.to_string(),
            kind,
            api: "vulkan".into(),
            driver: String::new(),
            max_binding_bytes: 0,
            max_buffer_bytes: 0,
            workgroup_bytes: 0,
            workgroup_invocations: 0,
            timestamps: false,
        };
        kinds.iter().enumerate().map(facts).collect()
    }

    fn taken(found: &[(&str, &'static str)], wanted: Option<&str>, low: bool) -> Result<String, String> {
        let chosen = choose_from(some(found), wanted, low, |f| f);
        chosen.map(|f| f.name).map_err(|e| e.to_string())
    }

    #[test]
    fn hardware_is_preferred_and_software_must_be_named() {
        let all =
            [("llvmpipe (LLVM 15)", "software"), ("Iris Xe", "integrated"), ("NVIDIA H100", "discrete")];
        assert_eq!(taken(&all, None, false).unwrap(), "NVIDIA H100");
        assert_eq!(taken(&all, None, true).unwrap(), "Iris Xe");
        assert_eq!(taken(&all, Some("h100"), true).unwrap(), "NVIDIA H100");
        assert_eq!(taken(&all, Some("1"), false).unwrap(), "Iris Xe");
        assert_eq!(taken(&all, Some("LLVMpipe"), false).unwrap(), "llvmpipe (LLVM 15)");
        let refused = taken(&all[..1], None, false).unwrap_err();
        assert!(refused.contains("where it is named: llvmpipe"), "{refused}");
        let unknown = taken(&all, Some("radeon"), false).unwrap_err();
        assert!(unknown.contains("radeon") && unknown.contains("[2] NVIDIA H100"), "{unknown}");
        assert!(taken(&[], None, false).unwrap_err().contains("origami doctor"));
    }
}

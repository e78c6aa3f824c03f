//! The adapter that tests run on.
//!
//! The best of the machine, a software one too: `ORIGAMI_GPU_ADAPTER` names another. Where there is none a test says `SKIPPED`, which
//! `ORIGAMI_REQUIRE_GPU=1` turns into a failure.

use std::io::Write;

use origami::gpu::{Faults, GpuAdapter, GpuBackend, GpuOptions, adapters};

/// The name of the adapter to run `test` on, for `--gpu-adapter`.
pub fn adapter(test: &str) -> Option<String> {
    let found = find()?;
    tell(&format!("{test}: on {}, {}", found.facts.label(), found.facts.driver));
    Some(found.facts.index.to_string())
}

/// Past the test harness, which shows the output of failures only: a log says what a test ran on.
fn tell(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn find() -> Option<GpuAdapter> {
    let named = std::env::var("ORIGAMI_GPU_ADAPTER").ok().map(|name| name.to_lowercase());
    let all = adapters().into_iter();
    let mut fitting =
        all.filter(|f| named.as_ref().is_none_or(|name| f.facts.name.to_lowercase().contains(name)));
    let first = fitting.next();
    let best = match first {
        Some(software) if software.facts.is_software() => {
            fitting.find(|f| !f.facts.is_software()).or(Some(software))
        }
        other => other,
    };
    if best.is_none() {
        let required = std::env::var("ORIGAMI_REQUIRE_GPU").is_ok_and(|v| v == "1");
        assert!(!required, "ORIGAMI_REQUIRE_GPU=1, and there is no adapter: install mesa-vulkan-drivers");
        tell("SKIPPED: no Vulkan adapter; mesa-vulkan-drivers has one in software");
    }
    best
}

/// Opens it with faults.
pub fn open(test: &str, faults: Faults) -> Option<GpuBackend> {
    let options = options(test, faults)?;
    Some(GpuBackend::open(&options).unwrap())
}

/// How to open it.
pub fn options(test: &str, faults: Faults) -> Option<GpuOptions> {
    Some(GpuOptions { adapter: Some(adapter(test)?), faults, ..GpuOptions::default() })
}

//! How the service and its machine are.

use std::fs;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};

use super::job::{Kind, Status, tenths};
use super::registry::Registry;
use super::timestamp;
use crate::backend::scheduler::free_memory_bytes;

const GIB: f64 = (1u64 << 30) as f64;

/// What `/health` answers.
pub fn json(registry: &Registry) -> Value {
    let mut problems: Vec<String> =
        registry.trouble().map(|_| "queue or results do not answer".into()).into_iter().collect();
    if let Err(e) = registry.renderer.tools() {
        problems.push(e.to_string());
    }
    let (mut queued, mut rendering, mut frames) = (0, 0, registry.figures.frames.load(Relaxed));
    for live in &registry.jobs().open {
        queued += u64::from(live.status == Status::Queued);
        if live.status == Status::Processing && live.job.kind == Kind::Render {
            rendering += 1;
            frames += live.seen.done;
        }
    }
    let free_gb = free_memory_bytes().map(|bytes| tenths(bytes as f64 / GIB));
    json!({
        "status": if problems.is_empty() { "healthy" } else { "degraded" },
        "gpu_count": gpus(), "available_memory": free_gb, "queue_length": queued, "timestamp": timestamp::text(registry.now_ms()),
        "workers": registry.options.max_concurrent, "parallel_rendering": registry.options.max_concurrent > 1 || registry.renderer.segments > 1,
        "browser_pool_size": registry.renderer.browsers(),
        // Frames wait for the encoder, and none is dropped.
        "streaming": {
            "pipeline_active": rendering > 0, "total_frames_processed": frames, "total_frames_dropped": 0,
            "average_drop_rate": 0.0,
        },
        "memory": {"process_mb": process_mb(), "system_available_gb": free_gb, "gpu_available_gb": null},
        "problems": problems,
    })
}

/// NVIDIA's GPUs, which encode video.
fn gpus() -> usize {
    fs::read_dir("/proc/driver/nvidia/gpus").map_or(0, Iterator::count)
}

/// Memory of this process in MB.
fn process_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(tenths(kib * 1024.0 / 1e6))
}

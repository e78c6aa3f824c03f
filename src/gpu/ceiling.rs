//! The limits of an adapter, measured: the ceiling that benches compare kernels with.

use std::time::{Duration, Instant};

use serde::Serialize;
use wgpu::{BufferUsages, ComputePassDescriptor};

use super::device::Device;
use super::job::JOB_WINDOW_BYTES;
use crate::backend::GpuError;

/// Bytes of the buffers that are copied.
const COPY_BYTES: u64 = 64 << 20;
/// Rounds of 16 multiply-adds an invocation.
const ROUNDS: u32 = 4096;
/// Invocations.
const INVOCATIONS: u32 = 1 << 20;

/// An adapter's limits, measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ceiling {
    /// Bytes read plus bytes written a second by a plain buffer copy.
    pub copy_bytes_per_s: f64,
    /// 32-bit integer multiply-adds a second.
    pub multiply_adds_per_s: f64,
}

impl Ceiling {
    /// Measures both; takes about a second on hardware.
    pub(super) fn measure(device: &Device) -> Result<Self, GpuError> {
        let software = device.facts.is_software();
        let both = BufferUsages::COPY_SRC | BufferUsages::COPY_DST | BufferUsages::STORAGE;
        let (a, b) =
            (device.buffer("copy from", COPY_BYTES, both)?, device.buffer("copy to", COPY_BYTES, both)?);
        let copies = if software { 4 } else { 64 };
        let copy = best(device, |encoder| {
            for _ in 0..copies {
                encoder.copy_buffer_to_buffer(&a, 0, &b, 0, COPY_BYTES);
            }
        })?;
        let tables = device.buffer("factors", 16, BufferUsages::STORAGE)?;
        let jobs = device.buffer("jobs", JOB_WINDOW_BYTES as u64, BufferUsages::STORAGE)?;
        let (rounds, groups) = if software { (ROUNDS / 16, 64) } else { (ROUNDS, INVOCATIONS / 256) };
        let source = format!(
            "const ROUNDS: u32 = {rounds}u;\n{}",
            include_str!("../../shaders/bench/integer_rate.wgsl")
        );
        let pipeline = device.guarded(|_| device.single_pipeline("integer rate", source))?;
        let bindings = device.guarded(|_| device.bind(&a, &tables, &jobs))?;
        let compute = best(device, |encoder| {
            let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &bindings, &[0]);
            pass.dispatch_workgroups(groups, 1, 1);
        })?;
        let done = f64::from(groups) * 256.0 * f64::from(rounds) * 16.0;
        Ok(Self {
            copy_bytes_per_s: 2.0 * COPY_BYTES as f64 * f64::from(copies) / copy.as_secs_f64(),
            multiply_adds_per_s: done / compute.as_secs_f64(),
        })
    }
}

/// The shortest of five runs, from submission to completion.
fn best(device: &Device, record: impl Fn(&mut wgpu::CommandEncoder)) -> Result<Duration, GpuError> {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let mut encoder = device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        record(&mut encoder);
        let commands = encoder.finish();
        let started = Instant::now();
        device.queue.submit([commands]);
        if !device.wait(None, Duration::from_secs(30))? {
            return Err(GpuError::Hung { seconds: 30 });
        }
        device.healthy()?;
        best = best.min(started.elapsed());
    }
    Ok(best)
}

//! The buffers of one batch, made once and reused.

use wgpu::{BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePassDescriptor, MapMode};

use super::batch_jobs::{Dispatch, MAX_TABLE_ROWS, PlacedTable};
use super::device::Device;
use super::job::{JOB_WINDOW_BYTES, MAX_JOBS_BYTES};
use crate::backend::GpuError;

/// Bytes of a row of tables.
const ROW_BYTES: u64 = 16;
/// Byte offset of the planes in the upload buffer: after jobs and tables.
pub const PLANES_OFFSET: u64 = MAX_JOBS_BYTES as u64 + MAX_TABLE_ROWS as u64 * ROW_BYTES;
/// Timestamps: around the kernels, then around the whole crossing.
const TIMESTAMPS: u32 = 4;
/// Bytes of the timestamps at the end of the download buffer.
const TIMESTAMP_BYTES: u64 = 8 * TIMESTAMPS as u64;

/// Nanoseconds of a crossing by the device's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceTimes {
    /// Copies over the bus to the device; 0 where the clock does not tell.
    pub up_ns: u64,
    /// Kernels.
    pub kernels_ns: u64,
    /// Copies back; 0 where the clock does not tell.
    pub down_ns: u64,
}

/// A copy between a staging buffer and the arena, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct BufferCopy {
    /// Offset in the upload buffer, after [`PLANES_OFFSET`], or in the download buffer.
    pub staging: u64,
    /// Offset in the arena.
    pub arena: u64,
    /// Length.
    pub bytes: u64,
}

/// One round trip of a batch, ready for the device.
pub struct Submission {
    /// Planes to upload.
    pub uploads: Vec<BufferCopy>,
    /// Dispatches, in order.
    pub dispatches: Vec<Dispatch>,
    /// Their jobs.
    pub jobs: Vec<u8>,
    /// Tables to upload.
    pub tables: Vec<PlacedTable>,
    /// Planes to download.
    pub downloads: Vec<BufferCopy>,
}

/// Device buffers of a batch, and the staging buffers to and from them.
pub struct Workspace {
    arena: Buffer,
    tables: Buffer,
    jobs: Buffer,
    pub(super) upload: Buffer,
    pub(super) download: Buffer,
    bindings: BindGroup,
    timer: Option<(wgpu::QuerySet, Buffer)>,
    staging_bytes: u64,
}

impl Workspace {
    /// With `arena_bytes` for planes on the device and `staging_bytes` for planes in each staging buffer.
    ///
    /// # Errors
    /// Out of device memory.
    pub fn new(device: &Device, arena_bytes: u64, staging_bytes: u64) -> Result<Self, GpuError> {
        let storage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let arena = device.buffer("arena", arena_bytes, storage | BufferUsages::COPY_SRC)?;
        let tables = device.buffer("tables", u64::from(MAX_TABLE_ROWS) * ROW_BYTES, storage)?;
        let jobs = device.buffer("jobs", (MAX_JOBS_BYTES + JOB_WINDOW_BYTES) as u64, storage)?;
        let upload = device.buffer(
            "upload",
            PLANES_OFFSET + staging_bytes,
            BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC,
        )?;
        let download = device.buffer(
            "download",
            staging_bytes + TIMESTAMP_BYTES,
            BufferUsages::MAP_READ | BufferUsages::COPY_DST,
        )?;
        let timer = if device.facts.timestamps { Some(timer(device)?) } else { None };
        let bindings = device.guarded(|_| device.bind(&arena, &tables, &jobs))?;
        Ok(Self { arena, tables, jobs, upload, download, bindings, timer, staging_bytes })
    }

    /// Writes jobs and tables to the upload buffer, records a round trip and submits it to the queue. The
    /// upload buffer must be mapped, the download buffer unmapped. Requests a mapping of both; `mapped` is
    /// called once for each.
    ///
    /// # Errors
    /// The device has unmapped the upload buffer.
    pub fn submit(
        &self,
        device: &Device,
        submission: &Submission,
        mapped: impl Fn(Result<(), wgpu::BufferAsyncError>) + Clone + Send + 'static,
    ) -> Result<wgpu::SubmissionIndex, GpuError> {
        self.write(0, &submission.jobs)?;
        for (table, row) in &submission.tables {
            let rows = bytemuck::cast_slice(&table.rows);
            self.write(MAX_JOBS_BYTES as u64 + u64::from(*row) * ROW_BYTES, rows)?;
        }
        self.upload.unmap();
        let mut encoder =
            device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("batch") });
        self.record(device, &mut encoder, submission);
        let index = device.queue.submit([encoder.finish()]);
        self.upload.map_async(MapMode::Write, .., mapped.clone());
        self.download.map_async(MapMode::Read, .., mapped);
        Ok(index)
    }

    fn record(&self, device: &Device, encoder: &mut CommandEncoder, submission: &Submission) {
        let around = self.timer.as_ref().filter(|_| device.times_copies);
        if let Some((queries, _)) = around {
            encoder.write_timestamp(queries, 2);
        }
        encoder.copy_buffer_to_buffer(
            &self.upload,
            0,
            &self.jobs,
            0,
            submission.jobs.len().next_multiple_of(4) as u64,
        );
        for (table, row) in &submission.tables {
            let (at, bytes) = (u64::from(*row) * ROW_BYTES, table.rows.len() as u64 * ROW_BYTES);
            encoder.copy_buffer_to_buffer(&self.upload, MAX_JOBS_BYTES as u64 + at, &self.tables, at, bytes);
        }
        for copy in &submission.uploads {
            encoder.copy_buffer_to_buffer(
                &self.upload,
                PLANES_OFFSET + copy.staging,
                &self.arena,
                copy.arena,
                copy.bytes,
            );
        }
        let timestamp_writes = self.timer.as_ref().map(|(queries, _)| wgpu::ComputePassTimestampWrites {
            query_set: queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        });
        let mut pass =
            encoder.begin_compute_pass(&ComputePassDescriptor { label: Some("batch"), timestamp_writes });
        device.record(&mut pass, &self.bindings, &submission.dispatches);
        drop(pass);
        for copy in &submission.downloads {
            encoder.copy_buffer_to_buffer(&self.arena, copy.arena, &self.download, copy.staging, copy.bytes);
        }
        if let Some((queries, _)) = around {
            encoder.write_timestamp(queries, 3);
        }
        if let Some((queries, resolved)) = &self.timer {
            let written = if around.is_some() { TIMESTAMPS } else { 2 };
            encoder.resolve_query_set(queries, 0..written, resolved, 0);
            encoder.copy_buffer_to_buffer(resolved, 0, &self.download, self.staging_bytes, TIMESTAMP_BYTES);
        }
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), GpuError> {
        let end = at + bytes.len() as u64;
        let view = self.upload.get_mapped_range_mut(at..end);
        view.map_err(|e| GpuError::Lost(e.to_string()))?.copy_from_slice(bytes);
        Ok(())
    }

    /// What the last round trip took by the device's clock, where it has one. The download buffer must be mapped.
    pub fn times(&self, device: &Device) -> Option<DeviceTimes> {
        self.timer.as_ref()?;
        let range = self.staging_bytes..self.staging_bytes + TIMESTAMP_BYTES;
        let view = self.download.get_mapped_range(range).ok()?;
        let [begin, end, first, last]: [u64; TIMESTAMPS as usize] =
            bytemuck::try_pod_read_unaligned(&view).ok()?;
        // Some clocks stand still or run backwards.
        let period = f64::from(device.queue.get_timestamp_period());
        let ns = |from: u64, to: u64| (to.saturating_sub(from) as f64 * period) as u64;
        let of_copies = |ns| if device.times_copies { ns } else { 0 };
        let times = DeviceTimes {
            up_ns: of_copies(ns(first, begin)),
            kernels_ns: ns(begin, end),
            down_ns: of_copies(ns(end, last)),
        };
        (times.kernels_ns > 0).then_some(times)
    }
}

fn timer(device: &Device) -> Result<(wgpu::QuerySet, Buffer), GpuError> {
    let queries = device.guarded(|device| {
        device.create_query_set(&wgpu::QuerySetDescriptor {
            label: None,
            ty: wgpu::QueryType::Timestamp,
            count: TIMESTAMPS,
        })
    })?;
    let usage = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC;
    Ok((queries, device.buffer("timestamps", TIMESTAMP_BYTES, usage)?))
}

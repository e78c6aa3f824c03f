//! The buffers of one batch, made once and used again and again.

use wgpu::{BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePassDescriptor, MapMode};

use super::assembly::{JOBS_BYTES, TABLE_ROWS};
use super::device::{Device, Dispatch, JOB_WINDOW_BYTES};
use super::tables::DeviceTable;
use crate::backend::GpuError;

/// Bytes of a row of tables.
const ROW_BYTES: u64 = 16;
/// Where planes begin in the upload buffer: after jobs and tables.
pub const PLANES_AT: u64 = JOBS_BYTES as u64 + TABLE_ROWS as u64 * ROW_BYTES;
/// Bytes of the two timestamps at the end of the download buffer.
const TIME_BYTES: u64 = 16;

/// A copy between staging and the arena, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Copy {
    /// Where in the upload buffer, after [`PLANES_AT`], or in the download buffer.
    pub staging: u64,
    /// Where in the arena.
    pub arena: u64,
    /// How much.
    pub bytes: u64,
}

/// One crossing of a batch, ready to go.
pub struct Crossing {
    /// Planes that go up.
    pub up: Vec<Copy>,
    /// What runs.
    pub dispatches: Vec<Dispatch>,
    /// Its jobs.
    pub jobs: Vec<u8>,
    /// Tables that are new to the workspace, with their rows.
    pub tables: Vec<(std::sync::Arc<DeviceTable>, u32)>,
    /// Planes that come back.
    pub down: Vec<Copy>,
}

/// Device buffers of a batch, and the staging buffers on either side.
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
    /// With `arena_bytes` for planes on the device and `staging_bytes` for those on their way, either way.
    ///
    /// # Errors
    /// No memory.
    pub fn new(device: &Device, arena_bytes: u64, staging_bytes: u64) -> Result<Self, GpuError> {
        let storage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let arena = device.buffer("arena", arena_bytes, storage | BufferUsages::COPY_SRC)?;
        let tables = device.buffer("tables", u64::from(TABLE_ROWS) * ROW_BYTES, storage)?;
        let jobs = device.buffer("jobs", (JOBS_BYTES + JOB_WINDOW_BYTES) as u64, storage)?;
        let upload = device.buffer(
            "upload",
            PLANES_AT + staging_bytes,
            BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC,
        )?;
        let download = device.buffer(
            "download",
            staging_bytes + TIME_BYTES,
            BufferUsages::MAP_READ | BufferUsages::COPY_DST,
        )?;
        let timer = if device.facts.timestamps { Some(timer(device)?) } else { None };
        let bindings = device.guarded(|_| device.bind(&arena, &tables, &jobs))?;
        Ok(Self { arena, tables, jobs, upload, download, bindings, timer, staging_bytes })
    }

    /// Writes what the host still has to give, records a crossing and hands it to the queue. Upload must be mapped, download not; both
    /// are then asked to be mapped, and `mapped` is told twice.
    ///
    /// # Errors
    /// A mapping that the device has taken away.
    pub fn submit(
        &self,
        device: &Device,
        crossing: &Crossing,
        mapped: impl Fn(Result<(), wgpu::BufferAsyncError>) + Clone + Send + 'static,
    ) -> Result<wgpu::SubmissionIndex, GpuError> {
        self.write(0, &crossing.jobs)?;
        for (table, row) in &crossing.tables {
            let bytes: Vec<u8> = table.rows.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
            self.write(JOBS_BYTES as u64 + u64::from(*row) * ROW_BYTES, &bytes)?;
        }
        self.upload.unmap();
        let mut encoder =
            device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("batch") });
        self.record(device, &mut encoder, crossing);
        let index = device.queue.submit([encoder.finish()]);
        self.upload.map_async(MapMode::Write, .., mapped.clone());
        self.download.map_async(MapMode::Read, .., mapped);
        Ok(index)
    }

    fn record(&self, device: &Device, encoder: &mut CommandEncoder, crossing: &Crossing) {
        encoder.copy_buffer_to_buffer(
            &self.upload,
            0,
            &self.jobs,
            0,
            crossing.jobs.len().next_multiple_of(4) as u64,
        );
        for (table, row) in &crossing.tables {
            let (at, bytes) = (u64::from(*row) * ROW_BYTES, table.rows.len() as u64 * ROW_BYTES);
            encoder.copy_buffer_to_buffer(&self.upload, JOBS_BYTES as u64 + at, &self.tables, at, bytes);
        }
        for copy in &crossing.up {
            encoder.copy_buffer_to_buffer(
                &self.upload,
                PLANES_AT + copy.staging,
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
        device.record(&mut pass, &self.bindings, &crossing.dispatches);
        drop(pass);
        for copy in &crossing.down {
            encoder.copy_buffer_to_buffer(&self.arena, copy.arena, &self.download, copy.staging, copy.bytes);
        }
        if let Some((queries, resolved)) = &self.timer {
            encoder.resolve_query_set(queries, 0..2, resolved, 0);
            encoder.copy_buffer_to_buffer(resolved, 0, &self.download, self.staging_bytes, TIME_BYTES);
        }
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), GpuError> {
        let end = at + bytes.len() as u64;
        let view = self.upload.get_mapped_range_mut(at..end);
        view.map_err(|e| GpuError::Lost(e.to_string()))?.copy_from_slice(bytes);
        Ok(())
    }

    /// Nanoseconds that the passes of the last crossing took on the device, where it keeps time. Download must be mapped.
    pub fn device_ns(&self, device: &Device) -> Option<u64> {
        self.timer.as_ref()?;
        let view =
            self.download.get_mapped_range(self.staging_bytes..self.staging_bytes + TIME_BYTES).ok()?;
        let tick = |at: usize| view[at..at + 8].try_into().map(u64::from_le_bytes).unwrap_or(0);
        // Clocks that stand still or run backwards have been seen.
        let ticks = tick(8).saturating_sub(tick(0));
        (ticks > 0).then_some((ticks as f64 * f64::from(device.queue.get_timestamp_period())) as u64)
    }
}

fn timer(device: &Device) -> Result<(wgpu::QuerySet, Buffer), GpuError> {
    let queries = device.guarded(|device| {
        device.create_query_set(&wgpu::QuerySetDescriptor {
            label: None,
            ty: wgpu::QueryType::Timestamp,
            count: 2,
        })
    })?;
    Ok((queries, device.buffer("times", TIME_BYTES, BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC)?))
}

//! A family's slot in a batch: copies its planes to the upload buffer and from the download buffer.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Instant;

use super::batch_jobs::ProgramTables;
use super::batch_queue::BatchQueue;
use super::batch_state::FamilyRegion;
use super::fault::Stage;
use super::program::{PlaneLayout, Program};
use super::workspace::PLANES_OFFSET;
use crate::backend::GpuError;
use crate::image::plane::{Plane, PlaneRef};

/// A family's slot in a batch. Dropping it leaves the batch.
pub struct BatchSlot {
    queue: Arc<BatchQueue>,
    program: Arc<Program>,
    batch: usize,
    region: FamilyRegion,
    /// Round trips completed.
    completed: usize,
    /// Whether the planes of the next round trip are in the upload buffer.
    uploaded: bool,
}

impl std::fmt::Debug for BatchSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchSlot")
            .field("batch", &self.batch)
            .field("completed", &self.completed)
            .finish_non_exhaustive()
    }
}

impl BatchSlot {
    /// Joins a batch of `queue`; pending while there is none.
    pub fn poll_join(
        queue: &Arc<BatchQueue>,
        program: &Arc<Program>,
        tables: &ProgramTables,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self, GpuError>> {
        queue.join(program, tables, context).map_ok(|(batch, region)| {
            let (queue, program) = (queue.clone(), program.clone());
            Self { queue, program, batch, region, completed: 0, uploaded: false }
        })
    }

    /// Whether the slot belongs to this queue.
    pub fn belongs_to(&self, queue: &Arc<BatchQueue>) -> bool {
        Arc::ptr_eq(&self.queue, queue)
    }

    /// Makes the next round trip: uploads its planes, in the order of the program, waits, and downloads the
    /// results.
    ///
    /// # Errors
    /// The device failed. The caller still has its planes.
    pub async fn round_trip(&mut self, planes: &[PlaneRef<'_>]) -> Result<Vec<Plane>, GpuError> {
        self.round_trip_into(planes, Vec::new()).await
    }

    /// As [`Self::round_trip`]; the results reuse the memory of `used`, as far as it goes.
    ///
    /// # Errors
    /// As [`Self::round_trip`].
    pub async fn round_trip_into(
        &mut self,
        planes: &[PlaneRef<'_>],
        used: Vec<Plane>,
    ) -> Result<Vec<Plane>, GpuError> {
        let started = Instant::now();
        self.upload(planes)?;
        self.queue.counters.upload_ns.fetch_add(started.elapsed().as_nanos() as u64, Relaxed);
        self.uploaded = true;
        self.queue.uploaded(self.batch);
        std::future::poll_fn(|context| self.queue.poll_returned(self.batch, self.completed, context)).await?;
        self.uploaded = false;
        let started = Instant::now();
        let results = self.download(used);
        self.queue.counters.download_ns.fetch_add(started.elapsed().as_nanos() as u64, Relaxed);
        self.completed += 1;
        results
    }

    fn upload(&self, planes: &[PlaneRef<'_>]) -> Result<(), GpuError> {
        let _copying = self.queue.device.copying()?;
        let layouts = &self.program.round_trips[self.completed].upload;
        debug_assert_eq!(planes.len(), layouts.len(), "one plane for each layout");
        let base = PLANES_OFFSET + self.region.staging[self.completed].0;
        let buffer = &self.queue.workspaces[self.batch].upload;
        let mut written = 0;
        for (plane, layout) in planes.iter().zip(layouts) {
            let at = base + 4 * u64::from(layout.offset - layouts[0].offset);
            let bytes = 4 * u64::from(layout.words());
            let lost = |e: wgpu::MapRangeError| GpuError::Lost(e.to_string());
            let mut view = buffer.get_mapped_range_mut(at..at + bytes).map_err(lost)?;
            let stride = 4 * layout.stride() as usize;
            debug_assert_eq!((plane.width, plane.height), (layout.row_bytes(), layout.height));
            match plane.packed().filter(|_| stride == plane.width) {
                Some(samples) => view.copy_from_slice(samples),
                None => {
                    for y in 0..plane.height {
                        view.slice(y * stride..y * stride + plane.width).copy_from_slice(plane.row(y));
                    }
                }
            }
            written += bytes;
        }
        self.queue.counters.upload_bytes.fetch_add(written, Relaxed);
        Ok(())
    }

    fn download(&self, used: Vec<Plane>) -> Result<Vec<Plane>, GpuError> {
        let device = &self.queue.device;
        if device.faults.at(Stage::Download).is_some() {
            self.queue.fail(device.lose());
        }
        let _copying = device.copying()?;
        let layouts = &self.program.round_trips[self.completed].download;
        let base = self.region.staging[self.completed].1;
        let first = layouts.first().map_or(0, |layout| layout.offset);
        let spare = used.into_iter().chain(std::iter::repeat_with(Plane::default));
        let read = |(layout, mut plane): (&PlaneLayout, Plane)| {
            self.download_plane(base + 4 * u64::from(layout.offset - first), layout, &mut plane)?;
            Ok(plane)
        };
        layouts.iter().zip(spare).map(read).collect()
    }

    fn download_plane(&self, at: u64, layout: &PlaneLayout, plane: &mut Plane) -> Result<(), GpuError> {
        let bytes = 4 * u64::from(layout.words());
        let buffer = &self.queue.workspaces[self.batch].download;
        let view = buffer.get_mapped_range(at..at + bytes).map_err(|e| GpuError::Lost(e.to_string()))?;
        self.queue.counters.download_bytes.fetch_add(bytes, Relaxed);
        let (width, stride) = (layout.row_bytes(), 4 * layout.stride() as usize);
        plane.copy_from(PlaneRef::new(&view, width, layout.height, stride));
        Ok(())
    }
}

impl Drop for BatchSlot {
    fn drop(&mut self) {
        self.queue.leave(self.batch, self.completed, self.uploaded);
    }
}

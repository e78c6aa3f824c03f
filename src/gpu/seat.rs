//! A family's place in a batch: its planes there and back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::desk::{At, Region};
use super::fault::Stage;
use super::lanes::{Counters, Lanes};
use super::program::{Place, Program};
use super::workspace::PLANES_AT;
use crate::backend::GpuError;
use crate::image::plane::{Plane, PlaneRef};

/// A family's place in a batch. Dropping it leaves the batch.
pub struct Seat {
    lanes: Arc<Lanes>,
    program: Arc<Program>,
    desk: usize,
    region: Region,
    /// Crossings made.
    turn: usize,
    /// Its planes for the next one are in the upload buffer.
    arrived: bool,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat").field("desk", &self.desk).field("turn", &self.turn).finish_non_exhaustive()
    }
}

impl Seat {
    /// A place that `desk` has given.
    pub(super) fn new(lanes: Arc<Lanes>, program: Arc<Program>, desk: usize, region: Region) -> Self {
        Self { lanes, program, desk, region, turn: 0, arrived: false }
    }

    /// Whether the seat is on this device.
    pub fn is_of(&self, lanes: &Arc<Lanes>) -> bool {
        Arc::ptr_eq(&self.lanes, lanes)
    }

    /// Hands in the planes of the next crossing, in the order of the program, and waits for what comes back.
    ///
    /// # Errors
    /// The device failed; the planes are still the caller's.
    pub async fn cross(&mut self, planes: &[PlaneRef<'_>]) -> Result<Vec<Plane>, GpuError> {
        self.cross_into(planes, Vec::new()).await
    }

    /// As [`Self::cross`], in the memory of planes that have been used up, as far as there are any.
    ///
    /// # Errors
    /// As [`Self::cross`].
    pub async fn cross_into(
        &mut self,
        planes: &[PlaneRef<'_>],
        used: Vec<Plane>,
    ) -> Result<Vec<Plane>, GpuError> {
        let started = Instant::now();
        self.write(planes)?;
        let counters = &self.lanes.counters;
        counters.upload_ns.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
        self.arrive();
        std::future::poll_fn(|context| self.back(context)).await?;
        let started = Instant::now();
        let made = self.read(used);
        self.lanes.counters.download_ns.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
        self.turn += 1;
        made
    }

    fn write(&self, planes: &[PlaneRef<'_>]) -> Result<(), GpuError> {
        let _copying = self.lanes.device.copying()?;
        let places = &self.program.phases[self.turn].up;
        debug_assert_eq!(planes.len(), places.len(), "one plane for each place");
        let base = PLANES_AT + self.region.staging[self.turn].0;
        let upload = &self.lanes.workspaces[self.desk].upload;
        let mut written = 0;
        for (plane, place) in planes.iter().zip(places) {
            let at = base + 4 * u64::from(place.at - places[0].at);
            let bytes = 4 * u64::from(place.words());
            let lost = |e: wgpu::MapRangeError| GpuError::Lost(e.to_string());
            let mut view = upload.get_mapped_range_mut(at..at + bytes).map_err(lost)?;
            let stride = 4 * place.stride() as usize;
            debug_assert_eq!((plane.width, plane.height), (place.row_bytes(), place.height));
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
        self.lanes.counters.upload_bytes.fetch_add(written, Ordering::Relaxed);
        Ok(())
    }

    fn arrive(&mut self) {
        self.arrived = true;
        let mut books = self.lanes.books();
        let desk = &mut books.desks[self.desk];
        desk.arrived += 1;
        let complete = if desk.closed {
            desk.complete().then_some(self.desk)
        } else {
            self.lanes.next_complete(&mut books)
        };
        drop(books);
        self.lanes.submit(complete);
    }

    fn back(&mut self, context: &mut Context<'_>) -> Poll<Result<(), GpuError>> {
        let mut books = self.lanes.books();
        // Under the lock: whoever fails the device takes the wakers after that.
        if let Err(e) = self.lanes.device.healthy() {
            return Poll::Ready(Err(e));
        }
        let desk = &mut books.desks[self.desk];
        if desk.turn > self.turn && desk.at == At::Host {
            self.arrived = false;
            return Poll::Ready(Ok(()));
        }
        desk.waiting.push(context.waker().clone());
        Poll::Pending
    }

    fn read(&self, used: Vec<Plane>) -> Result<Vec<Plane>, GpuError> {
        if self.lanes.device.faults.at(Stage::Download).is_some() {
            self.lanes.fail(self.lanes.device.lose());
        }
        let _copying = self.lanes.device.copying()?;
        let places = &self.program.phases[self.turn].down;
        let base = self.region.staging[self.turn].1;
        let download = &self.lanes.workspaces[self.desk].download;
        let first = places.first().map_or(0, |place| place.at);
        let spare = used.into_iter().chain(std::iter::repeat_with(Plane::default));
        let read = |(place, mut plane): (&Place, Plane)| {
            let at = base + 4 * u64::from(place.at - first);
            read_plane(download, at, place, &self.lanes.counters, &mut plane)?;
            Ok(plane)
        };
        places.iter().zip(spare).map(read).collect()
    }
}

fn read_plane(
    download: &wgpu::Buffer,
    at: u64,
    place: &Place,
    counters: &Counters,
    plane: &mut Plane,
) -> Result<(), GpuError> {
    let bytes = 4 * u64::from(place.words());
    let view = download.get_mapped_range(at..at + bytes).map_err(|e| GpuError::Lost(e.to_string()))?;
    counters.download_bytes.fetch_add(bytes, Ordering::Relaxed);
    let (width, stride) = (place.row_bytes(), 4 * place.stride() as usize);
    plane.copy_from(PlaneRef::new(&view, width, place.height, stride));
    Ok(())
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut books = self.lanes.books();
        let desk = &mut books.desks[self.desk];
        desk.members -= 1;
        // What had arrived for a crossing that has not left does not leave any more.
        if self.arrived && desk.at == At::Host && desk.turn == self.turn {
            desk.arrived -= 1;
        }
        let (mut complete, mut wakers) = (None, Vec::new());
        if desk.members == 0 && desk.at == At::Host {
            desk.end();
            if books.open == Some(self.desk) {
                books.open = None;
            }
            wakers = books.joiners.drain(..).collect();
        } else if desk.complete() {
            complete = Some(self.desk);
        }
        drop(books);
        wakers.into_iter().for_each(Waker::wake);
        self.lanes.submit(complete);
    }
}

//! The kernels on a GPU, through WGSL: any number of families at a time, batched as they come.
//!
//! ```text
//! program    what one family needs: planes, passes         no device
//! tables     tables of taps as shaders read them           no device
//! assembly   programs of a batch put together              no device
//! desk       who is in a batch, how far it is              no device
//! seat       a family's place in a batch                   wakers
//! lanes      batches forming, travelling, coming back      threads, wakers
//! workspace  the buffers of one batch                      wgpu
//! device     queue, pipelines, errors                      wgpu
//! adapter    which adapters there are                      wgpu
//! ```
//!
//! Every call keeps the host's planes with the caller. When the device fails, every family in flight gets a [`GpuError`] and its
//! planes are still there: see `engine` for what is done then.

mod adapter;
mod assembly;
pub mod auto;
mod ceiling;
mod desk;
mod device;
pub mod engine;
mod fault;
mod lanes;
pub mod parity;
mod program;
mod seat;
mod shader;
mod tables;
mod workspace;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{JoinHandle, current};
use std::time::Duration;

pub use crate::backend::GpuError;
pub use adapter::{AdapterFacts, Found, adapters, choose};
pub use ceiling::Ceiling;
pub use fault::{Fault, Faults, Stage};
pub use program::{Form, Job, Phase, Place, Program, Room, Steps};
pub use shader::{Kernel, Pass};

use self::assembly::ProgramTables;
use self::desk::Capacity;
use self::device::Device;
use self::lanes::Lanes;
use self::program::Programs;
pub(super) use self::seat::Seat;
use self::tables::DeviceTables;
use self::workspace::Workspace;
use crate::backend::error::Result;
use crate::backend::scheduler::free_memory_bytes;
use crate::backend::{Backend, Base, CpuBackend, Pending, Predicted, Ticket};
use crate::image::family::{DecodedFamily, Pixels, Reconstruction, SourceFamily, Want};
use crate::image::geometry::Geometry;
use crate::image::plane::{Plane, PlaneRef};
use crate::image::spec;
use crate::image::ycc::{Sampling, Ycc};
use crate::params::{Coding, EncodeParams};

/// How to open a GPU.
#[derive(Clone, Debug)]
pub struct GpuOptions {
    /// Name, part of a name or index of an adapter; `None` takes the best that is not software.
    pub adapter: Option<String>,
    /// Bytes of all batches together: half for planes on the device, half for planes on their way; `None` for what suits the adapter
    /// and the host.
    pub memory_bytes: Option<u64>,
    /// How long a batch may take before the device counts as hung.
    pub deadline: Duration,
    /// How long a batch should take on the device: long enough to be efficient, short enough for whoever waits for one of its families.
    pub batch_time: Duration,
    /// Failures on purpose, for tests.
    pub faults: Faults,
}

impl Default for GpuOptions {
    fn default() -> Self {
        Self {
            adapter: None,
            memory_bytes: None,
            deadline: Duration::from_secs(30),
            batch_time: Duration::from_millis(50),
            faults: Faults::default(),
        }
    }
}

/// The least that a workspace must hold.
const LEAST_ARENA_BYTES: u64 = 16 << 20;

/// What the device has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct GpuStats {
    /// Batches handed to the device; an encode's count twice.
    pub crossings: u64,
    /// Families in them.
    pub families: u64,
    /// Time that passes took, by the device's clock where it has one, in nanoseconds.
    pub device_ns: u64,
    /// Time from submission to completion, in nanoseconds.
    pub crossing_ns: u64,
    /// Time that threads spent copying planes into staging buffers, in nanoseconds.
    pub upload_ns: u64,
    /// Time that threads spent copying planes out of them, in nanoseconds.
    pub download_ns: u64,
    /// Bytes to the device.
    pub upload_bytes: u64,
    /// Bytes from it.
    pub download_bytes: u64,
}

/// How far a device was put to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GpuPeaks {
    /// Most families in one batch.
    pub families: u64,
    /// Most batches under way at a time.
    pub batches: u64,
    /// Buffers ever made: the workspaces' at the start, none after that.
    pub buffers: u64,
}

impl GpuStats {
    fn each(self, other: Self, both: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            crossings: both(self.crossings, other.crossings),
            families: both(self.families, other.families),
            device_ns: both(self.device_ns, other.device_ns),
            crossing_ns: both(self.crossing_ns, other.crossing_ns),
            upload_ns: both(self.upload_ns, other.upload_ns),
            download_ns: both(self.download_ns, other.download_ns),
            upload_bytes: both(self.upload_bytes, other.upload_bytes),
            download_bytes: both(self.download_bytes, other.download_bytes),
        }
    }
}

impl std::ops::Add for GpuStats {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.each(other, u64::wrapping_add)
    }
}

impl std::ops::Sub for GpuStats {
    type Output = Self;

    /// What was done between `other`, an earlier look, and now.
    fn sub(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }
}

/// A GPU. Share one among all slides.
pub struct GpuBackend {
    lanes: Arc<Lanes>,
    waiter: Option<JoinHandle<()>>,
    programs: Programs,
    tables: DeviceTables,
    cpu: CpuBackend,
}

impl GpuBackend {
    /// Opens an adapter, compiles the shaders and takes the memory that it will use.
    ///
    /// # Errors
    /// No adapter of that name, a driver that refuses, a shader that does not compile, no memory.
    pub fn open(options: &GpuOptions) -> Result<Self, GpuError> {
        Self::open_adapter(choose(adapters(), options.adapter.as_deref())?, options)
    }

    /// As [`Self::open`], with the adapter at hand.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_adapter(found: Found, options: &GpuOptions) -> Result<Self, GpuError> {
        let device = Device::open(found, options.faults.clone())?;
        let (batches, mut arena_bytes) = workspaces(&device.facts, options.memory_bytes);
        loop {
            let staging_bytes = arena_bytes / 2;
            let made: Result<Vec<_>, _> =
                (0..batches).map(|_| Workspace::new(&device, arena_bytes, staging_bytes)).collect();
            match made {
                Ok(workspaces) => {
                    let capacity = Capacity { words: (arena_bytes / 4) as u32, staging_bytes };
                    let (lanes, waiter) =
                        Lanes::new(device, workspaces, capacity, options.deadline, options.batch_time);
                    let (programs, tables, cpu) = Default::default();
                    return Ok(Self { lanes, waiter, programs, tables, cpu });
                }
                // A smaller batch may do.
                Err(GpuError::OutOfMemory(_)) if arena_bytes / 2 >= LEAST_ARENA_BYTES => {
                    arena_bytes = arena_bytes / 2 / 256 * 256;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// What it runs on.
    pub fn adapter(&self) -> &AdapterFacts {
        &self.lanes.device.facts
    }

    /// What it has done so far.
    pub fn stats(&self) -> GpuStats {
        let c = &self.lanes.counters;
        GpuStats {
            crossings: c.crossings.load(Relaxed),
            families: c.families.load(Relaxed),
            device_ns: c.device_ns.load(Relaxed),
            crossing_ns: c.crossing_ns.load(Relaxed),
            upload_ns: c.upload_ns.load(Relaxed),
            download_ns: c.download_ns.load(Relaxed),
            upload_bytes: c.upload_bytes.load(Relaxed),
            download_bytes: c.download_bytes.load(Relaxed),
        }
    }

    /// How far it was put to use so far.
    pub fn peaks(&self) -> GpuPeaks {
        let c = &self.lanes.counters;
        GpuPeaks {
            families: c.most_families.load(Relaxed),
            batches: c.most_batches.load(Relaxed),
            buffers: self.lanes.device.buffers(),
        }
    }

    /// Whether a family would be taken at once.
    pub fn has_room(&self) -> bool {
        self.lanes.has_room()
    }

    /// The first thing that went wrong, if anything has. Nothing works after that; open it anew.
    ///
    /// # Errors
    /// What went wrong.
    pub fn healthy(&self) -> Result<(), GpuError> {
        self.lanes.device.healthy()
    }

    /// What this adapter can do at most, measured now: bandwidth of a plain copy, rate of integer arithmetic.
    ///
    /// # Errors
    /// What a device may do.
    pub fn ceiling(&self) -> Result<Ceiling, GpuError> {
        Ceiling::measure(&self.lanes.device)
    }

    /// Runs a program of one crossing on planes in the order of its places; for self-tests and benches.
    ///
    /// # Errors
    /// What a device may do.
    pub async fn run(&self, program: Program, planes: &[Plane]) -> Result<Vec<Plane>, GpuError> {
        let views: Vec<_> = planes.iter().map(Plane::view).collect();
        self.seat(program).await?.cross(&views).await
    }

    async fn seat(&self, program: Program) -> Result<Seat, GpuError> {
        let (program, tables) = (Arc::new(program), &self.tables);
        let tables = ProgramTables::new(&program.phases, tables);
        poll_fn(|context| self.lanes.join(&program, &tables, context)).await
    }

    async fn base_of(&self, params: &EncodeParams, source: &SourceFamily) -> Result<(Seat, Ycc)> {
        let mut seat = self.seat(self.programs.encode(params, source)?).await?;
        let planes: Vec<PlaneRef<'_>> = match &source.image {
            Pixels::Ycc(image) => planes_of(image),
            Pixels::Rgb(rgb) => vec![rgb.view()],
        };
        let made = seat.cross(&planes).await?;
        let l2 = ycc(made, params.coding().baseline_subsamp.sampling());
        Ok((seat, l2))
    }

    async fn residual_of(
        &self,
        params: &EncodeParams,
        source: &SourceFamily,
        ticket: Ticket,
        coded: &Ycc,
    ) -> Result<Predicted> {
        let of_this_device = ticket.into_device::<Seat>().filter(|seat| seat.is_of(&self.lanes));
        let mut seat = match of_this_device {
            Some(seat) => seat,
            // From another backend: L0 has to be uploaded first.
            None => self.base_of(params, source).await?.0,
        };
        let colour = params.coding().chroma_residual && coded.chroma.is_some();
        let planes = if colour { planes_of(coded) } else { vec![coded.luma.view()] };
        let made = seat.cross(&planes).await?;
        // Prediction and residual of one plane after the other.
        let (predictions, residuals): (Vec<_>, Vec<_>) =
            made.into_iter().enumerate().partition(|(i, _)| i.is_multiple_of(2));
        let image = |planes: Vec<(usize, Plane)>| {
            ycc(planes.into_iter().map(|(_, plane)| plane).collect(), Sampling::S420)
        };
        Ok(Predicted { prediction: image(predictions), residual: image(residuals) })
    }

    async fn reconstruct_of(
        &self,
        coding: &Coding,
        family: &DecodedFamily,
        want: Want,
        used: Reconstruction,
    ) -> Result<Reconstruction> {
        let mut seat = self.seat(self.programs.reconstruct(coding, family, want)?).await?;
        let colour = family.baseline.chroma.is_some() && want.sampling() != Sampling::Gray;
        let mut planes = if colour { planes_of(&family.baseline) } else { vec![family.baseline.luma.view()] };
        if colour {
            planes.extend(planes_of(&family.residual));
        } else {
            planes.push(family.residual.luma.view());
        }
        // L0 first, as the planes come back.
        let mut made = seat.cross_into(&planes, used.into_planes()).await?;
        if colour && want == Want::Rgb {
            let l1 = made.pop().map(Pixels::Rgb);
            let l0 = made.pop().map(Pixels::Rgb);
            let (Some(l0), Some(l1)) = (l0, l1) else { unreachable!("the program brings back two planes") };
            return Ok(Reconstruction { l0, l1 });
        }
        let sampling = if colour { want.sampling() } else { Sampling::Gray };
        let mut l1 = made.split_off(if colour { 3 } else { 1 });
        if let (true, 1, Some(chroma)) = (colour, l1.len(), &family.baseline.chroma) {
            // Chroma of L1 that is the L2 plane itself did not travel.
            let (width, height) = sampling.chroma_size(l1[0].width(), l1[0].height());
            l1.extend(chroma.iter().map(|plane| plane.view().part(0, 0, width, height).to_plane()));
        }
        Ok(Reconstruction { l0: Pixels::Ycc(ycc(made, sampling)), l1: Pixels::Ycc(ycc(l1, sampling)) })
    }
}

impl Drop for GpuBackend {
    fn drop(&mut self) {
        self.lanes.close();
        let hung = matches!(self.healthy(), Err(GpuError::Hung { .. }));
        // A driver must not be at work, nor be unloaded by another thread, while the process ends. One that hangs is not waited for.
        if let Some(waiter) =
            self.waiter.take().filter(|waiter| !hung && waiter.thread().id() != current().id())
        {
            drop(waiter.join());
        }
    }
}

/// How many batches may be under way, and bytes of planes of each, as far as the adapter lets a shader see them.
///
/// A batch of an encode keeps its workspace while the host codes its L2 tiles, so a fast device needs several: one forming, one or two
/// on the device, the others with the host. Staging buffers take as much host memory as the planes take of the device's.
fn workspaces(facts: &AdapterFacts, budget: Option<u64>) -> (u64, u64) {
    let (batches, suits): (u64, u64) = match facts.kind {
        "discrete" | "virtual" => (8, 3 << 30),
        "software" => (3, 192 << 20),
        _ => (4, 1 << 30),
    };
    let affordable = free_memory_bytes().map_or(suits, |free| suits.min(free / 4));
    let arena = budget.unwrap_or(affordable) / batches / 2;
    let most = facts.max_binding_bytes.min(facts.max_buffer_bytes).min(1 << 33);
    (batches, arena.min(most).max(LEAST_ARENA_BYTES) / 256 * 256)
}

fn planes_of(image: &Ycc) -> Vec<PlaneRef<'_>> {
    std::iter::once(&image.luma).chain(image.chroma.iter().flatten()).map(Plane::view).collect()
}

fn ycc(planes: Vec<Plane>, sampling: Sampling) -> Ycc {
    let mut planes = planes.into_iter();
    let luma = planes.next().unwrap_or_default();
    match (planes.next(), planes.next()) {
        (Some(cb), Some(cr)) => Ycc { luma, chroma: Some([cb, cr]), sampling },
        _ => Ycc::gray(luma),
    }
}

impl Backend for GpuBackend {
    fn name(&self) -> String {
        format!("gpu {}", self.adapter().label())
    }

    fn in_flight(&self, geometry: &Geometry) -> usize {
        // A family of an encode takes up to seven times its luma.
        let side = |n: u32| u64::from(n.min(geometry.tile() * spec::FAMILY_FACTOR));
        let words = side(geometry.width()) * side(geometry.height()) * 7 / 4;
        self.lanes.room_for(u32::try_from(words).unwrap_or(u32::MAX))
    }

    fn cpu(&self) -> &CpuBackend {
        &self.cpu
    }

    fn base<'a>(&'a self, params: &'a EncodeParams, source: &'a SourceFamily) -> Pending<'a, Base> {
        Box::pin(async move {
            let (seat, l2) = self.base_of(params, source).await?;
            Ok(Base { ticket: Ticket::on_device(seat), l2 })
        })
    }

    fn residual<'a>(
        &'a self,
        params: &'a EncodeParams,
        source: &'a SourceFamily,
        ticket: Ticket,
        coded: &'a Ycc,
    ) -> Pending<'a, Predicted> {
        Box::pin(self.residual_of(params, source, ticket, coded))
    }

    fn reconstruct_into<'a>(
        &'a self,
        coding: &'a Coding,
        family: &'a DecodedFamily,
        want: Want,
        used: Reconstruction,
    ) -> Pending<'a, Reconstruction> {
        Box::pin(self.reconstruct_of(coding, family, want, used))
    }
}

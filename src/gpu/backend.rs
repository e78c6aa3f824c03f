//! A GPU as a [`Backend`].

use std::future::poll_fn;
use std::sync::Arc;
use std::thread::{JoinHandle, current};

use super::adapter::{AdapterFacts, GpuAdapter, adapters, choose};
use super::batch_jobs::ProgramTables;
use super::batch_queue::BatchQueue;
use super::batch_slot::BatchSlot;
use super::batch_state::BatchCapacity;
use super::ceiling::Ceiling;
use super::completion;
use super::device::Device;
use super::options::GpuOptions;
use super::program::{Program, Programs};
use super::stats::{GpuPeaks, GpuStats};
use super::tables::DeviceTables;
use super::workspace::Workspace;
use crate::backend::GpuError;
use crate::backend::error::Result;
use crate::backend::scheduler::free_memory_bytes;
use crate::backend::{Backend, Base, Pending, Predicted, Ticket, Transformed};
use crate::codec::coefficients::{PackedImage, UNDECIDED};
use crate::image::family::{DecodedFamily, Pixels, Reconstruction, SourceFamily, Want};
use crate::image::geometry::Geometry;
use crate::image::plane::{Plane, PlaneRef};
use crate::image::spec;
use crate::image::ycc::{Sampling, Ycc};
use crate::params::{Coding, EncodeParams};
use crate::span::span;

/// The smallest arena of a workspace.
const MIN_ARENA_BYTES: u64 = 16 << 20;
/// The largest arena: 2^31 words, so that every offset in words fits 32 bits.
const MAX_ARENA_BYTES: u64 = 1 << 33;

/// A GPU. Share one among all slides.
pub struct GpuBackend {
    queue: Arc<BatchQueue>,
    completion: Option<JoinHandle<()>>,
    programs: Programs,
    tables: DeviceTables,
}

impl GpuBackend {
    /// Opens an adapter, compiles the shaders and allocates all memory.
    ///
    /// # Errors
    /// No adapter of that name, a driver that refuses, a shader that does not compile, out of memory.
    pub fn open(options: &GpuOptions) -> Result<Self, GpuError> {
        Self::open_adapter(choose(adapters(), options.adapter.as_deref())?, options)
    }

    /// As [`Self::open`], of a given adapter.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_adapter(adapter: GpuAdapter, options: &GpuOptions) -> Result<Self, GpuError> {
        let device = Device::open(adapter, options.faults.clone())?;
        let (batches, mut arena_bytes) = workspaces(&device.facts, options.memory_bytes);
        loop {
            let staging_bytes = arena_bytes / 2;
            let made: Result<Vec<_>, _> =
                (0..batches).map(|_| Workspace::new(&device, arena_bytes, staging_bytes)).collect();
            match made {
                Ok(workspaces) => {
                    let capacity = BatchCapacity { words: (arena_bytes / 4) as u32, staging_bytes };
                    let (queue, submissions) = BatchQueue::new(device, workspaces, capacity, options);
                    let queue = Arc::new(queue);
                    let completion = completion::spawn(&queue, submissions);
                    let (programs, tables) = Default::default();
                    return Ok(Self { queue, completion, programs, tables });
                }
                // Smaller batches may fit.
                Err(GpuError::OutOfMemory(_)) if arena_bytes / 2 >= MIN_ARENA_BYTES => {
                    arena_bytes = arena_bytes / 2 / 256 * 256;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// The adapter.
    pub fn adapter(&self) -> &AdapterFacts {
        &self.queue.device.facts
    }

    /// What it has done so far.
    pub fn stats(&self) -> GpuStats {
        self.queue.counters.stats()
    }

    /// Its largest use so far.
    pub fn peaks(&self) -> GpuPeaks {
        self.queue.counters.peaks(self.queue.device.buffers())
    }

    /// Words of the planes of a batch on the device.
    pub fn batch_words(&self) -> u32 {
        self.queue.batch_words()
    }

    /// Whether a batch would accept a family at once.
    pub fn has_free_slot(&self) -> bool {
        self.queue.has_free_slot()
    }

    /// Ok while the device works. After the first failure nothing works any more; open it again.
    ///
    /// # Errors
    /// The first failure.
    pub fn healthy(&self) -> Result<(), GpuError> {
        self.queue.device.healthy()
    }

    /// Measures the adapter's limits: bandwidth of a plain copy, rate of integer arithmetic.
    ///
    /// # Errors
    /// The device failed.
    pub fn ceiling(&self) -> Result<Ceiling, GpuError> {
        Ceiling::measure(&self.queue.device)
    }

    /// Runs a program of one round trip on planes in the order of its layouts; for self-tests and benches.
    ///
    /// # Errors
    /// The device failed.
    pub async fn run(&self, program: Program, planes: &[Plane]) -> Result<Vec<Plane>, GpuError> {
        let views: Vec<_> = planes.iter().map(Plane::view).collect();
        self.join(program).await?.round_trip(&views).await
    }

    async fn join(&self, program: Program) -> Result<BatchSlot, GpuError> {
        let program = Arc::new(program);
        let tables = ProgramTables::new(&program.round_trips, &self.tables);
        poll_fn(|context| BatchSlot::poll_join(&self.queue, &program, &tables, context)).await
    }

    async fn make_base(&self, params: &EncodeParams, source: &SourceFamily) -> Result<(BatchSlot, Ycc)> {
        let mut slot = self.join(self.programs.encode(params, source)?).await?;
        let made = slot.round_trip(&planes_of_source(source)).await?;
        let l2 = ycc(made, params.coding().baseline_subsamp.sampling());
        Ok((slot, l2))
    }

    async fn make_coefficients(
        &self,
        params: &EncodeParams,
        source: &SourceFamily,
    ) -> Result<Option<Transformed>> {
        let Some((program, crossing)) = self.programs.coefficients(params, source)? else {
            return Ok(None);
        };
        let mut slot = self.join(program).await?;
        let made = slot.round_trip(&planes_of_source(source)).await?;
        drop(slot);
        Ok(crossing.read(made))
    }

    async fn make_residual(
        &self,
        params: &EncodeParams,
        source: &SourceFamily,
        ticket: Ticket,
        coded: &Ycc,
    ) -> Result<Predicted> {
        let own_slot = ticket.into_device::<BatchSlot>().filter(|slot| slot.belongs_to(&self.queue));
        let mut slot = match own_slot {
            Some(slot) => slot,
            // The ticket of another backend: L0 must be uploaded first.
            None => self.make_base(params, source).await?.0,
        };
        let colour = params.coding().chroma_residual && coded.chroma.is_some();
        let planes = if colour { planes_of(coded) } else { vec![coded.luma.view()] };
        let made = slot.round_trip(&planes).await?;
        // Prediction and residual of one plane after the other.
        let (predictions, residuals): (Vec<_>, Vec<_>) =
            made.into_iter().enumerate().partition(|(i, _)| i.is_multiple_of(2));
        let image = |planes: Vec<(usize, Plane)>| {
            ycc(planes.into_iter().map(|(_, plane)| plane).collect(), Sampling::S420)
        };
        Ok(Predicted { prediction: image(predictions), residual: image(residuals) })
    }

    async fn make_reconstruction(
        &self,
        coding: &Coding,
        family: &DecodedFamily,
        packed: Option<&PackedImage>,
        want: Want,
        used: Reconstruction,
    ) -> Result<Option<Reconstruction>> {
        let mut slot = self.join(self.programs.reconstruct(coding, family, packed, want)?).await?;
        let colour = family.baseline.chroma.is_some() && want.sampling() != Sampling::Gray;
        let mut planes = if colour { planes_of(&family.baseline) } else { vec![family.baseline.luma.view()] };
        let count = if colour { 3 } else { 1 };
        let taken = packed.map_or(&[][..], |packed| &packed.planes[..packed.planes.len().min(count)]);
        match packed {
            None => planes.extend(planes_of(&family.residual).into_iter().take(count)),
            Some(_) => {
                planes.extend(taken.iter().flat_map(|plane| [row_of(&plane.blocks), row_of(&plane.values)]))
            }
        }
        // L0 first, in the order of the download.
        let mut made = slot.round_trip_into(&planes, used.into_planes()).await?;
        let flags = made.split_off(made.len() - taken.len());
        if flags.iter().any(|word| u32::from(word.data()[0]) & UNDECIDED != 0) {
            return Ok(None);
        }
        if colour && want == Want::Rgb {
            let l1 = made.pop().map(Pixels::Rgb);
            let l0 = made.pop().map(Pixels::Rgb);
            let (Some(l0), Some(l1)) = (l0, l1) else { unreachable!("the program downloads two planes") };
            return Ok(Some(Reconstruction { l0, l1 }));
        }
        let sampling = if colour { want.sampling() } else { Sampling::Gray };
        let mut l1 = made.split_off(if colour { 3 } else { 1 });
        if let (true, 1, Some(chroma)) = (colour, l1.len(), &family.baseline.chroma) {
            // Chroma of L1 that equals the L2 plane is not downloaded.
            let (width, height) = sampling.chroma_size(l1[0].width(), l1[0].height());
            l1.extend(chroma.iter().map(|plane| plane.view().part(0, 0, width, height).to_plane()));
        }
        Ok(Some(Reconstruction { l0: Pixels::Ycc(ycc(made, sampling)), l1: Pixels::Ycc(ycc(l1, sampling)) }))
    }
}

impl Drop for GpuBackend {
    fn drop(&mut self) {
        self.queue.close();
        let hung = matches!(self.healthy(), Err(GpuError::Hung { .. }));
        // While the process ends, a driver must neither be at work nor be unloaded by another thread. A hung
        // one is not waited for.
        let thread = self.completion.take();
        if let Some(thread) = thread.filter(|thread| !hung && thread.thread().id() != current().id()) {
            drop(thread.join());
        }
    }
}

/// The number of batches, and the bytes of the arena of each, as far as the adapter lets a shader see them.
///
/// A batch of an encode keeps its workspace while the host codes its L2 tiles, so a fast device needs
/// several: one that forms, one or two on the device, the others on the host. Staging buffers take as much
/// host memory as the arenas take of the device's.
fn workspaces(facts: &AdapterFacts, budget: Option<u64>) -> (u64, u64) {
    let (batches, preferred): (u64, u64) = match facts.kind {
        "discrete" | "virtual" => (8, 3 << 30),
        "software" => (3, 192 << 20),
        _ => (4, 1 << 30),
    };
    let affordable = free_memory_bytes().map_or(preferred, |free| preferred.min(free / 4));
    let arena = budget.unwrap_or(affordable) / batches / 2;
    let max = facts.max_binding_bytes.min(facts.max_buffer_bytes).min(MAX_ARENA_BYTES);
    (batches, arena.min(max).max(MIN_ARENA_BYTES) / 256 * 256)
}

fn planes_of(image: &Ycc) -> Vec<PlaneRef<'_>> {
    std::iter::once(&image.luma).chain(image.chroma.iter().flatten()).map(Plane::view).collect()
}

fn row_of(bytes: &[u8]) -> PlaneRef<'_> {
    PlaneRef::new(bytes, bytes.len(), 1, bytes.len())
}

fn planes_of_source(source: &SourceFamily) -> Vec<PlaneRef<'_>> {
    match &source.image {
        Pixels::Ycc(image) => planes_of(image),
        Pixels::Rgb(rgb) => vec![rgb.view()],
    }
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
        // A family of an encode takes up to ten times its luma.
        let side = |n: u32| u64::from(n.min(geometry.tile() * spec::FAMILY_FACTOR));
        let words = side(geometry.width()) * side(geometry.height()) * 10 / 4;
        self.queue.capacity_for(u32::try_from(words).unwrap_or(u32::MAX))
    }

    fn base<'a>(&'a self, params: &'a EncodeParams, source: &'a SourceFamily) -> Pending<'a, Base> {
        Box::pin(async move {
            let (slot, l2) = self.make_base(params, source).await?;
            Ok(Base { ticket: Ticket::on_device(slot), l2 })
        })
    }

    fn residual<'a>(
        &'a self,
        params: &'a EncodeParams,
        source: &'a SourceFamily,
        ticket: Ticket,
        coded: &'a Ycc,
    ) -> Pending<'a, Predicted> {
        Box::pin(self.make_residual(params, source, ticket, coded))
    }

    fn coefficients<'a>(
        &'a self,
        params: &'a EncodeParams,
        source: &'a SourceFamily,
    ) -> Pending<'a, Option<Transformed>> {
        Box::pin(self.make_coefficients(params, source))
    }

    fn takes_coefficients(&self) -> bool {
        true
    }

    fn reconstruct_packed<'a>(
        &'a self,
        coding: &'a Coding,
        family: &'a DecodedFamily,
        residual: &'a PackedImage,
        want: Want,
    ) -> Pending<'a, Option<Reconstruction>> {
        let made = self.make_reconstruction(coding, family, Some(residual), want, Reconstruction::default());
        Box::pin(span!("kernel", origami.backend = "gpu", origami.part = false).around(made))
    }

    fn reconstruct_into<'a>(
        &'a self,
        coding: &'a Coding,
        family: &'a DecodedFamily,
        want: Want,
        used: Reconstruction,
    ) -> Pending<'a, Reconstruction> {
        Box::pin(async move {
            let made = self.make_reconstruction(coding, family, None, want, used);
            let span = span!("kernel", origami.backend = "gpu", origami.part = false);
            let made = span.around(made).await?;
            Ok(made.unwrap_or_else(|| unreachable!("planes are decided")))
        })
    }
}

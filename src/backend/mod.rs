//! Where the pixel arithmetic runs, behind one trait, and the scheduler that feeds it.
//!
//! A backend takes families through the kernels, one family a call; one that works on many at once forms its own batches
//! from the calls that are waiting. It knows nothing of JPEG, files or archives: codecs run before, between and after
//! its calls. Every implementation returns identical bytes for identical input.

mod choice;
pub(crate) mod chroma;
mod cpu;
pub(crate) mod error;
mod executor;
mod gpu_error;
pub mod scheduler;
mod stream;

use std::any::Any;
use std::pin::Pin;

pub use choice::BackendChoice;
pub use cpu::CpuBackend;
pub use error::{Error, Result};
pub use gpu_error::GpuError;
pub use stream::Results;

use crate::image::family::{DecodedFamily, Reconstruction, SourceFamily, Want};
use crate::image::geometry::Geometry;
use crate::image::ycc::Ycc;
use crate::params::{Coding, EncodeParams};

/// What a backend call gives: ready at once on the CPU, later on a device. Nothing happens before the first poll;
/// dropping it gives the call up.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// State of a family between [`Backend::base`] and [`Backend::residual`]. It saves a conversion or an upload and nothing else: the
/// caller keeps the source planes, and every ticket works, including the default one, which is empty.
///
/// A ticket of a device holds a slot of a batch, and the batch waits for all its members: pass each ticket on to
/// [`Backend::residual`], or drop it, before you wait for the base of many more families. One future a family, as in
/// [`crate::residual::encode_family`], does that.
#[derive(Debug, Default)]
pub struct Ticket(TicketState);

#[derive(Debug, Default)]
enum TicketState {
    /// The source is planes already.
    #[default]
    Empty,
    /// An RGB source, converted to planes.
    Planes(Ycc),
    /// L0 luma is on a device; the value is that backend's own.
    Device(Box<dyn Any + Send>),
}

impl Ticket {
    /// Holds an RGB source that was converted to planes.
    pub fn with_planes(planes: Ycc) -> Self {
        Self(TicketState::Planes(planes))
    }

    /// Holds a device's own record of the family.
    pub fn on_device<T: Any + Send>(slot: T) -> Self {
        Self(TicketState::Device(Box::new(slot)))
    }

    /// Whether a device holds the family.
    pub fn is_on_device(&self) -> bool {
        matches!(self.0, TicketState::Device(_))
    }

    /// The converted planes, if it holds any. A slot on a device is given up.
    pub fn into_planes(self) -> Option<Ycc> {
        match self.0 {
            TicketState::Planes(planes) => Some(planes),
            TicketState::Empty | TicketState::Device(_) => None,
        }
    }

    /// The device's record, if it holds one of this type. Anything else is given up.
    pub fn into_device<T: Any + Send>(self) -> Option<T> {
        match self.0 {
            TicketState::Device(slot) => slot.downcast().ok().map(|slot| *slot),
            TicketState::Empty | TicketState::Planes(_) => None,
        }
    }
}

/// A family at the size of L2.
#[derive(Debug)]
pub struct Base {
    /// For [`Backend::residual`].
    pub ticket: Ticket,
    /// L2 as it is to be coded.
    pub l2: Ycc,
}

/// A family's L0, predicted from its decoded L2: luma alone, or 4:2:0 where chroma is to be corrected as well.
#[derive(Debug)]
pub struct Predicted {
    /// L0 as predicted.
    pub prediction: Ycc,
    /// What the prediction missed, around 128, at the size at which it is to be coded.
    pub residual: Ycc,
}

/// The arithmetic of both directions.
///
/// The caller keeps the [`SourceFamily`] and lends it to both calls of an encode. A device that is lost in between
/// therefore costs nothing: its backend, or another one, starts again from the same planes.
pub trait Backend: Send + Sync {
    /// Its name for logs and reports.
    fn name(&self) -> String;

    /// The CPU's kernels with their tables, for the steps that every backend does on the caller's thread:
    /// [`CpuBackend::correct`], [`CpuBackend::part`].
    fn cpu(&self) -> &CpuBackend;

    /// Families of such a slide that it can have in work at a time beside those on the caller's threads; 0 for the CPU. What
    /// [`scheduler::Scheduler::pipelined`] takes as `extra`.
    fn in_flight(&self, geometry: &Geometry) -> usize {
        let _ = geometry;
        0
    }

    /// L0 to L2 planes: colour conversion of an RGB source, downsample, then optL2, then sharpening where it is to be
    /// stored.
    ///
    /// # Errors
    /// Only what a device may do: lost, out of memory, late. The CPU does not fail.
    fn base<'a>(&'a self, params: &'a EncodeParams, source: &'a SourceFamily) -> Pending<'a, Base>;

    /// Predicts from the decoded L2 of a family and subtracts: the residual to be coded. `ticket` is that of
    /// [`Self::base`], of this backend or another.
    ///
    /// # Errors
    /// As [`Self::base`].
    fn residual<'a>(
        &'a self,
        params: &'a EncodeParams,
        source: &'a SourceFamily,
        ticket: Ticket,
        coded: &'a Ycc,
    ) -> Pending<'a, Predicted>;

    /// Decoded payloads to L0 and L1.
    ///
    /// # Errors
    /// As [`Self::base`].
    fn reconstruct<'a>(
        &'a self,
        coding: &'a Coding,
        family: &'a DecodedFamily,
        want: Want,
    ) -> Pending<'a, Reconstruction> {
        self.reconstruct_into(coding, family, want, Reconstruction::default())
    }

    /// As [`Self::reconstruct`], in the memory of a reconstruction that has been used up.
    ///
    /// # Errors
    /// As [`Self::base`].
    fn reconstruct_into<'a>(
        &'a self,
        coding: &'a Coding,
        family: &'a DecodedFamily,
        want: Want,
        used: Reconstruction,
    ) -> Pending<'a, Reconstruction>;
}

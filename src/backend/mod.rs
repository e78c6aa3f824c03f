//! The pixel arithmetic of a family behind one trait, and the scheduler that runs families on threads.
//!
//! A backend runs the kernels on a family, one family a call. A device that works on many at once forms
//! batches from the calls that are pending. A backend knows nothing of files or archives: codecs run before,
//! between and after its calls. A device may also do the transforms of JPEG, and then hands over coefficients.
//! Every implementation returns identical bytes for identical input.

mod cancel;
mod choice;
pub(crate) mod chroma;
pub mod cpu;
pub(crate) mod error;
pub mod executor;
mod gpu_error;
pub mod scheduler;
mod stream;

use std::any::Any;
use std::pin::Pin;

pub use cancel::Cancel;
pub use choice::{BackendChoice, BackendMode, Task};
pub use cpu::CpuBackend;
pub use error::{Error, Result};
pub use executor::MAX_THREADS;
pub use gpu_error::{GpuError, NoAdapter};
pub use stream::Results;

use crate::codec::Coefficients;
use crate::codec::coefficients::PackedImage;
use crate::image::family::{DecodedFamily, Proof, Reconstruction, SourceFamily, Want};
use crate::image::geometry::Geometry;
use crate::image::ycc::Ycc;
use crate::params::{Coding, EncodeParams};

/// The future of a backend call: ready in the first poll on the CPU, later on a device. It does nothing
/// before the first poll. Dropping it cancels the call.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// State of a family between [`Backend::base`] and [`Backend::residual`]. It only saves a conversion or an
/// upload: the caller keeps the source planes, and every ticket is valid, including the default one, which is
/// empty.
///
/// A ticket of a device holds a slot of a batch, and the batch waits for all its families. Pass each ticket on
/// to [`Backend::residual`], or drop it, before you wait for the base of many more families. One future a
/// family, as in `residual::encode_family`, does that.
#[derive(Debug, Default)]
pub struct Ticket(TicketState);

#[derive(Debug, Default)]
enum TicketState {
    /// Nothing to keep.
    #[default]
    Empty,
    /// An RGB source, converted to planes.
    Planes(Ycc),
    /// The family is on a device; the value is of that backend's own type.
    Device(Box<dyn Any + Send>),
}

impl Ticket {
    /// A ticket with the planes of a converted RGB source.
    pub fn with_planes(planes: Ycc) -> Self {
        Self(TicketState::Planes(planes))
    }

    /// A ticket with a device's slot for the family.
    pub fn on_device<T: Any + Send>(slot: T) -> Self {
        Self(TicketState::Device(Box::new(slot)))
    }

    /// Whether a device holds the family.
    pub fn is_on_device(&self) -> bool {
        matches!(self.0, TicketState::Device(_))
    }

    /// The converted planes, if it holds any. A slot on a device is released.
    pub fn into_planes(self) -> Option<Ycc> {
        match self.0 {
            TicketState::Planes(planes) => Some(planes),
            TicketState::Empty | TicketState::Device(_) => None,
        }
    }

    /// The device's slot, if it holds one of this type. A slot of another type is released.
    pub fn into_device<T: Any + Send>(self) -> Option<T> {
        match self.0 {
            TicketState::Device(slot) => slot.downcast().ok().map(|slot| *slot),
            TicketState::Empty | TicketState::Planes(_) => None,
        }
    }
}

/// The result of [`Backend::base`].
#[derive(Debug)]
pub struct Base {
    /// For [`Backend::residual`].
    pub ticket: Ticket,
    /// The planes of L2 to encode.
    pub l2: Ycc,
}

/// A family's L0, predicted from its decoded L2: luma alone, or 4:2:0 where chroma is to be corrected as
/// well.
#[derive(Debug)]
pub struct Predicted {
    /// L0 as predicted.
    pub prediction: Ycc,
    /// The original minus the prediction, plus 128, at the size at which it is coded.
    pub residual: Ycc,
}

/// A family as the coefficients of its JPEGs: the result of [`Backend::coefficients`].
pub struct Transformed {
    /// L2.
    pub baseline: Coefficients,
    /// The residual; `None` where it decodes to zero everywhere.
    pub residual: Option<Coefficients>,
    /// What the family decodes to.
    pub proof: Proof,
}

/// The arithmetic of both directions.
///
/// The caller keeps the [`SourceFamily`] and lends it to both calls of an encode. So a device that is lost in
/// between loses no data: another backend starts again from the same planes.
pub trait Backend: Send + Sync {
    /// Its name for logs and reports.
    fn name(&self) -> String;

    /// Families of such a slide that can be on a device at a time, beside those on the caller's threads; 0
    /// for the CPU. It is the argument `extra` of [`scheduler::Scheduler::pipelined`].
    fn in_flight(&self, geometry: &Geometry) -> usize {
        let _ = geometry;
        0
    }

    /// L0 to L2 planes: colour conversion of an RGB source, downsample, then optL2, then sharpening where it
    /// is to be stored.
    ///
    /// # Errors
    /// A recorded sharpening out of range. On a device also: lost, out of memory, hung.
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

    /// All of an encode but the entropy coding, in one call: the coefficients of L2 and of the residual, as the encoder of these parameters
    /// makes them. `None` where the family goes by [`Self::base`] and [`Self::residual`]: on the CPU, with an encoder that the device does
    /// not have, or where decoders of the JPEGs need not agree.
    ///
    /// # Errors
    /// As [`Self::base`].
    fn coefficients<'a>(
        &'a self,
        params: &'a EncodeParams,
        source: &'a SourceFamily,
    ) -> Pending<'a, Option<Transformed>> {
        let _ = (params, source);
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Whether [`Self::reconstruct_packed`] would take a family now.
    fn takes_coefficients(&self) -> bool {
        false
    }

    /// As [`Self::reconstruct`], of a residual in coefficients; that of `family` does not count. `None` where the backend does not transform,
    /// or decoders need not agree about a sample.
    ///
    /// # Errors
    /// As [`Self::base`].
    fn reconstruct_packed<'a>(
        &'a self,
        coding: &'a Coding,
        family: &'a DecodedFamily,
        residual: &'a PackedImage,
        want: Want,
    ) -> Pending<'a, Option<Reconstruction>> {
        let _ = (coding, family, residual, want);
        Box::pin(std::future::ready(Ok(None)))
    }

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

    /// As [`Self::reconstruct`]; the result reuses the memory of `used`.
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

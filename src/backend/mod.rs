//! Where the pixel arithmetic runs, behind one trait, and the scheduler that feeds it.
//!
//! A backend takes families through the kernels, one family a call; one that works on many at once forms its own batches
//! from the calls that are waiting. It knows nothing of JPEG, files or archives: codecs run before, between and after
//! its calls. Every implementation returns identical bytes for identical input.

#[cfg(feature = "gpu")]
pub mod auto;
mod chroma;
mod cpu;
#[cfg(feature = "gpu")]
pub mod engine;
mod executor;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod scheduler;
mod stream;

use std::ops::Range;
use std::pin::Pin;

pub use cpu::CpuBackend;
pub use stream::Results;

use crate::codec::Ycc;
use crate::coding::{Coding, EncodeParams};
use crate::error::Result;
use crate::family::{DecodedFamily, Pixels, Reconstruction, SourceFamily, Want};
use crate::geometry::{Geometry, Rect};

/// What a backend call gives: ready at once on the CPU, later on a device. Nothing happens before the first poll;
/// dropping it gives the call up.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What [`Backend::base`] leaves for [`Backend::residual`] of the same family, so that nothing crosses to a device or is
/// converted twice. It spares work, no more: the planes of the source stay with the host, and any ticket will do, also
/// the default one, which holds nothing.
///
/// A ticket of a device holds a place in a batch there, and the batch waits for all of its members: take each on to
/// [`Backend::residual`], or drop it, before you wait for the base of many more families. One future a family, as in
/// [`crate::encode::encode_family`], does that by itself.
#[derive(Debug, Default)]
pub struct Ticket(Place);

/// Where the planes of a family are between the two calls.
#[derive(Debug)]
enum Place {
    /// Here: an RGB source as converted to planes, `None` where the source is planes already.
    Host(Option<Ycc>),
    /// On a device, luma of L0 ready.
    #[cfg(feature = "gpu")]
    Device(gpu::Seat),
}

impl Default for Place {
    fn default() -> Self {
        Place::Host(None)
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

    /// Adds the decoded residual to the prediction: L0 as every decoder will see it. One pass over planes that are
    /// at hand: every backend does it on the caller's thread.
    fn correct(&self, coding: &Coding, prediction: Ycc, residual: &Ycc) -> Ycc;

    /// A part of L0, which is what [`Self::reconstruct`] makes there: for whoever waits for one tile of a family. Its corner lies
    /// on the chroma grid of `want`. A few per cent of the work of the family: every backend does it on the caller's thread.
    ///
    /// # Errors
    /// A sharpening that no encoder records.
    fn part(&self, coding: &Coding, family: &DecodedFamily, want: Want, part: Rect) -> Result<Pixels>;

    /// The rows, at the size of L0, of a residual that is not scaled which [`Self::part`] reads in a family of `size`: width, height.
    fn rows_of_part(&self, coding: &Coding, size: (usize, usize), want: Want, part: Rect) -> Range<usize>;

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

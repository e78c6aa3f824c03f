//! Where the pixel arithmetic runs, behind one trait, and the scheduler that feeds it.
//!
//! A backend takes batches of families through the kernels. It knows nothing of JPEG, files or archives: codecs run
//! before, between and after its calls. Every implementation returns identical bytes for identical input.

mod cpu;
pub mod scheduler;

pub use cpu::CpuBackend;

use crate::codec::Ycc;
use crate::coding::{Coding, EncodeParams};
use crate::error::Result;
use crate::family::{DecodedFamily, Reconstruction, SourceFamily, Want};
use crate::plane::Plane;

/// A batch that a backend is in the middle of encoding.
///
/// It keeps the host's planes, so that a backend that fails half way loses nothing: [`Ticket::into_parts`] gives them back
/// for another one.
#[derive(Debug)]
pub struct Ticket {
    families: Vec<SourceFamily>,
    /// One per family once `residual` has run: luma as predicted.
    predictions: Vec<Plane>,
}

impl Ticket {
    /// The families as they were handed in.
    pub fn families(&self) -> &[SourceFamily] {
        &self.families
    }
    /// The luma predictions; empty before [`Backend::residual`].
    pub fn predictions(&self) -> &[Plane] {
        &self.predictions
    }
    /// Gives up the batch: its families, and their predictions where [`Backend::residual`] has run.
    pub fn into_parts(self) -> (Vec<SourceFamily>, Vec<Plane>) {
        (self.families, self.predictions)
    }
}

/// The arithmetic of both directions. One batch crosses to a device once: L0 goes up with `base` and stays there.
pub trait Backend: Send + Sync {
    /// Its name for logs and reports.
    fn name(&self) -> String;

    /// L0 planes to L2 planes: downsample, then optL2, then sharpening where it is to be stored.
    ///
    /// # Errors
    /// Only what a device may do: lost, out of memory, late. The CPU does not fail.
    fn base(&self, params: &EncodeParams, batch: Vec<SourceFamily>) -> Result<(Ticket, Vec<Ycc>)>;

    /// Predicts from the decoded L2 of each family and subtracts: the residuals to be coded.
    ///
    /// # Errors
    /// As [`Self::base`].
    fn residual(&self, params: &EncodeParams, ticket: &mut Ticket, coded: &[Ycc]) -> Result<Vec<Plane>>;

    /// Adds the decoded residuals to the predictions: L0 luma as every decoder will see it.
    ///
    /// # Errors
    /// As [`Self::base`].
    fn correct(&self, params: &EncodeParams, ticket: &mut Ticket, residuals: &[Plane]) -> Result<Vec<Plane>>;

    /// Decoded payloads to L0 and L1.
    ///
    /// # Errors
    /// As [`Self::base`].
    fn reconstruct(
        &self,
        coding: &Coding,
        batch: &[DecodedFamily],
        want: Want,
    ) -> Result<Vec<Reconstruction>>;
}

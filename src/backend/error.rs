//! The errors of backends and of the scheduler.

use super::executor::MAX_THREADS;
use super::gpu_error::GpuError;
use crate::params;

/// The result of backend calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of a backend or scheduler. The CPU's kernels do not fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A GPU failed or cannot be used.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Parameters that no encoder gives.
    #[error(transparent)]
    Params(#[from] params::Error),
    /// More threads than a scheduler takes.
    #[error("{0} threads: at most {MAX_THREADS}, or 0 for one per core")]
    TooManyThreads(usize),
    /// The caller asked for the end of the run.
    #[error("interrupted")]
    Interrupted,
    /// The system refused threads.
    #[error("cannot start threads: {0}")]
    Threads(String),
}

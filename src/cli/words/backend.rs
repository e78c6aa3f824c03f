//! Faults of threads and GPUs.

use origami::backend::{Error, GpuError, MAX_THREADS, NoAdapter};
#[cfg(feature = "gpu")]
use origami::gpu::Reason;

use super::params;

pub fn error(error: &Error) -> Option<String> {
    match error {
        Error::TooManyThreads(given) => {
            Some(format!("--threads {given}: at most {MAX_THREADS}, or 0 for one per core"))
        }
        Error::Gpu(e) => gpu(e),
        Error::Params(e) => params::error(e),
        _ => None,
    }
}

pub fn gpu(error: &GpuError) -> Option<String> {
    match error {
        GpuError::NoAdapter(e) => no_adapter(e),
        _ => None,
    }
}

pub fn no_adapter(error: &NoAdapter) -> Option<String> {
    match error {
        NoAdapter::NoGpuNamed { wanted } => Some(format!(
            "--gpu-adapter {wanted}: this machine has no adapter; `origami doctor` says what to do"
        )),
        NoAdapter::Unknown { wanted, found } => Some(format!(
            "--gpu-adapter {wanted}: no adapter has this index or name; this machine has {found}"
        )),
        NoAdapter::SoftwareOnly { name } => {
            Some(format!("only a software adapter is here; --backend gpu --gpu-adapter {name} takes it"))
        }
        _ => None,
    }
}

/// Why an engine distributes families as it does.
#[cfg(feature = "gpu")]
pub fn reason(reason: &Reason) -> String {
    let words = match reason {
        Reason::NoGpu(e) => gpu(e),
        Reason::CpuInstead(e) => gpu(e).map(|words| format!("{words}; all on the CPU")),
        _ => None,
    };
    words.unwrap_or_else(|| reason.to_string())
}

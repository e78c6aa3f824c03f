//! Findings about GPUs, the same in builds with and without a GPU backend.

use serde::Serialize;

/// Whether an adapter computes the same as the CPU.
#[derive(Serialize)]
pub struct Parity<K> {
    pub ok: bool,
    /// Time of the self-test in milliseconds, without `open_ms`.
    pub ms: f64,
    /// Time to open the adapter and to compile the shaders, in milliseconds.
    pub open_ms: f64,
    /// Kernels that agreed, with the number of cases; empty where one did not agree.
    pub kernels: Vec<K>,
    pub problem: Option<String>,
}

/// The backends that `--backend auto` takes.
#[derive(Serialize)]
pub struct Auto {
    pub encode: AutoChoice,
    pub decode: AutoChoice,
}

/// A backend, and why `auto` takes it.
#[derive(Serialize)]
pub struct AutoChoice {
    pub backend: &'static str,
    pub reason: String,
}

//! What a caller may ask of a backend: which devices, and for which work.
//!
//! Plain data, in every build: the names exist where the `gpu` feature is off.

/// The value of `--backend`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum BackendChoice {
    /// Measure CPU and GPU, take the fastest mode.
    #[default]
    Auto,
    /// All families to the GPU; the CPU takes those that the GPU fails on.
    Gpu,
    /// All families to the CPU.
    Cpu,
    /// Both: the CPU takes families while the GPU has no free batch slot.
    Hybrid,
}

/// How families are distributed over CPU and GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendMode {
    /// All to the CPU.
    Cpu,
    /// All to the GPU.
    Gpu,
    /// To the GPU while it has a free batch slot, else to the CPU.
    Hybrid,
}

impl BackendMode {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            BackendMode::Cpu => "cpu",
            BackendMode::Gpu => "gpu",
            BackendMode::Hybrid => "hybrid",
        }
    }
}

/// The work that `auto` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// L0 to payloads.
    Encode,
    /// Payloads to tiles.
    Decode,
}

//! Which devices a caller asks for. Plain data, in every build: the names exist where the `gpu` feature is off.

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

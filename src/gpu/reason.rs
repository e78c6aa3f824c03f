//! Why families are computed where they are; [`super::engine`] decides.

use crate::backend::GpuError;

/// Why an engine distributes families as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The options say so.
    AsAsked,
    /// So many families do not repay opening a GPU.
    FewFamilies(u64),
    /// `auto` found no GPU that can be used.
    NoGpu(GpuError),
    /// The GPU that was asked for cannot be used.
    CpuInstead(GpuError),
    /// What a measurement gave, or why there is none.
    Measured(String),
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::AsAsked => f.write_str("as asked"),
            Reason::FewFamilies(few) => write!(f, "{few} families are too few to open a GPU for"),
            Reason::NoGpu(e) => e.fmt(f),
            Reason::CpuInstead(e) => write!(f, "{e}; all on the CPU"),
            Reason::Measured(text) => f.write_str(text),
        }
    }
}

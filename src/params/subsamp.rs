//! The choices of chroma for the baseline.

use serde::{Deserialize, Serialize};

/// Chroma of the baseline, as `--subsamp` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subsamp {
    /// Full chroma at L2.
    #[serde(rename = "444")]
    S444,
    /// Half-size chroma at L2.
    #[serde(rename = "420")]
    S420,
    /// Half-size chroma, optimised by gradient descent for the least error after upsampling.
    #[serde(rename = "420opt")]
    S420Opt,
}

impl Subsamp {
    /// Every sampling.
    pub const ALL: [Self; 3] = [Self::S444, Self::S420, Self::S420Opt];

    /// The name on the command line and in archives.
    pub fn name(self) -> &'static str {
        match self {
            Subsamp::S444 => "444",
            Subsamp::S420 => "420",
            Subsamp::S420Opt => "420opt",
        }
    }
}

#[cfg(feature = "cli")]
impl clap::ValueEnum for Subsamp {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.name().into())
    }
}

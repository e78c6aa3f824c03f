//! Values of labels: outcomes, levels, results. No label names a slide, so that the number of series is bounded.

use prometheus_client::encoding::EncodeLabelSet;

/// Where a tile came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The hot cache, in memory.
    Hot,
    /// The warm cache, on disk.
    Warm,
    /// Stored in the archive or the tree.
    Stored,
    /// Reconstructed for this request.
    Cold,
    /// Reconstructed for an earlier request.
    Joined,
}

impl Outcome {
    /// Its value in a label.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::Hot => "hot",
            Outcome::Warm => "warm",
            Outcome::Stored => "stored",
            Outcome::Cold => "cold",
            Outcome::Joined => "joined",
        }
    }
}

/// The result of a read from the warm cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WarmRead {
    /// The tile.
    Hit,
    /// No tile.
    Miss,
    /// A tile whose hash does not match.
    Damaged,
}

impl WarmRead {
    /// Its value in a label.
    pub fn label(self) -> &'static str {
        match self {
            WarmRead::Hit => "hit",
            WarmRead::Miss => "miss",
            WarmRead::Damaged => "damaged",
        }
    }
}

/// Class of a tile's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LevelClass {
    /// Full resolution.
    L0,
    /// Half the resolution.
    L1,
    /// L2 and coarser.
    Small,
}

impl LevelClass {
    /// Its value in a label.
    pub fn label(self) -> &'static str {
        match self {
            LevelClass::L0 => "L0",
            LevelClass::L1 => "L1",
            LevelClass::Small => "small",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TileLabels {
    pub level: &'static str,
    pub outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ResultLabels {
    pub result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabels {
    pub state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AskedLabels {
    pub asked: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StatusLabels {
    pub status: u16,
}

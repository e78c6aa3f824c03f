//! One family on its way through the codec: as it came, as it is stored, as it comes back.
//!
//! Plain data; the arithmetic is in `backend`, the order of things in `encode` and `decode`.

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::codec::{Sampling, Ycc};
use crate::geometry::FamilyId;
use crate::plane::Plane;

/// A family's L0 as the source has it.
#[derive(Clone, Debug)]
pub struct SourceFamily {
    /// Which.
    pub id: FamilyId,
    /// L0: luma at the family's own size, chroma in the source's sampling (4:4:4, 4:2:2, 4:2:0, 4:4:0) or none.
    pub image: Ycc,
    /// Bytes of the source's L0 tiles, row by row; empty where the source has no tiles.
    pub tile_bytes: Vec<u64>,
}

/// A family's payloads, decoded.
#[derive(Clone, Debug)]
pub struct DecodedFamily {
    /// L2, as its JPEG decodes.
    pub baseline: Ycc,
    /// The residual at its coded size, around 128.
    pub residual: Plane,
    /// L0 width in pixels.
    pub width: usize,
    /// L0 height in pixels.
    pub height: usize,
}

/// L0 and L1, regenerated.
#[derive(Clone, Debug)]
pub struct Reconstruction {
    /// Full size, chroma in the sampling that was asked for.
    pub l0: Ycc,
    /// Half size, the same sampling.
    pub l1: Ycc,
}

/// What a caller wants of a reconstruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Chroma of the result: `Gray`, `S420` or `S444`.
    pub sampling: Sampling,
}

/// Hashes that pin what a family decodes to: XXH3-128 over the samples, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Of L0 luma after the residual.
    pub luma: u128,
    /// Of the decoded L2 Cb, then Cr; 0 for gray.
    pub chroma: u128,
}

impl Proof {
    /// Of a corrected L0 luma and the decoded baseline that it was predicted from.
    pub fn new(luma: &Plane, baseline: &Ycc) -> Self {
        let chroma = baseline.chroma.as_ref().map_or(0, |planes| hash(planes.iter()));
        Self { luma: hash(std::iter::once(luma)), chroma }
    }
}

fn hash<'a>(planes: impl Iterator<Item = &'a Plane>) -> u128 {
    let planes: Vec<_> = planes.collect();
    if let [one] = planes[..]
        && let Some(packed) = one.view().packed()
    {
        return xxh3_128(packed);
    }
    let mut state = Xxh3::new();
    for plane in planes {
        for y in 0..plane.height() {
            state.update(plane.row(y));
        }
    }
    state.digest128()
}

/// Which part of a family a payload is, as archives record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum PayloadKind {
    /// The L2 tile.
    Baseline = 1,
    /// The fused L0 luma residual.
    Residual = 2,
}

impl PayloadKind {
    /// From the number in an archive.
    pub fn from_u16(value: u16) -> Option<Self> {
        match value {
            1 => Some(PayloadKind::Baseline),
            2 => Some(PayloadKind::Residual),
            _ => None,
        }
    }

    /// Its name for people and JSON.
    pub fn name(self) -> &'static str {
        match self {
            PayloadKind::Baseline => "baseline",
            PayloadKind::Residual => "residual",
        }
    }
}

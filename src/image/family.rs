//! The data of one family: source pixels, decoded payloads, reconstruction, and the kinds of its payloads.
//!
//! Plain data. The arithmetic is in `backend`, the order of the steps in `encode` and `decode`.

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::geometry::{FamilyId, TileId};
use super::plane::{Plane, PlaneRef};
use super::ycc::{Sampling, Ycc, YccRef};

/// An image in planes or in interleaved RGB.
#[derive(Clone, Debug)]
pub enum Pixels {
    /// Planes, gray or YCbCr.
    Ycc(Ycc),
    /// Interleaved RGB: the plane's width is three times the image's.
    Rgb(Plane),
}

impl Default for Pixels {
    fn default() -> Self {
        Pixels::Ycc(Ycc::default())
    }
}

/// A borrowed [`Pixels`] or part of one.
#[derive(Clone, Copy, Debug)]
pub enum PixelsRef<'a> {
    /// Planes, gray or YCbCr.
    Ycc(YccRef<'a>),
    /// Interleaved RGB: the plane's width is three times the image's.
    Rgb(PlaneRef<'a>),
}

impl Pixels {
    /// Width in pixels.
    pub fn width(&self) -> usize {
        match self {
            Pixels::Ycc(planes) => planes.luma.width(),
            Pixels::Rgb(rgb) => rgb.width() / 3,
        }
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        match self {
            Pixels::Ycc(planes) => planes.luma.height(),
            Pixels::Rgb(rgb) => rgb.height(),
        }
    }

    /// All of it, borrowed.
    pub fn view(&self) -> PixelsRef<'_> {
        match self {
            Pixels::Ycc(planes) => PixelsRef::Ycc(planes.view()),
            Pixels::Rgb(rgb) => PixelsRef::Rgb(rgb.view()),
        }
    }
}

impl<'a> PixelsRef<'a> {
    /// A part, in pixels. In planes its corner lies on the chroma grid.
    ///
    /// # Panics
    /// As [`YccRef::part`].
    pub fn part(&self, x: usize, y: usize, width: usize, height: usize) -> PixelsRef<'a> {
        match self {
            PixelsRef::Ycc(planes) => PixelsRef::Ycc(planes.part(x, y, width, height)),
            PixelsRef::Rgb(rgb) => PixelsRef::Rgb(rgb.part(3 * x, y, 3 * width, height)),
        }
    }
}

/// A family's L0 as the source has it.
#[derive(Clone, Debug)]
pub struct SourceFamily {
    /// Which family.
    pub id: FamilyId,
    /// Side of its tiles in pixels. Codecs with stripes code residuals in stripes of as many rows.
    pub tile: usize,
    /// L0 at the family's own size. Planes have chroma in the source's sampling (4:4:4, 4:2:2, 4:2:0, 4:4:0)
    /// or none; RGB is converted by the backend.
    pub image: Pixels,
    /// Bytes of the source's L0 tiles, row by row; empty where the source has no tiles.
    pub tile_bytes: Vec<u64>,
}

/// A family's payloads, decoded. Empty by default; decoding reuses the memory.
#[derive(Clone, Debug, Default)]
pub struct DecodedFamily {
    /// L2, as its JPEG decodes.
    pub baseline: Ycc,
    /// The residual at its coded size, around 128: gray, or 4:2:0 where chroma has a residual.
    pub residual: Ycc,
    /// L0 width in pixels.
    pub width: usize,
    /// L0 height in pixels.
    pub height: usize,
}

/// L0 and L1, reconstructed. Empty by default; reconstruction reuses the memory.
#[derive(Clone, Debug, Default)]
pub struct Reconstruction {
    /// L0, in the form of the [`Want`].
    pub l0: Pixels,
    /// L1, in the same form.
    pub l1: Pixels,
}

impl Reconstruction {
    /// All planes, whose memory can be reused: L0's, then L1's.
    pub fn into_planes(self) -> Vec<Plane> {
        let of = |pixels| match pixels {
            Pixels::Ycc(Ycc { luma, chroma, .. }) => {
                std::iter::once(luma).chain(chroma.into_iter().flatten())
            }
            Pixels::Rgb(rgb) => std::iter::once(rgb).chain(None.into_iter().flatten()),
        };
        of(self.l0).chain(of(self.l1)).collect()
    }
}

/// The form of a reconstruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Planes, chroma in this sampling: `Gray`, `S420` or `S444`. A family without chroma becomes a gray
    /// plane.
    Planes(Sampling),
    /// Interleaved RGB, from 4:4:4 planes. A family without chroma becomes a gray plane.
    Rgb,
}

impl Want {
    /// Sampling of the planes, or of those that RGB is converted from.
    pub fn sampling(self) -> Sampling {
        match self {
            Want::Planes(sampling) => sampling,
            Want::Rgb => Sampling::S444,
        }
    }
}

/// Hashes of what a family decodes to: XXH3-128 over the samples, row by row. In a family of originals, over
/// their bytes; see `lossless`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Hash of L0 luma after the residual.
    pub luma: u128,
    /// Hash of Cb, then Cr: of L0 at half size after the residual, if that has chroma, else of the decoded
    /// L2. 0 for gray.
    pub chroma: u128,
}

impl Proof {
    /// Hashes a corrected L0 (see `backend::cpu::correct`) and the decoded baseline that it was predicted
    /// from.
    pub fn new(corrected: &Ycc, baseline: &Ycc) -> Self {
        let chroma = corrected.chroma.as_ref().or(baseline.chroma.as_ref());
        Self {
            luma: hash(std::iter::once(&corrected.luma)),
            chroma: chroma.map_or(0, |planes| hash(planes.iter())),
        }
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

/// The kind of a payload, as archives record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadKind {
    /// The L2 tile.
    Baseline,
    /// The residual of all of L0. Absent where it is zero everywhere.
    Residual,
    /// An L0 tile as its source has it, by its position in the family: 4 times the row plus the column.
    Original(u8),
}

/// The first number of [`PayloadKind::Original`].
const FIRST_ORIGINAL: u16 = 16;
/// Their names.
const ORIGINALS: [&str; 16] = [
    "tile 0_0", "tile 1_0", "tile 2_0", "tile 3_0", "tile 0_1", "tile 1_1", "tile 2_1", "tile 3_1",
    "tile 0_2", "tile 1_2", "tile 2_2", "tile 3_2", "tile 0_3", "tile 1_3", "tile 2_3", "tile 3_3",
];

impl PayloadKind {
    /// From the number in an archive.
    pub fn from_u16(value: u16) -> Option<Self> {
        match value {
            1 => Some(PayloadKind::Baseline),
            2 => Some(PayloadKind::Residual),
            16..=31 => Some(PayloadKind::Original((value - FIRST_ORIGINAL) as u8)),
            _ => None,
        }
    }

    /// The number in an archive.
    pub fn number(self) -> u16 {
        match self {
            PayloadKind::Baseline => 1,
            PayloadKind::Residual => 2,
            PayloadKind::Original(place) => FIRST_ORIGINAL + u16::from(place),
        }
    }

    /// The kind of an L0 tile of any family.
    pub fn original(tile: TileId) -> Self {
        PayloadKind::Original((4 * (tile.y % 4) + tile.x % 4) as u8)
    }

    /// Whether it is an L0 tile as its source has it.
    pub fn is_original(self) -> bool {
        matches!(self, PayloadKind::Original(_))
    }

    /// Its name for people and JSON.
    pub fn name(self) -> &'static str {
        match self {
            PayloadKind::Baseline => "baseline",
            PayloadKind::Residual => "residual",
            PayloadKind::Original(place) => ORIGINALS.get(usize::from(place)).copied().unwrap_or("tile"),
        }
    }
}

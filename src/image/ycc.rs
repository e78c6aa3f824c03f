//! Gray and YCbCr images in planes, owned and borrowed.
//!
//! Plain data. Conversion from and to RGB is in `kernels::color`.

use super::plane::{Plane, PlaneRef};

/// Chroma subsampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// No chroma.
    Gray,
    /// 4:4:4: chroma at the size of luma.
    S444,
    /// 4:2:2: half the width.
    S422,
    /// 4:2:0: half the width and height.
    S420,
    /// 4:4:0: half the height.
    S440,
    /// 4:1:1: a quarter of the width.
    S411,
    /// 4:4:1: a quarter of the height.
    S441,
}

impl Sampling {
    /// The samplings of YCbCr images.
    pub const YCC: [Self; 6] = [Self::S444, Self::S422, Self::S420, Self::S440, Self::S411, Self::S441];

    /// Luma samples per chroma sample: horizontally, vertically. (1, 1) for gray.
    pub fn factors(self) -> (usize, usize) {
        match self {
            Sampling::Gray | Sampling::S444 => (1, 1),
            Sampling::S422 => (2, 1),
            Sampling::S420 => (2, 2),
            Sampling::S440 => (1, 2),
            Sampling::S411 => (4, 1),
            Sampling::S441 => (1, 4),
        }
    }

    /// Size of a chroma plane for a luma plane of `width` x `height`.
    pub fn chroma_size(self, width: usize, height: usize) -> (usize, usize) {
        let (fx, fy) = self.factors();
        (width.div_ceil(fx), height.div_ceil(fy))
    }
}

/// A gray or YCbCr image (BT.601 full range) in planes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ycc {
    /// Y, at the size of the image.
    pub luma: Plane,
    /// Cb and Cr, at [`Sampling::chroma_size`]; `None` for gray.
    pub chroma: Option<[Plane; 2]>,
    /// How the chroma planes are sampled.
    pub sampling: Sampling,
}

/// A borrowed [`Ycc`] or part of one.
#[derive(Clone, Copy, Debug)]
pub struct YccRef<'a> {
    /// Y.
    pub luma: PlaneRef<'a>,
    /// Cb and Cr.
    pub chroma: Option<[PlaneRef<'a>; 2]>,
    /// How the chroma planes are sampled.
    pub sampling: Sampling,
}

/// An empty gray image, whose memory grows when it is filled.
impl Default for Ycc {
    fn default() -> Self {
        Self::gray(Plane::default())
    }
}

impl Ycc {
    /// A gray image.
    pub fn gray(luma: Plane) -> Self {
        Self { luma, chroma: None, sampling: Sampling::Gray }
    }

    /// Becomes an image of one value and reuses the memory.
    pub fn fill(&mut self, sampling: Sampling, width: usize, height: usize, value: u8) {
        let fill = |plane: &mut Plane, (width, height): (usize, usize)| {
            plane.reset(width, height);
            (0..height).for_each(|y| plane.row_mut(y).fill(value));
        };
        fill(&mut self.luma, (width, height));
        self.sampling = sampling;
        if sampling == Sampling::Gray {
            self.chroma = None;
        } else {
            let planes = self.chroma.get_or_insert_default();
            planes.iter_mut().for_each(|plane| fill(plane, sampling.chroma_size(width, height)));
        }
    }

    /// Whether every sample of every plane is `value`.
    pub fn is_filled(&self, value: u8) -> bool {
        let planes = std::iter::once(&self.luma).chain(self.chroma.iter().flatten());
        planes.into_iter().all(|plane| (0..plane.height()).all(|y| plane.row(y).iter().all(|&v| v == value)))
    }

    /// All of it, borrowed.
    pub fn view(&self) -> YccRef<'_> {
        let chroma = self.chroma.as_ref().map(|[cb, cr]| [cb.view(), cr.view()]);
        YccRef { luma: self.luma.view(), chroma, sampling: self.sampling }
    }
}

impl<'a> YccRef<'a> {
    /// Luma alone.
    pub fn gray(luma: PlaneRef<'a>) -> Self {
        Self { luma, chroma: None, sampling: Sampling::Gray }
    }

    /// A part whose corner lies on the chroma grid.
    ///
    /// # Panics
    /// The corner does not, or the part does not lie inside: a mistake of the caller.
    pub fn part(&self, x: usize, y: usize, width: usize, height: usize) -> YccRef<'a> {
        let (fx, fy) = self.sampling.factors();
        assert!(x.is_multiple_of(fx) && y.is_multiple_of(fy), "a part begins on the chroma grid");
        let (cw, ch) = self.sampling.chroma_size(width, height);
        let chroma = self.chroma.map(|planes| planes.map(|p| p.part(x / fx, y / fy, cw, ch)));
        YccRef { luma: self.luma.part(x, y, width, height), chroma, sampling: self.sampling }
    }
}

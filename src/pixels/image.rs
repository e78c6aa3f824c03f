//! Interleaved RGB, and the patch that a read fills.

use crate::image::family::Pixels;
use crate::image::geometry::Rect;
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;
use crate::kernels::color::{rgb_to_rows, ycc_to_rgb, ycc_to_rgb_rows};

/// Where the channels of a pixel lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Side by side: height, width, channels.
    Interleaved,
    /// In planes: channels, height, width.
    Planes,
}

/// Interleaved 8-bit RGB, rows tightly packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rgb {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// `3 * width * height` samples.
    pub data: Vec<u8>,
}

impl Rgb {
    /// Of samples with 1 or 3 channels.
    pub fn of_samples(width: usize, height: usize, channels: usize, samples: Vec<u8>) -> Self {
        let data = match channels {
            3 => samples,
            _ => samples.iter().flat_map(|&value| [value; 3]).collect(),
        };
        Self { width, height, data }
    }

    /// As pixels to encode.
    pub fn into_pixels(self) -> Pixels {
        Pixels::Rgb(Plane::from_vec(3 * self.width, self.height, self.data))
    }

    /// Of planes or RGB.
    pub fn of_pixels(pixels: Pixels) -> Self {
        let (width, height) = (pixels.width(), pixels.height());
        match pixels {
            Pixels::Rgb(plane) => Self::of_samples(width, height, 3, plane.into_packed()),
            Pixels::Ycc(planes) if planes.chroma.is_none() => {
                Self::of_samples(width, height, 1, planes.luma.into_packed())
            }
            Pixels::Ycc(planes) => Self::of_samples(width, height, 3, planes.to_rgb().into_packed()),
        }
    }
}

/// A rectangle of a level that a read fills. It may reach beyond the level, where it stays as it is.
pub struct Patch<'a> {
    /// Left edge in pixels of the level.
    pub x: i64,
    /// Top edge in pixels of the level.
    pub y: i64,
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Where its channels lie.
    pub layout: Layout,
    /// RGB, `3 * width * height` bytes.
    pub data: &'a mut [u8],
}

impl Patch<'_> {
    /// The part of it inside a level of this size; `None` where there is none.
    pub fn inside(&self, (width, height): (u32, u32)) -> Option<Rect> {
        let span = |start: i64, length: usize, whole: u32| {
            let from = start.clamp(0, whole.into());
            let to = start.saturating_add_unsigned(length as u64).clamp(0, whole.into());
            // Both lie in 0..=whole.
            (to > from).then_some((from as u32, (to - from) as u32))
        };
        let ((x, width), (y, height)) =
            (span(self.x, self.width, width)?, span(self.y, self.height, height)?);
        Some(Rect { x, y, width, height })
    }

    /// Copies what it shares with an image whose left upper corner lies at `(x, y)` of the level.
    pub fn paste(&mut self, image: &Rgb, corner: (u32, u32)) {
        let Some(shared) = self.shared(corner, (image.width, image.height)) else { return };
        for row in 0..shared.rows {
            let from = 3 * ((shared.from.1 + row) * image.width + shared.from.0);
            let from = &image.data[from..][..3 * shared.columns];
            match self.row(&shared, row) {
                Row::Interleaved(to) => to.copy_from_slice(from),
                Row::Planes([red, green, blue]) => rgb_to_rows(from, red, green, blue),
            }
        }
    }

    /// As [`Self::paste`], of an image in planes, gray or 4:4:4.
    pub fn paste_planes(&mut self, image: &Ycc, corner: (u32, u32)) {
        let Some(shared) = self.shared(corner, (image.luma.width(), image.luma.height())) else { return };
        let columns = shared.from.0..shared.from.0 + shared.columns;
        for row in 0..shared.rows {
            let y = shared.from.1 + row;
            let luma = &image.luma.row(y)[columns.clone()];
            let chroma =
                image.chroma.as_ref().map(|planes| planes.each_ref().map(|p| &p.row(y)[columns.clone()]));
            match (self.row(&shared, row), chroma) {
                (Row::Interleaved(to), Some([cb, cr])) => ycc_to_rgb(luma, cb, cr, to),
                (Row::Interleaved(to), None) => {
                    to.chunks_exact_mut(3).zip(luma).for_each(|(pixel, &value)| pixel.fill(value));
                }
                (Row::Planes([red, green, blue]), Some([cb, cr])) => {
                    ycc_to_rgb_rows(luma, cb, cr, red, green, blue);
                }
                (Row::Planes(to), None) => to.into_iter().for_each(|to| to.copy_from_slice(luma)),
            }
        }
    }

    /// What it shares with an image of `size` whose left upper corner lies at `(x, y)` of the level.
    fn shared(&self, (x, y): (u32, u32), size: (usize, usize)) -> Option<Shared> {
        let overlap = |start: i64, length: usize, at: u32, size: usize| {
            let from = start.max(at.into());
            let to = start.saturating_add_unsigned(length as u64).min(i64::from(at) + size as i64);
            (to > from).then_some((
                (from - start) as usize,
                (from - i64::from(at)) as usize,
                (to - from) as usize,
            ))
        };
        let (to_x, from_x, columns) = overlap(self.x, self.width, x, size.0)?;
        let (to_y, from_y, rows) = overlap(self.y, self.height, y, size.1)?;
        Some(Shared { to: (to_x, to_y), from: (from_x, from_y), columns, rows })
    }

    /// A row of what it shares, counted from the first that it shares.
    fn row(&mut self, shared: &Shared, row: usize) -> Row<'_> {
        let first = (shared.to.1 + row) * self.width + shared.to.0;
        match self.layout {
            Layout::Interleaved => Row::Interleaved(&mut self.data[3 * first..][..3 * shared.columns]),
            Layout::Planes => {
                let (red, rest) = self.data.split_at_mut(self.width * self.height);
                let (green, blue) = rest.split_at_mut(self.width * self.height);
                Row::Planes([red, green, blue].map(|plane| &mut plane[first..][..shared.columns]))
            }
        }
    }
}

/// The rectangle that a patch shares with an image.
struct Shared {
    /// Its corner in the patch.
    to: (usize, usize),
    /// Its corner in the image.
    from: (usize, usize),
    columns: usize,
    rows: usize,
}

/// A part of a row of a patch.
enum Row<'a> {
    Interleaved(&'a mut [u8]),
    Planes([&'a mut [u8]; 3]),
}

//! Interleaved RGB: whole images, and the patch that a read fills.

use crate::image::family::Pixels;
use crate::image::geometry::Rect;

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

    /// Of planes or RGB.
    pub fn of_pixels(pixels: Pixels) -> Self {
        let (width, height) = (pixels.width(), pixels.height());
        match pixels {
            Pixels::Rgb(plane) => Self::of_samples(width, height, 3, plane.view().to_plane().data().to_vec()),
            Pixels::Ycc(planes) if planes.chroma.is_none() => {
                Self::of_samples(width, height, 1, planes.luma.view().to_plane().data().to_vec())
            }
            Pixels::Ycc(planes) => Self::of_samples(width, height, 3, planes.to_rgb().data().to_vec()),
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
    /// Interleaved RGB, `3 * width * height` bytes.
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
    pub fn paste(&mut self, image: &Rgb, (x, y): (u32, u32)) {
        let overlap = |start: i64, length: usize, at: u32, size: usize| {
            let from = start.max(at.into());
            let to = start.saturating_add_unsigned(length as u64).min(i64::from(at) + size as i64);
            (to > from).then_some((
                (from - start) as usize,
                (from - i64::from(at)) as usize,
                (to - from) as usize,
            ))
        };
        let Some((to_x, from_x, columns)) = overlap(self.x, self.width, x, image.width) else { return };
        let Some((to_y, from_y, rows)) = overlap(self.y, self.height, y, image.height) else { return };
        for row in 0..rows {
            let to = 3 * ((to_y + row) * self.width + to_x);
            let from = 3 * ((from_y + row) * image.width + from_x);
            self.data[to..][..3 * columns].copy_from_slice(&image.data[from..][..3 * columns]);
        }
    }
}

//! Interleaved samples of a tile, on their way from finer pixels to a coarser tile: put together and halved.
//!
//! Knows no trees and no slides.

use crate::image::family::Pixels;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::pyramid::levels::halve;

/// Interleaved 8-bit samples, rows tightly packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// `width * height * channels` samples.
    pub data: Vec<u8>,
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// 1 gray, 3 RGB.
    pub channels: usize,
}

impl Samples {
    /// Black pixels.
    pub fn new(width: usize, height: usize, channels: usize) -> Self {
        Self { data: vec![0; width * height * channels], width, height, channels }
    }

    /// Pixels; those of planes are gray or 4:4:4.
    pub fn of(pixels: Pixels) -> Self {
        match pixels {
            Pixels::Ycc(planes) => Self::of_planes(&planes),
            Pixels::Rgb(rgb) => {
                let (width, height) = (rgb.width() / 3, rgb.height());
                Self { data: rgb.view().to_plane().data().into(), width, height, channels: 3 }
            }
        }
    }

    /// The pixels of planes, which are gray or 4:4:4.
    pub fn of_planes(planes: &Ycc) -> Self {
        let (width, height) = (planes.luma.width(), planes.luma.height());
        match planes.sampling {
            Sampling::Gray => {
                Self { data: planes.luma.view().to_plane().data().into(), width, height, channels: 1 }
            }
            _ => Self { data: planes.to_rgb().data().into(), width, height, channels: 3 },
        }
    }

    /// As pixels to encode.
    pub fn into_pixels(self) -> Pixels {
        match self.channels {
            1 => Pixels::Ycc(Ycc::gray(Plane::from_vec(self.width, self.height, self.data))),
            _ => Pixels::Rgb(Plane::from_vec(3 * self.width, self.height, self.data)),
        }
    }

    /// The mean of each 2x2 pixels, sizes rounded up.
    pub fn halved(self) -> Self {
        let (data, width, height) = halve(&self.data, self.width, self.height, self.channels);
        Self { data, width, height, channels: self.channels }
    }

    /// At least `width` x `height` pixels: the last column and the last row are repeated.
    pub fn extended(self, width: usize, height: usize) -> Self {
        if (self.width, self.height) == (width, height) {
            return self;
        }
        let mut out = Vec::with_capacity(width * height * self.channels);
        for y in 0..height {
            let row = self.row(y.min(self.height - 1));
            out.extend_from_slice(row);
            for _ in self.width..width {
                out.extend_from_slice(&row[row.len() - self.channels..]);
            }
        }
        Self { data: out, width, height, channels: self.channels }
    }

    /// Copies another image to `(x, y)`. A gray one is copied to each channel.
    pub fn paste(&mut self, x: usize, y: usize, from: &Self) {
        let (stride, channels) = (self.width * self.channels, self.channels);
        for row in 0..from.height {
            let to = &mut self.data[(y + row) * stride + x * channels..][..from.width * channels];
            if channels == from.channels {
                to.copy_from_slice(from.row(row));
                continue;
            }
            for (pixel, &gray) in to.chunks_exact_mut(channels).zip(from.row(row)) {
                pixel.fill(gray);
            }
        }
    }

    fn row(&self, y: usize) -> &[u8] {
        let stride = self.width * self.channels;
        &self.data[y * stride..][..stride]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_pasted_extended_and_halved() {
        let gray = Samples { data: vec![10, 20], width: 2, height: 1, channels: 1 };
        let wider = gray.clone().extended(3, 2);
        assert_eq!((wider.data.as_slice(), wider.width, wider.height), (&[10, 20, 20, 10, 20, 20][..], 3, 2));
        let mut colour = Samples::new(3, 1, 3);
        colour.paste(1, 0, &gray);
        assert_eq!(colour.data, [0, 0, 0, 10, 10, 10, 20, 20, 20]);
        assert_eq!((colour.clone().halved().width, wider.halved().height), (2, 1));
        let back = Samples::of_planes(&Ycc::from_rgb(Plane::from_vec(9, 1, colour.data.clone()).view()));
        assert_eq!(back, colour);
    }
}

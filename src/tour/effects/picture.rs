//! A caption's pixels.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::backdrop::Backdrop;
use crate::store::{FileError, Retried};
use crate::tour::error::{Error, Result};
use crate::tour::plan::Format;

/// The part of a frame that a caption covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    x: usize,
    y: usize,
    width: usize,
    /// Interleaved 8-bit RGB and opacity, `4 * width` bytes a row.
    rgba: Vec<u8>,
}

impl Picture {
    /// The picture in a PNG of at least the frame's size, cut to what is not transparent.
    ///
    /// # Errors
    /// A file that is not such a PNG.
    pub fn read(path: &Path, format: Format) -> Result<Self> {
        let wrong = |said: String| Error::Chromium { task: "draw a caption".into(), said };
        let file =
            File::open(path).map_err(|source| FileError { action: "open", path: path.into(), source })?;
        let mut reader =
            png::Decoder::new(BufReader::new(Retried(file))).read_info().map_err(|e| wrong(e.to_string()))?;
        let (width, height) = (format.width as usize, format.height as usize);
        let info = reader.info();
        let is_whole = info.width >= format.width && info.height >= format.height;
        let is_rgba = (info.color_type, info.bit_depth) == (png::ColorType::Rgba, png::BitDepth::Eight);
        // A window is a little larger than the frame.
        let is_small = info.width <= format.width.max(600) && info.height <= format.height + 400;
        if !is_whole || !is_rgba || !is_small {
            let found = format!("{}x{} of {:?}", info.width, info.height, info.color_type);
            return Err(wrong(format!("its picture is {found}, not {width}x{height} with transparency")));
        }
        let stride = 4 * info.width as usize;
        let mut all = vec![0; stride * info.height as usize];
        reader.next_frame(&mut all).map_err(|e| wrong(e.to_string()))?;
        let rows = all.chunks_exact(stride).take(height).map(|row| &row[..4 * width]);
        Ok(Self::cut(rows.collect()))
    }

    fn cut(rows: Vec<&[u8]>) -> Self {
        let is_seen = |pixel: &[u8]| pixel[3] > 0;
        let has = |row: &&[u8]| row.chunks_exact(4).any(is_seen);
        let (Some(top), Some(bottom)) = (rows.iter().position(has), rows.iter().rposition(has)) else {
            return Self { x: 0, y: 0, width: 0, rgba: Vec::new() };
        };
        let seen = &rows[top..=bottom];
        let first = |row: &&[u8]| row.chunks_exact(4).position(is_seen);
        let last = |row: &&[u8]| row.chunks_exact(4).rposition(is_seen);
        let left = seen.iter().filter_map(first).min().unwrap_or(0);
        let right = seen.iter().filter_map(last).max().unwrap_or(left);
        let rgba = seen.iter().flat_map(|row| &row[4 * left..4 * (right + 1)]).copied().collect();
        Self { x: left, y: top, width: right + 1 - left, rgba }
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        self.rgba.len()
    }

    /// Applies a filter to what of a frame of this width lies under it, by its opacity.
    pub fn filter(&self, backdrop: &Backdrop, frame_width: usize, rgb: &mut [u8]) {
        if self.width == 0 {
            return;
        }
        let rows = self.rgba.len() / (4 * self.width);
        let row = |row: usize| 3 * ((self.y + row) * frame_width + self.x);
        let under = |row: usize| row..row + 3 * self.width;
        let parts = (0..rows).filter_map(|at| rgb.get(under(row(at))));
        let mut filtered: Vec<u8> = parts.flatten().copied().collect();
        backdrop.apply(self.width, &mut filtered);
        let pixels = filtered.chunks_exact(3).zip(self.rgba.chunks_exact(4));
        let rgba = pixels.flat_map(|(rgb, own)| [rgb[0], rgb[1], rgb[2], own[3]]).collect();
        Self { rgba, ..*self }.lay(frame_width, rgb);
    }

    /// Lays it over a frame of this width, in integers: the same bytes everywhere.
    pub fn lay(&self, frame_width: usize, rgb: &mut [u8]) {
        if self.width == 0 {
            return;
        }
        for (row, line) in self.rgba.chunks_exact(4 * self.width).enumerate() {
            let begin = 3 * ((self.y + row) * frame_width + self.x);
            let Some(under) = rgb.get_mut(begin..begin + 3 * self.width) else { continue };
            for (under, over) in under.chunks_exact_mut(3).zip(line.chunks_exact(4)) {
                let opacity = u32::from(over[3]);
                for (below, &above) in under.iter_mut().zip(over) {
                    let sum = u32::from(above) * opacity + u32::from(*below) * (255 - opacity);
                    *below = ((sum + 127) / 255) as u8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_cut_to_what_is_seen_and_laid_where_it_was() {
        let mut rows = vec![vec![0u8; 4 * 5]; 4];
        rows[1][4 * 2..4 * 3].copy_from_slice(&[255, 0, 10, 255]);
        rows[2][4 * 3..4 * 4].copy_from_slice(&[200, 0, 0, 51]);
        let picture = Picture::cut(rows.iter().map(Vec::as_slice).collect());
        assert_eq!((picture.x, picture.y, picture.width, picture.bytes()), (2, 1, 2, 16));
        let mut frame = vec![100u8; 3 * 5 * 4];
        picture.lay(5, &mut frame);
        assert_eq!(frame[3 * 7..3 * 8], [255, 0, 10]);
        // A fifth of 200 and four fifths of 100.
        assert_eq!(frame[3 * 13..3 * 14], [120, 80, 80]);
        assert_eq!(frame.iter().filter(|&&value| value != 100).count(), 6);
    }

    #[test]
    fn nothing_to_see_is_nothing_to_lay() {
        let rows = vec![vec![0u8; 8]; 2];
        let picture = Picture::cut(rows.iter().map(Vec::as_slice).collect());
        let mut frame = vec![7u8; 12];
        picture.lay(2, &mut frame);
        assert_eq!((picture.bytes(), frame), (0, vec![7; 12]));
    }
}

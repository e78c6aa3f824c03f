//! Pictures for people: RGB pixels, cut out of families and put together from the small levels of an archive.

use crate::archive::Archive;
use crate::codec::{JpegEncoder, decode_png, encode_png};
use crate::error::Result;
use crate::image::family::{Pixels, PixelsRef};
use crate::image::geometry::TileId;
use crate::image::ycc::Sampling;
use crate::kernels::color::ycc_to_rgb;
use crate::output::render::{Output, Renderer};
use crate::output::tile::OutputFormat;

/// RGB pixels without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// A white picture.
    pub fn white(width: usize, height: usize) -> Self {
        Self { width, height, rgb: vec![255; 3 * width * height] }
    }

    /// A part of an image, in pixels of L0. Subsampled chroma is taken from the nearest sample.
    ///
    /// # Panics
    /// If the part does not lie inside the image.
    pub fn cut(image: &Pixels, [x, y, width, height]: [usize; 4]) -> Self {
        let mut rgb = Vec::with_capacity(3 * width * height);
        match image.view() {
            PixelsRef::Rgb(plane) => {
                (y..y + height).for_each(|y| rgb.extend_from_slice(&plane.row(y)[3 * x..3 * (x + width)]));
            }
            PixelsRef::Ycc(planes) => {
                let (fx, fy) = planes.sampling.factors();
                let mut line = vec![0; 3 * width];
                for y in y..y + height {
                    let chroma = planes.chroma.map(|planes| planes.map(|plane| plane.row(y / fy)));
                    let [cb, cr] = [0, 1].map(|i| -> Vec<u8> {
                        (x..x + width).map(|x| chroma.map_or(128, |rows| rows[i][x / fx])).collect()
                    });
                    ycc_to_rgb(&planes.luma.row(y)[x..x + width], &cb, &cr, &mut line);
                    rgb.extend_from_slice(&line);
                }
            }
        }
        Self { width, height, rgb }
    }

    /// `gain` times the difference to another picture of the same size, around gray.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn difference(&self, other: &Self, gain: i32) -> Self {
        assert_eq!((self.width, self.height), (other.width, other.height));
        let sample = |(&p, &q): (&u8, &u8)| (128 + gain * (i32::from(q) - i32::from(p))).clamp(0, 255) as u8;
        Self { rgb: self.rgb.iter().zip(&other.rgb).map(sample).collect(), ..*self }
    }

    /// The picture as PNG.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn png(&self) -> Result<Vec<u8>> {
        Ok(encode_png(&self.rgb, 3, self.width, self.height)?)
    }

    /// The picture as JPEG of quality 90 without subsampling: for sight, at a tenth of a PNG's bytes.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn jpeg(&self) -> Result<Vec<u8>> {
        let quality = 90;
        Ok(JpegEncoder::new()?.encode_rgb(&self.rgb, self.width, self.height, quality, Sampling::S444)?)
    }

    /// Copies a smaller picture to a place inside this one.
    fn paste(&mut self, part: &Self, x: usize, y: usize) {
        for (row, line) in part.rgb.chunks_exact(3 * part.width).enumerate() {
            self.rgb[3 * ((y + row) * self.width + x)..][..line.len()].copy_from_slice(line);
        }
    }
}

/// The slide as the archive's small levels show it: the smallest stored level of at least `width` pixels across, else the largest.
/// `None` for a pack, which has no small levels.
///
/// # Errors
/// Damaged tiles.
pub fn thumbnail(archive: &Archive, width: u32) -> Result<Option<Picture>> {
    let geometry = *archive.geometry();
    if archive.tiles().is_empty() {
        return Ok(None);
    }
    let stored = geometry.stored_levels();
    let last = stored.end.saturating_sub(1);
    let level = stored.into_iter().find(|&level| geometry.level_size(level).0 >= width).unwrap_or(last);
    let output = Output { format: OutputFormat::Png, ..Output::default() };
    let renderer = Renderer::new(geometry, archive.meta().coding.upsample_filter, output)?;
    let (width, height) = geometry.level_size(level);
    let mut picture = Picture::white(width as usize, height as usize);
    let (columns, rows) = geometry.tiles(level);
    for id in (0..rows).flat_map(|y| (0..columns).map(move |x| TileId { level, x, y })) {
        let (Some(entry), Some(rect)) = (archive.find_tile(id), geometry.tile_rect(id)) else { continue };
        let png = renderer.stored(id, entry.codec, archive.read_tile(entry)?)?;
        let tile = decode_png(&png, rect.width as usize * rect.height as usize)?;
        let rgb = match tile.channels {
            1 => tile.data.iter().flat_map(|&v| [v; 3]).collect(),
            _ => tile.data,
        };
        let tile = Picture { width: tile.width, height: tile.height, rgb };
        picture.paste(&tile, rect.x as usize, rect.y as usize);
    }
    Ok(Some(picture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::plane::Plane;
    use crate::image::ycc::Ycc;

    #[test]
    fn a_part_of_planes_is_the_part_of_their_rgb() {
        let plane = |w: usize, h: usize, step: usize| {
            Plane::from_vec(w, h, (0..w * h).map(|i| (i * step % 251) as u8).collect())
        };
        let full = Ycc {
            luma: plane(12, 10, 7),
            chroma: Some([plane(12, 10, 3), plane(12, 10, 5)]),
            sampling: Sampling::S444,
        };
        let place = [3, 2, 6, 5];
        let from_planes = Picture::cut(&Pixels::Ycc(full.clone()), place);
        assert_eq!(from_planes, Picture::cut(&Pixels::Rgb(full.to_rgb()), place));
        let half = Ycc {
            chroma: Some([Plane::filled(6, 5, 128), Plane::filled(6, 5, 128)]),
            sampling: Sampling::S420,
            ..full.clone()
        };
        let gray = Picture::cut(&Pixels::Ycc(Ycc::gray(full.luma)), place);
        assert_eq!(Picture::cut(&Pixels::Ycc(half), place), gray);
    }

    #[test]
    fn a_difference_is_multiplied_around_gray() {
        let of = |rgb: [u8; 6]| Picture { width: 2, height: 1, rgb: rgb.into() };
        let difference = of([10, 10, 10, 0, 255, 100]).difference(&of([10, 12, 0, 255, 0, 99]), 4);
        assert_eq!(difference.rgb, [128, 136, 88, 255, 0, 124]);
    }
}

//! Levels from a stream of pixel rows: each level halves the one above by the mean of 2x2 pixels.
//!
//! At most one row of tiles a level is in memory, so memory grows with the width of a slide, not with its area. The module
//! knows no codecs.

use crate::image::geometry::{Geometry, TileId};
use crate::pyramid::error::Result;

/// Halves interleaved samples of `channels`, rounding sizes up; an odd last column or row counts twice.
///
/// The rounding term alternates between 1 and 2 along a row, as in libjpeg, so that repeated halving does not brighten.
pub fn halve(src: &[u8], width: usize, height: usize, channels: usize) -> (Vec<u8>, usize, usize) {
    let mut out = Vec::new();
    let (w, h) = halve_into(src, width, height, channels, &mut out);
    (out, w, h)
}

/// As [`halve`], into the memory of `out`. Returns the size.
pub fn halve_into(
    src: &[u8],
    width: usize,
    height: usize,
    channels: usize,
    out: &mut Vec<u8>,
) -> (usize, usize) {
    let (w, h) = (width.div_ceil(2), height.div_ceil(2));
    out.resize(w * h * channels, 0);
    let stride = width * channels;
    for (y, out) in out.chunks_exact_mut(w * channels).enumerate() {
        let a = &src[2 * y * stride..][..stride];
        let b = &src[(2 * y + 1).min(height - 1) * stride..][..stride];
        halve_row(a, b, channels, out);
    }
    (w, h)
}

/// Copies the `width` x `height` pixels at `(x, y)` of interleaved samples whose rows are `row_px` pixels long.
pub fn crop(
    src: &[u8],
    row_px: usize,
    channels: usize,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(width * height * channels);
    for row in src.chunks_exact(row_px * channels).skip(y).take(height) {
        out.extend_from_slice(&row[x * channels..][..width * channels]);
    }
    out
}

fn halve_row(a: &[u8], b: &[u8], channels: usize, out: &mut [u8]) {
    match channels {
        1 => halve_row_of::<1>(a, b, out),
        _ => halve_row_of::<3>(a, b, out),
    }
}

/// Two rows of pixels of `N` samples.
fn halve_row_of<const N: usize>(a: &[u8], b: &[u8], out: &mut [u8]) {
    let (a, b, out) = (a.as_chunks::<N>().0, b.as_chunks::<N>().0, out.as_chunks_mut::<N>().0);
    for (x, ((out, a), b)) in out.iter_mut().zip(a.chunks(2)).zip(b.chunks(2)).enumerate() {
        // One pixel at the end of an odd row, else two.
        let right = a.len() - 1;
        *out = std::array::from_fn(|c| {
            let sum = [a[0][c], a[right][c], b[0][c], b[right][c]].map(u16::from).iter().sum::<u16>();
            ((sum + 1 + (x as u16 & 1)) >> 2) as u8
        });
    }
}

struct Level {
    number: u32,
    width: usize,
    height: usize,
    /// Rows pushed so far.
    rows: usize,
    /// Pixel rows of the current row of tiles.
    band: Vec<u8>,
    /// An even row, kept until the odd row below it comes.
    even_row: Option<Vec<u8>>,
    /// Whether to emit the tiles of this level.
    emit: bool,
}

/// Takes the rows of one level; emits the tiles of all smaller levels and, on request, of this one.
pub struct LevelBuilder {
    tile: usize,
    channels: usize,
    levels: Vec<Level>,
}

impl LevelBuilder {
    /// For rows of `level` with `channels` samples a pixel. Tiles of `level` itself are emitted if `emit`.
    pub fn new(geometry: &Geometry, level: u32, channels: usize, emit: bool) -> Self {
        let levels = (0..=level).rev().map(|number| {
            let (width, height) = geometry.level_size(number);
            let (width, height) = (width as usize, height as usize);
            Level {
                number,
                width,
                height,
                rows: 0,
                band: Vec::new(),
                even_row: None,
                emit: emit || number < level,
            }
        });
        Self { tile: geometry.tile() as usize, channels, levels: levels.collect() }
    }

    /// Takes the next row and calls `sink` with every tile that is now complete.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn push_row(&mut self, row: &[u8], sink: &mut TileSink<'_>) -> Result<()> {
        push(&mut self.levels, self.tile, self.channels, row, sink)
    }
}

/// Takes a tile: id, interleaved samples, width, height.
pub type TileSink<'a> = dyn FnMut(TileId, &[u8], usize, usize) -> Result<()> + 'a;

fn push(
    levels: &mut [Level],
    tile: usize,
    channels: usize,
    row: &[u8],
    sink: &mut TileSink<'_>,
) -> Result<()> {
    let Some((level, below)) = levels.split_first_mut() else { return Ok(()) };
    level.rows += 1;
    let last = level.rows == level.height;
    if level.emit {
        level.band.extend_from_slice(row);
        let rows = level.band.len() / (level.width * channels);
        if rows == tile || last {
            emit_tiles(level, tile, channels, rows, sink)?;
            level.band.clear();
        }
    }
    if below.is_empty() {
        return Ok(());
    }
    let mut half = vec![0; level.width.div_ceil(2) * channels];
    match level.even_row.take() {
        Some(above) => halve_row(&above, row, channels, &mut half),
        None if last => halve_row(row, row, channels, &mut half),
        None => {
            level.even_row = Some(row.to_vec());
            return Ok(());
        }
    }
    push(below, tile, channels, &half, sink)
}

fn emit_tiles(
    level: &Level,
    tile: usize,
    channels: usize,
    rows: usize,
    sink: &mut TileSink<'_>,
) -> Result<()> {
    let y = (level.rows - rows) / tile;
    for (x, left) in (0..level.width).step_by(tile).enumerate() {
        let width = tile.min(level.width - left);
        let pixels = crop(&level.band, level.width, channels, left, 0, width, rows);
        sink(TileId { level: level.number, x: x as u32, y: y as u32 }, &pixels, width, rows)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tile_of_every_level_comes_once_with_the_right_pixels() {
        for (w, h, t) in [(37u32, 23u32, 8u32), (64, 64, 16), (5, 1, 2), (1, 9, 3), (33, 35, 7)] {
            let g = Geometry::new(w, h, t).unwrap();
            let image: Vec<u8> = (0..w * h * 3).map(|i| (i * 31 % 251) as u8).collect();
            let mut levels = LevelBuilder::new(&g, g.top_level(), 3, true);
            let mut got = std::collections::HashMap::new();
            for row in image.chunks_exact(3 * w as usize) {
                levels
                    .push_row(row, &mut |id, px, w, h| {
                        assert!(got.insert(id, (px.to_vec(), w, h)).is_none());
                        Ok(())
                    })
                    .unwrap();
            }
            let (mut whole, mut ww, mut hh) = (image, w as usize, h as usize);
            for level in (0..=g.top_level()).rev() {
                assert_eq!(g.level_size(level), (ww as u32, hh as u32));
                let (cols, rows) = g.tiles(level);
                for y in 0..rows {
                    for x in 0..cols {
                        let id = TileId { level, x, y };
                        let r = g.tile_rect(id).unwrap();
                        let (px, tw, th) = got.remove(&id).unwrap();
                        assert_eq!((tw as u32, th as u32), (r.width, r.height));
                        for row in 0..th {
                            let at = ((r.y as usize + row) * ww + r.x as usize) * 3;
                            assert_eq!(px[row * tw * 3..][..tw * 3], whole[at..][..tw * 3], "{id}");
                        }
                    }
                }
                (whole, ww, hh) = halve(&whole, ww, hh, 3);
            }
            assert!(got.is_empty());
        }
    }

    #[test]
    fn halving_does_not_brighten() {
        let noise: Vec<u8> =
            (0..256 * 256).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mean = |v: &[u8]| v.iter().map(|&x| f64::from(x)).sum::<f64>() / v.len() as f64;
        let (mut now, mut w, mut h) = (noise.clone(), 256, 256);
        for _ in 0..5 {
            (now, w, h) = halve(&now, w, h, 1);
        }
        assert!((mean(&now) - mean(&noise)).abs() < 0.5);
    }
}

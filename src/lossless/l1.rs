//! A tile of L1 from the L0 tiles that it covers, by the normative kernels: section 9.9 of `docs/format.md`.

use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::resample::{Scratch, resample, upsample_to_444};
use crate::kernels::taps::{Axis, Filter, TapCache, Taps};
use crate::params::Coding;
use std::sync::Arc;

/// Halves an image that is given as tiles of `side` pixels, each with its column and row of 0 or 1. `want` is the chroma sampling
/// of the result (`Gray`, `S420` or `S444`); each plane is resampled once. If all tiles are gray, the result is gray.
pub fn l1_from_l0(
    coding: &Coding,
    taps: &TapCache,
    side: usize,
    tiles: Vec<((usize, usize), Ycc)>,
    want: Sampling,
) -> Ycc {
    let Ycc { luma, chroma, sampling } = assemble(coding.upsample_filter, taps, side, tiles);
    let (width, height) = (luma.width().div_ceil(2), luma.height().div_ceil(2));
    let resampler = Resampler { taps, coding };
    let half = resampler.resample(&luma, (1, 1), (width, height), (1, 1));
    let Some(planes) = chroma.filter(|_| want != Sampling::Gray) else { return Ycc::gray(half) };
    let size = want.chroma_size(width, height);
    let planes = planes.map(|plane| resampler.resample(&plane, sampling.factors(), size, want.factors()));
    Ycc { luma: half, chroma: Some(planes), sampling: want }
}

/// Assembles the tiles to one image. It keeps the chroma sampling where all tiles with chroma share one and tile corners lie on
/// its grid; else it is 4:4:4. The chroma of gray tiles is 128.
fn assemble(filter: Filter, taps: &TapCache, side: usize, tiles: Vec<((usize, usize), Ycc)>) -> Ycc {
    let sampling = common_sampling(side, tiles.iter().map(|(_, tile)| tile.sampling));
    let width = tiles.iter().map(|((column, _), tile)| column * side + tile.luma.width()).max();
    let height = tiles.iter().map(|((_, row), tile)| row * side + tile.luma.height()).max();
    let mut all = Ycc::default();
    all.fill(sampling, width.unwrap_or(0), height.unwrap_or(0), 128);
    let (fx, fy) = sampling.factors();
    for ((column, row), tile) in tiles {
        let (x, y) = (column * side, row * side);
        let tile = if tile.sampling == sampling { tile } else { upsample_to_444(tile, filter, taps) };
        all.luma.paste(x, y, tile.luma.view());
        for (to, from) in all.chroma.iter_mut().flatten().zip(tile.chroma.iter().flatten()) {
            to.paste(x / fx, y / fy, from.view());
        }
    }
    all
}

fn common_sampling(side: usize, samplings: impl Iterator<Item = Sampling>) -> Sampling {
    let mut coloured = samplings.filter(|&sampling| sampling != Sampling::Gray);
    let Some(first) = coloured.next() else { return Sampling::Gray };
    let (fx, fy) = first.factors();
    let on_grid = side.is_multiple_of(fx) && side.is_multiple_of(fy);
    if on_grid && coloured.all(|other| other == first) { first } else { Sampling::S444 }
}

/// Resamples planes of L0 to L1.
struct Resampler<'a> {
    taps: &'a TapCache,
    coding: &'a Coding,
}

impl Resampler<'_> {
    /// Resamples a plane of L0 with subsampling factors `from` to a plane of L1 with factors `to`.
    fn resample(
        &self,
        plane: &Plane,
        from: (usize, usize),
        size: (usize, usize),
        to: (usize, usize),
    ) -> Plane {
        let horizontal = self.table(plane.width(), from.0, size.0, to.0);
        let vertical = self.table(plane.height(), from.1, size.1, to.1);
        let mut out = Plane::default();
        resample(plane.view(), &horizontal, &vertical, &mut out, &mut Scratch::default());
        out
    }

    /// L1 is half of L0, so `2 * to / from` samples become one. Only chroma at a quarter (4:1:1) may need upsampling.
    fn table(&self, in_len: usize, from: usize, out_len: usize, to: usize) -> Arc<Taps> {
        let Coding { downsample_filter, upsample_filter, .. } = *self.coding;
        self.taps.get(if 2 * to >= from {
            Axis::Down { filter: downsample_filter, in_len, factor: 2 * to / from }
        } else {
            Axis::Up { filter: upsample_filter, in_len, factor: from / (2 * to), out_len }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::EncodeParams;

    fn plane(width: usize, height: usize, seed: usize) -> Plane {
        let sample = |i: usize| ((i % width * 5 + i / width * 3 + seed * 40 + i * i % 11) % 256) as u8;
        Plane::from_vec(width, height, (0..width * height).map(sample).collect())
    }

    fn image(width: usize, height: usize, sampling: Sampling) -> Ycc {
        let (cw, ch) = sampling.chroma_size(width, height);
        let chroma = (sampling != Sampling::Gray).then(|| [plane(cw, ch, 1), plane(cw, ch, 2)]);
        Ycc { luma: plane(width, height, 0), chroma, sampling }
    }

    #[test]
    fn halving_tiles_equals_halving_the_whole_image() {
        let coding = EncodeParams::default().coding();
        let all =
            [Sampling::Gray, Sampling::S444, Sampling::S422, Sampling::S420, Sampling::S440, Sampling::S411];
        for sampling in all {
            for (width, height) in [(16, 16), (16, 9), (13, 16), (11, 5), (8, 8), (1, 1), (9, 1)] {
                let whole = image(width, height, sampling);
                let mut tiles = Vec::new();
                for (row, y) in (0..height).step_by(8).enumerate() {
                    for (column, x) in (0..width).step_by(8).enumerate() {
                        let view = whole.view().part(x, y, 8.min(width - x), 8.min(height - y));
                        let chroma = view.chroma.map(|planes| planes.map(|p| p.to_plane()));
                        tiles.push(((column, row), Ycc { luma: view.luma.to_plane(), chroma, sampling }));
                    }
                }
                for want in [Sampling::Gray, Sampling::S420, Sampling::S444] {
                    let taps = TapCache::default();
                    let half = l1_from_l0(&coding, &taps, 8, tiles.clone(), want);
                    let once = l1_from_l0(&coding, &taps, 16, vec![((0, 0), whole.clone())], want);
                    assert_eq!(half, once, "{sampling:?} {width}x{height} as {want:?}");
                    let (w, h) = (width.div_ceil(2), height.div_ceil(2));
                    assert_eq!((half.luma.width(), half.luma.height()), (w, h));
                    for plane in half.chroma.iter().flatten() {
                        assert_eq!((plane.width(), plane.height()), want.chroma_size(w, h));
                    }
                    assert_eq!(half.chroma.is_some(), sampling != Sampling::Gray && want != Sampling::Gray);
                }
            }
        }
    }

    #[test]
    fn tiles_of_different_samplings_are_assembled_in_444() {
        let coding = EncodeParams::default().coding();
        let tiles = vec![
            ((0, 0), image(7, 7, Sampling::S420)),
            ((1, 0), image(7, 7, Sampling::Gray)),
            ((0, 1), image(7, 4, Sampling::S444)),
            ((1, 1), image(7, 4, Sampling::S422)),
        ];
        let half = l1_from_l0(&coding, &TapCache::default(), 7, tiles, Sampling::S444);
        assert_eq!((half.luma.width(), half.luma.height(), half.sampling), (7, 6, Sampling::S444));
    }
}

//! One tile of L1 from the tiles of L0 below it, by the normative kernels: section 9.9 of `docs/format.md`.

use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::resample::{Scratch, resample};
use crate::kernels::taps::{Axis, Filter, TapCache, Taps};
use crate::output::tile::upsample_to_444;
use crate::params::Coding;
use std::sync::Arc;

/// Halves an image that is given as tiles of `side` pixels, each with its column and row of 0 or 1; chroma comes out as `want` says
/// (`Gray`, `S420` or `S444`), each plane resampled once. Gray tiles alone give a gray image.
pub fn halve(
    coding: &Coding,
    taps: &TapCache,
    side: usize,
    tiles: Vec<((usize, usize), Ycc)>,
    want: Sampling,
) -> Ycc {
    let Ycc { luma, chroma, sampling } = whole(coding.upsample_filter, taps, side, tiles);
    let (width, height) = (luma.width().div_ceil(2), luma.height().div_ceil(2));
    let axes = Axes { taps, coding };
    let half = axes.resample(&luma, (1, 1), (width, height), (1, 1));
    let Some(planes) = chroma.filter(|_| want != Sampling::Gray) else { return Ycc::gray(half) };
    let size = want.chroma_size(width, height);
    let planes = planes.map(|plane| axes.resample(&plane, sampling.factors(), size, want.factors()));
    Ycc { luma: half, chroma: Some(planes), sampling: want }
}

/// The tiles as one image: in the sampling of those that have chroma where that is one and their corners lie on its grid, else in
/// 4:4:4. A gray tile among them has chroma of 128.
fn whole(filter: Filter, taps: &TapCache, side: usize, tiles: Vec<((usize, usize), Ycc)>) -> Ycc {
    let sampling = common(side, tiles.iter().map(|(_, tile)| tile.sampling));
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

fn common(side: usize, samplings: impl Iterator<Item = Sampling>) -> Sampling {
    let mut coloured = samplings.filter(|&sampling| sampling != Sampling::Gray);
    let Some(first) = coloured.next() else { return Sampling::Gray };
    let (fx, fy) = first.factors();
    let on_grid = side.is_multiple_of(fx) && side.is_multiple_of(fy);
    if on_grid && coloured.all(|other| other == first) { first } else { Sampling::S444 }
}

struct Axes<'a> {
    taps: &'a TapCache,
    coding: &'a Coding,
}

impl Axes<'_> {
    /// A plane of L0 that is sampled by `from`, as one of L1 sampled by `to`.
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

    /// L1 is half of L0: `2 * to / from` samples become one. Only a quarter (4:1:1) may have to grow.
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
    use crate::quality::presets::Preset;

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
    fn a_tile_of_l1_is_the_halved_whole_in_every_sampling_and_size() {
        let coding = Preset::Lossless.params().coding();
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
                    let half = halve(&coding, &taps, 8, tiles.clone(), want);
                    let once = halve(&coding, &taps, 16, vec![((0, 0), whole.clone())], want);
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
    fn tiles_of_several_kinds_are_put_together_in_full_chroma() {
        let coding = Preset::Lossless.params().coding();
        let tiles = vec![
            ((0, 0), image(7, 7, Sampling::S420)),
            ((1, 0), image(7, 7, Sampling::Gray)),
            ((0, 1), image(7, 4, Sampling::S444)),
            ((1, 1), image(7, 4, Sampling::S422)),
        ];
        let half = halve(&coding, &TapCache::default(), 7, tiles, Sampling::S444);
        assert_eq!((half.luma.width(), half.luma.height(), half.sampling), (7, 6, Sampling::S444));
    }
}

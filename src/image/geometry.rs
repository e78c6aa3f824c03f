//! Levels, tiles and families: the coordinates of a Deep Zoom pyramid.
//!
//! Knows sizes and coordinates only, no pixels and no files. Level numbers run from 0 (1x1) to N (full size),
//! halving with rounding up; L0 = N, L1 = N-1, L2 = N-2. Overlap is always 0 here.
//! Source: the Deep Zoom file format as OpenSeadragon and openslide-python compute it.

use crate::image::spec;

/// A rectangle in pixels of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
}

impl Rect {
    /// Its columns.
    pub fn columns(&self) -> std::ops::Range<usize> {
        self.x as usize..self.x as usize + self.width as usize
    }

    /// Its rows.
    pub fn rows(&self) -> std::ops::Range<usize> {
        self.y as usize..self.y as usize + self.height as usize
    }
}

/// A slide, tile or family that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// A side of 0 pixels, or over the limit.
    #[error("a slide of {width}x{height} pixels: each side must be 1 to {max}", max = spec::MAX_SIDE)]
    SlideSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A tile of 0 pixels a side, or over the limit.
    #[error("a tile size of {0}: it must be 1 to {max}", max = spec::MAX_TILE)]
    TileSize(u32),
    /// More tiles than an archive indexes.
    #[error("a slide of {width}x{height} in tiles of {tile} has too many tiles; use larger tiles")]
    TooManyTiles {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Side of a tile in pixels.
        tile: u32,
    },
    /// A tile outside the slide.
    #[error("no tile {0}")]
    NoTile(TileId),
    /// A family outside the slide.
    #[error("no family {0}")]
    NoFamily(FamilyId),
}

/// The address of one tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Deep Zoom level, 0 (1x1) to N.
    pub level: u32,
    /// Column.
    pub x: u32,
    /// Row.
    pub y: u32,
}

impl std::fmt::Display for TileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}_{}", self.level, self.x, self.y)
    }
}

/// The address of one family: the column and row of its L2 tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FamilyId {
    x: u32,
    y: u32,
}

impl FamilyId {
    /// Column of the L2 tile.
    pub fn x(self) -> u32 {
        self.x
    }
    /// Row of the L2 tile.
    pub fn y(self) -> u32 {
        self.y
    }
}

impl std::fmt::Display for FamilyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}", self.x, self.y)
    }
}

/// The shape of a Deep Zoom pyramid: slide size and tile size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    width: u32,
    height: u32,
    tile: u32,
}

impl Geometry {
    /// A slide of `width` x `height` pixels in tiles of `tile`.
    ///
    /// # Errors
    /// Sides of 0 or over [`spec::MAX_SIDE`], tiles of 0 or over [`spec::MAX_TILE`], and slides of more than
    /// [`spec::MAX_ENTRIES`] families or stored tiles.
    pub fn new(width: u32, height: u32, tile: u32) -> Result<Self, GeometryError> {
        if width == 0 || height == 0 || width > spec::MAX_SIDE || height > spec::MAX_SIDE {
            return Err(GeometryError::SlideSize { width, height });
        }
        if tile == 0 || tile > spec::MAX_TILE {
            return Err(GeometryError::TileSize(tile));
        }
        let geometry = Self { width, height, tile };
        if geometry.family_count().max(geometry.stored_tile_count()) > spec::MAX_ENTRIES {
            return Err(GeometryError::TooManyTiles { width, height, tile });
        }
        Ok(geometry)
    }

    /// Slide width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }
    /// Slide height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }
    /// Tile side in pixels.
    pub fn tile(&self) -> u32 {
        self.tile
    }

    /// N: the number of the full-size level, `ceil(log2(max(width, height)))`.
    pub fn top_level(&self) -> u32 {
        let side = self.width.max(self.height);
        u32::BITS - (side - 1).leading_zeros()
    }

    /// The level number of L2, or `None` where the slide has fewer than three levels and so no families.
    pub fn l2(&self) -> Option<u32> {
        self.top_level().checked_sub(spec::REGENERATED_LEVELS)
    }

    /// Width and height of a level in pixels.
    pub fn level_size(&self, level: u32) -> (u32, u32) {
        let shift = self.top_level().saturating_sub(level);
        let halve = |n: u32| ((u64::from(n) + (1 << shift) - 1) >> shift) as u32;
        (halve(self.width), halve(self.height))
    }

    /// Columns and rows of tiles at a level.
    pub fn tiles(&self, level: u32) -> (u32, u32) {
        let (w, h) = self.level_size(level);
        (w.div_ceil(self.tile), h.div_ceil(self.tile))
    }

    /// The pixels of a tile within its level, or `None` where there is no such tile.
    pub fn tile_rect(&self, id: TileId) -> Option<Rect> {
        if id.level > self.top_level() {
            return None;
        }
        let (w, h) = self.level_size(id.level);
        let (x, y) = (id.x.checked_mul(self.tile)?, id.y.checked_mul(self.tile)?);
        if x >= w || y >= h {
            return None;
        }
        Some(Rect { x, y, width: self.tile.min(w - x), height: self.tile.min(h - y) })
    }

    /// Columns and rows of families; (0, 0) where the slide has fewer than three levels.
    pub fn families(&self) -> (u32, u32) {
        self.l2().map_or((0, 0), |l2| self.tiles(l2))
    }

    /// How many families the slide has.
    pub fn family_count(&self) -> u64 {
        let (cols, rows) = self.families();
        u64::from(cols) * u64::from(rows)
    }

    /// The family at a column and row, or `None` outside the slide.
    pub fn family(&self, x: u32, y: u32) -> Option<FamilyId> {
        let (cols, rows) = self.families();
        (x < cols && y < rows).then_some(FamilyId { x, y })
    }

    /// The family that regenerates a tile of L0 or L1 or owns a tile of L2; `None` for smaller levels.
    pub fn family_of(&self, tile: TileId) -> Option<FamilyId> {
        let up = self.top_level().checked_sub(tile.level)?;
        let shift = spec::REGENERATED_LEVELS.checked_sub(up)?;
        self.l2()?;
        self.tile_rect(tile)?;
        self.family(tile.x >> shift, tile.y >> shift)
    }

    /// All families, row by row.
    pub fn all_families(&self) -> impl Iterator<Item = FamilyId> + Send + use<> {
        let (cols, rows) = self.families();
        (0..rows).flat_map(move |y| (0..cols).map(move |x| FamilyId { x, y }))
    }

    /// The family with this number, row by row; `None` beyond the last.
    pub fn family_at(&self, number: usize) -> Option<FamilyId> {
        let (number, cols) = (number as u64, u64::from(self.families().0));
        let (x, y) = (number.checked_rem(cols)?, number.checked_div(cols)?);
        (number < self.family_count()).then_some(FamilyId { x: x as u32, y: y as u32 })
    }

    /// The L0 pixels of a family.
    pub fn family_rect(&self, id: FamilyId) -> Rect {
        let side = self.tile * spec::FAMILY_FACTOR;
        let (x, y) = (id.x * side, id.y * side);
        Rect { x, y, width: side.min(self.width - x), height: side.min(self.height - y) }
    }

    /// The tiles of a family at L0 (`down` 0), L1 (1) or L2 (2) that lie inside the slide, row by row.
    pub fn family_tiles(&self, id: FamilyId, down: u32) -> impl Iterator<Item = TileId> + use<> {
        let level = self.top_level() - down;
        let side = spec::FAMILY_FACTOR >> down;
        let (cols, rows) = self.tiles(level);
        let (x0, y0) = (id.x * side, id.y * side);
        let (x1, y1) = ((x0 + side).min(cols), (y0 + side).min(rows));
        (y0..y1).flat_map(move |y| (x0..x1).map(move |x| TileId { level, x, y }))
    }

    /// Levels stored tile by tile in a bundle: those below L2, or every level where there are no families.
    pub fn stored_levels(&self) -> std::ops::Range<u32> {
        0..self.l2().unwrap_or(self.top_level() + 1)
    }

    /// How many tiles the stored levels have.
    pub fn stored_tile_count(&self) -> u64 {
        self.stored_levels()
            .map(|level| {
                let (cols, rows) = self.tiles(level);
                u64::from(cols) * u64::from(rows)
            })
            .sum()
    }

    /// All tiles of the stored levels: by level, then row by row. This is their order in a bundle's index.
    pub fn stored_tiles(&self) -> impl Iterator<Item = TileId> + use<> {
        let geometry = *self;
        self.stored_levels().flat_map(move |level| {
            let (cols, rows) = geometry.tiles(level);
            (0..rows).flat_map(move |y| (0..cols).map(move |x| TileId { level, x, y }))
        })
    }
}

/// Position of a family along the Hilbert curve over a square of side 2^32: neighbours on the slide are near
/// in the archive. Source: Hamilton, "Compact Hilbert indices" (2006), the two-dimensional case.
pub fn hilbert(id: FamilyId) -> u64 {
    let (mut x, mut y) = (u64::from(id.x), u64::from(id.y));
    let mut d = 0u64;
    for bit in (0..32).rev() {
        let side = 1u64 << bit;
        let (rx, ry) = (u64::from(x & side != 0), u64::from(y & side != 0));
        d = (d << 2) | ((3 * rx) ^ ry);
        (x, y) = (x & (side - 1), y & (side - 1));
        if ry == 0 {
            if rx == 1 {
                (x, y) = (side - 1 - x, side - 1 - y);
            }
            std::mem::swap(&mut x, &mut y);
        }
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_sizes_follow_deep_zoom() {
        let g = Geometry::new(2220, 2967, 256).unwrap();
        assert_eq!(g.top_level(), 12);
        assert_eq!(g.level_size(12), (2220, 2967));
        assert_eq!(g.level_size(11), (1110, 1484));
        assert_eq!(g.level_size(10), (555, 742));
        assert_eq!(g.level_size(0), (1, 1));
        assert_eq!(g.families(), (3, 3));
        assert_eq!(Geometry::new(1, 1, 256).unwrap().top_level(), 0);
        assert_eq!(Geometry::new(2, 1, 256).unwrap().top_level(), 1);
        assert_eq!(Geometry::new(3, 1, 256).unwrap().top_level(), 2);
        assert_eq!(Geometry::new(4, 4, 256).unwrap().top_level(), 2);
        assert_eq!(Geometry::new(5, 4, 256).unwrap().top_level(), 3);
    }

    #[test]
    fn a_family_is_its_l2_tile_and_everything_under_it() {
        for (w, h, t) in [(2220, 2967, 256), (5, 9, 1), (1027, 1, 256), (999, 1001, 254), (4097, 513, 255)] {
            let g = Geometry::new(w, h, t).unwrap();
            let l2 = g.l2().unwrap();
            let mut seen = [0u64; 3];
            for id in g.all_families() {
                let r = g.family_rect(id);
                let (l2w, l2h) = g.level_size(l2);
                let base = g.tile_rect(TileId { level: l2, x: id.x(), y: id.y() }).unwrap();
                assert_eq!((base.width, base.height), (r.width.div_ceil(4), r.height.div_ceil(4)));
                assert!(base.x + base.width <= l2w && base.y + base.height <= l2h);
                for down in 0..3 {
                    for tile in g.family_tiles(id, down) {
                        assert_eq!(g.family_of(tile), Some(id));
                        seen[down as usize] += 1;
                    }
                }
            }
            for down in 0..3 {
                let (c, r) = g.tiles(g.top_level() - down);
                assert_eq!(seen[down as usize], u64::from(c) * u64::from(r));
            }
        }
    }

    #[test]
    fn hilbert_neighbours_touch() {
        let g = Geometry::new(32 * 4, 32 * 4, 1).unwrap();
        let mut all: Vec<_> = g.all_families().collect();
        all.sort_by_key(|&id| hilbert(id));
        for pair in all.windows(2) {
            let (dx, dy) = (pair[0].x.abs_diff(pair[1].x), pair[0].y.abs_diff(pair[1].y));
            assert_eq!(dx + dy, 1, "{} then {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn absurd_slides_are_refused() {
        assert!(Geometry::new(0, 1, 256).is_err());
        assert!(Geometry::new(1, 1, 0).is_err());
        assert!(Geometry::new(u32::MAX, 1, 256).is_err());
        assert!(Geometry::new(1 << 30, 1 << 30, 1).is_err());
    }
}

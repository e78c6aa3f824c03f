//! How the tiles of a tree are named: Deep Zoom, Zoomify, Google Maps, IIIF.
//!
//! Levels are those of Deep Zoom in all of them: the finest is the last, and each has half the size of the next, rounded up. Sources:
//! the names that libvips' `dzsave` gives; Zoomify's numbering of groups; IIIF Image API 2.1 and 3.0, section 4.7.

use crate::image::geometry::{Geometry, TileId};

/// Tiles of a group of Zoomify.
const GROUP: u64 = 256;

/// The names of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `level/x_y`.
    DeepZoom,
    /// `TileGroupG/z-x-y`, z from the first level that fits a tile.
    Zoomify,
    /// `z/y/x`, z as of Zoomify. Tiles at the edges have the full size.
    Google,
    /// `region/size/0/default` with sizes `w,` (2) or `w,h` (3).
    Iiif {
        /// The version of the Image API: 2 or 3.
        version: u8,
    },
}

impl Layout {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Layout::DeepZoom => "Deep Zoom",
            Layout::Zoomify => "Zoomify",
            Layout::Google => "Google Maps",
            Layout::Iiif { .. } => "IIIF",
        }
    }

    /// Whether tiles at the right and lower edge are as large as the others.
    pub fn is_padded(self) -> bool {
        self == Layout::Google
    }

    /// The name of a tile's file without its extension.
    pub fn stem(self, geometry: &Geometry, id: TileId) -> String {
        let TileId { level, x, y } = id;
        let z = level.saturating_sub(first_level(geometry));
        match self {
            Layout::DeepZoom => format!("{level}/{x}_{y}"),
            Layout::Zoomify => format!("TileGroup{}/{z}-{x}-{y}", index(geometry, id) / GROUP),
            Layout::Google => format!("{z}/{y}/{x}"),
            Layout::Iiif { version } => {
                let shift = geometry.top_level() - level.min(geometry.top_level());
                let side = u64::from(geometry.tile()) << shift;
                let part = |i: u32, n: u32| {
                    (u64::from(i) * side, side.min(u64::from(n).saturating_sub(u64::from(i) * side)))
                };
                let ((left, width), (top, height)) = (part(x, geometry.width()), part(y, geometry.height()));
                let (w, h) = geometry.tile_rect(id).map_or((0, 0), |rect| (rect.width, rect.height));
                let h = if version == 2 { String::new() } else { h.to_string() };
                format!("{left},{top},{width},{height}/{w},{h}/0/default")
            }
        }
    }

    /// The directories in which the tiles lie, or in which their directories do.
    pub fn directories(self, geometry: &Geometry) -> Vec<String> {
        let top = geometry.top_level();
        match self {
            Layout::DeepZoom => (0..=top).map(|level| level.to_string()).collect(),
            Layout::Zoomify => {
                let last = zoomify_tiles(geometry) - 1;
                (0..=last / GROUP).map(|group| format!("TileGroup{group}")).collect()
            }
            Layout::Google => (0..=top - first_level(geometry)).map(|z| z.to_string()).collect(),
            Layout::Iiif { .. } => vec![String::new()],
        }
    }

    /// The tile whose file has this name.
    pub fn tile(self, geometry: &Geometry, stem: &str) -> Option<TileId> {
        let level_of = |z: &str| z.parse::<u32>().ok()?.checked_add(first_level(geometry));
        let id = match self {
            Layout::DeepZoom => {
                let (level, position) = stem.split_once('/')?;
                let (x, y) = position.split_once('_')?;
                TileId { level: level.parse().ok()?, x: x.parse().ok()?, y: y.parse().ok()? }
            }
            Layout::Zoomify => {
                let mut parts = stem.split_once('/')?.1.splitn(3, '-');
                let (z, x, y) = (parts.next()?, parts.next()?, parts.next()?);
                TileId { level: level_of(z)?, x: x.parse().ok()?, y: y.parse().ok()? }
            }
            Layout::Google => {
                let mut parts = stem.splitn(3, '/');
                let (z, y, x) = (parts.next()?, parts.next()?, parts.next()?);
                TileId { level: level_of(z)?, x: x.parse().ok()?, y: y.parse().ok()? }
            }
            Layout::Iiif { .. } => {
                let mut region = stem.split_once('/')?.0.split(',').map(|n| n.parse::<u64>().ok());
                let (left, top) = (region.next()??, region.next()??);
                // A region that is the whole of several levels has a size in each: the name tells which.
                let at = |level: u32| {
                    let side = u64::from(geometry.tile()) << (geometry.top_level() - level);
                    let (x, y) = (u32::try_from(left / side).ok()?, u32::try_from(top / side).ok()?);
                    Some(TileId { level, x, y }).filter(|&id| self.stem(geometry, id) == stem)
                };
                return (0..=geometry.top_level()).rev().find_map(at);
            }
        };
        // Zoomify names the group as well.
        (self != Layout::Zoomify || self.stem(geometry, id) == stem).then_some(id)
    }
}

/// The coarsest level that other layouts than Deep Zoom have: the finest one of a single tile.
pub fn first_level(geometry: &Geometry) -> u32 {
    (0..=geometry.top_level()).rev().find(|&level| geometry.tiles(level) == (1, 1)).unwrap_or(0)
}

/// Number of the tiles that Zoomify has.
pub fn zoomify_tiles(geometry: &Geometry) -> u64 {
    let top = geometry.top_level();
    let (columns, rows) = geometry.tiles(top);
    index(geometry, TileId { level: top, x: columns - 1, y: rows - 1 }) + 1
}

/// The number of a tile among all tiles, from the first level on.
fn index(geometry: &Geometry, id: TileId) -> u64 {
    let tiles = |level: u32| {
        let (columns, rows) = geometry.tiles(level);
        u64::from(columns) * u64::from(rows)
    };
    let before: u64 = (first_level(geometry)..id.level.min(geometry.top_level())).map(tiles).sum();
    let columns = u64::from(geometry.tiles(id.level).0);
    before.saturating_add(u64::from(id.y).saturating_mul(columns)).saturating_add(u64::from(id.x))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUTS: [Layout; 5] = [
        Layout::DeepZoom,
        Layout::Zoomify,
        Layout::Google,
        Layout::Iiif { version: 2 },
        Layout::Iiif { version: 3 },
    ];

    #[test]
    fn names_are_those_that_dzsave_writes() {
        let geometry = Geometry::new(701, 483, 128).unwrap();
        let top = geometry.top_level();
        let name =
            |layout: Layout, down: u32, x, y| layout.stem(&geometry, TileId { level: top - down, x, y });
        assert_eq!(name(Layout::Zoomify, 0, 5, 3), "TileGroup0/3-5-3");
        assert_eq!(name(Layout::Zoomify, 3, 0, 0), "TileGroup0/0-0-0");
        assert_eq!(name(Layout::Google, 0, 5, 3), "3/3/5");
        assert_eq!(name(Layout::Iiif { version: 2 }, 1, 2, 1), "512,256,189,227/95,/0/default");
        assert_eq!(name(Layout::Iiif { version: 3 }, 2, 1, 0), "512,0,189,483/48,121/0/default");
        assert_eq!(name(Layout::Iiif { version: 3 }, 3, 0, 0), "0,0,701,483/88,61/0/default");
        let large = Geometry::new(9000, 7000, 256).unwrap();
        let id = TileId { level: large.top_level(), x: 35, y: 27 };
        // 36 x 28 tiles behind 336 of the coarser levels.
        assert_eq!(Layout::Zoomify.stem(&large, id), "TileGroup5/6-35-27");
    }

    #[test]
    fn every_name_is_found_again_and_others_are_not() {
        for (width, height, tile) in [(701, 483, 128), (1, 1, 256), (256, 256, 256), (5000, 70, 32)] {
            let geometry = Geometry::new(width, height, tile).unwrap();
            for layout in LAYOUTS {
                let first = if layout == Layout::DeepZoom { 0 } else { first_level(&geometry) };
                for level in first..=geometry.top_level() {
                    let (columns, rows) = geometry.tiles(level);
                    for id in (0..rows).flat_map(|y| (0..columns).map(move |x| TileId { level, x, y })) {
                        let stem = layout.stem(&geometry, id);
                        assert_eq!(layout.tile(&geometry, &stem), Some(id), "{layout:?} {stem}");
                    }
                }
                for wrong in ["", "a/b", "0", "TileGroup9/0-0-0", "1,2,3/4,/0/default", "x/1_1"] {
                    assert_eq!(layout.tile(&geometry, wrong), None, "{layout:?} {wrong}");
                }
            }
        }
    }
}

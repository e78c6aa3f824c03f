//! A tree of tiles as a source.

use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::image::geometry::TileId;
use crate::pyramid::tree::Tree;

use super::cache::{Decoded, SlideKey};
use super::{Info, Kind, Patch, Reading, Result, Rgb, Source, pyramid_levels};

/// An open tree.
pub struct TreeSource {
    tree: Tree,
    info: Info,
    levels: Vec<(u32, u32)>,
    decoded: Arc<Decoded>,
    key: SlideKey,
}

impl TreeSource {
    /// Opens a tree, which keeps what it decodes in `decoded`.
    ///
    /// # Errors
    /// What the library says of it.
    pub fn open(path: &Path, decoded: &Arc<Decoded>) -> Result<Self> {
        let tree = Tree::open_incomplete(path).map_err(Error::from)?;
        let geometry = *tree.geometry();
        let mut levels = pyramid_levels(&geometry);
        // Levels without tiles, which lie below those that have some.
        let has = |down: usize| !tree.absent_levels().contains(&(geometry.top_level() - down as u32));
        levels.truncate((0..levels.len()).take_while(|&down| has(down)).count());
        let metadata = tree.metadata();
        let info = Info {
            kind: Kind::Tree,
            vendor: if metadata.format.is_empty() { "deepzoom".into() } else { metadata.format.clone() },
            microns_per_pixel: metadata.microns_per_pixel,
            objective_power: metadata.objective_power,
            tile: Some((geometry.tile(), geometry.tile())),
            icc: tree.icc_profile().map(<[u8]>::to_vec),
            associated: Vec::new(),
            warnings: tree.warnings(),
            is_original: true,
            content: None,
        };
        Ok(Self { tree, info, levels, key: decoded.slide(), decoded: Arc::clone(decoded) })
    }
}

impl Source for TreeSource {
    fn info(&self) -> &Info {
        &self.info
    }

    fn levels(&self) -> &[(u32, u32)] {
        &self.levels
    }

    fn read(&self, level: usize, patch: &mut Patch<'_>, how: Reading<'_>) -> Result<()> {
        let geometry = self.tree.geometry();
        let number = geometry.top_level() - level as u32;
        let Some(inside) = patch.inside(geometry.level_size(number)) else { return Ok(()) };
        let side = geometry.tile();
        for y in inside.y / side..(inside.y + inside.height).div_ceil(side) {
            for x in inside.x / side..(inside.x + inside.width).div_ceil(side) {
                how.go_on()?;
                let id = TileId { level: number, x, y };
                let decode = || Ok(Rgb::of_pixels(self.tree.tile_pixels(id)?));
                patch.paste(&*self.decoded.tile(self.key, id, decode)?, (x * side, y * side));
            }
        }
        Ok(())
    }

    fn associated(&self, name: &str) -> Result<Rgb> {
        let problem = format!("a tree has no image {name:?} beside its tiles");
        Err(Error::Input { path: self.tree.path().into(), problem }.into())
    }
}

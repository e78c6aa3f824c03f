//! What a tree lacks: tiles, whole levels, and files of the extension that its descriptor names.

use super::find::{extension_in, list_tiles};
use super::{Missing, Tree};
use crate::image::geometry::TileId;
use crate::pyramid::error::{Error, MissingTiles, Refusal, Result};

/// Missing tiles that an error names.
const MAX_NAMED_TILES: usize = 5;

impl Tree {
    /// What of the tree is not as its descriptor says and is read all the same, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut said = Vec::new();
        if self.extension != self.descriptor.format {
            let (found, format) = (&self.extension, &self.descriptor.format);
            said.push(format!(
                "its tiles end in .{found} where its Format is {format}; they are read as found"
            ));
        }
        if let (Some(first), Some(last)) = (self.absent_levels.first(), self.absent_levels.last()) {
            said.push(match self.absent_levels.len() {
                1 => format!("its level {first} has no tiles; they are made from finer ones"),
                n => format!(
                    "{n} of its levels from {first} to {last} have no tiles; they are made from finer ones"
                ),
            });
        }
        if self.absent.count > 0 {
            let MissingTiles { count, all, .. } = self.absent;
            said.push(match self.absent.is_most() {
                true => format!("{count} of {all} tiles are missing and taken as white"),
                false => format!("{count} missing tile(s) taken as white"),
            });
        }
        said
    }

    /// Finds the extension of the tile files, in the finest level that has tiles.
    pub(super) fn find_extension(&mut self, with_l0: bool) -> Result<()> {
        let top = self.geometry.top_level();
        let finest = if with_l0 || self.geometry.l2().is_none() { top } else { top - 2 };
        for level in (0..=finest).rev() {
            let folder = self.files.join(level.to_string());
            if let Some(found) = extension_in(&folder, &self.descriptor.format)? {
                self.extension = found;
                break;
            }
        }
        Ok(())
    }

    /// Lists the tiles of the levels that are read (the small ones, and L0 `with_l0`), counts the missing ones, and finds the levels
    /// that are to be made.
    pub(super) fn find_absent(&mut self, with_l0: bool) -> Result<()> {
        let (top, families) = (self.geometry.top_level(), self.geometry.l2().is_some());
        let mut levels: Vec<u32> = self.geometry.stored_levels().collect();
        levels.extend((with_l0 && families).then_some(top));
        for level in levels {
            let (present, missing) = self.tiles_on_disk(level)?;
            if !present.is_empty() {
                self.absent.add(missing);
            } else if level < top {
                self.absent_levels.insert(level);
            } else {
                return Err(self.no_tiles());
            }
        }
        self.find_finer()?;
        // One tile is enough to know: L1 and L2 are not read unless families are stored as their original tiles.
        let l2 = self.geometry.l2().map(|level| self.files.join(level.to_string()));
        self.has_l2 =
            l2.map(|folder| extension_in(&folder, &self.extension)).transpose()?.flatten().is_some();
        if self.absent.count > 0 && self.missing == Missing::Refuse {
            return Err(Error::refused(&self.dzi, Refusal::MissingTiles(self.absent.clone())));
        }
        Ok(())
    }

    /// Adds the levels above the absent ones that have no tiles either; fails where there is none to make them from.
    fn find_finer(&mut self) -> Result<()> {
        let Some(&last) = self.absent_levels.last() else { return Ok(()) };
        for level in last + 1..=self.geometry.top_level() {
            if !self.tiles_on_disk(level)?.0.is_empty() {
                return Ok(());
            }
            self.absent_levels.insert(level);
        }
        Err(self.no_tiles())
    }

    fn no_tiles(&self) -> Error {
        let top = self.geometry.top_level();
        let (columns, rows) = self.geometry.tiles(top);
        let tiles = u64::from(columns) * u64::from(rows);
        Error::refused(&self.dzi, Refusal::NoTiles { tiles, folder: self.files.join(top.to_string()) })
    }

    /// The tiles of a level that have a file, row by row, and those that have none.
    ///
    /// # Errors
    /// A directory that cannot be listed; a tile outside of the level.
    pub fn tiles_on_disk(&self, level: u32) -> Result<(Vec<TileId>, MissingTiles)> {
        let (cols, rows) = self.geometry.tiles(level);
        let folder = self.files.join(level.to_string());
        let present = list_tiles(&folder, &self.extension)?;
        if let Some((x, y)) = present.iter().find(|&&(x, y)| x >= cols || y >= rows) {
            let (w, h) = (self.geometry.width(), self.geometry.height());
            let problem = format!("tile {x}_{y} in {} lies outside of {w}x{h} pixels", folder.display());
            return Err(Error::damaged(
                &self.dzi,
                format!("{problem}; the descriptor is wrong, or the tile is of another tree"),
            ));
        }
        // A descriptor may claim a billion tiles, so missing tiles are counted, and only those to be named are listed.
        let all = u64::from(cols) * u64::from(rows);
        let count = all - present.len() as u64;
        let named = count.min(MAX_NAMED_TILES as u64) as usize;
        let places = (0..rows).flat_map(|y| (0..cols).map(move |x| (x, y)));
        let absent = places.filter(|position| !present.contains(position)).take(named);
        let first = absent.map(|(x, y)| format!("{}.{}", TileId { level, x, y }, self.extension));
        let missing = MissingTiles { count, all, files: self.files.clone(), first: first.collect() };
        let mut present: Vec<_> = present.into_iter().map(|(x, y)| TileId { level, x, y }).collect();
        present.sort_unstable_by_key(|id| (id.y, id.x));
        Ok((present, missing))
    }
}

impl MissingTiles {
    /// Adds those of another level.
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.all += other.all;
        self.first.extend(other.first);
        self.first.truncate(MAX_NAMED_TILES);
    }
}

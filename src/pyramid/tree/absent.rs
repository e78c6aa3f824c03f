//! What a tree lacks: tiles, whole levels, and files of the extension that its descriptor names.

use std::collections::{BTreeMap, HashSet};

use super::find::{TILE_EXTENSIONS, extension_in, list_tiles};
use super::layout::{Layout, first_level};
use super::store::Store;
use super::{Check, Missing, Tree};
use crate::image::geometry::TileId;
use crate::pyramid::error::{Error, MissingTiles, Refusal, Result};

/// Missing tiles that an error names.
const MAX_NAMED_TILES: usize = 5;

impl Tree {
    /// What of the tree is not as its descriptor says and is read all the same, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut said = self.found.notes.clone();
        if self.layout() == Layout::DeepZoom && self.extension != self.descriptor().format {
            let (found, format) = (&self.extension, &self.descriptor().format);
            said.push(format!(
                "its tiles end in .{found} where its Format is {format}; they are read as found"
            ));
        }
        // Other layouts never have levels below that of a single tile.
        let usual = if self.layout() == Layout::DeepZoom { 0 } else { first_level(self.geometry()) };
        let absent = || self.absent_levels.iter().filter(|&&level| level >= usual);
        if let (Some(first), Some(last)) = (absent().next(), absent().next_back()) {
            said.push(match absent().count() {
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
        said.extend(self.unread_of_tiles());
        said
    }

    /// Finds the extension of the tile files: in the finest level that has tiles, or by a list of all files.
    pub(super) fn find_extension(&mut self, with_l0: bool) -> Result<()> {
        if !self.is_listed_by_level() {
            return self.list_all();
        }
        let top = self.geometry().top_level();
        let finest = if with_l0 || self.geometry().l2().is_none() { top } else { top - 2 };
        for level in (0..=finest).rev() {
            let folder = self.files().join(level.to_string());
            if let Some(found) = extension_in(&folder, &self.descriptor().format)? {
                self.extension = found;
                break;
            }
        }
        Ok(())
    }

    /// Whether each level has a directory of its own, whose names are its tiles.
    fn is_listed_by_level(&self) -> bool {
        self.layout() == Layout::DeepZoom && matches!(self.found.store, Store::Directory(_))
    }

    /// Lists the tiles of all levels at once.
    fn list_all(&mut self) -> Result<()> {
        let cannot_list = || Error::io("list", self.files());
        // Where nothing is listed, what the descriptor says is asked for; other extensions only where no tile has that.
        if self.found.store.must_look() {
            let declared = self.descriptor().format.as_str();
            let others = TILE_EXTENSIONS.iter().filter(|&&known| known != declared);
            for extension in std::iter::once(&declared).chain(others) {
                let names = self.all_names(extension);
                self.found.store.look_for(names).map_err(cannot_list())?;
            }
        }
        let names = self.found.store.names().map_err(cannot_list())?;
        let split = names.iter().filter_map(|name| name.rsplit_once('.'));
        let known =
            split.filter(|(_, found)| TILE_EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)));
        let tiles =
            known.filter_map(|(stem, found)| Some((self.layout().tile(self.geometry(), stem)?, found)));
        let tiles: Vec<_> = tiles.collect();
        let has = |wanted: &str| tiles.iter().any(|&(_, found)| found == wanted);
        let declared = self.descriptor().format.as_str();
        let extension = if has(declared) { Some(declared) } else { tiles.first().map(|&(_, found)| found) };
        self.extension = extension.unwrap_or(declared).to_string();
        let mut index = BTreeMap::<u32, HashSet<(u32, u32)>>::new();
        for (id, _) in tiles.iter().filter(|(_, found)| *found == self.extension) {
            index.entry(id.level).or_default().insert((id.x, id.y));
        }
        self.index = Some(index);
        Ok(())
    }

    /// The names that the tiles of all levels would have.
    fn all_names<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = String> + 'a {
        let (layout, geometry) = (self.layout(), self.geometry());
        let first = if layout == Layout::DeepZoom { 0 } else { first_level(geometry) };
        (first..=geometry.top_level()).rev().flat_map(move |level| {
            let (columns, rows) = geometry.tiles(level);
            let tiles = (0..rows).flat_map(move |y| (0..columns).map(move |x| TileId { level, x, y }));
            tiles.map(move |id| format!("{}.{extension}", layout.stem(geometry, id)))
        })
    }

    /// Lists the tiles of the levels that are read (the small ones, and L0 where all are checked), counts the missing ones, and finds
    /// the levels that are to be made.
    pub(super) fn find_absent(&mut self, check: Check) -> Result<()> {
        let (top, families) = (self.geometry().top_level(), self.geometry().l2().is_some());
        let mut levels: Vec<u32> = self.geometry().stored_levels().collect();
        levels.extend((check == Check::All && families).then_some(top));
        for level in levels {
            let (present, missing) = self.tiles_on_disk(level)?;
            if !present.is_empty() {
                self.absent.add(missing);
            } else if level == top {
                return Err(self.no_tiles());
            } else if self.absent_levels.len() == level as usize || check == Check::Nothing {
                self.absent_levels.insert(level);
            } else {
                // Writers leave out the levels from 0 on. A level that lacks between others was lost.
                self.absent.add(missing);
            }
        }
        self.find_finer()?;
        // One tile is enough to know: L1 and L2 are not read unless families are stored as their original tiles.
        self.has_l2 = match (self.geometry().l2(), &self.index) {
            (Some(level), Some(index)) => index.contains_key(&level),
            (Some(level), None) => {
                let found = extension_in(&self.files().join(level.to_string()), &self.extension)?;
                found.as_ref() == Some(&self.extension)
            }
            (None, _) => false,
        };
        if self.absent.count > 0 && self.missing == Missing::Refuse && check != Check::Nothing {
            return Err(Error::refused(self.path(), Refusal::MissingTiles(self.absent.clone())));
        }
        Ok(())
    }

    /// Adds the levels above the absent ones that have no tiles either; fails where there is none to make them from.
    fn find_finer(&mut self) -> Result<()> {
        let Some(&last) = self.absent_levels.last() else { return Ok(()) };
        for level in last + 1..=self.geometry().top_level() {
            if !self.tiles_on_disk(level)?.0.is_empty() {
                return Ok(());
            }
            self.absent_levels.insert(level);
        }
        Err(self.no_tiles())
    }

    fn no_tiles(&self) -> Error {
        let top = self.geometry().top_level();
        let (columns, rows) = self.geometry().tiles(top);
        let tiles = u64::from(columns) * u64::from(rows);
        Error::refused(self.path(), Refusal::NoTiles { tiles, folder: self.files().join(top.to_string()) })
    }

    /// The tiles of a level that have a file, row by row, and those that have none.
    ///
    /// # Errors
    /// A directory that cannot be listed; a tile outside of the level.
    pub fn tiles_on_disk(&self, level: u32) -> Result<(Vec<TileId>, MissingTiles)> {
        let (cols, rows) = self.geometry().tiles(level);
        let folder = self.files().join(level.to_string());
        let present = match &self.index {
            Some(index) => index.get(&level).cloned().unwrap_or_default(),
            None => list_tiles(&folder, &self.extension)?,
        };
        if let Some((x, y)) = present.iter().find(|&&(x, y)| x >= cols || y >= rows) {
            let (w, h) = (self.geometry().width(), self.geometry().height());
            let problem = format!("tile {x}_{y} in {} lies outside of {w}x{h} pixels", folder.display());
            return Err(Error::damaged(
                self.path(),
                format!("{problem}; the descriptor is wrong, or the tile is of another tree"),
            ));
        }
        // A descriptor may claim a billion tiles, so missing tiles are counted, and only those to be named are listed.
        let all = u64::from(cols) * u64::from(rows);
        let count = all - present.len() as u64;
        let named = count.min(MAX_NAMED_TILES as u64) as usize;
        let places = (0..rows).flat_map(|y| (0..cols).map(move |x| (x, y)));
        let absent = places.filter(|position| !present.contains(position)).take(named);
        let first = absent.map(|(x, y)| self.tile_name(TileId { level, x, y }));
        let missing = MissingTiles { count, all, files: self.files().to_path_buf(), first: first.collect() };
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

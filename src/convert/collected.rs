//! The tiles of all levels, appended to one file as they come: where each lies, and how it is coded.

use super::fit::{Fitted, Kind, agreed, common, fit, refit};
use super::options::Made;
use super::out_file::OutFile;
use crate::error::{Error, Result};
use crate::image::geometry::Geometry;

/// Collects tiles of full size.
pub struct Collected {
    /// Where they are.
    pub file: OutFile,
    geometry: Geometry,
    quality: u8,
    /// The finest level first.
    levels: Vec<Level>,
}

/// A level, and where its tiles lie.
pub struct Level {
    /// Its number in the pyramid.
    pub number: u32,
    /// Row by row; none is missing once [`Collected::settle`] gives it.
    pub tiles: Vec<Option<Place>>,
    columns: u32,
}

/// A tile in the file.
#[derive(Clone, Copy)]
pub struct Place {
    pub offset: u64,
    pub bytes: u64,
    kind: Kind,
    /// Whether it was decoded and coded again.
    is_again: bool,
}

/// Levels whose tiles are all there, each level's of one kind.
pub struct Settled {
    /// The finest first, with how their tiles are coded.
    pub levels: Vec<(Level, Kind)>,
    /// How many tiles were coded anew.
    pub again: u64,
    /// Whether some were, because they were of another kind than their level.
    pub is_mixed: bool,
}

/// The coarsest level of a container whose levels end with the first that is one tile.
pub fn coarsest(geometry: &Geometry) -> u32 {
    let is_one = |&level: &u32| geometry.tiles(level) == (1, 1);
    (0..=geometry.top_level()).rev().find(is_one).unwrap_or(0)
}

impl Collected {
    /// Begins with what `file` holds already. `quality` is that of tiles that must be coded anew.
    pub fn new(file: OutFile, geometry: Geometry, quality: u8) -> Self {
        let mut collected = Self { file, geometry, quality, levels: Vec::new() };
        for number in (collected.coarsest()..=geometry.top_level()).rev() {
            let (columns, rows) = geometry.tiles(number);
            let tiles = vec![None; columns as usize * rows as usize];
            collected.levels.push(Level { number, tiles, columns });
        }
        collected
    }

    /// The pyramid.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The coarsest level that is kept.
    pub fn coarsest(&self) -> u32 {
        coarsest(&self.geometry)
    }

    /// Adds a tile: a JPEG file, or a payload of [`crate::codec::jpeg2000`].
    ///
    /// # Errors
    /// A damaged tile; a full disk or another file error.
    pub fn add(&mut self, Made { id, coded, is_again }: Made) -> Result<()> {
        let size = crate::lossless::tile_size(&self.geometry, id)?;
        let Fitted { kind, bytes, is_coded } = fit(coded, size, self.geometry.tile() as usize, self.quality)?;
        let offset = self.file.append(&bytes)?;
        let down = (self.geometry.top_level() - id.level) as usize;
        let level = self.levels.get_mut(down);
        let place = level.and_then(|level| level.tiles.get_mut((id.y * level.columns + id.x) as usize));
        if let Some(place) = place {
            let is_again = is_again || is_coded;
            *place = Some(Place { offset, bytes: bytes.len() as u64, kind, is_again });
        }
        Ok(())
    }

    /// Codes those tiles anew that are coded in another way than most of their level.
    ///
    /// # Errors
    /// As of [`Self::add`]; a finest level without some of its tiles.
    pub fn settle(&mut self) -> Result<Settled> {
        let mut levels = std::mem::take(&mut self.levels);
        // A tree may lack its coarse levels.
        let whole = levels.iter().take_while(|level| level.tiles.iter().all(Option::is_some)).count();
        if whole == 0 {
            return Err(Error::input(self.file.path(), "some tiles of the finest level were not made"));
        }
        levels.truncate(whole);
        let own = levels.iter().map(|level| common(level.tiles.iter().flatten().map(|tile| tile.kind)));
        let kinds = agreed(own.collect());
        let is_odd =
            |(level, kind): (&Level, &Kind)| level.tiles.iter().flatten().any(|place| place.kind != *kind);
        let is_mixed = levels.iter().zip(&kinds).any(is_odd);
        for (level, kind) in levels.iter_mut().zip(&kinds) {
            self.unify(level, *kind)?;
        }
        let places = levels.iter().flat_map(|level| level.tiles.iter().flatten());
        let again = places.filter(|place| place.is_again).count() as u64;
        Ok(Settled { levels: levels.into_iter().zip(kinds).collect(), again, is_mixed })
    }

    /// Codes those tiles of a level anew that are coded in another way.
    fn unify(&mut self, level: &mut Level, kind: Kind) -> Result<()> {
        let side = self.geometry.tile() as usize;
        for place in level.tiles.iter_mut().flatten().filter(|place| place.kind != kind) {
            let old = self.file.read(place.offset, place.bytes)?;
            let bytes = refit(place.kind, old, kind, side, self.quality)?;
            let offset = self.file.append(&bytes)?;
            *place = Place { offset, bytes: bytes.len() as u64, kind, is_again: true };
        }
        Ok(())
    }
}

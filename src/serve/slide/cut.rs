//! Tiles of the original, cut from the pixels of the slide that an archive was made of.

use super::Slide;
use super::source::MAX_DOWN;
use crate::error::{Error, ServedFault};
use crate::image::family::PixelsRef;
use crate::image::geometry::TileId;
use crate::image::ycc::{Sampling, Ycc};
use crate::pyramid;

impl Slide {
    /// Whether a tile of the original is cut from the pixels of the slide's source. Others come from its tree; where there is only a
    /// source, those of coarse levels are the archive's.
    pub fn is_cut(&self, tile: TileId) -> bool {
        self.source.is_some() && self.geometry.top_level() - tile.level <= MAX_DOWN
    }

    /// A tile cut from the source, in the output's format: coded as stored tiles are that must be coded again.
    ///
    /// # Errors
    /// A source that cannot be read.
    pub fn cut(&self, tile: TileId) -> Result<Vec<u8>, Error> {
        let Some(source) = &self.source else {
            return Err(Error::served(&self.name, ServedFault::NoSource(tile)));
        };
        let pixels =
            source.tile(&self.geometry, tile).map_err(|e| pyramid::Error::tile(&source.path, tile, e))?;
        if self.renderer.want().sampling() != Sampling::Gray {
            return Ok(self.renderer.code(pixels.view())?);
        }
        let gray = Ycc::gray(pixels.into_ycc().luma);
        Ok(self.renderer.code(PixelsRef::Ycc(gray.view()))?)
    }
}

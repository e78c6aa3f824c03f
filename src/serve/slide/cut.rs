//! Tiles made of pixels: cut from a scanned slide, or of finer tiles.

use super::source::MAX_DOWN;
use super::{Slide, TileSource};
use crate::error::{Error, Result, ServedFault};
use crate::image::family::Pixels;
use crate::image::geometry::TileId;
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::taps::{Filter, TapCache};
use crate::output::render::stored_pixels;
use crate::pyramid::samples::Samples;
use crate::span::span;

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
    pub fn cut(&self, tile: TileId) -> Result<Vec<u8>> {
        let Some(source) = &self.source else {
            return Err(Error::served(&self.name, ServedFault::NoSource(tile)));
        };
        let samples = span!("read").run(|| source.tile(&self.geometry, tile))?;
        let pixels = self.gray_if_wanted(samples);
        Ok(self.renderer.code(pixels.view())?)
    }

    /// The pixels of a tile that needs no finer tiles: read from the scanned slide, or decoded.
    ///
    /// # Errors
    /// Damage; a slide that cannot be read.
    pub fn pixels(&self, tile: TileId, source: TileSource) -> Result<Samples> {
        if let (TileSource::Scan, Some(scan)) = (source, &self.scan) {
            return span!("read").run(|| scan.tile(&self.geometry, tile));
        }
        let (codec, bytes) = span!("read").run(|| self.stored_bytes(tile, source))?;
        let taps = TapCache::default();
        Ok(Samples::of(stored_pixels(&self.geometry, tile, codec, bytes, Filter::Bilinear, &taps)?))
    }

    /// Codes the pixels of a tile in the output's format.
    ///
    /// # Errors
    /// A codec error.
    pub fn code(&self, samples: Samples) -> Result<Vec<u8>> {
        Ok(self.renderer.scanned(self.gray_if_wanted(samples).view())?)
    }

    fn gray_if_wanted(&self, samples: Samples) -> Pixels {
        match samples.into_pixels() {
            Pixels::Rgb(rgb) if self.renderer.want().sampling() == Sampling::Gray => {
                Pixels::Ycc(Ycc::gray(Pixels::Rgb(rgb).into_ycc().luma))
            }
            pixels => pixels,
        }
    }
}

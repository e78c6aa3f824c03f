//! The small levels of a slide, from the L2 pixels of its families.

use super::error::Result;
use super::levels::{LevelBuilder, TileSink};
use super::loaded::L2Pixels;
use crate::image::geometry::{FamilyId, Geometry};
use crate::slide::{Access, Slide};

/// Assembles the L2 pixels of families to rows of pixels and passes these to [`LevelBuilder`].
pub struct SmallLevels {
    levels: LevelBuilder,
    geometry: Geometry,
    channels: usize,
    /// Bytes of a pixel row of L2.
    stride: usize,
    /// Pixel rows of the current row of families.
    band: Vec<u8>,
    /// Families pushed so far.
    pushed: u64,
}

impl SmallLevels {
    /// For a slide of `channels` samples a pixel. Emits the tiles of the small levels.
    pub fn new(geometry: Geometry, channels: usize) -> Self {
        let input = geometry.l2().unwrap_or(geometry.top_level());
        let levels = LevelBuilder::new(&geometry, input, channels, geometry.l2().is_none());
        let stride = geometry.level_size(input).0 as usize * channels;
        Self { levels, geometry, channels, stride, band: Vec::new(), pushed: 0 }
    }

    /// Samples a pixel: 1 or 3.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Takes the next family, in raster order; calls `sink` with every tile that is now complete.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn push(&mut self, id: FamilyId, pixels: L2Pixels, sink: &mut TileSink<'_>) -> Result<()> {
        let (cols, _) = self.geometry.families();
        debug_assert_eq!(
            self.pushed,
            u64::from(id.y()) * u64::from(cols) + u64::from(id.x()),
            "families come row by row"
        );
        self.pushed += 1;
        // White, for families that are not encoded.
        self.band.resize(pixels.height * self.stride, 255);
        let width = pixels.width * self.channels;
        let left = id.x() as usize * self.geometry.tile() as usize * self.channels;
        for (row, samples) in pixels.samples.chunks_exact(width).enumerate() {
            self.band[row * self.stride + left..][..width].copy_from_slice(samples);
        }
        if id.x() + 1 == cols {
            self.flush(sink)?;
        }
        Ok(())
    }

    /// Fills the rest with white, where only the first families were encoded.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn fill(&mut self, sink: &mut TileSink<'_>) -> Result<()> {
        let Some(l2) = self.geometry.l2() else { return Ok(()) };
        let (cols, rows) = self.geometry.families();
        let total = self.geometry.level_size(l2).1 as usize;
        let (row, column) = (self.pushed / u64::from(cols), self.pushed % u64::from(cols));
        let mut done = (row * u64::from(self.geometry.tile())) as usize;
        if column > 0 {
            done += self.band.len() / self.stride;
            self.flush(sink)?;
        }
        self.pushed = u64::from(cols) * u64::from(rows);
        let white = vec![255; self.stride];
        for _ in done..total {
            self.levels.push_row(&white, sink)?;
        }
        Ok(())
    }

    /// Makes all levels of a slide without families, which has at most two pixels a side.
    ///
    /// # Errors
    /// Those of the slide and of `sink`.
    pub fn push_slide(&mut self, slide: &mut Slide, sink: &mut TileSink<'_>) -> Result<()> {
        let (w, h) = (slide.info.width, slide.info.height);
        let mut pixels = vec![0; self.stride * h as usize];
        match &mut slide.access {
            Access::Random(access) => access.read(0, 0, w, h, &mut pixels)?,
            Access::Sequential(access) => access.read_rows(h, &mut pixels)?,
        }
        pixels.chunks_exact(self.stride).try_for_each(|row| self.levels.push_row(row, sink))
    }

    fn flush(&mut self, sink: &mut TileSink<'_>) -> Result<()> {
        let band = std::mem::take(&mut self.band);
        band.chunks_exact(self.stride).try_for_each(|row| self.levels.push_row(row, sink))
    }
}

//! Slide to Deep Zoom tree: `origami pyramid`.
//!
//! Walks the slide family by family, as `encode` does: a job reads a family's pixels, cuts and codes its L0, L1 and L2
//! tiles; its L2 pixels go on, row by row, to the small levels.

use std::path::{Path, PathBuf};

use super::levels::{Levels, TileSink, cut, halve};
use super::source::{Block, region_jobs, slide_facts};
use super::write::{Existing, TreeWriter};
use crate::backend::scheduler::{Scheduler, family_bytes};
use crate::codec::{ImageEncoder, JpegEncoder, encode_png};
use crate::image::geometry::{FamilyId, Geometry, TileId};
use crate::image::plane::PlaneRef;
use crate::image::ycc::{Sampling, YccRef};
use crate::pyramid::error::{Error, Result};
use crate::slide::Slide;

/// How tiles are written.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Tile side in pixels.
    pub tile: u32,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
    /// JPEG chroma sampling.
    pub sampling: Sampling,
    /// PNG instead of JPEG.
    pub png: bool,
    /// Whether an earlier tree may be replaced.
    pub existing: Existing,
}

/// Name of the tree that [`build`] writes, without extension.
pub const PYRAMID_NAME: &str = "baseline_pyramid";

/// Writes `out/baseline_pyramid.dzi` with its tiles, sidecar and colour profile; returns the descriptor's path.
///
/// `progress` is called after every family with how many are done.
///
/// # Errors
/// A slide that cannot be read, a disk that cannot be written; then nothing stands under the final name.
pub fn build(
    slide: &mut Slide,
    out: &Path,
    options: &BuildOptions,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64),
) -> Result<PathBuf> {
    let geometry = Geometry::new(slide.info.width, slide.info.height, options.tile)
        .map_err(|e| Error::input(&slide.path, e.to_string()))?;
    let format = if options.png { "png" } else { "jpg" };
    let writer = TreeWriter::create(out, PYRAMID_NAME, &geometry, format, options.existing)?;
    let (facts, icc) = (slide_facts(slide), slide.info.icc_profile.clone());
    let channels = usize::from(slide.info.channels);
    let tiler = Tiler { writer: &writer, options, geometry, channels };
    let mut small = SmallLevels::new(geometry, channels);
    let mut done = 0;
    if geometry.l2().is_none() {
        small.whole(slide, &mut |id, px, w, h| tiler.put(id, px, w, h))?;
    } else {
        scheduler.ordered(
            family_bytes(&geometry),
            region_jobs(slide, geometry),
            |(id, read)| {
                let (pixels, rect, _) = read()?;
                let block = tiler.family(id, pixels, rect.width as usize, rect.height as usize)?;
                Ok((id, block))
            },
            |(id, block)| {
                small.push(id, block, &mut |id, px, w, h| tiler.put(id, px, w, h))?;
                done += 1;
                progress(done);
                Ok(())
            },
        )?;
    }
    writer.finish(&facts, icc.as_deref())
}

struct Tiler<'a> {
    writer: &'a TreeWriter,
    options: &'a BuildOptions,
    geometry: Geometry,
    channels: usize,
}

impl Tiler<'_> {
    /// Cuts and writes a family's tiles of L0, L1 and L2; returns its pixels at L2.
    fn family(
        &self,
        id: FamilyId,
        mut pixels: Vec<u8>,
        mut width: usize,
        mut height: usize,
    ) -> Result<Block> {
        let mut encoder = JpegEncoder::new()?;
        for down in 0..3 {
            if down > 0 {
                (pixels, width, height) = halve(&pixels, width, height, self.channels);
            }
            let side = 4u32 >> down;
            for tile in self.geometry.family_tiles(id, down) {
                let Some(rect) = self.geometry.tile_rect(tile) else { continue };
                let step = self.geometry.tile() as usize;
                let (x, y) =
                    ((tile.x - id.x() * side) as usize * step, (tile.y - id.y() * side) as usize * step);
                let (w, h) = (rect.width as usize, rect.height as usize);
                let cut = cut(&pixels, width, self.channels, x, y, w, h);
                self.writer.tile(tile, &self.encode(&mut encoder, &cut, w, h)?)?;
            }
        }
        Ok(Block { pixels, width, height })
    }

    fn put(&self, id: TileId, pixels: &[u8], width: usize, height: usize) -> Result<()> {
        self.writer.tile(id, &self.encode(&mut JpegEncoder::new()?, pixels, width, height)?)
    }

    fn encode(
        &self,
        encoder: &mut JpegEncoder,
        pixels: &[u8],
        width: usize,
        height: usize,
    ) -> Result<Vec<u8>> {
        if self.options.png {
            return Ok(encode_png(pixels, self.channels, width, height)?);
        }
        if self.channels == 1 {
            return Ok(encoder.encode(
                YccRef::gray(PlaneRef::new(pixels, width, height, width)),
                self.options.quality.into(),
            )?);
        }
        Ok(encoder.encode_rgb(pixels, width, height, self.options.quality, self.options.sampling)?)
    }
}

/// Gathers families' L2 blocks into rows and feeds them to [`Levels`].
pub struct SmallLevels {
    levels: Levels,
    geometry: Geometry,
    channels: usize,
    stride: usize,
    band: Vec<u8>,
    taken: u64,
}

impl SmallLevels {
    /// For a slide of `channels` samples a pixel; gives out the tiles of the stored levels.
    pub fn new(geometry: Geometry, channels: usize) -> Self {
        let fed = geometry.l2().unwrap_or(geometry.top_level());
        let levels = Levels::new(&geometry, fed, channels, geometry.l2().is_none());
        let stride = geometry.level_size(fed).0 as usize * channels;
        Self { levels, geometry, channels, stride, band: Vec::new(), taken: 0 }
    }

    /// Samples a pixel.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Takes the next family, row by row; calls `sink` with the tiles that are complete now.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn push(&mut self, id: FamilyId, block: Block, sink: &mut TileSink<'_>) -> Result<()> {
        let (cols, _) = self.geometry.families();
        debug_assert_eq!(
            self.taken,
            u64::from(id.y()) * u64::from(cols) + u64::from(id.x()),
            "families come row by row"
        );
        self.taken += 1;
        // White, for families that never come.
        self.band.resize(block.height * self.stride, 255);
        let width = block.width * self.channels;
        let left = id.x() as usize * self.geometry.tile() as usize * self.channels;
        for (row, pixels) in block.pixels.chunks_exact(width).enumerate() {
            self.band[row * self.stride + left..][..width].copy_from_slice(pixels);
        }
        if id.x() + 1 == cols {
            self.flush(sink)?;
        }
        Ok(())
    }

    /// Fills what is left with white, where only the first families were encoded.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn fill(&mut self, sink: &mut TileSink<'_>) -> Result<()> {
        let Some(l2) = self.geometry.l2() else { return Ok(()) };
        let (cols, rows) = self.geometry.families();
        let total = self.geometry.level_size(l2).1 as usize;
        let (row, column) = (self.taken / u64::from(cols), self.taken % u64::from(cols));
        let mut done = (row * u64::from(self.geometry.tile())) as usize;
        if column > 0 {
            done += self.band.len() / self.stride;
            self.flush(sink)?;
        }
        self.taken = u64::from(cols) * u64::from(rows);
        let white = vec![255; self.stride];
        for _ in done..total {
            self.levels.push_row(&white, sink)?;
        }
        Ok(())
    }

    /// All levels of a slide that has no families: at most two pixels a side.
    ///
    /// # Errors
    /// Those of the slide and of `sink`.
    pub fn whole(&mut self, slide: &mut Slide, sink: &mut TileSink<'_>) -> Result<()> {
        use crate::slide::Access;
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

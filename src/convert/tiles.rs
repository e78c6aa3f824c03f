//! The coded tiles of a bundle, a tree or a slide, all levels of them, in the same order in every run.

use super::options::{ConvertOptions, Made, Put};
use crate::backend::Backend;
use crate::backend::scheduler::{Scheduler, family_bytes, tile_bytes};
use crate::codec::{JpegColor, JpegDecoder, JpegEncoder, without_extras};
use crate::decode::{self, Cutter, ahead};
use crate::error::{Error, Result};
use crate::image::geometry::{Geometry, TileId};
use crate::image::ycc::Sampling;
use crate::output::render::{Output, Renderer};
use crate::params::EncodeParams;
use crate::pyramid::build::Tiler;
use crate::pyramid::regions::region_jobs;
use crate::pyramid::small_levels::SmallLevels;
use crate::pyramid::tree::Tree;
use crate::pyramid::{self, Refusal};
use crate::slide::Slide;

/// Makes tiles.
pub struct Making<'a> {
    /// Slide and tile size.
    pub geometry: Geometry,
    /// How they are coded.
    pub options: &'a ConvertOptions,
    /// Where it is done.
    pub scheduler: &'a Scheduler,
}

impl Making<'_> {
    /// The tiles of a bundle: those that `decode` writes without a colour profile in them. Original tiles in JPEG 2000 stay where the container
    /// takes them.
    ///
    /// # Errors
    /// Damage; those of `put`.
    pub fn of_bundle(&self, input: &decode::Input, backend: &dyn Backend, put: &mut Put<'_>) -> Result<()> {
        let coding = &input.meta().coding;
        let cutter = &self.cutter(input)?;
        let families = input.families();
        self.scheduler.pipelined(
            backend.in_flight(&self.geometry),
            family_bytes(&self.geometry),
            ahead(input, &families),
            |id| async move {
                let made = match coding.originals {
                    true => cutter.originals(input, coding, id).await,
                    false => cutter.family(input, coding, backend, id).await,
                };
                Ok::<_, Error>(made?.0)
            },
            |tiles| tiles.into_iter().try_for_each(|tile| put(Made::new(tile))),
        )?;
        self.scheduler.pipelined(
            0,
            tile_bytes(&self.geometry),
            self.geometry.stored_tiles().map(Ok),
            |id| async move {
                if let Some(entry) = input.archive().find_tile(id) {
                    input.archive().will_read_tile(entry).await;
                }
                Ok::<_, Error>((id, cutter.stored_tile(input, None, id)?))
            },
            |tile| put(Made::new(tile)),
        )
    }

    fn cutter(&self, input: &decode::Input) -> Result<Cutter> {
        let output = Output { quality: self.options.quality, ..Output::default() };
        let geometry = *input.geometry();
        let renderer = Renderer::new(geometry, input.meta().coding.upsample_filter, output)?;
        Ok(Cutter { geometry, renderer, keeps_jpeg2000: self.options.container.has_full_tiles() })
    }

    /// The coarsest tile of a bundle; `None` where it holds none.
    ///
    /// # Errors
    /// Damage.
    pub fn of_bundle_coarsest(&self, input: &decode::Input) -> Result<Option<Vec<u8>>> {
        let id = TileId { level: 0, x: 0, y: 0 };
        input.archive().find_tile(id).map(|_| self.cutter(input)?.stored_tile(input, None, id)).transpose()
    }

    /// The coarsest tile of a tree.
    ///
    /// # Errors
    /// Damage.
    pub fn of_tree_coarsest(&self, tree: &Tree) -> Result<Vec<u8>> {
        let params = EncodeParams { base_quality: self.options.quality, ..EncodeParams::default() };
        Ok(tree.stored_tile(TileId { level: 0, x: 0, y: 0 }, &params)?.1)
    }

    /// The tiles of a tree: its own where they are JPEG files without overlap, or with one that ends between blocks.
    ///
    /// # Errors
    /// A tile that is missing or damaged; those of `put`.
    pub fn of_tree(&self, tree: &Tree, put: &mut Put<'_>) -> Result<()> {
        let overlap = tree.descriptor().overlap;
        let coded = EncodeParams { base_quality: self.options.quality, ..EncodeParams::default() };
        let own = &EncodeParams { originals: overlap.is_multiple_of(16), ..coded.clone() };
        let coded = &coded;
        let is_jpeg = tree.descriptor().format != "png";
        self.scheduler.pipelined(
            0,
            tile_bytes(&self.geometry),
            tree.announced(all_tiles(self.geometry)).map(Ok),
            |(id, arrival)| async move {
                arrival.await;
                let mut is_again = !own.originals && overlap > 0 && self.geometry.tiles(id.level) != (1, 1);
                let stored = tree.stored_tile(id, own).or_else(|error| {
                    let is_overlap =
                        matches!(&error, pyramid::Error::Refused { refusal: Refusal::Overlap { .. }, .. });
                    is_again |= is_overlap;
                    if is_overlap { tree.stored_tile(id, coded) } else { Err(error) }
                });
                let coded = without_extras(stored?.1, |_| true);
                Ok::<_, Error>(Made { id, coded, is_again: is_again && is_jpeg })
            },
            put,
        )
    }

    /// The tiles of a slide, coded from its pixels.
    ///
    /// # Errors
    /// A slide that cannot be read; those of `put`.
    pub fn of_slide(&self, slide: &mut Slide, put: &mut Put<'_>) -> Result<()> {
        let channels = usize::from(slide.info.channels);
        let tiler = &Tiler {
            quality: self.options.quality,
            sampling: Sampling::S420,
            png: false,
            geometry: self.geometry,
            channels,
        };
        let mut small = SmallLevels::new(self.geometry, channels);
        let mut coarse = Vec::new();
        let mut keep = |id: TileId, pixels: &[u8], width: usize, height: usize| -> pyramid::Result<()> {
            coarse.push((id, tiler.encode(&mut JpegEncoder::new()?, pixels, width, height)?));
            Ok(())
        };
        if self.geometry.l2().is_none() {
            small.push_slide(slide, &mut keep)?;
            return coarse.into_iter().try_for_each(|tile| put(Made::new(tile)));
        }
        self.scheduler.pipelined(
            0,
            family_bytes(&self.geometry),
            region_jobs(slide, self.geometry, 0..usize::MAX).map(|job| job.map_err(Error::from)),
            |(id, job)| async move {
                let region = job.run().await?;
                let (width, height) = (region.rect.width as usize, region.rect.height as usize);
                let mut tiles = Vec::new();
                let mut collect = |tile: TileId, coded: Vec<u8>| -> pyramid::Result<()> {
                    tiles.push((tile, coded));
                    Ok(())
                };
                let l2 = tiler.family(id, region.samples, width, height, &mut collect)?;
                Ok::<_, Error>((id, tiles, l2))
            },
            |(id, tiles, l2)| {
                tiles.into_iter().try_for_each(|tile| put(Made::new(tile)))?;
                let mut made = Vec::new();
                small.push(id, l2, &mut |tile, pixels, width, height| {
                    made.push((tile, tiler.encode(&mut JpegEncoder::new()?, pixels, width, height)?));
                    Ok(())
                })?;
                made.into_iter().try_for_each(|tile| put(Made::new(tile)))
            },
        )
    }
}

/// All tiles, the finest level first, row by row.
pub fn all_tiles(geometry: Geometry) -> impl Iterator<Item = TileId> + Send {
    (0..=geometry.top_level()).rev().flat_map(move |level| {
        let (columns, rows) = geometry.tiles(level);
        (0..rows).flat_map(move |y| (0..columns).map(move |x| TileId { level, x, y }))
    })
}

/// Whether a coded tile is gray: then so is its slide.
pub fn is_gray(tile: Option<Vec<u8>>) -> bool {
    let header = tile.and_then(|tile| Some(JpegDecoder::open(&tile).ok()?.header()));
    header.is_some_and(|header| header.color == JpegColor::Gray)
}

//! Slide to Deep Zoom tree: `origami pyramid`.
//!
//! Walks the slide family by family, as `encode` does. A job reads a family's pixels, then crops and encodes its tiles of
//! L0, L1 and L2. The L2 pixels go to the small levels, in raster order.

use std::path::{Path, PathBuf};

use super::identity::Identity;
use super::levels::{crop, halve};
use super::loaded::L2Pixels;
use super::metadata::{Origin, SlideMetadata};
use super::regions::region_jobs;
use super::small_levels::SmallLevels;
use super::source::slide_metadata;
use super::tree::{Missing, Tree};
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
    /// Whether an existing tree may be replaced.
    pub existing: Existing,
}

impl BuildOptions {
    /// The origin of the tree that is made of a slide.
    fn origin(&self, slide: &Slide) -> Result<Origin> {
        let BuildOptions { tile, quality, sampling, png, .. } = *self;
        let tiles = if png { "png".into() } else { format!("jpeg, quality {quality}, {sampling:?}") };
        let source = Identity::of_slide(slide)?.text;
        Ok(Origin { source, parameters: format!("tiles of {tile}, {tiles}") })
    }
}

/// Whether `out` holds the whole tree that [`build`] would write there.
///
/// # Errors
/// A slide that cannot be read.
pub fn is_built(slide: &Slide, out: &Path, options: &BuildOptions) -> Result<bool> {
    let origin = options.origin(slide)?;
    let tree = Tree::open(&out.join(format!("{PYRAMID_NAME}.dzi")), Missing::Refuse);
    Ok(tree.is_ok_and(|tree| tree.metadata().origin.as_ref() == Some(&origin)))
}

/// File name of the tree that [`build`] writes, without extension.
pub const PYRAMID_NAME: &str = "baseline_pyramid";

/// Writes `out/baseline_pyramid.dzi` with its tiles, sidecar and colour profile; returns the descriptor's path.
///
/// `progress` is called after every family with the number of finished families.
///
/// ```no_run
/// use std::path::Path;
///
/// use origami::backend::scheduler::Scheduler;
/// use origami::image::ycc::Sampling;
/// use origami::pyramid::build::{BuildOptions, build};
/// use origami::pyramid::write::Existing;
/// use origami::slide::{OpenOptions, Slide};
///
/// let mut slide = Slide::open(Path::new("slide.svs"), &OpenOptions::default())?;
/// let (sampling, existing) = (Sampling::S420, Existing::Keep);
/// let options = BuildOptions { tile: 256, quality: 90, sampling, png: false, existing };
/// let descriptor = build(&mut slide, Path::new("tree"), &options, &Scheduler::new(0)?, &|_| {})?;
/// println!("{}", descriptor.display());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A slide that cannot be read, a disk that cannot be written. Then no file of the final names is written or replaced.
pub fn build(
    slide: &mut Slide,
    out: &Path,
    options: &BuildOptions,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64),
) -> Result<PathBuf> {
    let geometry = Geometry::new(slide.info.width, slide.info.height, options.tile)
        .map_err(|source| Error::Shape { path: slide.path.clone(), source })?;
    let format = if options.png { "png" } else { "jpg" };
    let writer = TreeWriter::create(out, PYRAMID_NAME, &geometry, format, options.existing)?;
    let origin = Some(options.origin(slide)?);
    let (metadata, icc) = (SlideMetadata { origin, ..slide_metadata(slide) }, slide.info.icc_profile.clone());
    let channels = usize::from(slide.info.channels);
    let tiler =
        Tiler { quality: options.quality, sampling: options.sampling, png: options.png, geometry, channels };
    let put = |id: TileId, pixels: &[u8], width: usize, height: usize| {
        writer.tile(id, &tiler.encode(&mut JpegEncoder::new()?, pixels, width, height)?)
    };
    let mut small = SmallLevels::new(geometry, channels);
    let mut done = 0;
    if geometry.l2().is_none() {
        small.push_slide(slide, &mut |id, px, w, h| put(id, px, w, h))?;
    } else {
        let (tiler, writer) = (&tiler, &writer);
        scheduler.pipelined(
            0,
            family_bytes(&geometry),
            region_jobs(slide, geometry, 0..usize::MAX),
            |(id, job)| async move {
                let region = job.run().await?;
                let (width, height) = (region.rect.width as usize, region.rect.height as usize);
                let mut write = |tile, bytes: Vec<u8>| writer.tile(tile, &bytes);
                Ok((id, tiler.family(id, region.samples, width, height, &mut write)?))
            },
            |(id, pixels)| {
                small.push(id, pixels, &mut |id, px, w, h| put(id, px, w, h))?;
                done += 1;
                progress(done);
                Ok(())
            },
        )?;
    }
    writer.finish(&metadata, icc.as_deref())
}

/// Crops and encodes the tiles of a slide.
pub struct Tiler {
    /// JPEG quality, 1 to 100.
    pub quality: u8,
    /// JPEG chroma sampling.
    pub sampling: Sampling,
    /// PNG instead of JPEG.
    pub png: bool,
    /// Slide and tile size.
    pub geometry: Geometry,
    /// Samples a pixel: 1 or 3.
    pub channels: usize,
}

impl Tiler {
    /// Passes a family's tiles of L0, L1 and L2 to `put`; returns its L2 pixels.
    ///
    /// # Errors
    /// A codec error; those of `put`.
    pub fn family(
        &self,
        id: FamilyId,
        mut pixels: Vec<u8>,
        mut width: usize,
        mut height: usize,
        put: &mut dyn FnMut(TileId, Vec<u8>) -> Result<()>,
    ) -> Result<L2Pixels> {
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
                let cropped = crop(&pixels, width, self.channels, x, y, w, h);
                put(tile, self.encode(&mut encoder, &cropped, w, h)?)?;
            }
        }
        Ok(L2Pixels { samples: pixels, width, height })
    }

    /// A tile of these pixels.
    ///
    /// # Errors
    /// A codec error.
    pub fn encode(
        &self,
        encoder: &mut JpegEncoder,
        pixels: &[u8],
        width: usize,
        height: usize,
    ) -> Result<Vec<u8>> {
        if self.png {
            return Ok(encode_png(pixels, self.channels, width, height)?);
        }
        if self.channels == 1 {
            return Ok(encoder
                .encode(YccRef::gray(PlaneRef::new(pixels, width, height, width)), self.quality.into())?);
        }
        Ok(encoder.encode_rgb(pixels, width, height, self.quality, self.sampling)?)
    }
}

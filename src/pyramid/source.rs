//! What `encode` reads families from: a Deep Zoom tree, or a slide without a tree on disk.
//!
//! Both give jobs, one a family, in raster order; a job is run on any thread. A slide's jobs also give the family's pixels at
//! L2 size, from which the small levels are made.

use std::path::Path;

use super::SlideFacts;
use super::levels::{cut, halve};
use super::tree::Tree;
use crate::archive::{SourceKind, SourceMeta};
use crate::image::family::{Pixels, SourceFamily};
use crate::image::geometry::{FamilyId, Geometry, Rect, TileId};
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;
use crate::kernels::taps::Filter;
use crate::pyramid::error::{Error, Result};
use crate::slide::{Access, OwnTiles, RandomAccess, Sequential, Slide};

/// A tree or a slide.
pub enum Source {
    /// A tree on disk.
    Tree(Box<Tree>),
    /// A slide with the geometry that it will have.
    Slide(Box<Slide>, Geometry),
}

/// A family that has been loaded.
pub struct Loaded {
    /// Its L0.
    pub family: SourceFamily,
    /// Its pixels at L2 size, where the source is a slide.
    pub block: Option<Block>,
}

/// Interleaved pixels of a family, reduced to L2 by the mean.
pub struct Block {
    /// Samples, rows tightly packed.
    pub pixels: Vec<u8>,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// A family's L0 tiles as the source has them.
pub struct LoadedTiles {
    /// Which family.
    pub id: FamilyId,
    /// JPEG files, row by row; each has been decoded once.
    pub tiles: Vec<(TileId, Vec<u8>)>,
    /// What its L2 is.
    pub l2: L2Source,
}

/// Where the L2 of a family of originals comes from.
pub enum L2Source {
    /// The source's own tile.
    Stored(Vec<u8>),
    /// The source has no such tile: it is made from the pixels.
    Pixels(Box<Loaded>),
}

/// Loads one family's own tiles.
pub type OriginalJob<'a> = Box<dyn FnOnce() -> Result<LoadedTiles> + Send + 'a>;

/// Loads one family.
pub type Job<'a> = Box<dyn FnOnce() -> Result<Loaded> + Send + 'a>;

impl Source {
    /// Slide and tile size.
    pub fn geometry(&self) -> &Geometry {
        match self {
            Source::Tree(tree) => tree.geometry(),
            Source::Slide(_, geometry) => geometry,
        }
    }

    /// What is known of the slide besides its pixels.
    pub fn facts(&self) -> SlideFacts {
        match self {
            Source::Tree(tree) => tree.facts().clone(),
            Source::Slide(slide, _) => slide_facts(slide),
        }
    }

    /// The colour profile.
    pub fn icc_profile(&self) -> Option<&[u8]> {
        match self {
            Source::Tree(tree) => tree.icc_profile(),
            Source::Slide(slide, _) => slide.info.icc_profile.as_deref(),
        }
    }

    /// For the archive's record.
    pub fn meta(&self) -> SourceMeta {
        match self {
            Source::Tree(tree) => SourceMeta {
                name: file_name(tree.path()),
                kind: SourceKind::Deepzoom,
                format: tree.descriptor().format.clone(),
                overlap: tree.descriptor().overlap,
                lossy: (!tree.descriptor().format.eq_ignore_ascii_case("png")).then_some(true),
            },
            Source::Slide(slide, _) => SourceMeta {
                name: file_name(&slide.path),
                kind: SourceKind::Slide,
                format: slide.info.format.clone(),
                overlap: 0,
                lossy: (slide.info.format == "jpeg").then_some(true),
            },
        }
    }

    /// Refuses a source that has no L0 tiles of its own to be stored as they are.
    ///
    /// # Errors
    /// The reason, and what to do instead.
    pub fn check_originals(&self) -> Result<()> {
        match self {
            Source::Tree(tree) => tree.check_originals(),
            Source::Slide(slide, geometry) => {
                let own = slide.own_tiles().map_err(|reason| no_tiles(slide, &reason))?;
                if own.side() != geometry.tile() {
                    let (own, given) = (own.side(), geometry.tile());
                    let problem =
                        format!("--preset lossless stores its tiles of {own}; leave --tile {given} out");
                    return Err(Error::input(&slide.path, problem));
                }
                if geometry.l2().is_none() {
                    return Err(no_tiles(slide, "it has at most 2x2 pixels"));
                }
                // What is wrong with all of them is found before anything is written.
                own.jpeg(0, 0).map(drop).map_err(Error::from)
            }
        }
    }

    /// As [`Self::jobs`], of the source's own tiles.
    pub fn original_jobs<'a>(
        &'a mut self,
        limit: usize,
    ) -> Box<dyn Iterator<Item = Result<OriginalJob<'a>>> + 'a> {
        match self {
            Source::Tree(tree) => {
                let tree: &'a Tree = tree;
                Box::new(tree.geometry().all_families().take(limit).map(move |id| {
                    let job: OriginalJob<'a> = Box::new(move || tree.originals(id));
                    Ok(job)
                }))
            }
            Source::Slide(slide, geometry) => {
                let (slide, geometry): (&'a Slide, Geometry) = (slide, *geometry);
                let channels = usize::from(slide.info.channels);
                let (pixels, own) = match (&slide.access, slide.own_tiles()) {
                    (Access::Random(pixels), Ok(own)) => (&**pixels, own),
                    (_, refused) => {
                        let reason = refused.err().unwrap_or_default();
                        return Box::new(std::iter::once(Err(no_tiles(slide, &reason))));
                    }
                };
                Box::new(geometry.all_families().take(limit).map(move |id| {
                    let job: OriginalJob<'a> =
                        Box::new(move || own_tiles(pixels, own, &geometry, id, channels));
                    Ok(job)
                }))
            }
        }
    }

    /// Jobs for the first `limit` families, row by row. Advance it on one thread, run the jobs on any.
    pub fn jobs<'a>(
        &'a mut self,
        raise_filter: Filter,
        limit: usize,
    ) -> Box<dyn Iterator<Item = Result<Job<'a>>> + 'a> {
        match self {
            Source::Tree(tree) => {
                let tree: &'a Tree = tree;
                Box::new(tree.geometry().all_families().take(limit).map(move |id| {
                    let job: Job<'a> =
                        Box::new(move || Ok(Loaded { family: tree.family(id, raise_filter)?, block: None }));
                    Ok(job)
                }))
            }
            Source::Slide(slide, geometry) => {
                let geometry = *geometry;
                Box::new(region_jobs(slide, geometry).take(limit).map(move |region| {
                    let (id, read) = region?;
                    let job: Job<'a> = Box::new(move || {
                        let (pixels, rect, channels) = read()?;
                        Ok(load(&geometry, id, pixels, rect, channels))
                    });
                    Ok(job)
                }))
            }
        }
    }
}

fn no_tiles(slide: &Slide, reason: &str) -> Error {
    let needs = "--preset lossless stores JPEG tiles of the source's own";
    Error::input(
        &slide.path,
        format!("{needs}, and {reason}; give a tree of JPEG tiles, or use --preset archive"),
    )
}

/// A family's own tiles, and its pixels, from which L2 and the levels above it are made.
fn own_tiles(
    pixels: &dyn RandomAccess,
    own: &dyn OwnTiles,
    geometry: &Geometry,
    id: FamilyId,
    channels: usize,
) -> Result<LoadedTiles> {
    let tiles = geometry.family_tiles(id, 0).map(|tile| Ok((tile, own.jpeg(tile.x, tile.y)?)));
    let tiles = tiles.collect::<Result<Vec<_>>>()?;
    let (samples, rect, channels) = read_family(pixels, geometry, id, channels)?;
    Ok(LoadedTiles { id, tiles, l2: L2Source::Pixels(Box::new(load(geometry, id, samples, rect, channels))) })
}

fn read_family(
    pixels: &dyn RandomAccess,
    geometry: &Geometry,
    id: FamilyId,
    channels: usize,
) -> Result<(Vec<u8>, Rect, usize)> {
    let rect = geometry.family_rect(id);
    let mut out = vec![0; rect.width as usize * rect.height as usize * channels];
    pixels.read(rect.x, rect.y, rect.width, rect.height, &mut out)?;
    Ok((out, rect, channels))
}

/// Reads one family's pixels: samples, where they lie, channels.
pub type ReadRegion<'a> = Box<dyn FnOnce() -> Result<(Vec<u8>, Rect, usize)> + Send + 'a>;

/// One reader per family, row by row. A sequential slide is read ahead by one row of families, on the thread that advances the
/// iterator.
pub fn region_jobs<'a>(
    slide: &'a mut Slide,
    geometry: Geometry,
) -> Box<dyn Iterator<Item = Result<(FamilyId, ReadRegion<'a>)>> + 'a> {
    let channels = usize::from(slide.info.channels);
    match &mut slide.access {
        Access::Random(pixels) => {
            let pixels: &'a dyn RandomAccess = &**pixels;
            Box::new(geometry.all_families().map(move |id| {
                let read: ReadRegion<'a> = Box::new(move || read_family(pixels, &geometry, id, channels));
                Ok((id, read))
            }))
        }
        Access::Sequential(rows) => {
            let rows: &'a mut dyn Sequential = &mut **rows;
            let stride = geometry.width() as usize * channels;
            let mut band = Vec::new();
            let mut top = None;
            Box::new(geometry.all_families().map(move |id| {
                let rect = geometry.family_rect(id);
                if top != Some(rect.y) {
                    band.resize(rect.height as usize * stride, 0);
                    rows.read_rows(rect.height, &mut band)?;
                    top = Some(rect.y);
                }
                // Cut here and not in the job, so that one band is all that is ever held.
                let (x, width, height) = (rect.x as usize, rect.width as usize, rect.height as usize);
                let pixels = cut(&band, geometry.width() as usize, channels, x, 0, width, height);
                let read: ReadRegion<'a> = Box::new(move || Ok((pixels, rect, channels)));
                Ok((id, read))
            }))
        }
    }
}

fn load(geometry: &Geometry, id: FamilyId, pixels: Vec<u8>, rect: Rect, channels: usize) -> Loaded {
    let (width, height) = (rect.width as usize, rect.height as usize);
    let (half, w, h) = halve(&pixels, width, height, channels);
    let (quarter, w, h) = halve(&half, w, h, channels);
    let image = match channels {
        1 => Pixels::Ycc(Ycc::gray(Plane::from_vec(width, height, pixels))),
        _ => Pixels::Rgb(Plane::from_vec(3 * width, height, pixels)),
    };
    let tile = geometry.tile() as usize;
    let family = SourceFamily { id, tile, image, tile_bytes: Vec::new() };
    Loaded { family, block: Some(Block { pixels: quarter, width: w, height: h }) }
}

/// What a slide says of itself, as the sidecar holds it.
pub fn slide_facts(slide: &Slide) -> SlideFacts {
    SlideFacts {
        generator: super::generator(),
        source: file_name(&slide.path),
        format: slide.info.format.clone(),
        microns_per_pixel: slide.info.microns_per_pixel,
        objective_power: slide.info.objective_power,
        icc_profile: None,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

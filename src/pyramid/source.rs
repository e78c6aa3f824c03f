//! Where `encode` reads families: a Deep Zoom tree, or a slide without a tree on disk.
//!
//! Both give jobs, one a family, in raster order; a job may run on any thread. The jobs of a slide also give the family's
//! pixels at L2 size, from which the small levels are made.

use std::path::Path;

use super::ahead::Ahead;
use super::identity::Identity;
use super::loaded::{FamilyJob, Job, L2Source, LoadedFamily, OriginalJob, OriginalTiles};
use super::metadata::{SlideMetadata, generator};
use super::regions::{announced, numbered, read_region, region_jobs};
use super::tile_metadata::TileMetadata;
use super::tree::Tree;
use crate::archive::{SourceKind, SourceMeta};
use crate::codec::Foreign;
use crate::image::geometry::{FamilyId, Geometry, TileId};
use crate::kernels::taps::Filter;
use crate::pyramid::error::{Error, Refusal, Result};
use crate::slide::{Access, OpenOptions, OpenSlideUse, RandomAccess, Slide, StoredTiles};
use crate::store;

/// A tree or a slide.
pub enum Source {
    /// A tree on disk.
    Tree(Box<Tree>),
    /// A slide, and the geometry of the tree that is made of it.
    Slide(Box<Slide>, Geometry),
}

/// Tile size of a slide, in pixels, where neither the caller nor a lossless encode's source says one.
const TILE_PX: u32 = 256;

impl Source {
    /// Opens a slide as an encode reads it: in tiles of `tile_px` pixels. A `lossless` encode takes the coded tiles of the file, so it does
    /// without OpenSlide, which gives pixels, unless `options` ask for it; and their size is the default of `tile_px`.
    ///
    /// # Errors
    /// A slide that cannot be opened, or is not possible in tiles of that size.
    pub fn open_slide(
        path: &Path,
        options: &OpenOptions,
        lossless: bool,
        tile_px: Option<u32>,
    ) -> Result<Self> {
        let mut options = options.clone();
        if lossless && options.openslide == OpenSlideUse::Auto {
            options.openslide = OpenSlideUse::Never;
        }
        let slide = Slide::open(path, &options)?;
        let own = if lossless { slide.stored_tiles().ok().map(|tiles| tiles.side_px()) } else { None };
        let geometry = Geometry::new(slide.info.width, slide.info.height, tile_px.or(own).unwrap_or(TILE_PX))
            .map_err(|source| Error::Shape { path: path.to_path_buf(), source })?;
        Ok(Source::Slide(Box::new(slide), geometry))
    }

    /// Slide and tile size.
    pub fn geometry(&self) -> &Geometry {
        match self {
            Source::Tree(tree) => tree.geometry(),
            Source::Slide(_, geometry) => geometry,
        }
    }

    /// Which of both it is.
    pub fn kind(&self) -> SourceKind {
        match self {
            Source::Tree(_) => SourceKind::Deepzoom,
            Source::Slide(..) => SourceKind::Slide,
        }
    }

    /// What is known of the slide besides its pixels.
    pub fn metadata(&self) -> SlideMetadata {
        match self {
            Source::Tree(tree) => tree.metadata().clone(),
            Source::Slide(slide, _) => slide_metadata(slide),
        }
    }

    /// The colour profile.
    pub fn icc_profile(&self) -> Option<&[u8]> {
        match self {
            Source::Tree(tree) => tree.icc_profile(),
            Source::Slide(slide, _) => slide.info.icc_profile.as_deref(),
        }
    }

    /// The identity of the source, by its files.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn identity(&self) -> Result<Identity> {
        match self {
            Source::Tree(tree) => Identity::of_tree(tree),
            Source::Slide(slide, _) => Identity::of_slide(slide),
        }
    }

    /// Checks that its files are those that had this identity before.
    ///
    /// # Errors
    /// A file that was written to or replaced meanwhile, or cannot be read any more.
    pub fn check_unchanged(&self, before: &Identity) -> Result<()> {
        store::forget(self.path());
        match self.identity()? == *before {
            true => Ok(()),
            false => Err(Error::refused(self.path(), Refusal::Changed)),
        }
    }

    /// The slide's file, or the descriptor of the tree.
    pub fn path(&self) -> &Path {
        match self {
            Source::Tree(tree) => tree.path(),
            Source::Slide(slide, _) => &slide.path,
        }
    }

    /// What its reader assumed where it does not say, and what was left out: a sentence each, without its name.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Source::Tree(tree) => tree.warnings(),
            Source::Slide(slide, _) => slide.info.warnings.clone(),
        }
    }

    /// The record of the source in the archive.
    pub fn source_meta(&self, identity: &Identity) -> SourceMeta {
        let identity = Some(identity.text.clone());
        match self {
            Source::Tree(tree) => SourceMeta {
                name: file_name(tree.path()),
                kind: SourceKind::Deepzoom,
                format: tree.descriptor().format.clone(),
                overlap: tree.descriptor().overlap,
                identity,
                origin: tree.metadata().origin.as_ref().map(|origin| origin.source.clone()),
                tile_metadata: None,
                lossy: (!tree.descriptor().format.eq_ignore_ascii_case("png")).then_some(true),
            },
            Source::Slide(slide, _) => SourceMeta {
                name: file_name(&slide.path),
                kind: SourceKind::Slide,
                format: slide.info.format.clone(),
                overlap: 0,
                identity,
                origin: None,
                tile_metadata: None,
                lossy: (slide.info.format == "jpeg").then_some(true),
            },
        }
    }

    /// Checks that the source has coded tiles of L0 that can be stored unchanged.
    ///
    /// # Errors
    /// The reason why it has none, and what to do instead.
    pub fn check_originals(&self, metadata: TileMetadata) -> Result<()> {
        match self {
            Source::Tree(tree) => tree.check_originals(metadata),
            Source::Slide(slide, geometry) => {
                let tiles = slide.stored_tiles().map_err(|reason| no_tiles(slide, reason))?;
                if tiles.side_px() != geometry.tile() {
                    let (own, given) = (tiles.side_px(), geometry.tile());
                    return Err(Error::refused(&slide.path, Refusal::OtherTileSize { own, given }));
                }
                if geometry.l2().is_none() {
                    return Err(no_tiles(slide, "it has at most 2x2 pixels".into()));
                }
                // One tile is read before anything is written: a fault of all tiles shows here.
                let first = TileId { level: geometry.top_level(), x: 0, y: 0 };
                stored_tile(&slide.path, tiles, first, metadata).map(drop)
            }
        }
    }

    /// Jobs for the original tiles of some `families`, by their ascending numbers, which count row by row: no others are announced to a store. Advance the iterator on one thread, run the jobs
    /// on any.
    pub fn original_jobs<'a>(
        &'a mut self,
        families: impl Iterator<Item = usize> + Send + 'a,
        metadata: TileMetadata,
    ) -> Box<dyn Iterator<Item = Result<OriginalJob<'a>>> + 'a> {
        match self {
            Source::Tree(tree) => {
                let tree: &'a Tree = tree;
                let families = numbered(*tree.geometry(), families);
                let ahead = Ahead::new(families, |id| tree.will_read(tree.family_files(id)));
                Box::new(
                    ahead.map(move |(id, arrival)| {
                        Ok(Job::new(arrival, move || tree.originals(id, metadata)))
                    }),
                )
            }
            Source::Slide(slide, geometry) => {
                let (slide, geometry): (&'a Slide, Geometry) = (slide, *geometry);
                let (path, channels) = (slide.path.as_path(), usize::from(slide.info.channels));
                let (pixels, tiles) = match (&slide.access, slide.stored_tiles()) {
                    (Access::Random(pixels), Ok(tiles)) => (&**pixels, tiles),
                    (_, refused) => {
                        let reason = refused.err().unwrap_or_default();
                        return Box::new(std::iter::once(Err(no_tiles(slide, reason))));
                    }
                };
                Box::new(announced(pixels, geometry, families).map(move |(id, arrival)| {
                    let stored = move |tile| stored_tile(path, tiles, tile, metadata);
                    Ok(Job::new(arrival, move || original_tiles(pixels, &stored, &geometry, id, channels)))
                }))
            }
        }
    }

    /// Jobs for the pixels of some `families`, by their ascending numbers, which count row by row: no others are announced to a store.
    /// Advance the iterator on one thread, run the jobs on any. `upsample_filter` upsamples a tree's chroma where its tiles do not allow it to stay subsampled.
    pub fn jobs<'a>(
        &'a mut self,
        upsample_filter: Filter,
        families: impl Iterator<Item = usize> + Send + 'a,
    ) -> Box<dyn Iterator<Item = Result<FamilyJob<'a>>> + 'a> {
        match self {
            Source::Tree(tree) => {
                let tree: &'a Tree = tree;
                let families = numbered(*tree.geometry(), families);
                let ahead = Ahead::new(families, |id| tree.will_read(tree.geometry().family_tiles(id, 0)));
                Box::new(ahead.map(move |(id, arrival)| {
                    let family = move || tree.family(id, upsample_filter);
                    Ok(Job::new(arrival, family).then(|family| LoadedFamily { family, l2_pixels: None }))
                }))
            }
            Source::Slide(slide, geometry) => {
                let geometry = *geometry;
                let jobs = region_jobs(slide, geometry, families);
                Box::new(jobs.map(move |region| {
                    let (id, job) = region?;
                    Ok(job.then(move |region| region.into_family(&geometry, id)))
                }))
            }
        }
    }
}

fn no_tiles(slide: &Slide, reason: String) -> Error {
    Error::refused(&slide.path, Refusal::NoJpegTiles { reason })
}

/// A tile as a lossless archive stores it.
fn stored_tile(path: &Path, tiles: &dyn StoredTiles, id: TileId, metadata: TileMetadata) -> Result<Foreign> {
    metadata.apply_to(id, tiles.tile(id.x, id.y)?).map_err(|refusal| Error::refused(path, refusal))
}

/// The original tiles of a slide's family, and its pixels, from which L2 and the small levels are made.
fn original_tiles(
    pixels: &dyn RandomAccess,
    stored: &dyn Fn(TileId) -> Result<Foreign>,
    geometry: &Geometry,
    id: FamilyId,
    channels: usize,
) -> Result<OriginalTiles> {
    let tiles = geometry.family_tiles(id, 0).map(|tile| Ok((tile, stored(tile)?)));
    let tiles = tiles.collect::<Result<Vec<_>>>()?;
    let family = read_region(pixels, geometry, id, channels)?.into_family(geometry, id);
    Ok(OriginalTiles { id, tiles, l2: L2Source::Pixels(Box::new(family)) })
}

/// The metadata of a slide, as the sidecar records it.
pub fn slide_metadata(slide: &Slide) -> SlideMetadata {
    SlideMetadata {
        generator: generator(),
        source: file_name(&slide.path),
        format: slide.info.format.clone(),
        microns_per_pixel: slide.info.microns_per_pixel,
        objective_power: slide.info.objective_power,
        scanner: slide.info.scanner.clone(),
        origin: None,
        icc_profile: None,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

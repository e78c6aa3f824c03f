//! Full-size rows of a slide, a tree or a bundle, band by band from the top: what a comparison reads.
//!
//! Holds one band at a time, and of a bundle a row of families, so memory grows with the width of the slide and not with its
//! height.

mod band;
mod bundle;

use std::path::Path;

use self::band::tile_band;
use crate::backend::scheduler::Scheduler;
use crate::error::Result;
use crate::pyramid::tree::{Missing, Tree};
use crate::slide::{Access, OpenOptions, Slide};

pub use band::{BAND_PX, Band};
pub use bundle::BundleRows;

/// An image whose rows at full size can be read from the top.
pub enum RowSource {
    /// L0 of a bundle.
    Bundle(Box<BundleRows>),
    /// L0 of a Deep Zoom tree; missing tiles are white.
    Tree(Box<Tree>),
    /// A slide or a single image.
    Slide(Box<Slide>),
}

impl RowSource {
    /// Opens a tree (its `.dzi` or a directory), a `.bundle`, or a slide or image (any other file).
    ///
    /// # Errors
    /// Those of [`Tree::open`], [`BundleRows::open`] and [`Slide::open`].
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        let has = |extension| path.extension().is_some_and(|e| e == extension);
        Ok(if path.is_dir() || has("dzi") {
            RowSource::Tree(Box::new(Tree::open(path, Missing::Background)?))
        } else if has("bundle") || has("pack") {
            RowSource::Bundle(Box::new(BundleRows::open(path)?))
        } else {
            RowSource::Slide(Box::new(Slide::open(path, options)?))
        })
    }

    /// The file: the descriptor of a tree, a bundle, a slide.
    pub fn path(&self) -> &Path {
        match self {
            RowSource::Bundle(bundle) => bundle.path(),
            RowSource::Tree(tree) => tree.path(),
            RowSource::Slide(slide) => &slide.path,
        }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        match self {
            RowSource::Bundle(bundle) => (bundle.geometry().width(), bundle.geometry().height()),
            RowSource::Tree(tree) => (tree.geometry().width(), tree.geometry().height()),
            RowSource::Slide(slide) => (slide.info.width, slide.info.height),
        }
    }

    /// Reads the rows `top..top + height`. Bundles and sequential slides give each row once, so bands must be read in order.
    ///
    /// # Errors
    /// Damaged data; rows outside of the image.
    pub fn band(&mut self, top: u32, height: u32, scheduler: &Scheduler) -> Result<Band> {
        match self {
            RowSource::Bundle(bundle) => bundle.band(top, height, scheduler),
            RowSource::Tree(tree) => {
                tile_band(tree.geometry(), top, height, scheduler, |id| Ok(tree.tile_444(id)?))
            }
            RowSource::Slide(slide) => slide_band(slide, top, height),
        }
    }
}

fn slide_band(slide: &mut Slide, top: u32, height: u32) -> Result<Band> {
    let width = slide.info.width;
    let n = width as usize * height as usize;
    let channels = usize::from(slide.info.channels);
    let mut pixels = vec![0; n * channels];
    match &mut slide.access {
        Access::Random(access) => access.read(0, top, width, height, &mut pixels)?,
        Access::Sequential(access) => access.read_rows(height, &mut pixels)?,
    }
    if channels == 1 {
        let rgb = pixels.iter().flat_map(|&v| [v; 3]).collect();
        return Ok(Band { luma: pixels, rgb });
    }
    Ok(Band::of_rgb(pixels))
}

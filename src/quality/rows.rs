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
    /// Opens a bundle.
    ///
    /// # Errors
    /// Those of [`BundleRows::open`].
    pub fn bundle(path: &Path) -> Result<Self> {
        Ok(RowSource::Bundle(Box::new(BundleRows::open(path)?)))
    }

    /// Opens a tree by its `.dzi`, by the directory that holds it, or by its `_files`.
    ///
    /// # Errors
    /// Those of [`Tree::open`].
    pub fn tree(path: &Path) -> Result<Self> {
        Ok(RowSource::Tree(Box::new(Tree::open(path, Missing::Background)?)))
    }

    /// Opens a slide or an image.
    ///
    /// # Errors
    /// Those of [`Slide::open`].
    pub fn slide(path: &Path, options: &OpenOptions) -> Result<Self> {
        Ok(RowSource::Slide(Box::new(Slide::open(path, options)?)))
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
                tile_band(tree.geometry(), top, height, scheduler, |id| Ok(tree.tile_pixels(id)?))
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

//! Full-size rows of a slide or a tree, band by band from the top: what a comparison reads.
//!
//! Holds one band at a time, so memory grows with the width of the slide and not with its height.

use std::path::Path;

use crate::backend::scheduler::{Scheduler, tile_bytes};
use crate::error::{Error, Result};
use crate::image::geometry::TileId;
use crate::kernels::color::rgb_to_ycc;
use crate::pyramid::tree::{Missing, Tree};
use crate::slide::{Access, OpenOptions, Slide};

/// Height of a band in pixels; the last one of a slide may be lower.
pub const BAND_PX: u32 = 512;

/// Rows of an image at full width, without gaps.
pub struct Band {
    /// Luma (integer BT.601), one byte a pixel.
    pub luma: Vec<u8>,
    /// Red, green and blue, three bytes a pixel.
    pub rgb: Vec<u8>,
}

/// An image whose rows at full size can be read from the top.
pub enum RowSource {
    /// L0 of a Deep Zoom tree; missing tiles are white.
    Tree(Box<Tree>),
    /// A slide or a single image.
    Slide(Box<Slide>),
}

impl RowSource {
    /// Opens a tree (its `.dzi` or a directory), or a slide or image (any other file).
    ///
    /// # Errors
    /// Those of [`Tree::open`] and [`Slide::open`].
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        let is_tree = path.is_dir() || path.extension().is_some_and(|e| e == "dzi");
        Ok(if is_tree {
            RowSource::Tree(Box::new(Tree::open(path, Missing::Background)?))
        } else {
            RowSource::Slide(Box::new(Slide::open(path, options)?))
        })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        match self {
            RowSource::Tree(tree) => (tree.geometry().width(), tree.geometry().height()),
            RowSource::Slide(slide) => (slide.info.width, slide.info.height),
        }
    }

    /// Reads the rows `top..top + height`. A sequential slide gives each row once, so bands must be read in order.
    ///
    /// # Errors
    /// Damaged data; rows outside of the image.
    pub fn band(&mut self, top: u32, height: u32, scheduler: &Scheduler) -> Result<Band> {
        match self {
            RowSource::Tree(tree) => tree_band(tree, top, height, scheduler),
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
    let (mut luma, mut cb, mut cr) = (vec![0; n], vec![0; n], vec![0; n]);
    rgb_to_ycc(&pixels, &mut luma, &mut cb, &mut cr);
    Ok(Band { luma, rgb: pixels })
}

fn tree_band(tree: &Tree, top: u32, height: u32, scheduler: &Scheduler) -> Result<Band> {
    let geometry = *tree.geometry();
    let width = geometry.width() as usize;
    let n = width * height as usize;
    let mut band = Band { luma: vec![0; n], rgb: vec![0; 3 * n] };
    let (cols, tile_rows) = geometry.tiles(geometry.top_level());
    let (first, last) = (top / geometry.tile(), (top + height - 1) / geometry.tile());
    let ids = (first..=last.min(tile_rows - 1))
        .flat_map(|y| (0..cols).map(move |x| TileId { level: geometry.top_level(), x, y }));
    scheduler.ordered(
        tile_bytes(&geometry),
        ids.map(Ok::<_, Error>),
        |id| {
            let image = tree.tile_444(id)?;
            let rgb = image.to_rgb();
            Ok((id, image.luma, rgb))
        },
        |(id, luma, rgb)| {
            let Some(rect) = geometry.tile_rect(id) else { return Ok(()) };
            let w = rect.width as usize;
            for y in 0..rect.height {
                if !(top..top + height).contains(&(rect.y + y)) {
                    continue;
                }
                let at = (rect.y + y - top) as usize * width + rect.x as usize;
                band.luma[at..][..w].copy_from_slice(luma.row(y as usize));
                band.rgb[3 * at..][..3 * w].copy_from_slice(rgb.row(y as usize));
            }
            Ok(())
        },
    )?;
    Ok(band)
}

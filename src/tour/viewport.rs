//! From a view to the pixels of a frame.

use std::path::{Path, PathBuf};

use super::camera::{Scale, View, sin_cos};
use super::error::Result;
use super::plan::Format;
use super::resample::{Input, resample, turned};
use crate::image::family::Pixels;
use crate::image::plane::Plane;
use crate::output::icc::{Colour, Icc, Profile};
use crate::output::tile::OutputFormat;
use crate::pixels::{self, Layout, Patch, ReadError, Reading, Shared};

/// Memory for decoded tiles and families, in bytes.
const CACHE_BYTES: u64 = 512 << 20;
/// Most pixels of a level that are resampled for a frame: 800 MB.
const MAX_SOURCE_PIXELS: usize = 1 << 28;
/// Beside a slide.
const BACKGROUND: u8 = 255;
/// Reduction of a level from which on the next coarser one is blended in, so that no frame shows the change.
const BLEND_FROM: f64 = 1.7;
/// Pixels beyond the frame that the filter needs for each unit of the reduction.
const MARGIN: f64 = 3.0;

/// A slide from which frames are made.
pub struct Stage {
    path: PathBuf,
    source: Shared,
    scale: Scale,
    colour: Colour,
    lossy: bool,
}

impl Stage {
    /// Opens a bundle, tree or slide.
    ///
    /// # Errors
    /// What the library says of it.
    pub fn open(path: &Path) -> Result<Self> {
        let source = pixels::open_alone(path, CACHE_BYTES)?;
        let info = source.info();
        let profile = info.icc.as_deref().and_then(|icc| Profile::parse(icc).ok());
        let colour = Colour::new(profile.as_ref(), Some(Icc::Srgb), OutputFormat::Png);
        let scale = Scale {
            size: source.levels().first().copied().unwrap_or((1, 1)),
            microns_per_pixel: info.microns_per_pixel.map(|(x, y)| f64::midpoint(x, y)),
            objective_power: info.objective_power,
        };
        let lossy = !info.is_original;
        Ok(Self { path: path.into(), scale, colour, lossy, source })
    }

    /// Its size and scale.
    pub fn scale(&self) -> &Scale {
        &self.scale
    }

    /// Whether its pixels are reconstructed with a loss.
    pub fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// What its reader assumed or left out.
    pub fn warnings(&self) -> &[String] {
        &self.source.info().warnings
    }

    /// A frame: interleaved 8-bit sRGB, `3 * width * height` bytes.
    ///
    /// # Errors
    /// Damaged data; [`pixels::ReadError::Stopped`] once `goes_on` says no.
    pub fn frame(&self, view: &View, format: Format, goes_on: &dyn Fn() -> bool) -> Result<Vec<u8>> {
        let size = (format.width as usize, format.height as usize);
        let (sin, cos) = sin_cos(view.rotation);
        let rgb = match (sin, cos) {
            (0.0, 1.0) => self.upright(view, size, goes_on)?,
            _ => {
                let (w, h) = (f64::from(format.width), f64::from(format.height));
                let side = |a: f64, b: f64| (a * cos.abs() + b * sin.abs() + 2.0 * MARGIN).ceil() as usize;
                // Of the same parity, so that a quarter turn moves whole pixels.
                let even = |length: usize, like: usize| length + (length + like) % 2;
                let wide = match sin.abs() > cos.abs() {
                    true => (even(side(w, h), size.1), even(side(h, w), size.0)),
                    false => (even(side(w, h), size.0), even(side(h, w), size.1)),
                };
                let rgb = self.upright(view, wide, goes_on)?;
                turned(Input { width: wide.0, height: wide.1, rgb: &rgb }, (sin, cos), size)
            }
        };
        let pixels = Pixels::Rgb(Plane::from_vec(3 * size.0, size.1, rgb));
        let pixels = self.colour.apply(pixels.view()).unwrap_or(pixels);
        Ok(pixels::Rgb::of_pixels(pixels).data)
    }

    /// The view without its rotation.
    fn upright(&self, view: &View, size: (usize, usize), goes_on: &dyn Fn() -> bool) -> Result<Vec<u8>> {
        let count = self.source.levels().len();
        let reduction = |level: usize| view.downsample / self.source.downsample(level);
        // The coarsest level that need not be enlarged.
        let level = (0..count).rev().find(|&level| reduction(level) >= 1.0 - 1e-9).unwrap_or(0);
        let rgb = self.of_level(level, view, size, goes_on)?;
        let next = level + 1;
        let blend = match next < count && reduction(level) > 1.0 {
            // 2 where the next level is as large as the frame.
            true => (2.0 * reduction(next) - BLEND_FROM) / (2.0 - BLEND_FROM),
            false => 0.0,
        };
        if blend <= 0.0 {
            return Ok(rgb);
        }
        let coarse = self.of_level(next, view, size, goes_on)?;
        let part = (blend.min(1.0) * 256.0).round() as u32;
        let mix =
            |(&a, &b): (&u8, &u8)| ((u32::from(a) * (256 - part) + u32::from(b) * part + 128) >> 8) as u8;
        Ok(rgb.iter().zip(&coarse).map(mix).collect())
    }

    /// The view without its rotation, of one level.
    fn of_level(
        &self,
        level: usize,
        view: &View,
        (width, height): (usize, usize),
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Vec<u8>> {
        let downsample = self.source.downsample(level);
        let scale = view.downsample / downsample;
        let margin = MARGIN * scale.max(1.0);
        // The part of the level, in its pixels: what the frame sees of it and of what lies directly beside it.
        let span = |center: f64, length: usize, whole: u32| {
            let from = center / downsample - length as f64 / 2.0 * scale;
            let first = (from - margin).max(-margin).floor();
            let end = (from + length as f64 * scale + margin).min(f64::from(whole) + margin).ceil();
            (end > first).then_some((from - first, first as i64, (end - first) as usize))
        };
        let whole = self.source.levels()[level];
        let across = span(view.center.0, width, whole.0);
        let down = span(view.center.1, height, whole.1);
        let (Some((from_x, x, columns)), Some((from_y, y, rows))) = (across, down) else {
            return Ok(vec![BACKGROUND; 3 * width * height]);
        };
        if columns.saturating_mul(rows) > MAX_SOURCE_PIXELS {
            let problem = format!(
                "a view of the tour needs {columns} x {rows} of its pixels, since it has no coarser level; encode it, and show the \
                 bundle"
            );
            return Err(ReadError::from(crate::error::Error::input(&self.path, problem)).into());
        }
        let mut rgb = vec![BACKGROUND; 3 * columns * rows];
        let layout = Layout::Interleaved;
        let mut patch = Patch { x, y, width: columns, height: rows, layout, data: &mut rgb };
        self.source.read(level, &mut patch, Reading { alone: false, goes_on })?;
        let input = Input { width: columns, height: rows, rgb: &rgb };
        Ok(resample(input, (from_x, from_y), scale, (width, height)))
    }
}

//! A scanned slide or an image as a source.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::slide::{Access, OpenOptions, RandomAccess, Region, Sequential, Slide, SlideInfo};

use super::{Info, Kind, Patch, Reading, Result, Rgb, Source};

/// Pixels of a large region that are read at once, so that a call can be interrupted, and who waits sees that it goes on.
pub const BAND_PX: u64 = 4 << 20;

/// Where the pixels of a file come from.
enum Pixels {
    /// From the file, in any order.
    File(Box<dyn RandomAccess>),
    /// From an image that could only be read from the top, and was.
    Whole(Rgb),
}

/// An open slide.
pub struct Scan {
    path: PathBuf,
    options: OpenOptions,
    pixels: Pixels,
    channels: usize,
    info: Info,
    levels: Vec<(u32, u32)>,
}

impl Scan {
    /// Opens a slide. An image that can only be read from the top is decoded, if its pixels take at most half of the memory.
    ///
    /// # Errors
    /// What the library says of it; `raise` names what gives more memory.
    pub fn open(path: &Path, options: &OpenOptions, raise: &str) -> Result<Self> {
        let limit = (options.max_memory_bytes / 2, raise);
        let Slide { info: of, access, .. } = Slide::open(path, options).map_err(Error::from)?;
        let pixels = match access {
            Access::Random(pixels) => Pixels::File(pixels),
            Access::Sequential(mut rows) => Pixels::Whole(decode_whole(path, &of, &mut *rows, limit)?),
        };
        let levels = if of.levels.is_empty() { vec![(of.width, of.height)] } else { of.levels };
        let info = Info {
            kind: Kind::Slide,
            vendor: of.format,
            microns_per_pixel: of.microns_per_pixel,
            objective_power: of.objective_power,
            tile: of.tile,
            icc: of.icc_profile,
            associated: of.associated,
            warnings: of.warnings,
            is_original: true,
            content: None,
        };
        Ok(Self {
            path: path.into(),
            options: options.clone(),
            pixels,
            channels: of.channels.into(),
            info,
            levels,
        })
    }
}

/// The pixels of an image that can only be read from the top.
fn decode_whole(
    path: &Path,
    info: &SlideInfo,
    rows: &mut dyn Sequential,
    (limit_bytes, raise): (u64, &str),
) -> Result<Rgb> {
    let bytes = (u64::from(info.width) * u64::from(info.height)).saturating_mul(3);
    if bytes > limit_bytes {
        let problem = format!(
            "it can only be read from the top, and its pixels take {bytes} bytes, more than the {limit_bytes} that may be kept; raise \
             {raise}, or encode it and open the bundle"
        );
        return Err(Error::input(path, problem).into());
    }
    let (width, height, channels) = (info.width as usize, info.height as usize, usize::from(info.channels));
    let mut samples = vec![0; width * height * channels];
    rows.read_rows(info.height, &mut samples).map_err(Error::from)?;
    Ok(Rgb::of_samples(width, height, channels, samples))
}

/// Fills the part of a patch that lies inside a level, of which `size` is the size, from a reader of slides.
///
/// # Errors
/// As of [`Source::read`].
pub fn read_slide(
    pixels: &dyn RandomAccess,
    channels: usize,
    (level, size): (usize, (u32, u32)),
    patch: &mut Patch<'_>,
    how: Reading<'_>,
) -> Result<()> {
    let Some(inside) = patch.inside(size) else { return Ok(()) };
    let rows = u32::try_from(BAND_PX / u64::from(inside.width)).unwrap_or(u32::MAX).max(1);
    let mut y = inside.y;
    while y < inside.y + inside.height {
        how.go_on()?;
        let region =
            Region { x: inside.x, y, width: inside.width, height: rows.min(inside.y + inside.height - y) };
        let (width, height) = (region.width as usize, region.height as usize);
        let mut samples = vec![0; width * height * channels];
        match level {
            0 => pixels.read(region.x, region.y, region.width, region.height, &mut samples),
            _ => pixels.read_level(level, region, &mut samples),
        }
        .map_err(Error::from)?;
        patch.paste(&Rgb::of_samples(width, height, channels, samples), (region.x, region.y));
        y += region.height;
    }
    Ok(())
}

impl Source for Scan {
    fn info(&self) -> &Info {
        &self.info
    }

    fn levels(&self) -> &[(u32, u32)] {
        &self.levels
    }

    /// OpenSlide's: the mean of the ratios of widths and heights.
    fn downsample(&self, level: usize) -> f64 {
        let ratio = |full: u32, own: u32| f64::from(full) / f64::from(own.max(1));
        match (self.levels.first(), self.levels.get(level)) {
            (Some(full), Some(own)) if level > 0 => f64::midpoint(ratio(full.0, own.0), ratio(full.1, own.1)),
            _ => 1.0,
        }
    }

    fn read(&self, level: usize, patch: &mut Patch<'_>, how: Reading<'_>) -> Result<()> {
        let pixels = match &self.pixels {
            Pixels::Whole(whole) => {
                patch.paste(whole, (0, 0));
                return Ok(());
            }
            Pixels::File(pixels) => pixels,
        };
        read_slide(
            &**pixels,
            self.channels,
            (level, self.levels.get(level).copied().unwrap_or_default()),
            patch,
            how,
        )
    }

    /// Opens the slide once more: such images are asked for rarely.
    fn associated(&self, name: &str) -> Result<Rgb> {
        let slide = Slide::open(&self.path, &self.options).map_err(Error::from)?;
        let image = slide.associated_image(name).map_err(Error::from)?;
        Ok(Rgb::of_samples(image.width as usize, image.height as usize, 3, image.rgb))
    }
}

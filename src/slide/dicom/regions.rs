//! Random access to the pixels of a series: regions are put together from cached frames.

use super::super::access::{AssociatedImages, AssociatedSize, RandomAccess, RgbImage, StoredTiles};
use super::super::blend::Sum;
use super::super::cache::ChunkCache;
use super::super::error::SlideError;
use super::super::region::{Extent, Region, allocate};
use super::elements::{ADVICE, FORMAT};
use super::level::Level;
use super::{pixels, stored_tiles};
use crate::codec::Foreign;
use crate::store::Arrival;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Threads assumed to decode at once, when the memory limit is divided between them.
const ASSUMED_THREADS: u64 = 64;
/// The cache holds two rows of frames, at least this much and at most half of the memory limit.
const MIN_CACHE_BYTES: u64 = 64 << 20;

/// The images of a series.
pub(super) struct Pixels {
    pub path: PathBuf,
    /// For each channel its resolutions, the full one first: of the same sizes in all channels.
    pub channels: Vec<Vec<Level>>,
    /// Label, macro and thumbnail, by name.
    pub associated: Vec<(String, Level)>,
    pub limit_bytes: u64,
    cache: ChunkCache,
    /// Locked during a decode when frames are so large that parallel decodes would exceed the memory limit.
    decode_lock: Option<Mutex<()>>,
}

impl Pixels {
    pub fn new(
        path: PathBuf,
        channels: Vec<Vec<Level>>,
        associated: Vec<(String, Level)>,
        limit_bytes: u64,
    ) -> Self {
        let bytes = |level: &Level| {
            let format = &level.image.format;
            (u64::from(format.width) * u64::from(format.height)).saturating_mul(level.channels().into())
        };
        let frame = channels.iter().flatten().map(bytes).max().unwrap_or(0);
        let across = channels.iter().flatten().map(|level| level.image.across()).max().unwrap_or(0);
        let row = frame.saturating_mul(across.into()).saturating_mul(channels.len() as u64);
        let cache_bytes = row.saturating_mul(2).max(MIN_CACHE_BYTES).min(limit_bytes / 2);
        let serial = frame.saturating_mul(ASSUMED_THREADS) > limit_bytes;
        let decode_lock = serial.then(Mutex::default);
        Self { path, channels, associated, limit_bytes, cache: ChunkCache::new(cache_bytes), decode_lock }
    }

    /// A decoded frame; `None` for a tile that is missing.
    fn tile(
        &self,
        number: usize,
        level: &Level,
        column: u32,
        row: u32,
    ) -> Result<Option<Arc<Vec<u8>>>, SlideError> {
        let Some((frames, frame, in_image)) = level.frame(column, row) else { return Ok(None) };
        let decode = || {
            let lock = self.decode_lock.as_ref();
            let _guard = lock.map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner));
            let stored = frames.read(frame, self.limit_bytes)?;
            pixels::decode(
                &level.image.format,
                stored,
                level.window,
                level.palette.as_ref(),
                self.limit_bytes,
            )
            .map_err(|fault| {
                let place = format!("frame {}, tile at column {column}, row {row}", u64::from(frame) + 1);
                fault.at(frames.file().path(), FORMAT, &place, ADVICE)
            })
        };
        self.cache.get((number as u64, u64::from(in_image)), decode).map(Some)
    }

    /// The full resolution of the first channel.
    fn finest(&self) -> Option<&Level> {
        self.channels.first()?.first()
    }

    /// Reads a region of one resolution of several channels, and adds their colours.
    fn blend(
        &self,
        number: usize,
        found: &[&Level],
        region: Region,
        out: &mut [u8],
    ) -> Result<(), SlideError> {
        let count = self.channels.first().map_or(0, Vec::len);
        let mut sum = Sum::new(out.len());
        for (channel, level) in found.iter().enumerate() {
            let samples = usize::from(level.channels());
            let mut own = vec![0; out.len() / 3 * samples];
            self.read(channel * count + number, level, region, &mut own)?;
            match samples {
                1 => sum.add_gray(&own, level.color),
                _ => sum.add_rgb(&own),
            }
        }
        sum.finish(out);
        Ok(())
    }

    /// Reads a region of a level; `number` tells the levels apart in the cache.
    fn read(&self, number: usize, level: &Level, region: Region, out: &mut [u8]) -> Result<(), SlideError> {
        let image = &level.image;
        let channels = level.channels();
        let extent = Extent { width: image.width, height: image.height, channels };
        extent.check(&self.path, region, out.len())?;
        let Region { x, y, width, height } = region;
        if width == 0 || height == 0 {
            return Ok(());
        }
        // The region lies inside the image, so x + width - 1 and y + height - 1 are valid pixels.
        let (tile_width, tile_height) = (image.format.width, image.format.height);
        for row in y / tile_height..=(y + (height - 1)) / tile_height {
            for column in x / tile_width..=(x + (width - 1)) / tile_width {
                let tile = self.tile(number, level, column, row)?;
                let place = Region {
                    x: column * tile_width,
                    y: row * tile_height,
                    width: tile_width,
                    height: tile_height,
                };
                match tile {
                    Some(samples) => copy(&samples, place, region, channels.into(), out),
                    None => fill(&level.absent, place, region, out),
                }
            }
        }
        Ok(())
    }
}

/// The part of a tile that lies in a region: for each of its rows the first byte in the tile and in the region, and the bytes.
fn rows(tile: Region, region: Region, channels: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let (x, y) = (tile.x.max(region.x), tile.y.max(region.y));
    // A tile at the edge may reach past the last number of 32 bits; the region does not.
    let columns = (region.x + region.width - x).min(tile.width - (x - tile.x)) as usize;
    let count = (region.y + region.height - y).min(tile.height - (y - tile.y)) as usize;
    let first = move |of: Region, row: usize| {
        (((y - of.y) as usize + row) * of.width as usize + (x - of.x) as usize) * channels
    };
    (0..count).map(move |row| (first(tile, row), first(region, row), columns * channels))
}

fn copy(samples: &[u8], tile: Region, region: Region, channels: usize, out: &mut [u8]) {
    for (from, to, length) in rows(tile, region, channels) {
        if let (Some(from), Some(to)) = (samples.get(from..from + length), out.get_mut(to..to + length)) {
            to.copy_from_slice(from);
        }
    }
}

fn fill(color: &[u8], tile: Region, region: Region, out: &mut [u8]) {
    for (_, to, length) in rows(tile, region, color.len()) {
        for pixel in out.get_mut(to..to + length).unwrap_or_default().chunks_exact_mut(color.len()) {
            pixel.copy_from_slice(color);
        }
    }
}

/// The pixels of the slide.
pub(super) struct Regions(pub Arc<Pixels>);

impl RandomAccess for Regions {
    fn will_read(&self, region: Region) -> Arrival {
        let finest = self.0.channels.iter().filter_map(|levels| levels.first());
        finest.map(|level| level.will_read(region)).collect()
    }

    fn read(&self, x: u32, y: u32, width: u32, height: u32, out: &mut [u8]) -> Result<(), SlideError> {
        self.read_level(0, Region { x, y, width, height }, out)
    }

    fn read_level(&self, level: usize, region: Region, out: &mut [u8]) -> Result<(), SlideError> {
        let pixels = &*self.0;
        let no_level = || SlideError::NoLevel { path: pixels.path.clone(), level };
        let found = pixels.channels.iter().map(|levels| levels.get(level).ok_or_else(no_level));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        match found[..] {
            [] => Err(no_level()),
            [alone] if !alone.is_blended => pixels.read(level, alone, region, out),
            _ => pixels.blend(level, &found, region, out),
        }
    }

    fn stored_tiles(&self) -> Result<&dyn StoredTiles, String> {
        let level = match &self.0.channels[..] {
            [levels] => levels.first().ok_or("it has no level")?,
            _ => return Err("its pixels are put together from several channels".into()),
        };
        if level.is_blended {
            return Err("it is shown in a colour that was chosen for its channel".into());
        }
        stored_tiles::refusal(level).map_or(Ok(self), Err)
    }
}

impl StoredTiles for Regions {
    fn side_px(&self) -> u32 {
        self.0.finest().map_or(0, |level| level.image.format.width)
    }

    fn tile(&self, column: u32, row: u32) -> Result<Foreign, SlideError> {
        let slide = &*self.0;
        let level =
            slide.finest().ok_or_else(|| SlideError::NoLevel { path: slide.path.clone(), level: 0 })?;
        stored_tiles::read(level, (column, row), &slide.path, slide.limit_bytes)
    }
}

/// Label, macro and thumbnail.
pub(super) struct Associated(pub Arc<Pixels>);

impl Associated {
    /// The number of an image, and its pixels.
    fn find(&self, name: &str) -> Result<(usize, &Level), SlideError> {
        let pixels = &self.0;
        let found = pixels.associated.iter().position(|(known, _)| known == name);
        let missing = || SlideError::NoAssociatedImage {
            path: pixels.path.clone(),
            name: name.into(),
            known: pixels.associated.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
        };
        let index = found.ok_or_else(missing)?;
        let (_, level) = pixels.associated.get(index).ok_or_else(missing)?;
        Ok((index, level))
    }
}

impl AssociatedImages for Associated {
    fn size(&self, name: &str) -> Result<AssociatedSize, SlideError> {
        let (_, level) = self.find(name)?;
        let (width, height, format) = (level.image.width, level.image.height, &level.image.format);
        // A frame in samples of 16 bits, and in those of 8.
        let frame = u64::from(format.width) * u64::from(format.height);
        let part_bytes = frame.saturating_mul(3 * u64::from(level.channels()));
        Ok(AssociatedSize { width, height, part_bytes })
    }

    fn image(&self, name: &str) -> Result<RgbImage, SlideError> {
        let pixels = &self.0;
        let (index, level) = self.find(name)?;
        let (width, height, channels) = (level.image.width, level.image.height, level.channels());
        let bytes = (u64::from(width) * u64::from(height)).saturating_mul(channels.into());
        let what = format!("the associated image {name:?}");
        // Gray is widened to RGB afterwards.
        let limit = if channels == 1 { pixels.limit_bytes / 4 } else { pixels.limit_bytes };
        let mut samples = allocate(&pixels.path, &what, bytes, limit, "allow more memory")?;
        let region = Region { x: 0, y: 0, width, height };
        pixels.read(
            pixels.channels.iter().map(Vec::len).sum::<usize>() + index,
            level,
            region,
            &mut samples,
        )?;
        let rgb = if channels == 1 { samples.iter().flat_map(|&gray| [gray; 3]).collect() } else { samples };
        Ok(RgbImage { width, height, rgb })
    }
}

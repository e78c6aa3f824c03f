//! Random access to the pixels of a TIFF: regions are put together from cached chunks.

use super::super::access::{JpegTiles, RandomAccess};
use super::super::cache::ChunkCache;
use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::super::region::{Extent, Region};
use super::layout::{ChunkCoord, Layout};
use super::{chunk, jpeg_tiles};
use std::sync::{Mutex, PoisonError};

/// Threads assumed to decode at once, when the memory limit is divided between them.
const ASSUMED_THREADS: u64 = 64;
/// The cache holds two rows of chunks, at least this much and at most half of the memory limit.
const MIN_CACHE_BYTES: u64 = 64 << 20;

/// An open TIFF.
pub(super) struct TiffRegions {
    extent: Extent,
    layout: Layout,
    file: PositionalFile,
    cache: ChunkCache,
    /// Locked during a decode when chunks are so large that parallel decodes would exceed the memory limit.
    decode_lock: Option<Mutex<()>>,
    limit_bytes: u64,
}

impl TiffRegions {
    /// The image of a checked layout. One decoded chunk takes at most `limit_bytes`, the cache at most half of that.
    pub fn new(file: PositionalFile, layout: Layout, limit_bytes: u64) -> Self {
        let chunk_row = layout.chunk_bytes().saturating_mul(u64::from(layout.across));
        let cache_bytes = chunk_row.saturating_mul(2).max(MIN_CACHE_BYTES).min(limit_bytes / 2);
        let serial = layout.chunk_bytes().saturating_mul(ASSUMED_THREADS) > limit_bytes;
        Self {
            extent: Extent { width: layout.width, height: layout.height, channels: layout.channels() },
            layout,
            file,
            cache: ChunkCache::new(cache_bytes),
            decode_lock: serial.then(Mutex::default),
            limit_bytes,
        }
    }
}

impl RandomAccess for TiffRegions {
    fn jpeg_tiles(&self) -> Result<&dyn JpegTiles, String> {
        jpeg_tiles::refusal(&self.layout).map_or(Ok(self), Err)
    }

    fn read_level(&self, level: usize, region: Region, out: &mut [u8]) -> Result<(), SlideError> {
        let Region { x, y, width, height } = region;
        match level {
            0 => self.read(x, y, width, height, out),
            _ => Err(SlideError::NoLevel { path: self.file.path().into(), level }),
        }
    }

    fn read(&self, x: u32, y: u32, width: u32, height: u32, out: &mut [u8]) -> Result<(), SlideError> {
        let region = Region { x, y, width, height };
        self.extent.check(self.file.path(), region, out.len())?;
        if width == 0 || height == 0 {
            return Ok(());
        }
        // The region lies inside the image, so x + width - 1 and y + height - 1 are valid pixels.
        let (chunk_width, chunk_height) = (self.layout.chunk_width, self.layout.chunk_height);
        for row in y / chunk_height..=(y + (height - 1)) / chunk_height {
            for column in x / chunk_width..=(x + (width - 1)) / chunk_width {
                let coord = ChunkCoord { column, row };
                let key = u64::from(row) * u64::from(self.layout.across) + u64::from(column);
                let bytes = self.cache.get(key, || {
                    let lock = self.decode_lock.as_ref();
                    let _guard = lock.map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner));
                    chunk::decode(&self.file, &self.layout, coord, self.limit_bytes)
                })?;
                self.copy(coord, &bytes, region, out);
            }
        }
        Ok(())
    }
}

impl JpegTiles for TiffRegions {
    fn side_px(&self) -> u32 {
        self.layout.chunk_width
    }

    fn jpeg(&self, column: u32, row: u32) -> Result<Vec<u8>, SlideError> {
        jpeg_tiles::read(&self.file, &self.layout, ChunkCoord { column, row })
    }
}

impl TiffRegions {
    /// Copies the part of a chunk that lies in the region.
    fn copy(&self, coord: ChunkCoord, chunk: &[u8], region: Region, out: &mut [u8]) {
        let channels = usize::from(self.extent.channels);
        let (chunk_width, chunk_height) = (self.layout.chunk_width, self.layout.chunk_height);
        // The chunk's first pixel lies in the image, so its coordinates fit a u32.
        let (left, top) = (coord.column * chunk_width, coord.row * chunk_height);
        let (from_x, from_y) = (left.max(region.x), top.max(region.y));
        let columns = (region.x + region.width - from_x).min(chunk_width - (from_x - left));
        let rows = (region.y + region.height - from_y).min(chunk_height - (from_y - top));
        let stride_in = chunk_width as usize * channels;
        let stride_out = region.width as usize * channels;
        let length = columns as usize * channels;
        for row in 0..rows as usize {
            let start_in = ((from_y - top) as usize + row) * stride_in + (from_x - left) as usize * channels;
            let start_out =
                ((from_y - region.y) as usize + row) * stride_out + (from_x - region.x) as usize * channels;
            let (Some(from), Some(to)) =
                (chunk.get(start_in..start_in + length), out.get_mut(start_out..start_out + length))
            else {
                continue;
            };
            to.copy_from_slice(from);
        }
    }
}

//! Random access to the pixels of one page: regions are put together from cached chunks.

use super::super::cache::ChunkCache;
use super::super::error::SlideError;
use super::super::options::OpenOptions;
use super::super::positional::PositionalFile;
use super::super::region::{Extent, Region};
use super::super::window::Histogram;
use super::chunk;
use super::contents::Contents;
use super::layout::{ChunkCoord, Layout};
use super::pages::Page;
use crate::store::Arrival;
use std::sync::{Arc, Mutex, PoisonError};

/// Threads assumed to decode at once, when the memory limit is divided between them.
const ASSUMED_THREADS: u64 = 64;
/// The cache holds two rows of chunks, at least this much and at most the share of the page.
const MIN_CACHE_BYTES: u64 = 64 << 20;

/// Chunks of a page that are read to measure its values.
const MEASURED_CHUNKS: u64 = 64;
/// The fraction of the golden ratio in units of 2^-64.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Makes readers of pages, and divides the memory for decoded chunks between them.
pub(super) struct Readers<'a> {
    file: &'a Arc<PositionalFile>,
    limit_bytes: u64,
    /// For each page of the full resolution: half of the limit between them.
    full_bytes: u64,
    /// For each other page: a quarter of the limit between them.
    other_bytes: u64,
}

impl<'a> Readers<'a> {
    pub fn new(file: &'a Arc<PositionalFile>, options: &OpenOptions, contents: &Contents<'_, '_>) -> Self {
        let limit_bytes = options.max_memory_bytes;
        let others = contents.levels.iter().map(Vec::len).sum::<usize>() + contents.beside.len();
        let share = |bytes: u64, pages: usize| bytes / pages.max(1) as u64;
        let full_bytes = share(limit_bytes / 2, contents.full.len());
        Self { file, limit_bytes, full_bytes, other_bytes: share(limit_bytes / 4, others) }
    }

    /// The checked layout of a page.
    pub fn layout(&self, page: &Page<'_>) -> Result<Layout, SlideError> {
        Layout::read(self.file, &page.directory, self.limit_bytes)
    }

    /// A reader of a page of the full resolution.
    pub fn of_slide(&self, layout: Layout) -> PageReader {
        PageReader::new(Arc::clone(self.file), layout, self.limit_bytes, self.full_bytes)
    }

    /// A reader of another page.
    pub fn of_other(&self, layout: Layout) -> PageReader {
        PageReader::new(Arc::clone(self.file), layout, self.limit_bytes, self.other_bytes)
    }

    /// The values of the colour samples in some chunks of a page, spread evenly over it; with the number of chunks that were read.
    pub fn sample(&self, layout: &Layout, histogram: &mut Histogram) -> Result<u64, SlideError> {
        self.spread(layout, |coord| {
            chunk::values(self.file, layout, coord, self.limit_bytes, &mut |value| histogram.add(value))
        })
    }

    /// Sets the range of samples that become codes, by the same chunks.
    pub fn set_range(&self, layout: &mut Layout) -> Result<(), SlideError> {
        let Some(mut numbers) = layout.numbers else { return Ok(()) };
        let mut seen = false;
        self.spread(layout, |coord| {
            chunk::numbers(self.file, layout, coord, self.limit_bytes, &mut |value| {
                if value.is_finite() {
                    numbers.include(value, !seen);
                    seen = true;
                }
            })
        })?;
        layout.numbers = Some(numbers);
        Ok(())
    }

    /// Reads some chunks of a page, spread evenly over it; the number of them.
    fn spread(
        &self,
        layout: &Layout,
        mut read: impl FnMut(ChunkCoord) -> Result<(), SlideError>,
    ) -> Result<u64, SlideError> {
        let all = u64::from(layout.across) * u64::from(layout.down);
        let count = all.min(MEASURED_CHUNKS);
        for step in 0..count {
            // Multiples of the golden ratio fall between one another and on no column of the grid.
            let index = if count == all { step } else { ((step.wrapping_mul(GOLDEN) >> 32) * all) >> 32 };
            let (row, column) = (index / u64::from(layout.across), index % u64::from(layout.across));
            read(ChunkCoord { column: column as u32, row: row as u32 })?;
        }
        Ok(count)
    }
}

/// One page, or one sample of it: 8-bit gray or RGB.
pub(super) struct PageReader {
    pub extent: Extent,
    pub layout: Layout,
    pub file: Arc<PositionalFile>,
    cache: ChunkCache,
    /// Locked during a decode when chunks are so large that parallel decodes would exceed the memory limit.
    decode_lock: Option<Mutex<()>>,
    limit_bytes: u64,
}

impl PageReader {
    /// The image of a checked layout. One decoded chunk takes at most `limit_bytes`, the cache at most `cache_bytes`.
    pub fn new(file: Arc<PositionalFile>, layout: Layout, limit_bytes: u64, cache_bytes: u64) -> Self {
        let chunk_row = layout.chunk_bytes().saturating_mul(u64::from(layout.across));
        let cache_bytes = chunk_row.saturating_mul(2).max(MIN_CACHE_BYTES).min(cache_bytes);
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

    /// Says which chunks will be read soon: those of a region of the page as it is stored.
    pub fn will_read(&self, region: Region) -> Arrival {
        if !self.file.is_far() {
            return Arrival::default();
        }
        let Layout { chunk_width, chunk_height, across, down, .. } = self.layout;
        let last = |first: u32, size: u32| first.saturating_add(size.saturating_sub(1));
        let rows = region.y / chunk_height
            ..=(last(region.y, region.height) / chunk_height).min(down.saturating_sub(1));
        let columns = region.x / chunk_width
            ..=(last(region.x, region.width) / chunk_width).min(across.saturating_sub(1));
        let coords = rows.flat_map(|row| columns.clone().map(move |column| ChunkCoord { column, row }));
        let ranges: Vec<_> =
            coords.flat_map(|coord| chunk::ranges(&self.file, &self.layout, coord)).collect();
        self.file.will_read(&ranges)
    }

    /// Reads a region of the page as it is stored.
    pub fn read(&self, region: Region, out: &mut [u8]) -> Result<(), SlideError> {
        self.extent.check(self.file.path(), region, out.len())?;
        let Region { x, y, width, height } = region;
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

//! Random access to the pixels of one page: regions are put together from cached chunks.

use super::super::cache::ChunkCache;
use super::super::error::SlideError;
use super::super::options::OpenOptions;
use super::super::positional::PositionalFile;
use super::super::region::{Extent, Region};
use super::super::window::Histogram;
use super::chunk;
use super::layout::{ChunkCoord, Layout};
use super::pages::Page;
use crate::store::Arrival;
use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

/// Threads assumed to decode at once, when the memory limit is divided between them.
const ASSUMED_THREADS: u64 = 64;
/// The cache holds two rows of chunks of each page, at least this much for each, and at most three quarters of the memory
/// limit, lists of chunks included.
const MIN_CACHE_BYTES: u64 = 64 << 20;
/// The part of the memory limit that lists of chunks may take.
const TABLES_PART: u64 = 8;

/// Chunks of a page that are read to measure its values, and their pixels; one chunk is read whatever it has.
const MEASURED_CHUNKS: u64 = 64;
const MEASURED_PIXELS: u64 = 256 << 20;
/// The fraction of the golden ratio in units of 2^-64.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Makes readers of pages, which share the memory for decoded chunks and for lists of chunks.
pub(super) struct Readers<'a> {
    file: &'a Arc<PositionalFile>,
    limit_bytes: u64,
    /// Bytes of the lists of chunks of the pages so far, and of the chunks that all pages want to keep.
    table_bytes: Cell<u64>,
    wanted_bytes: Cell<u64>,
    shared: Arc<Shared>,
    pages: Cell<u64>,
}

/// What the readers of a file's pages share.
struct Shared {
    cache: ChunkCache,
    /// Locked during a decode of chunks that are so large that parallel decodes would exceed the memory limit.
    decode: Mutex<()>,
}

impl<'a> Readers<'a> {
    pub fn new(file: &'a Arc<PositionalFile>, options: &OpenOptions) -> Self {
        let limit_bytes = options.max_memory_bytes;
        let cache = ChunkCache::new(0);
        let shared = Arc::new(Shared { cache, decode: Mutex::default() });
        let (table_bytes, wanted_bytes, pages) = Default::default();
        Self { file, limit_bytes, table_bytes, wanted_bytes, shared, pages }
    }

    /// The checked layout of a page of the slide.
    pub fn layout(&self, page: &Page<'_>) -> Result<Layout, SlideError> {
        let layout = Layout::read(self.file, &page.directory, self.limit_bytes)?;
        let bytes = self.table_bytes.get().saturating_add(layout.table_bytes());
        let limit = self.limit_bytes / TABLES_PART;
        if bytes > limit {
            let what = "the lists of its pages' tiles or strips".to_string();
            let advice = "allow more memory or save the file with larger tiles or strips";
            return Err(SlideError::too_large(self.file.path(), what, bytes, limit, advice));
        }
        self.table_bytes.set(bytes);
        Ok(layout)
    }

    /// A reader of a page of the slide.
    pub fn reader(&self, layout: Layout) -> PageReader {
        let row = layout.chunk_bytes().saturating_mul(u64::from(layout.across));
        let wanted = self.wanted_bytes.get().saturating_add(row.saturating_mul(2).max(MIN_CACHE_BYTES));
        self.wanted_bytes.set(wanted);
        let left = (self.limit_bytes / 4 * 3).saturating_sub(self.table_bytes.get());
        self.shared.cache.set_limit(wanted.min(left));
        self.pages.set(self.pages.get() + 1);
        PageReader::new(Arc::clone(self.file), layout, self.limit_bytes, &self.shared, self.pages.get())
    }

    /// The values of the colour samples in some chunks of a page, spread evenly over it; with the number of chunks that were read.
    pub fn sample(&self, layout: &Layout, histogram: &mut Histogram) -> Result<u64, SlideError> {
        spread(layout, |coord| {
            chunk::values(self.file, layout, coord, self.limit_bytes, &mut |value| histogram.add(value))
        })
    }

    /// Sets the range of samples that become codes, by the same chunks.
    pub fn set_range(&self, layout: &mut Layout) -> Result<(), SlideError> {
        let Some(mut numbers) = layout.numbers else { return Ok(()) };
        let mut seen = false;
        spread(layout, |coord| {
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
}

/// Reads some chunks of a page, spread evenly over it; the number of them.
pub(super) fn spread(
    layout: &Layout,
    mut read: impl FnMut(ChunkCoord) -> Result<(), SlideError>,
) -> Result<u64, SlideError> {
    let all = u64::from(layout.across) * u64::from(layout.down);
    let in_chunk = u64::from(layout.chunk_width) * u64::from(layout.chunk_height);
    let count = all.min(MEASURED_CHUNKS).min((MEASURED_PIXELS / in_chunk.max(1)).max(1));
    for step in 0..count {
        // Multiples of the golden ratio fall between one another and on no column of the grid.
        let index = if count == all { step } else { ((step.wrapping_mul(GOLDEN) >> 32) * all) >> 32 };
        let (row, column) = (index / u64::from(layout.across), index % u64::from(layout.across));
        read(ChunkCoord { column: column as u32, row: row as u32 })?;
    }
    Ok(count)
}

/// One page, or one sample of it: 8-bit gray or RGB.
pub(super) struct PageReader {
    pub extent: Extent,
    pub layout: Layout,
    pub file: Arc<PositionalFile>,
    shared: Arc<Shared>,
    /// Tells the page from the others in the cache.
    number: u64,
    /// Whether chunks are decoded one at a time.
    serial: bool,
    limit_bytes: u64,
}

impl PageReader {
    /// The image of a checked layout. One decoded chunk takes at most `limit_bytes`.
    fn new(
        file: Arc<PositionalFile>,
        layout: Layout,
        limit_bytes: u64,
        shared: &Arc<Shared>,
        number: u64,
    ) -> Self {
        let serial = layout.chunk_bytes().saturating_mul(ASSUMED_THREADS) > limit_bytes;
        let extent = Extent { width: layout.width, height: layout.height, channels: layout.channels() };
        Self { extent, layout, file, shared: Arc::clone(shared), number, serial, limit_bytes }
    }

    /// The image of a layout of a page beside the slide.
    pub fn alone(file: Arc<PositionalFile>, layout: Layout, limit_bytes: u64) -> Self {
        let row = layout.chunk_bytes().saturating_mul(u64::from(layout.across));
        let cache = ChunkCache::new(row.min(limit_bytes / 4));
        Self::new(file, layout, limit_bytes, &Arc::new(Shared { cache, decode: Mutex::default() }), 0)
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
                if self.layout.is_absent(coord) {
                    self.each_row(coord, region, out, |to, _| to.fill(self.layout.blank));
                    continue;
                }
                let index = u64::from(row) * u64::from(self.layout.across) + u64::from(column);
                let bytes = self.shared.cache.get((self.number, index), || {
                    let lock = || self.shared.decode.lock().unwrap_or_else(PoisonError::into_inner);
                    let _guard = self.serial.then(lock);
                    chunk::decode(&self.file, &self.layout, coord, self.limit_bytes)
                })?;
                self.each_row(coord, region, out, |to, start| {
                    if let Some(from) = bytes.get(start..start + to.len()) {
                        to.copy_from_slice(from);
                    }
                });
            }
        }
        Ok(())
    }

    /// Calls `fill` with each row of the region's part that lies in a chunk, and where the row begins in the chunk.
    fn each_row(
        &self,
        coord: ChunkCoord,
        region: Region,
        out: &mut [u8],
        mut fill: impl FnMut(&mut [u8], usize),
    ) {
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
            if let Some(to) = out.get_mut(start_out..start_out + length) {
                fill(to, start_in);
            }
        }
    }
}

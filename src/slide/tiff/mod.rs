//! TIFF, BigTIFF and Aperio SVS files as slides, without OpenSlide: any region, from many threads.
//!
//! The first directory is the slide; smaller copies and associated images behind it are ignored. Strips and tiles are
//! decoded on demand and kept in a cache of bounded size. Samples of 1 to 16 bits, gray, RGB, palette, with or without
//! opacity, interleaved or planar; uncompressed, LZW, deflate, PackBits or JPEG. It deliberately does not know scanners.
//!
//! Not the `tiff` crate (0.11), which the tests use to write files: it decodes through `&mut`, so one thread at a time; it
//! multiplies sizes from the file unchecked and asserts on some of them; it has no palettes; and it trusts the tag where
//! JPEG tiles say another colour space, which shows real slides in green. Decompression is `flate2`, `weezl`, libjpeg-turbo.

mod cache;
mod chunk;
mod directory;
mod jpeg;
mod layout;
mod metadata;
mod own;
mod unpack;

use super::error::SlideError;
use super::positioned::PositionedFile;
use super::region::{Extent, Region};
use super::{OpenOptions, OwnTiles, RandomAccess, SlideInfo};
use cache::ChunkCache;
use chunk::Place;
use directory::Directory;
use layout::Layout;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Threads assumed to decode at once when memory is divided.
const THREADS: u64 = 64;
/// The cache holds two rows of chunks, at least this much and at most half of the memory allowed.
const CACHE_LEAST_BYTES: u64 = 64 << 20;

/// Opens a TIFF file and checks its first directory.
pub(super) fn open(
    path: &Path,
    options: &OpenOptions,
) -> Result<(SlideInfo, Box<dyn RandomAccess>), SlideError> {
    let file = PositionedFile::open(path)?;
    let directory = Directory::read_first(&file)?;
    if directory.has(metadata::NDPI_MARK) {
        let advice = "install OpenSlide to open it";
        return Err(SlideError::unsupported(path, "TIFF", "Hamamatsu's private layout (NDPI)", advice));
    }
    let layout = Layout::read(&file, &directory, options.max_memory_bytes)?;
    let info = SlideInfo {
        width: layout.width,
        height: layout.height,
        channels: layout.channels(),
        format: "tiff".into(),
        microns_per_pixel: metadata::microns_per_pixel(&directory),
        objective_power: metadata::objective_power(&directory),
        icc_profile: metadata::icc_profile(&directory),
        associated: Vec::new(),
    };
    let chunk_row = layout.chunk_bytes().saturating_mul(u64::from(layout.across));
    let cache_bytes = chunk_row.saturating_mul(2).max(CACHE_LEAST_BYTES).min(options.max_memory_bytes / 2);
    let extent = Extent { width: layout.width, height: layout.height, channels: layout.channels() };
    let giant = layout.chunk_bytes().saturating_mul(THREADS) > options.max_memory_bytes;
    let source = TiffRegions {
        extent,
        layout,
        file,
        cache: ChunkCache::new(cache_bytes),
        one_at_a_time: giant.then(Mutex::default),
        limit_bytes: options.max_memory_bytes,
    };
    Ok((info, Box::new(source)))
}

/// The colour profile of the first directory, for readers that cannot get at it themselves.
#[cfg(feature = "openslide")]
pub(super) fn icc_profile(path: &Path) -> Option<Vec<u8>> {
    let file = PositionedFile::open(path).ok()?;
    let directory = Directory::read_first(&file).ok()?;
    metadata::icc_profile(&directory)
}

struct TiffRegions {
    extent: Extent,
    layout: Layout,
    file: PositionedFile,
    cache: ChunkCache,
    /// Held while decoding where chunks are so large that many threads at once would not fit memory.
    one_at_a_time: Option<Mutex<()>>,
    limit_bytes: u64,
}

impl RandomAccess for TiffRegions {
    fn own_tiles(&self) -> Result<&dyn OwnTiles, String> {
        own::refusal(&self.layout).map_or(Ok(self), Err)
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
                let at = Place { column, row };
                let key = u64::from(row) * u64::from(self.layout.across) + u64::from(column);
                let bytes = self.cache.get(key, || {
                    let gate = self.one_at_a_time.as_ref();
                    let _turn = gate.map(|gate| gate.lock().unwrap_or_else(PoisonError::into_inner));
                    chunk::decode(&self.file, &self.layout, at, self.limit_bytes)
                })?;
                self.copy(at, &bytes, region, out);
            }
        }
        Ok(())
    }
}

impl TiffRegions {
    /// Copies the part of a chunk that lies in the region.
    fn copy(&self, at: Place, chunk: &[u8], region: Region, out: &mut [u8]) {
        let channels = usize::from(self.extent.channels);
        let (chunk_width, chunk_height) = (self.layout.chunk_width, self.layout.chunk_height);
        // Where the chunk starts: a pixel of the image, so it fits a u32.
        let (left, top) = (at.column * chunk_width, at.row * chunk_height);
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

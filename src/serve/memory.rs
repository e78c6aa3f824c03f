//! The most memory that a server takes, part by part, as its options allow. `docs/operate.md` states it, `tests/server/memory.rs` holds the
//! server to it. Measures nothing.

use super::annotations::MAX_BYTES as MAX_MARK_BYTES;
use super::options::ServeOptions;
use crate::image::ycc::Sampling;
use crate::output::tile::OutputFormat;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Planes and payloads of a family in 4:2:0, for each of its pixels of L0.
const FAMILY_BYTES_A_PIXEL: u64 = 6;
/// The marks of one slide, as many as there may be, while they are read or changed.
const MARKS_BYTES: u64 = 5 * MAX_MARK_BYTES as u64;
/// The largest image. Images of IIIF have 320 MiB at most, labels 352, rectangles 488.
const IMAGE_BYTES: u64 = 512 * MIB;
/// What rectangles decode is kept in one part of so many of the memory for tiles.
pub const DECODED_PART: u64 = 8;
/// Buffers of a connection.
const CONNECTION_BYTES: u64 = 256 * KIB;
/// What the allocator keeps for a thread that computes, and for any other.
const COMPUTING_THREAD_BYTES: u64 = 16 * MIB;
const OTHER_THREAD_BYTES: u64 = 2 * MIB;
/// Most scanned slides that are open.
pub const SCANNED_SLIDES: u64 = 8;
/// Decoded parts of each.
pub const SCANNED_SLIDE_BYTES: u64 = 384 * MIB;
/// The program itself.
const PROGRAM_BYTES: u64 = 64 * MIB;
/// Index of the cache on disk, and its tables that are filled and written at a time.
const DISK_INDEX_BYTES: u64 = 32 * MIB;
const DISK_TABLES: u64 = 3;

/// How many threads a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadCounts {
    /// Threads that decode and encode.
    pub compute: u64,
    /// Threads for connections.
    pub connections: u64,
    /// Threads that read files.
    pub files: u64,
}

/// What a part of the memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryPart {
    /// The cache of tiles.
    Tiles,
    /// Planes, payloads, images, answers that are not taken.
    Requests,
    /// What the largest image takes beyond the half of that which images have.
    LargeImage,
    /// The cache on disk.
    DiskCache,
    /// Connections.
    Connections,
    /// Threads that compute.
    Computing,
    /// Other threads.
    OtherThreads,
    /// Decoded parts of scanned slides; none where nothing but bundles and trees is served.
    ScannedSlides,
    /// Blocks of files at addresses; none where slides are on a disk.
    Blocks,
    /// The program.
    Program,
}

impl MemoryPart {
    /// The name for people and JSON.
    pub fn name(self) -> &'static str {
        match self {
            MemoryPart::Tiles => "tiles",
            MemoryPart::Requests => "requests",
            MemoryPart::LargeImage => "a large image",
            MemoryPart::DiskCache => "cache on disk",
            MemoryPart::Connections => "connections",
            MemoryPart::Computing => "computing threads",
            MemoryPart::OtherThreads => "other threads",
            MemoryPart::ScannedSlides => "scanned slides",
            MemoryPart::Blocks => "blocks of addresses",
            MemoryPart::Program => "program",
        }
    }
}

/// The most bytes of each part, for slides whose tiles have at most `tile` pixels a side and of which `scanned` have a scanned slide's file.
/// `block_bytes` is the memory for blocks of files at addresses; 0 where slides are on a disk.
pub fn memory_bound(
    options: &ServeOptions,
    threads: ThreadCounts,
    tile: u32,
    scanned: usize,
    block_bytes: u64,
) -> Vec<(MemoryPart, u64)> {
    let (cache, limits, output) = (&options.cache, &options.limits, &options.output);
    // Chroma at full size takes as much again; of JPEG tiles so do residuals of chroma, which stay within these.
    let full = output.sampling == Sampling::S444 || output.format != OutputFormat::Jpeg;
    let pixels = 16 * u64::from(tile) * u64::from(tile);
    let family = FAMILY_BYTES_A_PIXEL * pixels * if full { 2 } else { 1 };
    let marks = options.annotations.dir.as_ref().map_or(0, |_| MARKS_BYTES);
    let table = (cache.max_disk_bytes / 64).clamp(MIB, 32 * MIB);
    let disk = cache.dir.as_ref().map_or(0, |_| DISK_INDEX_BYTES + DISK_TABLES * table);
    vec![
        // Bookkeeping, and what rectangles decode.
        (MemoryPart::Tiles, cache.max_memory_bytes / 4 * 5 + cache.max_memory_bytes / DECODED_PART),
        (
            MemoryPart::Requests,
            limits.max_request_bytes + family.max(marks).saturating_sub(limits.max_request_bytes / 4),
        ),
        (MemoryPart::LargeImage, IMAGE_BYTES.saturating_sub(limits.max_request_bytes / 2)),
        (MemoryPart::DiskCache, disk),
        (MemoryPart::Connections, limits.max_connections as u64 * CONNECTION_BYTES),
        (MemoryPart::Computing, threads.compute * COMPUTING_THREAD_BYTES),
        (MemoryPart::OtherThreads, (threads.connections + threads.files) * OTHER_THREAD_BYTES),
        (MemoryPart::ScannedSlides, SCANNED_SLIDES.min(scanned as u64) * SCANNED_SLIDE_BYTES),
        (MemoryPart::Blocks, block_bytes),
        (MemoryPart::Program, PROGRAM_BYTES),
    ]
}

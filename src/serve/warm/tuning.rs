//! Options of the RocksDB database of tiles, and which of its errors mean damage.

use rocksdb::{
    BlockBasedOptions, Cache, ChecksumType, DBCompactionStyle, ErrorKind, FifoCompactOptions, LogLevel,
    Options,
};

/// Memory for indexes and filters. Tiles themselves are cached by the hot cache alone.
const INDEX_BYTES: usize = 32 << 20;
/// Most tables that are open at a time.
const MAX_OPEN_FILES: i32 = 256;

/// Bytes of a table. A read may search every table, so there must be few; and two of them must fit into memory while they are filled
/// and written.
fn table_bytes(max_bytes: u64) -> u64 {
    (max_bytes / 64).clamp(1 << 20, 32 << 20)
}

/// Options of a database of at most `max_bytes`. FIFO compaction writes tables once and never merges them: tiles do not compress, and
/// merging would gain nothing.
pub fn options(max_bytes: u64) -> Options {
    let table = table_bytes(max_bytes);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_compaction_style(DBCompactionStyle::Fifo);
    let mut fifo = FifoCompactOptions::default();
    // The oldest table is dropped only after a new one is complete.
    fifo.set_max_table_files_size(max_bytes.saturating_sub(table).max(table));
    options.set_fifo_compaction_options(&fifo);
    options.set_write_buffer_size(usize::try_from(table).unwrap_or(usize::MAX));
    options.set_max_write_buffer_number(3);
    // A time to live would keep every table open.
    options.set_ttl(0);
    options.set_max_open_files(MAX_OPEN_FILES);
    options.set_compression_type(rocksdb::DBCompressionType::None);
    options.set_bytes_per_sync(1 << 20);
    options.set_max_background_jobs(2);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(1 << 20);
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&Cache::new_lru_cache(INDEX_BYTES));
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_bloom_filter(10.0, false);
    // Smaller than a tile, so that a block is one tile and a read fetches no other.
    blocks.set_block_size(1 << 10);
    // CRC-32C, the default, is slow in a portable build without its processor instruction.
    blocks.set_checksum_type(ChecksumType::XXH3);
    options.set_block_based_table_factory(&blocks);
    options
}

/// Whether an error is permanent: corrupt bytes, a missing file. A full disk or a lack of file descriptors is no reason to discard a
/// database.
pub fn is_damage(error: &rocksdb::Error) -> bool {
    match error.kind() {
        ErrorKind::Corruption | ErrorKind::InvalidArgument | ErrorKind::NotSupported => true,
        ErrorKind::IOError => error.as_ref().contains("No such file"),
        _ => false,
    }
}

/// Whether an error says that the disk is full.
pub fn has_no_space(error: &rocksdb::Error) -> bool {
    ["No space left on device", "Disk quota exceeded"].iter().any(|said| error.as_ref().contains(said))
}

/// Whether a write was refused because earlier ones wait for the disk, which is no fault.
pub fn is_full_buffer(error: &rocksdb::Error) -> bool {
    error.kind() == ErrorKind::Incomplete
}

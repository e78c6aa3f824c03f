//! Tiles on disk that outlive the server: RocksDB below `--cache-dir`.
//!
//! A cache, not a store: whatever is wrong with it costs time, never a wrong tile. There is no write-ahead log, so a server that is
//! killed forgets what had not reached a file yet; every value carries a hash of its key and its bytes; a database that does not open is
//! set aside. Tables are written once and never merged, the oldest goes when the bound is reached: tiles do not compress, and
//! moving them again would gain nothing. Knows no slides and no formats.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use bytes::Bytes;
use rocksdb::{
    BlockBasedOptions, Cache, ChecksumType, DB, DBCompactionStyle, ErrorKind, FifoCompactOptions, LogLevel,
    Options, ReadOptions, WriteBatch, WriteOptions, properties,
};
use xxhash_rust::xxh3::Xxh3;

use super::tiles::TileKey;
use crate::error::{Error, Result};

/// Tables for lookups, in memory; tiles themselves are kept by the hot cache alone.
const INDEX_BYTES: usize = 32 << 20;
/// Tables that are open at a time.
const MOST_OPEN_FILES: i32 = 256;
/// Bytes of the hash before a tile.
const HASH_BYTES: usize = 8;
/// A read that takes no longer than this, on average, comes from the system's memory or a disk as fast.
const QUICK_NS: u64 = 150_000;
/// Damaged values that get a line in the log; the others are counted.
const LOGGED_DAMAGE: u32 = 10;

/// What a look into the cache gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The tile.
    Hit(Bytes),
    /// It is not there.
    Miss,
    /// It was there, and cannot be trusted.
    Damaged,
}

/// Its size now.
#[derive(Clone, Copy, Debug, Default)]
pub struct WarmFigures {
    /// Bytes of its files.
    pub disk_bytes: u64,
    /// Bytes of memory: tables being filled, and what is needed to find tiles.
    pub memory_bytes: u64,
    /// Files with tiles.
    pub files: u64,
}

/// The cache on disk.
pub struct Warm {
    db: DB,
    read: ReadOptions,
    write: WriteOptions,
    dir: PathBuf,
    damage: AtomicU32,
    /// Time of a read, smoothed, in nanoseconds.
    read_ns: AtomicU64,
    /// Held as long as the database is open.
    _lock: File,
}

impl Warm {
    /// Opens or makes the cache in `dir`, with at most `most_bytes` of files. One that does not open is moved aside there, as
    /// `tiles.damaged`, where it replaces the one before.
    ///
    /// # Errors
    /// A directory that cannot be written, or in which another server runs.
    pub fn open(dir: &Path, most_bytes: u64) -> Result<Self> {
        let problem = |what: &str, e: &dyn std::fmt::Display| {
            Error::input(dir, format!("{what}: {e}; --cache-dir must be a directory that can be written"))
        };
        fs::create_dir_all(dir).map_err(|e| problem("cannot be made", &e))?;
        let lock = File::create(dir.join("lock")).map_err(|e| problem("cannot be written", &e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::input(
                    dir,
                    "another server keeps its tiles here; give each its own --cache-dir",
                ));
            }
            Err(TryLockError::Error(e)) => return Err(problem("cannot be locked", &e)),
        }
        let (tiles, options) = (dir.join("tiles"), options(most_bytes));
        let db = DB::open(&options, &tiles).or_else(|e| {
            if !is_damage(&e) {
                return Err(problem("cannot be opened now", &e));
            }
            let aside = set_aside(&tiles).map_err(|e| problem("a damaged cache cannot be set aside", &e))?;
            tracing::warn!("{}: damaged ({e}); moved to {}, begun anew", tiles.display(), aside.display());
            DB::open(&options, &tiles).map_err(|e| problem("no cache can be opened", &e))
        })?;
        let (mut read, mut write) = (ReadOptions::default(), WriteOptions::default());
        // Blocks with tiles would push out those that tiles are found by.
        read.fill_cache(false);
        write.disable_wal(true);
        // Rather a tile less in the cache than somebody who waits for a disk.
        write.set_no_slowdown(true);
        Ok(Self {
            db,
            read,
            write,
            dir: tiles,
            damage: AtomicU32::new(0),
            read_ns: AtomicU64::new(0),
            _lock: lock,
        })
    }

    /// Whether reads are as short as those from the system's memory: not worth the way to another thread and back.
    pub fn is_quick(&self) -> bool {
        self.read_ns.load(Relaxed) < QUICK_NS
    }

    /// A tile of the slide called `name`. May read from disk.
    pub fn get(&self, name: &str, key: &TileKey) -> Found {
        let started = Instant::now();
        let found = self.read(&text(name, key));
        let (before, took) = (self.read_ns.load(Relaxed), started.elapsed().as_nanos() as u64);
        // Of the last few; two threads that write at the same time lose one of them.
        self.read_ns.store(before - before / 8 + took / 8, Relaxed);
        found
    }

    fn read(&self, key: &str) -> Found {
        let value = match self.db.get_opt(key, &self.read) {
            Ok(None) => return Found::Miss,
            Ok(Some(value)) => value,
            Err(e) => return self.damaged(key, &e),
        };
        match value.split_first_chunk::<HASH_BYTES>() {
            Some((hash, tile)) if *hash == hash_of(key, tile) => {
                Found::Hit(Bytes::from(value).slice(HASH_BYTES..))
            }
            _ => self.damaged(key, &"not what was written"),
        }
    }

    fn damaged(&self, key: &str, what: &dyn std::fmt::Display) -> Found {
        if self.damage.fetch_add(1, Relaxed) < LOGGED_DAMAGE {
            tracing::warn!("{}: {key}: {what}; the tile is made again", self.dir.display());
        }
        Found::Damaged
    }

    /// Takes the tiles of a family, all or none; whether it did. Goes to memory, a thread of the database's writes files.
    pub fn put<'a>(&self, name: &str, tiles: impl IntoIterator<Item = (TileKey, &'a Bytes)>) -> bool {
        let (mut batch, mut value) = (WriteBatch::default(), Vec::new());
        for (key, tile) in tiles {
            let key = text(name, &key);
            value.clear();
            value.extend_from_slice(&hash_of(&key, tile));
            value.extend_from_slice(tile);
            batch.put(&key, &value);
        }
        self.db.write_opt(batch, &self.write).is_ok()
    }

    /// Its size now.
    pub fn figures(&self) -> WarmFigures {
        let value =
            |name: &properties::PropName| self.db.property_int_value(name).ok().flatten().unwrap_or(0);
        WarmFigures {
            disk_bytes: value(properties::TOTAL_SST_FILES_SIZE),
            memory_bytes: value(properties::SIZE_ALL_MEM_TABLES)
                + value(properties::ESTIMATE_TABLE_READERS_MEM)
                + value(properties::BLOCK_CACHE_USAGE),
            files: value(&properties::num_files_at_level(0)),
        }
    }

    /// Writes what is in memory to files: before an orderly end.
    pub fn flush(&self) {
        if let Err(e) = self.db.flush() {
            tracing::warn!("{}: {e}; some tiles will be made again", self.dir.display());
        }
    }
}

/// `tile:{slide}:{level}:{x}:{y}`, with the identity of what is stored and how it is sent between: a slide that is encoded again has
/// other keys.
fn text(name: &str, key: &TileKey) -> String {
    let TileKey { slide, tile } = key;
    format!("tile:{name}:{slide:032x}:{}:{}:{}", tile.level, tile.x, tile.y)
}

fn hash_of(key: &str, tile: &[u8]) -> [u8; HASH_BYTES] {
    let mut state = Xxh3::new();
    state.update(key.as_bytes());
    state.update(tile);
    state.digest().to_le_bytes()
}

/// Bytes of a table: few enough of them to ask them all for a tile, small enough for the memory that two take while they are filled and
/// written.
fn table_bytes(most_bytes: u64) -> u64 {
    (most_bytes / 64).clamp(1 << 20, 32 << 20)
}

fn options(most_bytes: u64) -> Options {
    let table = table_bytes(most_bytes);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_compaction_style(DBCompactionStyle::Fifo);
    let mut fifo = FifoCompactOptions::default();
    // A table is only dropped once it and those after it are there.
    fifo.set_max_table_files_size(most_bytes.saturating_sub(table).max(table));
    options.set_fifo_compaction_options(&fifo);
    options.set_write_buffer_size(usize::try_from(table).unwrap_or(usize::MAX));
    options.set_max_write_buffer_number(3);
    // Nothing is dropped for its age alone; that would keep every table open.
    options.set_ttl(0);
    options.set_max_open_files(MOST_OPEN_FILES);
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
    // Smaller than a tile: one tile is one block, and nothing else is read with it.
    blocks.set_block_size(1 << 10);
    // CRC-32C, the default, is slow where a program is built for every processor of its kind.
    blocks.set_checksum_type(ChecksumType::XXH3);
    options.set_block_based_table_factory(&blocks);
    options
}

/// Whether an error tells of files that will not become better: bytes that are wrong, a file that is gone. A disk that is full, no more
/// file descriptors: those are no reason to give up what is there.
fn is_damage(error: &rocksdb::Error) -> bool {
    match error.kind() {
        ErrorKind::Corruption | ErrorKind::InvalidArgument | ErrorKind::NotSupported => true,
        ErrorKind::IOError => error.as_ref().contains("No such file"),
        _ => false,
    }
}

/// Moves a database away, over the one that was moved before. Nothing but a database's own files is ever removed.
fn set_aside(tiles: &Path) -> std::io::Result<PathBuf> {
    let first = tiles.with_extension("damaged");
    if first.exists() {
        // Whatever else somebody put there stays, and takes the name.
        drop(DB::destroy(&Options::default(), &first));
        drop(fs::remove_dir(&first));
    }
    let free = (2..1000).map(|n| tiles.with_extension(format!("damaged{n}")));
    let aside = std::iter::once(first).chain(free).find(|path| !path.exists());
    let aside = aside.ok_or_else(|| std::io::Error::other("there are too many already; remove some"))?;
    fs::rename(tiles, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::geometry::TileId;

    fn key(x: u32) -> TileKey {
        TileKey { slide: 7, tile: TileId { level: 10, x, y: 0 } }
    }

    fn tile(x: u32, bytes: usize) -> Bytes {
        let mut state = u64::from(x) + 1;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        noise.take(bytes).collect()
    }

    fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
        let all = fs::read_dir(dir.join("tiles")).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.extension().is_some_and(|e| e == extension)).collect()
    }

    #[test]
    fn tiles_outlive_the_server_under_their_own_keys() {
        let dir = tempfile::tempdir().unwrap();
        let warm = Warm::open(dir.path(), 64 << 20).unwrap();
        assert!(warm.put("a:b", [(key(1), &tile(1, 500)), (key(2), &Bytes::new())]));
        let elsewhere = Warm::open(dir.path(), 64 << 20).err().unwrap().to_string();
        assert!(elsewhere.contains("another server") && elsewhere.contains("--cache-dir"), "{elsewhere}");
        warm.flush();
        drop(warm);
        let warm = Warm::open(dir.path(), 64 << 20).unwrap();
        assert_eq!(warm.get("a:b", &key(1)), Found::Hit(tile(1, 500)));
        assert_eq!(warm.get("a:b", &key(2)), Found::Hit(Bytes::new()));
        assert_eq!(warm.get("a:b", &key(3)), Found::Miss);
        assert_eq!(warm.get("a", &key(1)), Found::Miss);
        assert_eq!(warm.get("a:b", &TileKey { slide: 8, ..key(1) }), Found::Miss);
    }

    #[test]
    fn the_oldest_go_when_the_bound_is_reached() {
        let dir = tempfile::tempdir().unwrap();
        let warm = Warm::open(dir.path(), 8 << 20).unwrap();
        for x in 0..1600 {
            // As a server that is not held up: a full memory drops a family now and then.
            while !warm.put("s", [(key(x), &tile(x, 20_000))]) {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        }
        warm.flush();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while warm.figures().disk_bytes > 8 << 20 {
            assert!(std::time::Instant::now() < until, "{:?}", warm.figures());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(warm.figures().disk_bytes > 4 << 20, "{:?}", warm.figures());
        assert_eq!(warm.get("s", &key(0)), Found::Miss);
        assert_eq!(warm.get("s", &key(1599)), Found::Hit(tile(1599, 20_000)));
    }

    /// Every byte of a table, flipped: the tile or nothing.
    #[test]
    fn a_damaged_table_never_gives_a_wrong_tile() {
        let dir = tempfile::tempdir().unwrap();
        let warm = Warm::open(dir.path(), 64 << 20).unwrap();
        for x in 0..8 {
            assert!(warm.put("s", [(key(x), &tile(x, 300))]));
        }
        warm.flush();
        drop(warm);
        let [table] = &files(dir.path(), "sst")[..] else { panic!("one table") };
        let whole = fs::read(table).unwrap();
        let (mut gone, mut opened) = (0, 0);
        for place in (0..whole.len()).step_by(37) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x10;
            fs::write(table, &bytes).unwrap();
            let warm = Warm::open(dir.path(), 64 << 20).unwrap();
            for x in 0..8 {
                match warm.get("s", &key(x)) {
                    Found::Hit(bytes) => assert_eq!(bytes, tile(x, 300), "byte {place}"),
                    _ => gone += 1,
                }
            }
            drop(warm);
            let aside = dir.path().join("tiles.damaged");
            if aside.exists() {
                DB::destroy(&Options::default(), dir.path().join("tiles")).unwrap();
                fs::rename(aside, dir.path().join("tiles")).unwrap();
            } else {
                opened += 1;
            }
        }
        assert!(gone > 0 && opened > 0, "{gone} {opened}");
    }

    #[test]
    fn a_damaged_cache_is_set_aside_and_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        for round in 0..3 {
            let warm = Warm::open(dir.path(), 64 << 20).unwrap();
            assert_eq!(warm.get("s", &key(1)), Found::Miss, "round {round}");
            assert!(warm.put("s", [(key(1), &tile(1, 300))]));
            warm.flush();
            drop(warm);
            fs::write(dir.path().join("tiles/CURRENT"), "nonsense").unwrap();
        }
        assert!(dir.path().join("tiles.damaged").is_dir());
        assert!(!dir.path().join("tiles.damaged2").exists(), "one is kept");
        // What is no database's is nobody's to remove.
        fs::write(dir.path().join("tiles.damaged/notes.txt"), "mine").unwrap();
        drop(Warm::open(dir.path(), 64 << 20).unwrap());
        assert!(dir.path().join("tiles.damaged/notes.txt").is_file());
        assert!(dir.path().join("tiles.damaged2").is_dir());
    }
}

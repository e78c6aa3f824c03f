//! The warm cache in RocksDB.
//!
//! Damage costs time, never a wrong tile: every value has a hash of its key and its bytes, and a database that does not open is moved
//! aside. There is no write-ahead log, so a server that is killed loses the tiles that were not yet in a file. At the size limit the
//! oldest table is dropped. Knows no slides and no formats.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use bytes::Bytes;
use rocksdb::{DB, Options, ReadOptions, WriteBatch, WriteOptions, properties};
use xxhash_rust::xxh3::Xxh3;

use super::lookup::{Lookup, WarmStats};
use super::tuning::{has_no_space, is_damage, is_full_buffer, options};
use crate::serve::error::{StartError, is_full};
use crate::serve::http::path_segment;
use crate::serve::throttle::Throttle;
use crate::serve::tile_key::TileKey;
use crate::store::create;

/// Bytes of the hash before a tile.
const HASH_BYTES: usize = 8;
/// Reads that take less on average come from the page cache or a disk that is as fast.
const MAX_QUICK_READ_NS: u64 = 150_000;
/// Most damaged values that are logged; further ones are only counted.
const MAX_LOGGED_DAMAGE: u32 = 10;

/// The cache on disk.
pub struct WarmCache {
    /// None after [`Self::close`]. A thread that ends later may be the last to let go of the cache, and must not be the one that closes the
    /// database: once the program ends RocksDB's own locks are gone, and it aborts.
    db: RwLock<Option<DB>>,
    read: ReadOptions,
    write: WriteOptions,
    dir: PathBuf,
    damage: AtomicU32,
    /// Lines about tiles that are not kept.
    dropped: Throttle,
    /// Moving average of the time of a read, in nanoseconds.
    read_ns: AtomicU64,
    /// Locks the directory while the database is open.
    _lock: File,
}

impl WarmCache {
    /// Opens or creates the cache in `dir`, with at most `max_bytes` of files. A damaged one is moved to `tiles.damaged` there and
    /// replaces the previous damaged one.
    ///
    /// # Errors
    /// A directory that cannot be written, or that another server uses.
    pub fn open(dir: &Path, max_bytes: u64) -> Result<Self, StartError> {
        let problem = |what: &str, e: &dyn std::fmt::Display| StartError::DiskCache {
            dir: dir.to_path_buf(),
            problem: format!("{what}: {e}"),
        };
        let of_file = |what: &str, e: std::io::Error| match is_full(&e) {
            true => StartError::DiskFull { dir: dir.to_path_buf(), problem: format!("{what}: {e}") },
            false => problem(what, &e),
        };
        let of_database = |what: &str, e: rocksdb::Error| match has_no_space(&e) {
            true => StartError::DiskFull { dir: dir.to_path_buf(), problem: format!("{what}: {e}") },
            false => problem(what, &e),
        };
        fs::create_dir_all(dir).map_err(|e| of_file("cannot be made", e))?;
        let lock = create(&dir.join("lock"), false).map_err(|e| of_file("cannot be written", e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StartError::DiskCacheInUse(dir.to_path_buf()));
            }
            Err(TryLockError::Error(e)) => return Err(problem("cannot be locked", &e)),
        }
        let (tiles, options) = (dir.join("tiles"), options(max_bytes));
        let db = DB::open(&options, &tiles).or_else(|e| {
            if !is_damage(&e) {
                return Err(of_database("cannot be opened now", e));
            }
            let aside = set_aside(&tiles).map_err(|e| problem("a damaged cache cannot be set aside", &e))?;
            tracing::warn!("{}: damaged ({e}); moved to {}, begun anew", tiles.display(), aside.display());
            DB::open(&options, &tiles).map_err(|e| of_database("no cache can be opened", e))
        })?;
        let (mut read, mut write) = (ReadOptions::default(), WriteOptions::default());
        // Blocks with tiles would evict indexes and filters.
        read.fill_cache(false);
        write.disable_wal(true);
        // A full write buffer drops tiles rather than blocking a thread.
        write.set_no_slowdown(true);
        Ok(Self {
            db: RwLock::new(Some(db)),
            read,
            write,
            dir: tiles,
            damage: AtomicU32::new(0),
            dropped: Throttle::default(),
            read_ns: AtomicU64::new(0),
            _lock: lock,
        })
    }

    fn db(&self) -> RwLockReadGuard<'_, Option<DB>> {
        self.db.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether reads are short enough to run on the caller's thread.
    pub fn is_quick(&self) -> bool {
        self.read_ns.load(Relaxed) < MAX_QUICK_READ_NS
    }

    /// Reads a tile of the slide `name`. May read from disk.
    pub fn get(&self, name: &str, key: &TileKey) -> Lookup {
        let started = Instant::now();
        let lookup = self.read(&text(name, key));
        let (before, took) = (self.read_ns.load(Relaxed), started.elapsed().as_nanos() as u64);
        // Concurrent updates may lose a sample, which does no harm.
        self.read_ns.store(before - before / 8 + took / 8, Relaxed);
        lookup
    }

    fn read(&self, key: &str) -> Lookup {
        let value = match self.db().as_ref().map_or(Ok(None), |db| db.get_opt(key, &self.read)) {
            Ok(None) => return Lookup::Miss,
            Ok(Some(value)) => value,
            Err(e) => return self.damaged(key, &e),
        };
        match value.split_first_chunk::<HASH_BYTES>() {
            Some((hash, tile)) if *hash == hash_of(key, tile) => {
                Lookup::Hit(Bytes::from(value).slice(HASH_BYTES..))
            }
            _ => self.damaged(key, &"not what was written"),
        }
    }

    fn damaged(&self, key: &str, what: &dyn std::fmt::Display) -> Lookup {
        if self.damage.fetch_add(1, Relaxed) < MAX_LOGGED_DAMAGE {
            tracing::warn!("{}: {key}: {what}; the tile is made again", self.dir.display());
        }
        Lookup::Damaged
    }

    /// Stores tiles, all or none; returns whether it did. Writes to memory; a thread of the database writes files.
    pub fn put<'a>(&self, name: &str, tiles: impl IntoIterator<Item = (TileKey, &'a Bytes)>) -> bool {
        let (mut batch, mut value) = (WriteBatch::default(), Vec::new());
        for (key, tile) in tiles {
            let key = text(name, &key);
            value.clear();
            value.extend_from_slice(&hash_of(&key, tile));
            value.extend_from_slice(tile);
            batch.put(&key, &value);
        }
        let written = self.db().as_ref().map(|db| db.write_opt(batch, &self.write));
        if let Some(Err(e)) = &written
            && !is_full_buffer(e)
            && let Some(more) = self.dropped.next(Instant::now())
        {
            tracing::warn!(
                more,
                "{}: {e}; tiles are not kept on disk until it takes them again",
                self.dir.display()
            );
        }
        matches!(written, Some(Ok(())))
    }

    /// Size of the cache.
    pub fn stats(&self) -> WarmStats {
        let db = self.db();
        let value = |name: &properties::PropName| {
            db.as_ref().and_then(|db| db.property_int_value(name).ok().flatten()).unwrap_or(0)
        };
        WarmStats {
            disk_bytes: value(properties::TOTAL_SST_FILES_SIZE),
            memory_bytes: value(properties::SIZE_ALL_MEM_TABLES)
                + value(properties::ESTIMATE_TABLE_READERS_MEM)
                + value(properties::BLOCK_CACHE_USAGE),
            files: value(&properties::num_files_at_level(0)),
        }
    }

    /// Writes buffered tiles to files, and closes the database. There is nothing in the cache from then on.
    pub fn close(&self) {
        let db = self.db.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(e)) = db.as_ref().map(|db| db.flush()) {
            tracing::warn!("{}: {e}; some tiles will be made again", self.dir.display());
        }
    }
}

/// `tile:{name}:{identity}:{level}:{x}:{y}`, the name as in addresses. A slide that is encoded again, or served with other options, has another identity and so
/// other keys.
fn text(name: &str, key: &TileKey) -> String {
    let TileKey { slide, tile } = key;
    let name = path_segment(name);
    format!("tile:{name}:{slide:032x}:{}:{}:{}", tile.level, tile.x, tile.y)
}

fn hash_of(key: &str, tile: &[u8]) -> [u8; HASH_BYTES] {
    let mut state = Xxh3::new();
    state.update(key.as_bytes());
    state.update(tile);
    state.digest().to_le_bytes()
}

/// Moves a database aside and replaces the one that was moved before. Removes nothing but files of a database.
fn set_aside(tiles: &Path) -> std::io::Result<PathBuf> {
    let first = tiles.with_extension("damaged");
    if first.exists() {
        // Other files in it stay; the directory then keeps its name.
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
        let warm = WarmCache::open(dir.path(), 64 << 20).unwrap();
        assert!(warm.put("a:b", [(key(1), &tile(1, 500)), (key(2), &Bytes::new())]));
        let elsewhere = WarmCache::open(dir.path(), 64 << 20).err().unwrap().to_string();
        assert!(elsewhere.contains("another server keeps its tiles here"), "{elsewhere}");
        warm.close();
        // Whoever still holds it finds nothing, and keeps nothing.
        assert_eq!(warm.get("a:b", &key(1)), Lookup::Miss);
        assert!(!warm.put("a:b", [(key(1), &tile(1, 500))]));
        assert_eq!(warm.stats().disk_bytes, 0);
        drop(warm);
        let warm = WarmCache::open(dir.path(), 64 << 20).unwrap();
        assert_eq!(warm.get("a:b", &key(1)), Lookup::Hit(tile(1, 500)));
        assert_eq!(warm.get("a:b", &key(2)), Lookup::Hit(Bytes::new()));
        assert_eq!(warm.get("a:b", &key(3)), Lookup::Miss);
        assert_eq!(warm.get("a", &key(1)), Lookup::Miss);
        assert_eq!(warm.get("a:b", &TileKey { slide: 8, ..key(1) }), Lookup::Miss);
    }

    #[test]
    fn the_oldest_go_when_the_bound_is_reached() {
        let dir = tempfile::tempdir().unwrap();
        let warm = WarmCache::open(dir.path(), 8 << 20).unwrap();
        for x in 0..1600 {
            // A full write buffer drops tiles now and then.
            while !warm.put("s", [(key(x), &tile(x, 20_000))]) {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        }
        warm.db().as_ref().unwrap().flush().unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while warm.stats().disk_bytes > 8 << 20 {
            assert!(std::time::Instant::now() < until, "{:?}", warm.stats());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(warm.stats().disk_bytes > 4 << 20, "{:?}", warm.stats());
        assert_eq!(warm.get("s", &key(0)), Lookup::Miss);
        assert_eq!(warm.get("s", &key(1599)), Lookup::Hit(tile(1599, 20_000)));
    }

    /// Flips bytes of a table one by one: a read gives the right tile or none.
    #[test]
    fn a_damaged_table_never_gives_a_wrong_tile() {
        let dir = tempfile::tempdir().unwrap();
        let warm = WarmCache::open(dir.path(), 64 << 20).unwrap();
        for x in 0..8 {
            assert!(warm.put("s", [(key(x), &tile(x, 300))]));
        }
        warm.close();
        drop(warm);
        let [table] = &files(dir.path(), "sst")[..] else { panic!("one table") };
        let whole = fs::read(table).unwrap();
        let (mut gone, mut opened) = (0, 0);
        for place in (0..whole.len()).step_by(37) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x10;
            fs::write(table, &bytes).unwrap();
            let warm = WarmCache::open(dir.path(), 64 << 20).unwrap();
            for x in 0..8 {
                match warm.get("s", &key(x)) {
                    Lookup::Hit(bytes) => assert_eq!(bytes, tile(x, 300), "byte {place}"),
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
            let warm = WarmCache::open(dir.path(), 64 << 20).unwrap();
            assert_eq!(warm.get("s", &key(1)), Lookup::Miss, "round {round}");
            assert!(warm.put("s", [(key(1), &tile(1, 300))]));
            warm.close();
            drop(warm);
            fs::write(dir.path().join("tiles/CURRENT"), "nonsense").unwrap();
        }
        assert!(dir.path().join("tiles.damaged").is_dir());
        assert!(!dir.path().join("tiles.damaged2").exists(), "one is kept");
        // Files that are not the database's stay.
        fs::write(dir.path().join("tiles.damaged/notes.txt"), "mine").unwrap();
        drop(WarmCache::open(dir.path(), 64 << 20).unwrap());
        assert!(dir.path().join("tiles.damaged/notes.txt").is_file());
        assert!(dir.path().join("tiles.damaged2").is_dir());
    }
}

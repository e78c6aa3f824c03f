//! Writing packs and bundles so that what stands under a final name is always whole.
//!
//! A bundle's blobs go to a spool file as they come, equal ones once. At the end the directory is known and the file
//! is written in its final order under a temporary name, synced, renamed, and the directory synced. A lock keeps a second
//! encoder out; whatever an earlier one left when it was killed is overwritten.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

use super::error::{Error, Result};
use super::layout::{HEADER_BYTES, Header, Kind, family_head, repeats};
use super::{BUNDLE_NAME, FamilyRecord, Meta};
use crate::archive::store::{FileStore, LockFile, ReadAt};
use crate::codec::CodecId;
use crate::image::geometry::{FamilyId, Geometry, TileId, hilbert};

/// Where a blob lies in the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Blob {
    offset: u64,
    bytes: u32,
}

struct FamilyRow {
    id: FamilyId,
    blob: Blob,
    payloads: u16,
    check: u64,
}

struct TileRow {
    id: TileId,
    blob: Blob,
    codec: CodecId,
    check: u64,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The bundle, under its final name.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Bytes that were not written because an equal blob was there.
    pub shared_bytes: u64,
}

/// A file under a temporary name that removes itself unless it is published.
struct Part {
    path: PathBuf,
    file: File,
    published: bool,
}

impl Part {
    fn create(path: PathBuf) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(Error::io("create", &path))?;
        Ok(Self { path, file, published: false })
    }

    /// Syncs and renames to `target`. The directory is to be synced by the caller, once for all its files.
    fn publish(mut self, target: &Path) -> Result<()> {
        self.file.sync_all().map_err(Error::io("write", &self.path))?;
        fs::rename(&self.path, target).map_err(Error::io("rename to", target))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.published {
            // Only a leftover: the next run overwrites it where it cannot be removed now.
            drop(fs::remove_file(&self.path));
        }
    }
}

#[cfg(unix)]
fn sync_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", parent))
}

#[cfg(not(unix))]
fn sync_parent(_: &Path) -> Result<()> {
    Ok(())
}

/// Collects a slide and publishes it as one bundle.
pub struct BundleWriter {
    target: PathBuf,
    geometry: Geometry,
    spool: LockFile,
    spool_bytes: u64,
    shared_bytes: u64,
    seen: HashMap<(u128, u32), Blob>,
    families: Vec<FamilyRow>,
    tiles: Vec<TileRow>,
}

impl BundleWriter {
    /// Begins `dir/residuals.bundle`; nothing appears under that name before [`Self::finish`].
    ///
    /// # Errors
    /// A directory that cannot be written; another encoder at work in it.
    pub fn create(dir: &Path, geometry: Geometry) -> Result<Self> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        if dir.join(BUNDLE_NAME).is_dir() {
            return Err(Error::Target {
                path: dir.join(BUNDLE_NAME),
                problem: "it is a directory, where the bundle is to go; remove it",
            });
        }
        let path = dir.join(".residuals.spool.part");
        let Some(spool) = LockFile::acquire(&path).map_err(Error::io("create", &path))? else {
            return Err(Error::Target {
                path: dir.to_path_buf(),
                problem: "another encode is writing here; wait for it or choose another --out",
            });
        };
        spool.file().set_len(0).map_err(Error::io("write", &path))?;
        Ok(Self {
            target: dir.join(BUNDLE_NAME),
            geometry,
            spool,
            spool_bytes: 0,
            shared_bytes: 0,
            seen: HashMap::new(),
            families: Vec::new(),
            tiles: Vec::new(),
        })
    }

    /// Adds a family; returns the length of its record.
    ///
    /// # Errors
    /// A full disk and the like; a record over 4 GiB.
    pub fn add_family(&mut self, id: FamilyId, record: &FamilyRecord) -> Result<u64> {
        let (bytes, payloads, check) = record_bytes(record)?;
        let blob = self.put(&bytes)?;
        self.families.push(FamilyRow { id, blob, payloads, check });
        Ok(bytes.len() as u64)
    }

    /// Adds a tile of a small level.
    ///
    /// # Errors
    /// As [`Self::add_family`].
    pub fn add_tile(&mut self, id: TileId, codec: CodecId, bytes: &[u8]) -> Result<()> {
        let blob = self.put(bytes)?;
        self.tiles.push(TileRow { id, blob, codec, check: xxh3_64(bytes) });
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<Blob> {
        let len = blob_len(bytes)?;
        let key = (xxh3_128(bytes), len);
        if let Some(&found) = self.seen.get(&key) {
            // The hash only finds candidates; equality is decided on the bytes.
            if self.fetch(found)? == bytes {
                self.shared_bytes += u64::from(len);
                return Ok(found);
            }
        }
        let blob = Blob { offset: self.spool_bytes, bytes: len };
        self.spool.file().write_all(bytes).map_err(Error::io("write", self.spool.path()))?;
        self.spool_bytes += u64::from(len);
        self.seen.insert(key, blob);
        Ok(blob)
    }

    fn fetch(&self, blob: Blob) -> Result<Vec<u8>> {
        let file = self.spool.file().try_clone().map_err(Error::io("read", self.spool.path()))?;
        let mut buf = vec![0; blob.bytes as usize];
        FileStore::from_file(file)
            .read_exact_at(&mut buf, blob.offset)
            .map_err(Error::io("read", self.spool.path()))?;
        Ok(buf)
    }

    /// Writes the bundle and gives it its name; then, if asked, one pack a family, `{x2}_{y2}.pack`, beside it.
    ///
    /// `meta.content` is filled in here. Packs carry neither small levels nor the colour profile.
    ///
    /// # Errors
    /// A full disk and the like: then nothing has changed under the bundle's name. Families or tiles that are there twice,
    /// tiles that are missing: mistakes of the caller.
    pub fn finish(mut self, meta: &Meta, icc: Option<&[u8]>, packs: bool) -> Result<Written> {
        let icc_blob = icc
            .map(|bytes| self.put(bytes))
            .transpose()?
            .map(|blob| (blob, xxh3_64(icc.unwrap_or_default())));
        self.families.sort_by_key(|row| hilbert(row.id));
        self.tiles.sort_by_key(|row| (row.id.level, row.id.y, row.id.x));
        let twice = self.families.windows(2).any(|pair| pair[0].id == pair[1].id);
        if twice || !self.tiles.iter().map(|row| row.id).eq(self.geometry.stored_tiles()) {
            return Err(Error::Incomplete);
        }
        let meta = Meta { content: self.content(), ..meta.clone() };
        let plan = plan(Kind::Bundle, &self.geometry, &meta, &self.families, &self.tiles, icc_blob)?;
        let part = Part::create(self.target.with_file_name(format!(".{BUNDLE_NAME}.part")))?;
        write_planned(&part, &plan, |blob| self.fetch(blob))?;
        part.publish(&self.target)?;
        sync_parent(&self.target)?;
        if packs {
            self.write_packs(&meta)?;
        }
        Ok(Written { path: self.target.clone(), bytes: plan.file_bytes, shared_bytes: self.shared_bytes })
    }

    fn content(&self) -> String {
        let mut state = Xxh3::new();
        for row in &self.families {
            state.update(&row.id.x().to_le_bytes());
            state.update(&row.id.y().to_le_bytes());
            state.update(&row.check.to_le_bytes());
        }
        for row in &self.tiles {
            state.update(&row.check.to_le_bytes());
        }
        format!("{:032x}", state.digest128())
    }

    fn write_packs(&self, meta: &Meta) -> Result<()> {
        for row in &self.families {
            let target = self.target.with_file_name(format!("{}.pack", row.id));
            let plan = plan(Kind::Pack, &self.geometry, meta, std::slice::from_ref(row), &[], None)?;
            let part = Part::create(self.target.with_file_name(format!(".{}.pack.part", row.id)))?;
            write_planned(&part, &plan, |blob| self.fetch(blob))?;
            part.publish(&target)?;
        }
        sync_parent(&self.target)
    }
}

fn blob_len(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| Error::BlobTooLarge)
}

/// A record's bytes, its number of payloads and the checksum of its head.
fn record_bytes(record: &FamilyRecord) -> Result<(Vec<u8>, u16, u64)> {
    let mut bytes = family_head(record);
    let check = xxh3_64(&bytes);
    for (i, payload) in record.payloads.iter().enumerate() {
        if !repeats(&record.payloads, i) {
            bytes.extend_from_slice(&payload.bytes);
        }
    }
    blob_len(&bytes)?;
    Ok((bytes, record.payloads.len() as u16, check))
}

/// Header and directory, and the blobs in the order in which they follow.
struct Plan {
    start: Vec<u8>,
    blobs: Vec<Blob>,
    file_bytes: u64,
}

fn plan(
    kind: Kind,
    geometry: &Geometry,
    meta: &Meta,
    families: &[FamilyRow],
    tiles: &[TileRow],
    icc: Option<(Blob, u64)>,
) -> Result<Plan> {
    let json = serde_json::to_vec(meta).map_err(Error::Metadata)?;
    let too_many = |_| Error::TooManyEntries;
    let mut header = Header {
        kind,
        file_bytes: 0,
        width: geometry.width(),
        height: geometry.height(),
        tile: geometry.tile(),
        families: u32::try_from(families.len()).map_err(too_many)?,
        tiles: u32::try_from(tiles.len()).map_err(too_many)?,
        meta_bytes: blob_len(&json)?,
        icc_offset: 0,
        icc_bytes: 0,
        icc_check: 0,
        directory_check: 0,
    };
    let mut end = header.data_start();
    let (mut blobs, mut placed) = (Vec::new(), HashMap::new());
    // Small levels first: what a viewer asks for when it opens a slide lies next to the directory.
    let mut place = |blob: Blob| {
        *placed.entry(blob).or_insert_with(|| {
            blobs.push(blob);
            end += u64::from(blob.bytes);
            end - u64::from(blob.bytes)
        })
    };
    let mut tile_index = Vec::new();
    for row in tiles {
        tile_index.extend(place(row.blob).to_le_bytes());
        tile_index.extend(row.blob.bytes.to_le_bytes());
        tile_index.extend((row.codec as u16).to_le_bytes());
        tile_index.extend(0u16.to_le_bytes());
        tile_index.extend(row.check.to_le_bytes());
    }
    if let Some((blob, check)) = icc {
        (header.icc_offset, header.icc_bytes, header.icc_check) = (place(blob), blob.bytes, check);
    }
    let mut directory = Vec::new();
    for row in families {
        directory.extend(row.id.x().to_le_bytes());
        directory.extend(row.id.y().to_le_bytes());
        directory.extend(place(row.blob).to_le_bytes());
        directory.extend(row.blob.bytes.to_le_bytes());
        directory.extend(row.payloads.to_le_bytes());
        directory.extend(0u16.to_le_bytes());
        directory.extend(row.check.to_le_bytes());
    }
    directory.extend(tile_index);
    directory.extend(json);
    header.directory_check = xxh3_64(&directory);
    header.file_bytes = end;
    let mut start = header.to_bytes().to_vec();
    start.extend(directory);
    debug_assert_eq!(start.len() as u64, HEADER_BYTES as u64 + header.directory_bytes());
    Ok(Plan { start, blobs, file_bytes: end })
}

fn write_planned(part: &Part, plan: &Plan, fetch: impl Fn(Blob) -> Result<Vec<u8>>) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, &part.file);
    let io = |e| Error::io("write", &part.path)(e);
    out.write_all(&plan.start).map_err(io)?;
    for &blob in &plan.blobs {
        out.write_all(&fetch(blob)?).map_err(io)?;
    }
    out.flush().map_err(io)
}

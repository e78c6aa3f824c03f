//! Writes packs and bundles, so that a file under its final name is always whole.
//!
//! Blobs go to a spool file as they come, equal ones once. At the end the directory is known: the file is written in its final order
//! under a temporary name, synced and renamed, and the directory synced. A lock keeps other encoders out. Files that a killed encoder
//! left are overwritten.

use std::collections::HashMap;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::content::content;
use super::error::{Error, Result};
use super::layout::Kind;
use super::limits;
use super::meta::Meta;
use super::names::BUNDLE_NAME;
use super::part_file::{PartFile, sync_parent};
use super::plan::{Blob, FamilyRow, Plan, TileRow, blob_len, plan};
use super::record::FamilyRecord;
use crate::codec::CodecId;
use crate::image::geometry::{FamilyId, Geometry, TileId, hilbert};
use crate::store::{FileStore, LockFile, ReadAt};

/// A bundle that was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The bundle, under its final name.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Bytes of blobs that were not written, because they equal an earlier blob.
    pub shared_bytes: u64,
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
    /// Starts `dir/residuals.bundle`. The file appears under that name in [`Self::finish`].
    ///
    /// # Errors
    /// A directory that cannot be written; another encoder at work in it.
    pub fn create(dir: &Path, geometry: Geometry) -> Result<Self> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        if dir.join(BUNDLE_NAME).is_dir() {
            return Err(Error::DirectoryInPlace(dir.join(BUNDLE_NAME)));
        }
        let path = dir.join(".residuals.spool.part");
        let Some(spool) = LockFile::acquire(&path).map_err(Error::io("create", &path))? else {
            return Err(Error::AnotherEncode(dir.to_path_buf()));
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
    /// A full disk and the like; a record that is longer than its pixels can need.
    pub fn add_family(&mut self, id: FamilyId, record: &FamilyRecord) -> Result<u64> {
        let (bytes, payloads, check) = record_bytes(record)?;
        let most = limits::record_bytes(&self.geometry, id);
        if bytes.len() as u64 > most {
            return Err(Error::RecordTooLong { family: id, bytes: bytes.len() as u64, most });
        }
        let blob = self.put(&bytes)?;
        self.families.push(FamilyRow { id, blob, payloads, check });
        Ok(bytes.len() as u64)
    }

    /// Adds a tile of a small level.
    ///
    /// # Errors
    /// As [`Self::add_family`].
    pub fn add_tile(&mut self, id: TileId, codec: CodecId, bytes: &[u8]) -> Result<()> {
        let most = limits::tile_bytes(&self.geometry, id);
        if bytes.len() as u64 > most {
            return Err(Error::TileTooLong { tile: id, bytes: bytes.len() as u64, most });
        }
        let blob = self.put(bytes)?;
        self.tiles.push(TileRow { id, blob, codec, check: xxh3_64(bytes) });
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<Blob> {
        let len = blob_len(bytes)?;
        let key = (xxh3_128(bytes), len);
        if let Some(&candidate) = self.seen.get(&key) {
            // The hash only finds a candidate; the bytes decide.
            if self.fetch(candidate)? == bytes {
                self.shared_bytes += u64::from(len);
                return Ok(candidate);
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

    /// Writes the bundle under its final name; with `packs`, also one pack a family, `{x2}_{y2}.pack`, beside it. Packs of an earlier encode and the file
    /// `replaced`, which is written after the bundle, are removed right before: nothing of an older encode passes for a part of this one.
    ///
    /// `meta.content` is filled in here. Packs carry neither small levels nor the colour profile.
    ///
    /// # Errors
    /// A full disk and the like; the file under the bundle's name has not changed then. A family or tile that was added twice, a tile that is
    /// missing: mistakes of the caller.
    pub fn finish(
        mut self,
        meta: &Meta,
        icc: Option<&[u8]>,
        packs: bool,
        replaced: Option<&Path>,
    ) -> Result<Written> {
        if let Some(icc) = icc.filter(|icc| icc.len() > limits::MAX_ICC_BYTES as usize) {
            return Err(Error::ProfileTooLong(icc.len()));
        }
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
        let content = content(
            self.families.iter().map(|row| (row.id, row.check)),
            self.tiles.iter().map(|row| row.check),
        );
        let meta = Meta { content, ..meta.clone() };
        let plan = plan(Kind::Bundle, &self.geometry, &meta, &self.families, &self.tiles, icc_blob)?;
        let part = PartFile::create(self.target.with_file_name(format!(".{BUNDLE_NAME}.part")))?;
        write_planned(&part, &plan, |blob| self.fetch(blob))?;
        let old_packs = self.families.iter().filter(|_| packs).map(|row| self.pack(row.id));
        old_packs.chain(replaced.map(Path::to_path_buf)).try_for_each(|path| remove(&path))?;
        part.publish(&self.target)?;
        sync_parent(&self.target)?;
        if packs {
            self.write_packs(&Meta { associated: Vec::new(), ..meta })?;
        }
        Ok(Written { path: self.target.clone(), bytes: plan.file_bytes, shared_bytes: self.shared_bytes })
    }

    /// The name of a family's pack.
    fn pack(&self, id: FamilyId) -> PathBuf {
        self.target.with_file_name(format!("{id}.pack"))
    }

    fn write_packs(&self, meta: &Meta) -> Result<()> {
        for row in &self.families {
            let target = self.pack(row.id);
            let plan = plan(Kind::Pack, &self.geometry, meta, std::slice::from_ref(row), &[], None)?;
            let part = PartFile::create(self.target.with_file_name(format!(".{}.pack.part", row.id)))?;
            write_planned(&part, &plan, |blob| self.fetch(blob))?;
            part.publish(&target)?;
        }
        sync_parent(&self.target)
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}

/// A record's bytes, its number of payloads and the checksum of its head.
pub(super) fn record_bytes(record: &FamilyRecord) -> Result<(Vec<u8>, u16, u64)> {
    let bytes = record.to_bytes();
    let check = xxh3_64(&bytes[..record.head_bytes() as usize]);
    blob_len(&bytes)?;
    Ok((bytes, record.payloads.len() as u16, check))
}

fn write_planned(part: &PartFile, plan: &Plan, fetch: impl Fn(Blob) -> Result<Vec<u8>>) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, &part.file);
    let io = |e| Error::io("write", &part.path)(e);
    out.write_all(&plan.start).map_err(io)?;
    for &blob in &plan.blobs {
        out.write_all(&fetch(blob)?).map_err(io)?;
    }
    out.flush().map_err(io)
}

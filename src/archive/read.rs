//! Opening an archive, and reading families and tiles from it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::directory::Directory;
use super::entries::{FamilyEntry, PayloadEntry, TileEntry};
use super::error::{Error, Result};
use super::layout::{Fault, Header, Kind};
use super::meta::Meta;
use super::record::{FamilyRecord, Payload, check_payload, head_bytes, parse_head, parse_record};
use crate::image::family::{PayloadKind, Proof};
use crate::image::geometry::{FamilyId, Geometry, TileId, hilbert};
use crate::store::{self, Arrival, ReadAt, zeroed};

/// An open pack or bundle. Everything but the blobs is in memory and has been checked.
pub struct Archive {
    path: PathBuf,
    store: Box<dyn ReadAt>,
    header: Header,
    geometry: Geometry,
    meta: Meta,
    families: Vec<FamilyEntry>,
    tiles: Vec<TileEntry>,
}

impl Archive {
    /// Opens a file, or the object at an address: at most two reads.
    ///
    /// # Errors
    /// A file that cannot be read; anything wrong with header, indexes or JSON, with the offset.
    pub fn open(path: &Path) -> Result<Self> {
        Self::from_store(path, store::open(path).map_err(Error::io("open", path))?)
    }

    /// Opens an archive in any store; `path` is its name in errors.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_store(path: &Path, store: Box<dyn ReadAt>) -> Result<Self> {
        let Directory { header, geometry, meta, families, tiles } = Directory::read(path, &*store)?;
        Ok(Self { path: path.to_path_buf(), store, header, geometry, meta, families, tiles })
    }

    /// The file, or the name that the store was opened under.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Pack or bundle.
    pub fn kind(&self) -> Kind {
        self.header.kind
    }
    /// Slide and tile size.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }
    /// The JSON object: coding, source and record of the encode.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
    /// Size of the file in bytes.
    pub fn file_bytes(&self) -> u64 {
        self.header.file_bytes
    }
    /// Bytes of header, indexes and JSON.
    pub fn directory_bytes(&self) -> u64 {
        self.header.data_start()
    }
    /// Bytes of the colour profile, 0 for none.
    pub fn icc_bytes(&self) -> u32 {
        self.header.icc_bytes
    }
    /// First byte of the colour profile.
    pub fn icc_offset(&self) -> u64 {
        self.header.icc_offset
    }
    /// A checksum of the header. The header holds the checksum of the directory, and the directory those of all blobs, so it identifies the
    /// contents of the file.
    pub fn identity(&self) -> u64 {
        xxh3_64(&self.header.to_bytes())
    }
    /// All families, along the Hilbert curve.
    pub fn families(&self) -> &[FamilyEntry] {
        &self.families
    }
    /// The tiles of the small levels, by level, then row by row; empty in a pack.
    pub fn tiles(&self) -> &[TileEntry] {
        &self.tiles
    }

    /// The entry of a family, if the archive has it.
    pub fn find(&self, id: FamilyId) -> Option<&FamilyEntry> {
        let key = hilbert(id);
        let at = self.families.binary_search_by_key(&key, |entry| hilbert(entry.id)).ok()?;
        self.families.get(at)
    }

    /// The entry of a tile of a small level, if the archive has it.
    pub fn find_tile(&self, id: TileId) -> Option<&TileEntry> {
        let at = self
            .tiles
            .binary_search_by_key(&(id.level, id.y, id.x), |entry| (entry.id.level, entry.id.y, entry.id.x))
            .ok()?;
        self.tiles.get(at)
    }

    /// Reads a family's record in one read and checks all of it.
    ///
    /// # Errors
    /// A wrong checksum or an impossible payload table, with the offset.
    pub fn read_family(&self, entry: &FamilyEntry) -> Result<FamilyRecord> {
        let bytes = self.read(entry.offset, entry.bytes)?;
        parse_record(entry, &bytes).map_err(|fault| fault.in_file(&self.path))
    }

    /// As [`Self::read_family`], without holding a thread while an object at an address is waited for.
    ///
    /// # Errors
    /// As [`Self::read_family`].
    pub async fn load_family(&self, entry: &FamilyEntry) -> Result<FamilyRecord> {
        let bytes = self.store.read(entry.offset, entry.bytes as usize).await;
        let bytes = bytes.map_err(Error::io("read", &self.path))?;
        parse_record(entry, &bytes).map_err(|fault| fault.in_file(&self.path))
    }

    /// Says which families will be read soon, so that an object at an address is read ahead, neighbours in one request.
    pub fn will_read<'a>(&self, families: impl IntoIterator<Item = &'a FamilyEntry>) -> Arrival {
        let range = |entry: &FamilyEntry| entry.offset..entry.offset.saturating_add(entry.bytes.into());
        self.store.will_read(&families.into_iter().map(range).collect::<Vec<_>>())
    }

    /// The same of their payload tables alone, for [`Self::read_head`].
    pub fn will_read_heads(&self, families: &[FamilyEntry]) -> Arrival {
        self.store.will_read(&families.iter().map(Self::head_range).collect::<Vec<_>>())
    }

    /// The bytes of the payload table of a family.
    pub fn head_range(entry: &FamilyEntry) -> Range<u64> {
        let bytes = u64::from(entry.bytes).min(head_bytes(entry) as u64);
        entry.offset..entry.offset.saturating_add(bytes)
    }

    /// The same of a tile of a small level.
    pub fn will_read_tile(&self, entry: &TileEntry) -> Arrival {
        let range = entry.offset..entry.offset.saturating_add(entry.bytes.into());
        self.store.will_read(std::slice::from_ref(&range))
    }

    /// Waits until payloads of a family have arrived, without holding a thread: first its table, which says where they lie. A fault is
    /// for [`Self::read_payloads`] to find.
    pub async fn payloads_arrive(&self, entry: &FamilyEntry, kinds: &[PayloadKind]) {
        if !store::is_address(&self.path) {
            return;
        }
        self.will_read_heads(std::slice::from_ref(entry)).await;
        let Ok(head) = self.read_head(entry) else { return };
        let wanted = head.iter().filter(|payload| kinds.contains(&payload.kind));
        let ranges =
            wanted.map(|payload| payload.offset..payload.offset.saturating_add(payload.bytes.into()));
        self.store.will_read(&ranges.collect::<Vec<_>>()).await;
    }

    /// Reads a tile of a small level and checks it.
    ///
    /// # Errors
    /// A wrong checksum, with the offset.
    pub fn read_tile(&self, entry: &TileEntry) -> Result<Vec<u8>> {
        let bytes = self.read(entry.offset, entry.bytes)?;
        Fault::check(entry.offset, &format!("tile {}", entry.id), &bytes, entry.check)
            .map_err(|f| f.in_file(&self.path))?;
        Ok(bytes)
    }

    /// The colour profile.
    ///
    /// # Errors
    /// A wrong checksum, with the offset.
    pub fn icc_profile(&self) -> Result<Option<Vec<u8>>> {
        if self.header.icc_bytes == 0 {
            return Ok(None);
        }
        let bytes = self.read(self.header.icc_offset, self.header.icc_bytes)?;
        Fault::check(self.header.icc_offset, "the ICC profile", &bytes, self.header.icc_check)
            .map_err(|f| f.in_file(&self.path))?;
        Ok(Some(bytes))
    }

    fn read(&self, offset: u64, bytes: u32) -> Result<Vec<u8>> {
        let mut buf = zeroed(bytes.into()).map_err(Error::io("read", &self.path))?;
        self.store.read_exact_at(&mut buf, offset).map_err(Error::io("read", &self.path))?;
        Ok(buf)
    }

    /// Reads the payloads `kinds` of a family, in this order, and nothing else but the head of its record.
    ///
    /// # Errors
    /// A wrong checksum, a payload that the family does not have; with the offset.
    pub fn read_payloads(&self, entry: &FamilyEntry, kinds: &[PayloadKind]) -> Result<Vec<Payload>> {
        let head = self.read_head(entry)?;
        let read = |&kind: &PayloadKind| {
            let payload = head.iter().find(|p| p.kind == kind).ok_or_else(|| {
                let what = format!("payloads of family {}", entry.id);
                Fault::new(entry.offset, what, kind.name(), "none").in_file(&self.path)
            })?;
            self.read_payload(entry, payload)
        };
        kinds.iter().map(read).collect()
    }

    /// As [`Self::read_family`], with those of its payloads alone that are of these kinds.
    ///
    /// # Errors
    /// As [`Self::read_family`].
    pub fn read_part(&self, entry: &FamilyEntry, kinds: &[PayloadKind]) -> Result<FamilyRecord> {
        let (proof, head) = self.read_proof_and_head(entry)?;
        let wanted = head.iter().filter(|payload| kinds.contains(&payload.kind));
        let payloads = wanted.map(|payload| self.read_payload(entry, payload)).collect::<Result<_>>()?;
        Ok(FamilyRecord { proof, payloads })
    }

    fn read_payload(&self, entry: &FamilyEntry, payload: &PayloadEntry) -> Result<Payload> {
        let bytes = self.read(payload.offset, payload.bytes)?;
        check_payload(entry.id, payload, &bytes).map_err(|fault| fault.in_file(&self.path))?;
        Ok(Payload { kind: payload.kind, codec: payload.codec, bytes })
    }

    /// Reads only the head of a family's record: its payload table.
    ///
    /// # Errors
    /// A wrong checksum or an impossible payload table, with the offset.
    pub fn read_head(&self, entry: &FamilyEntry) -> Result<Vec<PayloadEntry>> {
        Ok(self.read_proof_and_head(entry)?.1)
    }

    fn read_proof_and_head(&self, entry: &FamilyEntry) -> Result<(Proof, Vec<PayloadEntry>)> {
        let bytes = self.read(entry.offset, entry.bytes.min(head_bytes(entry) as u32))?;
        parse_head(entry, &bytes).map_err(|fault| fault.in_file(&self.path))
    }
}

//! Families of a part of a slide, in a file of their own until the slide's bundle is written.
//!
//! ```text
//! magic "ORIB", version u32, families u32, reserved u32, checksum of these u64
//! a family:  x u32, y u32, bytes of the record u32, payloads u16, reserved u16, checksum of the record's head u64,
//!            bytes of the rest u32, reserved u32, checksum of the rest u64, checksum of this entry u64; then the record, then the rest
//! ```
//!
//! The rest is what its writer needs besides the record. The file is read once, from its beginning to its end, by the version that wrote it:
//! it is no part of the format of archives.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::entries::FamilyEntry;
use super::error::{Error, Result};
use super::layout::{Fault, MAX_PAYLOADS, u16_at, u32_at, u64_at};
use super::part_file::{PartFile, sync_parent};
use super::plan::blob_len;
use super::record::{FamilyRecord, parse_record};
use super::write::record_bytes;
use crate::image::geometry::{FamilyId, Geometry};
use crate::store::{self, ReadAt, zeroed};

const MAGIC: [u8; 4] = *b"ORIB";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 24;
const ENTRY_BYTES: usize = 48;
/// Bytes of an entry that its own checksum covers.
const ENTRY_CHECKED: usize = 40;

/// Writes families to a file, which gets its name when it is whole.
pub struct BandWriter {
    target: PathBuf,
    out: BufWriter<std::fs::File>,
    part: PartFile,
    left: u32,
}

impl BandWriter {
    /// Starts a file for so many families.
    ///
    /// # Errors
    /// A directory that cannot be written.
    pub fn create(target: &Path, families: u32) -> Result<Self> {
        let part = PartFile::create(target.with_extension("part"))?;
        let file = part.file.try_clone().map_err(Error::io("write", &part.path))?;
        let mut header = MAGIC.to_vec();
        header.extend([VERSION, families, 0].map(u32::to_le_bytes).concat());
        header.extend(xxh3_64(&header).to_le_bytes());
        let mut out = BufWriter::with_capacity(1 << 20, file);
        out.write_all(&header).map_err(Error::io("write", &part.path))?;
        Ok(Self { target: target.to_path_buf(), out, part, left: families })
    }

    /// Adds the next family, and what comes back beside its record.
    ///
    /// # Errors
    /// A full disk and the like; 4 GiB or more in one of both.
    pub fn add(&mut self, id: FamilyId, record: &FamilyRecord, rest: &[u8]) -> Result<()> {
        let (bytes, payloads, check) = record_bytes(record)?;
        let mut entry = Vec::with_capacity(ENTRY_BYTES);
        entry.extend([id.x(), id.y(), blob_len(&bytes)?].map(u32::to_le_bytes).concat());
        entry.extend(u32::from(payloads).to_le_bytes());
        entry.extend(check.to_le_bytes());
        entry.extend([blob_len(rest)?, 0].map(u32::to_le_bytes).concat());
        entry.extend(xxh3_64(rest).to_le_bytes());
        entry.extend(xxh3_64(&entry).to_le_bytes());
        self.left = self.left.checked_sub(1).ok_or(Error::Incomplete)?;
        let written = [&entry[..], &bytes, rest].iter().try_for_each(|part| self.out.write_all(part));
        written.map_err(Error::io("write", &self.part.path))
    }

    /// Publishes the file under its name.
    ///
    /// # Errors
    /// A full disk and the like; fewer families than were said.
    pub fn finish(mut self) -> Result<()> {
        if self.left > 0 {
            return Err(Error::Incomplete);
        }
        self.out.flush().map_err(Error::io("write", &self.part.path))?;
        self.part.publish(&self.target)?;
        sync_parent(&self.target)
    }
}

/// Reads what a [`BandWriter`] wrote, every byte under its checksum.
pub struct BandReader {
    path: PathBuf,
    store: Box<dyn ReadAt>,
    bytes: u64,
    at: u64,
    left: u32,
}

impl BandReader {
    /// Opens a file, or the object at an address.
    ///
    /// # Errors
    /// One that cannot be read, or is of another kind or version.
    pub fn open(path: &Path) -> Result<Self> {
        let store = store::open(path).map_err(Error::io("open", path))?;
        let bytes = store.size().map_err(Error::io("read", path))?;
        let mut reader = Self { path: path.to_path_buf(), store, bytes, at: 0, left: 0 };
        let header = reader.take(HEADER_BYTES)?;
        let damaged = |fault: Fault| fault.in_file(path);
        let (checked, check) = header.split_at(HEADER_BYTES - 8);
        if !header.starts_with(&MAGIC) || u32_at(&header, 4) != VERSION {
            let found = String::from_utf8_lossy(header.get(..4).unwrap_or_default()).into_owned();
            return Err(damaged(Fault::new(0, "kind and version", "ORIB of version 1", found)));
        }
        Fault::check(0, "the header", checked, u64_at(check, 0)).map_err(damaged)?;
        reader.left = u32_at(&header, 8);
        Ok(reader)
    }

    /// The next family of a slide of this shape; `None` after the last.
    ///
    /// # Errors
    /// Damage, with the offset.
    pub fn next(&mut self, geometry: &Geometry) -> Result<Option<(FamilyId, FamilyRecord, Vec<u8>)>> {
        let begin = self.at;
        let path = self.path.clone();
        let damaged = |fault: Fault| fault.in_file(&path);
        if self.left == 0 {
            return match self.at == self.bytes {
                true => Ok(None),
                false => Err(damaged(Fault::new(self.at, "size of the file", self.at, self.bytes))),
            };
        }
        let entry = self.take(ENTRY_BYTES)?;
        let checked = entry.get(..ENTRY_CHECKED).unwrap_or_default();
        Fault::check(begin, "an entry", checked, u64_at(&entry, ENTRY_CHECKED)).map_err(damaged)?;
        let (x, y, payloads) = (u32_at(&entry, 0), u32_at(&entry, 4), u16_at(&entry, 12));
        let id = geometry.family(x, y).filter(|_| usize::from(payloads) <= MAX_PAYLOADS);
        let id =
            id.ok_or_else(|| damaged(Fault::new(begin, "family", "one of this slide", format!("{x}_{y}"))))?;
        let (bytes, check) = (u32_at(&entry, 8), u64_at(&entry, 16));
        let row = FamilyEntry { id, offset: self.at, bytes, payloads, check };
        let record = self.take(bytes as usize)?;
        let record = parse_record(&row, &record).map_err(damaged)?;
        let at = self.at;
        let rest = self.take(u32_at(&entry, 24) as usize)?;
        Fault::check(at, &format!("what comes with family {id}"), &rest, u64_at(&entry, 32))
            .map_err(damaged)?;
        self.left -= 1;
        Ok(Some((id, record, rest)))
    }

    /// The next bytes, which must be there.
    fn take(&mut self, bytes: usize) -> Result<Vec<u8>> {
        let left = self.bytes.saturating_sub(self.at);
        if bytes as u64 > left {
            let fault = Fault::new(self.at, "size of the file", format!("{bytes} bytes more"), left);
            return Err(fault.in_file(&self.path));
        }
        let mut buf = zeroed(bytes as u64).map_err(Error::io("read", &self.path))?;
        self.store.read_exact_at(&mut buf, self.at).map_err(Error::io("read", &self.path))?;
        self.at += bytes as u64;
        Ok(buf)
    }
}

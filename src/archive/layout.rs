//! The sizes of header, indexes and record heads of `docs/format.md`, and the bytes of the header.
//!
//! Everything is little-endian. Reads are checked: no offset is used before it was compared with the size of the file.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::error::{Error, Remedy};
use crate::image::spec;

/// Length of the fixed header.
pub const HEADER_BYTES: usize = 80;
/// Bytes of the header that its own checksum covers.
const HEADER_CHECKED: usize = 72;
/// Length of one entry of the family index.
pub const FAMILY_ENTRY_BYTES: usize = 32;
/// Length of one entry of the tile index.
pub const TILE_ENTRY_BYTES: usize = 24;
/// Length of a family's head before its payload table.
pub const HEAD_BYTES: usize = 32;
/// Length of one entry of a payload table.
pub const PAYLOAD_ENTRY_BYTES: usize = 16;
/// Most payloads of a family.
pub const MAX_PAYLOADS: usize = 64;
/// Longest JSON object, in bytes.
pub const MAX_META_BYTES: u32 = 16 << 20;

/// The kind of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// One family.
    Pack = 1,
    /// A slide.
    Bundle = 2,
}

impl Kind {
    /// The kind of a file that begins with these bytes, 8 or more; `None` where it is no archive. Checks nothing else.
    pub fn of_magic(start: &[u8]) -> Option<Self> {
        if start.len() < 8 || !(start.starts_with(&spec::MAGIC) || start.starts_with(&spec::MAGIC_RRIP)) {
            return None;
        }
        Some(if u16_at(start, 6) == Kind::Pack as u16 { Kind::Pack } else { Kind::Bundle })
    }

    /// The name for people and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pack => "pack",
            Kind::Bundle => "bundle",
        }
    }
}

/// The fixed header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    pub file_bytes: u64,
    pub width: u32,
    pub height: u32,
    pub tile: u32,
    pub families: u32,
    pub tiles: u32,
    pub meta_bytes: u32,
    pub icc_offset: u64,
    pub icc_bytes: u32,
    pub icc_check: u64,
    pub directory_check: u64,
}

/// A fault in the bytes, without the name of the file: the reader turns it into an error.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub offset: u64,
    pub what: String,
    pub expected: String,
    pub found: String,
    /// What to do about it.
    pub remedy: Remedy,
}

impl Fault {
    pub fn new(offset: u64, what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self { offset, what: what.into(), expected, found, remedy: Remedy::Restore }
    }

    /// The same with another remedy than to restore the file.
    pub fn with(self, remedy: Remedy) -> Self {
        Self { remedy, ..self }
    }

    /// As an error of the file at `path`.
    pub fn in_file(self, path: &Path) -> Error {
        let Self { offset, what, expected, found, remedy } = self;
        Error::Damaged { path: path.to_path_buf(), offset, what, expected, found, remedy }
    }

    /// Compares a checksum.
    pub fn check(offset: u64, what: &str, bytes: &[u8], want: u64) -> Result<(), Self> {
        Self::check_hash(offset, what, xxh3_64(bytes), want)
    }

    /// The same of a checksum that was computed.
    pub fn check_hash(offset: u64, what: &str, found: u64, want: u64) -> Result<(), Self> {
        if found == want {
            return Ok(());
        }
        Err(Self::new(
            offset,
            format!("checksum of {what}"),
            format_args!("{want:016x}"),
            format_args!("{found:016x}"),
        ))
    }
}

pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}
pub fn u128_at(bytes: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(array(bytes, at))
}

/// Zeros past the end; callers pass slices whose length they have checked.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    if let Some(found) = bytes.get(at..at + N) {
        out.copy_from_slice(found);
    }
    out
}

impl Header {
    /// Bytes of indexes and JSON after the header.
    pub fn directory_bytes(&self) -> u64 {
        u64::from(self.families) * FAMILY_ENTRY_BYTES as u64
            + u64::from(self.tiles) * TILE_ENTRY_BYTES as u64
            + u64::from(self.meta_bytes)
    }

    /// Where the blobs begin.
    pub fn data_start(&self) -> u64 {
        HEADER_BYTES as u64 + self.directory_bytes()
    }

    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend(spec::MAGIC);
        out.extend(spec::VERSION.to_le_bytes());
        out.extend((self.kind as u16).to_le_bytes());
        out.extend(self.file_bytes.to_le_bytes());
        for value in [self.width, self.height, self.tile, self.families, self.tiles, self.meta_bytes] {
            out.extend(value.to_le_bytes());
        }
        out.extend(self.icc_offset.to_le_bytes());
        out.extend(self.icc_bytes.to_le_bytes());
        out.extend(0u32.to_le_bytes());
        out.extend(self.icc_check.to_le_bytes());
        out.extend(self.directory_check.to_le_bytes());
        let check = xxh3_64(&out);
        out.extend(check.to_le_bytes());
        let mut fixed = [0; HEADER_BYTES];
        fixed.copy_from_slice(&out);
        fixed
    }

    pub fn parse(bytes: &[u8; HEADER_BYTES], size: u64) -> Result<Self, Fault> {
        let magic = &bytes[..4];
        if magic == spec::MAGIC_RRIP {
            let found = "\"RRIP\": a pack of the older tool";
            return Err(Fault::new(0, "magic", "\"ORIG\"", found).with(Remedy::EncodeAgain));
        }
        if magic != spec::MAGIC {
            let found = format!("{:?}: not a pack or bundle", String::from_utf8_lossy(magic));
            return Err(Fault::new(0, "magic", "\"ORIG\"", found).with(Remedy::GiveAnArchive));
        }
        let version = u16_at(bytes, 4);
        if version != spec::VERSION {
            let (found, remedy) = match version > spec::VERSION {
                true => (format!("{version}, written by a newer origami"), Remedy::Update),
                false => (format!("{version}, too old"), Remedy::EncodeAgain),
            };
            return Err(Fault::new(4, "format version", spec::VERSION, found).with(remedy));
        }
        Fault::check(
            HEADER_CHECKED as u64,
            "the header",
            &bytes[..HEADER_CHECKED],
            u64_at(bytes, HEADER_CHECKED),
        )?;
        let kind = match u16_at(bytes, 6) {
            1 => Kind::Pack,
            2 => Kind::Bundle,
            other => return Err(Fault::new(6, "kind", "1 (pack) or 2 (bundle)", other)),
        };
        let header = Self {
            kind,
            file_bytes: u64_at(bytes, 8),
            width: u32_at(bytes, 16),
            height: u32_at(bytes, 20),
            tile: u32_at(bytes, 24),
            families: u32_at(bytes, 28),
            tiles: u32_at(bytes, 32),
            meta_bytes: u32_at(bytes, 36),
            icc_offset: u64_at(bytes, 40),
            icc_bytes: u32_at(bytes, 48),
            icc_check: u64_at(bytes, 56),
            directory_check: u64_at(bytes, 64),
        };
        if header.file_bytes != size {
            return Err(Fault::new(
                8,
                "size of the file",
                header.file_bytes,
                format_args!("{size}: cut short or added to"),
            ));
        }
        if u32_at(bytes, 52) != 0 {
            return Err(Fault::new(52, "reserved bytes", 0, u32_at(bytes, 52)));
        }
        let place = (header.icc_offset, header.icc_check);
        if header.icc_bytes == 0 && place != (0, 0) {
            return Err(Fault::new(
                40,
                "place of the ICC profile",
                "0, for there is none",
                header.icc_offset,
            ));
        }
        if header.icc_bytes > 0 && header.kind == Kind::Pack {
            return Err(Fault::new(48, "bytes of the ICC profile", "0 in a pack", header.icc_bytes));
        }
        if header.data_start() > size || header.meta_bytes > MAX_META_BYTES {
            return Err(Fault::new(
                28,
                "size of the directory",
                format_args!("at most {size}"),
                header.data_start(),
            ));
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            kind: Kind::Bundle,
            file_bytes: 5000,
            width: 2220,
            height: 2967,
            tile: 256,
            families: 9,
            tiles: 20,
            meta_bytes: 700,
            icc_offset: 2000,
            icc_bytes: 12,
            icc_check: 1,
            directory_check: 2,
        }
    }

    #[test]
    fn a_header_comes_back() {
        assert_eq!(Header::parse(&header().to_bytes(), 5000), Ok(header()));
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_found() {
        let good = header().to_bytes();
        for bit in 0..HEADER_BYTES * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::parse(&bad, 5000).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_older_magic_is_named() {
        let mut bytes = header().to_bytes();
        bytes[..4].copy_from_slice(b"RRIP");
        assert!(Header::parse(&bytes, 5000).unwrap_err().found.contains("RRIP"));
        let mut bytes = header().to_bytes();
        bytes[4] = 1;
        assert_eq!(Header::parse(&bytes, 5000).unwrap_err().remedy, Remedy::EncodeAgain);
    }
}
